"""What is known of the class of each row: labels, or the mass of every class."""

import numpy as np

from .._core.targets.labels import BinaryLabels, Labels
from .._core.targets.soft import BinarySoftLabels, SmoothedLabels, SoftLabels

_LEAST, _LARGEST = 1e-290, 1e30  # row totals


def labels_target(labels, n_classes):
    """Target of class numbers: a single output stands for two classes."""
    return BinaryLabels(labels) if n_classes == 2 else Labels(labels, n_classes)


class KnownLabels:
    """A class for each row, some of whose weight `smooth` spreads over all classes.

    Parameters
    ----------
    labels : ndarray of shape (n_rows,), intp
        Class numbers.
    n_classes : int
        The number of classes.
    own : ndarray of shape (n_rows,) or None
        What of a row stays with its label; None for all of it.
    share : ndarray of shape (n_classes,) or None
        Where the rest goes.
    """

    def __init__(self, labels, n_classes, own=None, share=None):
        self.labels, self._n_classes, self._own, self._share = labels, n_classes, own, share

    def __len__(self):
        return len(self.labels)

    def masses(self, weights):
        """Total weight of each class, shape (n_classes,)."""
        if self._own is None:
            return np.bincount(self.labels, weights, self._n_classes)
        weights = np.ones(len(self)) if weights is None else weights
        kept = weights * self._own
        own = np.bincount(self.labels, kept, self._n_classes)
        return own + np.add.reduce(weights - kept) * self._share

    def weigh(self, factors, smoothing):
        """What the loss Σ_k w_k ((1 - ε) [k = y] + ε / K) (-log p_k) is a cross-entropy of.

        Returns
        -------
        rows : KnownLabels
        totals : ndarray of shape (n_rows,) or None
            Factors of the weights; None for ones.
        """
        if smoothing == 0.0:
            return self, None if factors is None else factors[self.labels]
        every = np.ones(self._n_classes) if factors is None else factors
        own = (1.0 - smoothing) * every
        totals = own + smoothing * np.mean(every)
        own, share = (own / totals)[self.labels], every / np.add.reduce(every)
        rows = KnownLabels(self.labels, self._n_classes, own, share)
        return rows, None if factors is None else totals[self.labels]

    def joined(self, other):
        """These rows and others below them."""
        alike = isinstance(other, KnownLabels) and (self._own is None) == (other._own is None)
        if not alike or not np.array_equal(self._share, other._share):
            return KnownMass(np.concatenate([self.table(), other.table()]))
        own = None if self._own is None else np.concatenate([self._own, other._own])
        labels = np.concatenate([self.labels, other.labels])
        return KnownLabels(labels, self._n_classes, own, self._share)

    def table(self):
        """Distributions of the rows, shape (n_rows, n_classes)."""
        table = np.zeros((len(self), self._n_classes))
        if self._own is not None:
            table += np.outer(1.0 - self._own, self._share)
        table[np.arange(len(self)), self.labels] += 1.0 if self._own is None else self._own
        return table

    def most_probable(self):
        """Class numbers."""
        return self.labels

    def at(self, numbers):
        """Share of each row that has the class of this number."""
        return (self.labels == numbers).astype(np.float64)

    def take(self, rows):
        """Some of the rows."""
        own = None if self._own is None else self._own[rows]
        return KnownLabels(self.labels[rows], self._n_classes, own, self._share)

    def keep(self, present):
        """Without the classes that have no weight; a label of those has no weight, too."""
        labels = np.minimum(np.searchsorted(present, self.labels), len(present) - 1)
        share = None if self._share is None else self._share[present]
        return KnownLabels(labels, len(present), self._own, share)

    def target(self):
        """Of two classes that of a single output."""
        if self._own is None:
            return labels_target(self.labels, self._n_classes)
        if self._n_classes == 2:
            second = self._own * self.labels + (1.0 - self._own) * self._share[1]
            return BinarySoftLabels(second)
        return SmoothedLabels(self.labels, self._own, self._share)


class KnownMass:
    """Weight of each class in each row.

    Parameters
    ----------
    mass : ndarray of shape (n_rows, n_classes)
        Non-negative.
    totals : ndarray of shape (n_rows,), default=None
        What rows are divided by, positive; None for ones.
    """

    def __init__(self, mass, totals=None):
        self._mass, self._totals = mass, np.ones(len(mass)) if totals is None else totals

    def __len__(self):
        return len(self._mass)

    def masses(self, weights):
        """Total weight of each class, shape (n_classes,)."""
        weights = np.ones(len(self)) if weights is None else weights
        return np.einsum("i,ik->k", weights / self._totals, self._mass)

    def weigh(self, factors, smoothing):
        """What the loss Σ_k w_k ((1 - ε) y_k + ε Σ_l y_l / K) (-log p_k) is a cross-entropy of.

        Returns
        -------
        rows : KnownLabels or KnownMass
            Of rows that sum to 1; labels where no row has two classes.
        totals : ndarray of shape (n_rows,) or None
            Factors of the weights, by which rows are divided; None for ones.
        """
        mass, n_classes = self._mass, self._mass.shape[1]
        if np.all(np.count_nonzero(mass, axis=1) <= 1):
            return self._as_labels(factors, smoothing)
        if smoothing:
            spread = np.add.reduce(mass, axis=1, dtype=np.float64) * (smoothing / n_classes)
            mass = (1.0 - smoothing) * mass + spread[:, None]
        if factors is not None:
            mass = mass * factors
        with np.errstate(over="ignore"):
            totals = np.add.reduce(mass, axis=1, dtype=np.float64)
        _check_totals(totals)
        rounding = n_classes * np.finfo(self._mass.dtype).eps
        ones = np.abs(totals - 1.0).max(initial=0.0) <= rounding
        rows = KnownMass(mass, np.where(totals > 0.0, totals, 1.0))
        return rows, None if ones else totals

    def _as_labels(self, factors, smoothing):
        labels = KnownLabels(np.argmax(self._mass, axis=1), self._mass.shape[1])
        rows, totals = labels.weigh(factors, smoothing)
        given = self._mass.max(axis=1).astype(np.float64)
        if not np.all(given == 1.0):
            totals = given if totals is None else given * totals
        return rows, totals

    def joined(self, other):
        """These rows and others below them."""
        return KnownMass(np.concatenate([self.table(), other.table()]))

    def table(self):
        """Distributions of the rows, shape (n_rows, n_classes)."""
        return self._mass / self._totals[:, None]

    def most_probable(self):
        """Class numbers; the first of equally probable ones."""
        return np.argmax(self._mass, axis=1)

    def at(self, numbers):
        """Share of each row that has the class of this number."""
        return np.take_along_axis(self._mass, numbers[:, None], axis=1)[:, 0] / self._totals

    def take(self, rows):
        """Some of the rows."""
        return KnownMass(self._mass[rows], self._totals[rows])

    def keep(self, present):
        """Without the classes that have no weight."""
        return KnownMass(self._mass[:, present], self._totals)

    def target(self):
        """Of two classes that of a single output."""
        if self._mass.shape[1] == 2:
            first, second = self._mass.T / self._totals
            return BinarySoftLabels(second, first)
        return SoftLabels(self._mass, self._totals)


def _check_totals(totals):
    """Refuse rows whose products and quotients would not be finite."""
    bad = np.flatnonzero((totals != 0.0) & ~((totals >= _LEAST) & (totals <= _LARGEST)))
    if len(bad):
        raise ValueError(
            f"y must have row totals of 0 or between {_LEAST:g} and {_LARGEST:g}; "
            f"got {totals[bad[0]]:g} in row {bad[0]}."
        )
