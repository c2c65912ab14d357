"""What users hand in for y: labels, or a table of probabilities or counts of the classes."""

import numpy as np
from sklearn.utils import check_array, check_consistent_length, check_X_y

from ._core.soft_targets import BinarySoftLabels, SmoothedLabels, SoftLabels
from ._core.targets import BinaryLabels, Labels
from ._validation import encode_labels, number_labels

FLOATS = [np.float64, np.float32]


def is_table(y):
    """Whether y has a column for each class; a single column is one of labels."""
    shape = getattr(y, "shape", None)
    if shape is None and isinstance(y, (list, tuple)) and len(y) and np.iterable(y[0]):
        shape = () if isinstance(y[0], (str, bytes)) else (len(y), len(y[0]))
    return shape is not None and len(shape) == 2 and shape[1] > 1


def read_rows(X, y, classes, estimator):
    """Features, sorted classes, and what is known of the class of each row.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_rows, n_features)
        Features.
    y : array-like of shape (n_rows,) or (n_rows, n_classes)
        Labels, or probabilities or counts.
    classes : array-like of shape (n_classes,) or None
        See `SoftmaxRegression`.
    estimator : estimator
        Named in errors.

    Returns
    -------
    X : ndarray or CSR matrix
    classes : ndarray of shape (n_classes,)
    rows : KnownLabels or KnownMass
    """
    options = {"accept_sparse": "csr", "dtype": FLOATS, "estimator": estimator}
    named = None if classes is None else check_classes(classes)
    if is_table(y):
        X = check_array(X, input_name="X", **options)
        classes, rows = read_table(y, named)
        check_consistent_length(X, rows)
        return X, classes, rows
    X, y = check_X_y(X, y, **options)
    if named is None:
        classes, labels = encode_labels(y)
    else:
        classes = np.sort(named)
        labels = number_labels(y, classes)
    return X, classes, KnownLabels(labels, len(classes))


def read_known(y, classes, named):
    """What is known of the class of each row, for classes that were fitted.

    Parameters
    ----------
    y : array-like of shape (n_rows,) or (n_rows, n_classes)
        Labels, or probabilities or counts.
    classes : ndarray of shape (n_classes,)
        Sorted.
    named : array-like of shape (n_classes,) or None
        The classes in the order of the columns of y; None for sorted.

    Returns
    -------
    KnownLabels or KnownMass
    """
    if not is_table(y):
        return KnownLabels(number_labels(y, classes), len(classes))
    found, rows = read_table(y, classes if named is None else check_classes(named))
    if not np.array_equal(found, classes):
        raise ValueError(
            f"classes must be those of the fit, {classes.tolist()}; got {found.tolist()}."
        )
    return rows


def labels_target(labels, n_classes):
    """Target of class numbers: a single output stands for two classes."""
    return BinaryLabels(labels) if n_classes == 2 else Labels(labels, n_classes)


def check_classes(classes):
    """Class labels in the order given.

    Raises
    ------
    ValueError
        If they are not two different labels or more.
    """
    named = np.asarray(classes)
    if named.ndim != 1 or len(named) < 2 or len(np.unique(named)) < len(named):
        raise ValueError(f"classes must be at least two different labels; got {classes!r}.")
    return named


def read_table(y, named):
    """Sorted classes, and a table of probabilities or counts with columns in their order.

    Parameters
    ----------
    y : array-like of shape (n_rows, n_classes)
        Non-negative; a data frame may name the classes by its columns.
    named : ndarray of shape (n_classes,) or None
        Classes of the columns.

    Raises
    ------
    ValueError
        If there is not a column for each class, or an entry is negative or not finite.
    """
    columns = column_names(y)
    table = check_array(y, dtype=FLOATS, input_name="y")
    if named is not None and len(named) != table.shape[1]:
        raise ValueError(
            f"y must have a column for each of the {len(named)} classes; "
            f"got {table.shape[1]} columns."
        )
    if named is None:
        named = np.arange(table.shape[1]) if columns is None else check_classes(columns)
    elif columns is not None:
        if set(columns.tolist()) != set(named.tolist()):
            raise ValueError(
                f"y must have the classes {named.tolist()} as columns; got {columns.tolist()}."
            )
        named = columns
    negative = np.argwhere(table < 0)
    if len(negative):
        row, column = negative[0]
        raise ValueError(
            "y must not be negative where it has a column for each class; "
            f"got {table[row, column]} in row {row}."
        )
    order = np.argsort(named)
    return named[order], KnownMass(table if np.all(np.diff(order) == 1) else table[:, order])


def column_names(table):
    """Names of the columns of a data frame; None where it has none but numbers from 0 on."""
    columns = getattr(table, "columns", None)
    if columns is None:
        return None
    names = np.asarray(list(columns))
    return None if names.tolist() == list(range(len(names))) else names


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
    """

    def __init__(self, mass):
        self._mass = mass

    def __len__(self):
        return len(self._mass)

    def masses(self, weights):
        """Total weight of each class, shape (n_classes,)."""
        if weights is None:
            return np.add.reduce(self._mass, axis=0, dtype=np.float64)
        return weights @ self._mass

    def weigh(self, factors, smoothing):
        """What the loss Σ_k w_k ((1 - ε) y_k + ε Σ_l y_l / K) (-log p_k) is a cross-entropy of.

        Returns
        -------
        rows : KnownLabels or KnownMass
            Of rows that sum to 1; labels where no row has two classes.
        totals : ndarray of shape (n_rows,) or None
            Factors of the weights, by which rows were divided; None for ones.
        """
        mass, n_classes = self._mass, self._mass.shape[1]
        if np.all(np.count_nonzero(mass, axis=1) <= 1):
            return self._as_labels(factors, smoothing)
        if smoothing:
            spread = np.add.reduce(mass, axis=1, dtype=np.float64) * (smoothing / n_classes)
            mass = (1.0 - smoothing) * mass + spread[:, None]
        if factors is not None:
            mass = mass * factors
        totals = np.add.reduce(mass, axis=1, dtype=np.float64)
        _refuse_infinite(totals)
        ones = np.abs(totals - 1.0).max(initial=0.0) <= n_classes * np.finfo(mass.dtype).eps
        divisor = np.where(totals > 0, totals, 1.0)[:, None]
        shares = np.divide(mass, divisor, order="F", dtype=mass.dtype, casting="same_kind")
        return KnownMass(shares), None if ones else totals

    def _as_labels(self, factors, smoothing):
        labels = KnownLabels(np.argmax(self._mass, axis=1), self._mass.shape[1])
        rows, totals = labels.weigh(factors, smoothing)
        given = self._mass.max(axis=1, initial=0.0).astype(np.float64)
        if not np.all(given == 1.0):
            totals = given if totals is None else given * totals
        return rows, totals

    def at(self, numbers):
        """Share of each row that has the class of this number."""
        return np.take_along_axis(self._mass, numbers[:, None], axis=1)[:, 0]

    def take(self, rows):
        """Some of the rows."""
        return KnownMass(np.asfortranarray(self._mass[rows]))

    def keep(self, present):
        """Without the classes that have no weight."""
        return KnownMass(np.asfortranarray(self._mass[:, present]))

    def target(self):
        """Of two classes that of a single output."""
        binary = self._mass.shape[1] == 2
        return BinarySoftLabels(self._mass[:, 1]) if binary else SoftLabels(self._mass)


def _refuse_infinite(totals):
    infinite = np.flatnonzero(~np.isfinite(totals))
    if len(infinite):
        raise ValueError(f"y must have finite row totals; got more in row {infinite[0]}.")
