"""What a metric is handed: labels and probabilities, checked once for all metrics."""

from typing import NamedTuple

import numpy as np
from sklearn.utils import check_array, check_consistent_length, column_or_1d

from .._inputs.validation import check_weights, encode_labels, number_labels

_FLOATS = (np.float64, np.float32, np.float16)
_ROUNDED = 1e-3  # row sums of probabilities that were rounded on their way here


class Predictions(NamedTuple):
    """Checked labels and probabilities.

    Attributes
    ----------
    labels : ndarray of shape (n_rows,)
        Class numbers.
    proba : ndarray of shape (n_rows, n_classes)
        float64, float32 or float16.
    weights : ndarray of shape (n_rows,)
        Not negative.
    classes : ndarray of shape (n_classes,)
        Sorted labels of the columns.
    """

    labels: np.ndarray
    proba: np.ndarray
    weights: np.ndarray
    classes: np.ndarray


def read_predictions(y_true, y_proba, labels=None, sample_weight=None):
    """Check what a metric is handed.

    Parameters
    ----------
    y_true : array-like of shape (n_rows,)
        Labels.
    y_proba : array-like of shape (n_rows, n_classes) or (n_rows,)
        Probabilities; a single column is that of the second of two classes.
    labels : array-like of shape (n_classes,), default=None
        Labels of the columns, which are in sorted order. By default those in `y_true`.
    sample_weight : array-like of shape (n_rows,), default=None
        Weights.

    Returns
    -------
    Predictions

    Raises
    ------
    ValueError
        Naming what is wrong, and the first row where it is.
    """
    proba = check_array(y_proba, ensure_2d=False, dtype=_FLOATS, input_name="y_proba")
    if proba.ndim == 1 or proba.shape[1] == 1:
        proba = np.column_stack([1.0 - proba.ravel(), proba.ravel()])
    y = column_or_1d(y_true)
    check_consistent_length(y, proba)
    classes, numbers = _classes(y, labels, proba.shape[1])
    _check_range(proba)
    weights = check_weights(sample_weight, len(y))
    weights = np.ones(len(y)) if weights is None else weights
    return Predictions(numbers, proba, weights, classes)


def _classes(y, labels, n_columns):
    if labels is None:
        classes, numbers = encode_labels(y)
    else:
        classes, numbers = np.unique(column_or_1d(labels)), None
    if len(classes) != n_columns:
        advice = " Name the columns with labels=." if labels is None else ""
        raise ValueError(
            f"y_proba must have as many columns as there are labels, {len(classes)}; "
            f"got {n_columns}.{advice}"
        )
    return classes, number_labels(y, classes) if numbers is None else numbers


def _check_range(proba):
    tolerance = _ROUNDED + 2.0 * np.sqrt(proba.shape[1]) * np.finfo(proba.dtype).eps
    outside = (proba < 0.0) | (proba > 1.0 + tolerance)
    if outside.any():
        row, column = np.argwhere(outside)[0]
        raise ValueError(
            f"y_proba must be between 0 and 1; got {proba[row, column]:g} in row {row}."
        )
    sums = proba.sum(axis=1, dtype=np.float64)
    bad = np.flatnonzero(np.abs(sums - 1.0) > tolerance)
    if len(bad):
        raise ValueError(
            f"y_proba must sum to 1 in each row; got {sums[bad[0]]:g} in row {bad[0]}."
        )
