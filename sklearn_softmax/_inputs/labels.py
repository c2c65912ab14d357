"""What users hand in for y: labels, or a table of probabilities or counts of the classes."""

import numpy as np
from sklearn.utils import check_array, check_consistent_length, check_X_y

from .features import FLOATS, is_plain
from .known import KnownLabels, KnownMass
from .validation import are_labels, encode_labels, number_labels


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
    if not (are_labels(y) and is_plain(X) and len(y) == len(X)):
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


def check_classes(classes):
    """Class labels in the order given.

    Raises
    ------
    ValueError
        If they are not two different labels or more, with an order.
    """
    named = np.asarray(classes)
    if named.ndim != 1 or len(named) < 2 or not _are_different(named, classes):
        raise ValueError(
            "classes must be at least two different labels, all of them strings or numbers; "
            f"got {classes!r}."
        )
    return named


def _are_different(named, given):
    """Whether labels can be sorted, as they were given, and none occurs twice."""
    if len({isinstance(label, str) for label in given}) > 1:
        return False
    try:
        return len(np.unique(named)) == len(named) and bool(np.all(named == named))
    except TypeError:
        return False


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
    columns = None if columns is None else check_classes(columns)
    table = check_array(y, dtype=FLOATS, input_name="y")
    if named is not None and len(named) != table.shape[1]:
        raise ValueError(
            f"y must have a column for each of the {len(named)} classes; "
            f"got {table.shape[1]} columns."
        )
    if named is None:
        named = np.arange(table.shape[1]) if columns is None else columns
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
