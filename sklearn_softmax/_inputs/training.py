"""From what users hand in to a problem: rows and classes that have weight."""

from dataclasses import dataclass

import numpy as np

from .._core.targets.offset import Offset
from .labels import read_rows
from .offset import of_classes, read_offset
from .validation import check_weights, class_factors

_ABSENT_LOGIT = -36.0  # log of the float64 epsilon, about: a probability that rounds away


@dataclass
class Training:
    """Rows of positive weight, compared with the classes that have any.

    Attributes
    ----------
    X : ndarray or CSR matrix of shape (n_rows, n_features)
        Features.
    target : target
        See `sklearn_softmax._core.targets`; knows the offset.
    weights : ndarray of shape (n_rows,) or None
        Positive weights: sample weights times `totals`.
    totals : ndarray of shape (n_rows,) or None
        Row totals of y, times class weights; None for ones.
    classes : ndarray of shape (n_classes,)
        Sorted labels of all classes.
    present : ndarray of shape (n_present,)
        Numbers of the classes that have weight.
    kept : ndarray of int or slice
        Numbers of the rows among those handed in.
    known : KnownLabels or KnownMass
        What `target` is made of: distributions over the classes present.
    offset : ndarray of shape (1 or n_present, n_rows) or None
        Known term of the logits.
    """

    X: object
    target: object
    weights: object
    totals: object
    classes: object
    present: object
    kept: object
    known: object
    offset: object

    def all_classes(self, coef, intercept):
        """Coefficients with a row for every class, those of absent classes included."""
        n_classes, present = len(self.classes), self.present
        if len(present) == n_classes:
            return coef, intercept
        if len(coef) == 1:
            coef, intercept = np.vstack([-coef, coef]) / 2, np.append(-intercept, intercept) / 2
        all_coef = np.zeros((n_classes, coef.shape[1]))
        all_intercept = np.full(n_classes, _ABSENT_LOGIT)
        all_coef[present], all_intercept[present] = coef, intercept
        return all_coef, all_intercept


def products(weights, totals):
    """Sample weights times row totals.

    Raises
    ------
    ValueError
        If one of them is not finite, or all are zero.
    """
    with np.errstate(over="ignore"):
        weights = weights * totals
    return check_weights(weights, len(weights), "sample_weight times the row totals of y")


def read_training(model, X, y, sample_weight=None, offset=None):
    """Training data of a model.

    Parameters
    ----------
    model : SoftmaxRegression
        With parameters `classes`, `class_weight` and `label_smoothing`.
    X, y, sample_weight, offset
        See `SoftmaxRegression.fit`.

    Raises
    ------
    ValueError, TypeError
        If they are not as required.
    """
    X, classes, rows = read_rows(X, y, model.classes, model)
    weights = check_weights(sample_weight, len(rows))
    offset = read_offset(offset, len(rows), classes)
    return of_weight(X, rows, weights, classes, offset, model.class_weight, model.label_smoothing)


def of_weight(X, rows, weights, classes, offset=None, class_weight=None, label_smoothing=0.0):
    """Training data of rows that have been read: those that have weight."""
    factors = None
    if class_weight is not None:
        factors = class_factors(class_weight, classes, rows.masses(weights))
    rows, totals = rows.weigh(factors, label_smoothing)
    if totals is not None:
        weights = totals if weights is None else products(weights, totals)

    kept = slice(None)
    if weights is not None and not np.all(weights > 0):
        kept = np.flatnonzero(weights > 0)
        X, rows, weights = X[kept], rows.take(kept), weights[kept]
        totals = None if totals is None else totals[kept]
        offset = None if offset is None else offset[:, kept]
    present = np.flatnonzero(rows.masses(None))
    if len(present) < 2:
        raise ValueError(
            "y must contain at least two classes of positive weight; "
            f"got {len(present)} class: {classes[present].tolist()}."
        )
    rows, offset = among(rows, offset, present, len(classes))
    target = target_of(rows, offset)
    return Training(X, target, weights, totals, classes, present, kept, rows, offset)


def among(rows, offset, present, n_classes):
    """What is known of rows, and their offset, for the classes present."""
    rows = rows if len(present) == n_classes else rows.keep(present)
    return rows, None if offset is None else of_classes(offset, present)


def target_of(rows, offset):
    """What logits are compared with."""
    return rows.target() if offset is None else Offset(rows.target(), offset)


def in_dtype(coef, dtype):
    """Coefficients or intercepts in the dtype of X.

    Raises
    ------
    ValueError
        If they are too large for it.
    """
    largest, limit = np.abs(coef).max(initial=0.0), float(np.finfo(dtype).max)
    if largest > limit:
        raise ValueError(
            f"X must be float64 where coefficients are above {limit:.1e}, the largest number of "
            f"{np.dtype(dtype)}; got {largest:.1e}."
        )
    return coef.astype(dtype)
