"""Targets that spread a row over several classes: soft labels and smoothed labels.

The loss is the cross-entropy Σ_k q_k (log Σ_l exp(z_l) - z_k), never below the entropy of q.
"""

import numpy as np

from ..exponentials import exponentials
from .labels import BinaryLabels, Labels
from .target import Target


class _SoftTarget(Target):
    """Relative logits u = z - z_m, m being the class that each row is closest to.

    The loss is log1p(Σ_{k != m} exp(u_k)) - Σ_k q_k u_k: that of labels where q is one, and with
    all its digits where q is next to one. A subclass knows m as `_main`, `Labels`, and q.
    """

    _close = staticmethod(Labels._close)

    def relate(self, logits, rows):
        """Turn logits into relative logits in place."""
        self._main.relate_direction(logits, rows)

    relate_direction = anchor = relate

    def loss_rows(self, relative, rows, out):
        """Loss of each row, in nats, and what turns `out` into probabilities: see `Target`."""
        expected = self.expected(relative, rows)
        loss, inverse = super().loss_rows(relative, rows, out)
        loss -= expected
        return loss, inverse

    def _exponentials(self, relative, rows, out):
        exponentials(relative, out)
        self._main._clear(out, rows)

    def probabilities(self, exponentials, inverse, rows):
        """Turn `exponentials` into probabilities in place."""
        self._main.probabilities(exponentials, inverse, rows)

    def slopes(self, exponentials, inverse, margins, rows):
        """Slope of each row's loss where relative logits change by `margins`."""
        return super().slopes(exponentials, inverse, margins, rows) - self.expected(margins, rows)

    def highest(self, margins, rows):
        """The highest margin of each row: classes that have a share of it must not fall."""
        return _highest(margins, self._possible(rows))

    def balance(self, residuals, rows):
        """Let residuals of each row sum to zero, in place."""
        self._main.balance(residuals, rows)


class SoftLabels(_SoftTarget):
    """A distribution over K classes for each row.

    Parameters
    ----------
    mass : ndarray of shape (n_rows, K)
        Non-negative, any strides; neither copied nor written. The distributions are its rows
        divided by `totals`: rounded to float32, they would not sum to 1.
    totals : ndarray of shape (n_rows,) or None
        Row sums, positive; None for ones.
    """

    def __init__(self, mass, totals=None):
        self._mass = np.asarray(mass)
        self._inverse = np.ones(len(mass)) if totals is None else 1.0 / totals
        self.n_outputs = self._mass.shape[1]
        self._main = Labels(np.argmax(self._mass, axis=1), self.n_outputs)

    def __len__(self):
        return len(self._mass)

    def expected(self, relative, rows):
        """Σ_k q_k u_k of each row."""
        expected = np.einsum("kb,bk->b", relative, self._mass[rows])
        return expected * self._inverse[rows]

    def _possible(self, rows):
        """Which classes have a share of a row, shape (K, n_rows)."""
        return self._mass[rows].T > 0.0

    def _finish(self, scaled, rows, weights):
        inverse = self._inverse[rows]
        scaled -= self._mass[rows].T * (inverse if weights is None else inverse * weights)
        self.balance(scaled, rows)

    def frequencies(self, weights):
        """Weighted mean of the target, shape (K,): the class priors."""
        weighted = self._inverse if weights is None else self._inverse * weights
        total = len(self) if weights is None else np.add.reduce(weights)
        return np.einsum("b,bk->k", weighted, self._mass) / total


class SmoothedLabels(_SoftTarget):
    """Labels mixed with a distribution that all rows share: q = a onehot(y) + (1 - a) share.

    Parameters
    ----------
    labels : ndarray of shape (n_rows,), intp
        Class numbers.
    own : ndarray of shape (n_rows,)
        a, what of a row stays with its label.
    share : ndarray of shape (K,)
        Where the rest goes; it sums to 1.
    """

    def __init__(self, labels, own, share):
        self._main, self._own, self._share = Labels(labels, len(share)), own, share
        self.n_outputs = len(share)

    def __len__(self):
        return len(self._own)

    def expected(self, relative, rows):
        """Σ_k q_k u_k of each row."""
        return (1.0 - self._own[rows]) * np.einsum("kb,k->b", relative, self._share)

    def _possible(self, rows):
        """Which classes have a share of a row, shape (K, n_rows)."""
        return (self._share[:, None] > 0.0) & (self._own[rows] < 1.0)

    def _finish(self, scaled, rows, weights):
        rest = 1.0 - self._own[rows]
        if weights is not None:
            rest *= weights
        for row, share in zip(scaled, self._share, strict=True):
            row -= share * rest
        self.balance(scaled, rows)

    def frequencies(self, weights):
        """Weighted mean of the target, shape (K,): the class priors."""
        weights = np.ones(len(self)) if weights is None else weights
        own = weights * self._own
        counts = np.bincount(self._main.labels, own, self.n_outputs)
        return (counts + np.add.reduce(weights - own) * self._share) / np.add.reduce(weights)


class BinarySoftLabels(BinaryLabels):
    """Probabilities of class 1, with a single output: the log-odds of class 1.

    With u = z where class 0 is the likelier one and -z elsewhere, and r ≤ ½ the probability of
    the less likely class, the loss is log1p(exp(u)) - r u: that of labels for r = 0, and never
    a difference of nearly equal numbers.

    Parameters
    ----------
    second : ndarray of shape (n_rows,)
        The probabilities.
    first : ndarray of shape (n_rows,) or None
        Those of class 0, which may be too small to be seen in 1 - `second`; None for that.
    """

    def __init__(self, second, first=None):
        second = np.asarray(second, dtype=np.float64)
        first = 1.0 - second if first is None else np.asarray(first, dtype=np.float64)
        super().__init__(second > first)
        self._both, self._rest = (first, second), np.minimum(first, second)

    def loss_rows(self, relative, rows, out):
        """Loss of each row, in nats, and what turns `out` into probabilities: see `Target`."""
        loss, inverse = super().loss_rows(relative, rows, out)
        loss -= self._rest[rows] * relative[0]
        return loss, inverse

    def highest(self, margins, rows):
        """The highest margin of each row: classes that have a share of it must not fall."""
        return _highest(margins, self._rest[rows] > 0.0)

    def slopes(self, exponentials, inverse, margins, rows):
        """Slope of each row's loss where relative logits change by `margins`."""
        slopes = super().slopes(exponentials, inverse, margins, rows)
        slopes -= self._rest[rows] * margins[0]
        return slopes

    def _finish(self, scaled, rows, weights):
        rest = self._rest[rows]
        scaled -= rest if weights is None else rest * weights
        super()._finish(scaled, rows, weights)

    def frequencies(self, weights):
        """Weighted mean of the target: the class priors, shape (2,)."""
        return np.array([np.average(each, weights=weights) for each in self._both])


def _highest(margins, possible):
    return np.where(possible, np.abs(margins), margins).max(axis=0)
