"""What of a score is calibration, and what is refinement."""

import warnings
from typing import NamedTuple

import numpy as np
from sklearn.model_selection import check_cv

from .._inputs.validation import check_choice
from .inputs import read_predictions

_EPS = np.finfo(np.float64).eps  # the same floor before recalibration and after


class ScoreDecomposition(NamedTuple):
    """A score and its parts: ``score = calibration + refinement``.

    Attributes
    ----------
    score : float
        Mean loss of the probabilities.
    calibration : float
        What recalibration gains; negative where it loses.
    refinement : float
        Mean loss after recalibration.
    """

    score: float
    calibration: float
    refinement: float


def score_decomposition(
    y_true,
    y_proba,
    *,
    score="log_loss",
    calibrator=None,
    cv=5,
    sample_weight=None,
    labels=None,
):
    r"""Split a proper score into calibration and refinement, by cross-fitting.

    The refinement is the loss that is left after the best recalibration g, and the calibration
    what g gains:

    .. math:: \underbrace{\mathbb E\,\ell(p, y)}_\text{score} =
              \underbrace{\mathbb E\,\ell(p, y) - \mathbb E\,\ell(g(p), y)}_\text{calibration} +
              \underbrace{\mathbb E\,\ell(g(p), y)}_\text{refinement}

    Each row is recalibrated by a map that was fitted to the other folds. The refinement is then
    an estimate from above: of no map can more be expected than of the best.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels.
    y_proba : array-like of shape (n_samples, n_classes) or (n_samples,)
        Probabilities, columns in the order of the sorted labels. A single column is that of the
        second of two classes.
    score : {'log_loss', 'brier'}, default='log_loss'
        The loss: as `sklearn.metrics.log_loss`, in nats, with probabilities of at least the
        epsilon of float64; or as `brier_score_loss`, which is halved for two classes.
    calibrator : classifier of scores, default=None
        `SoftmaxCalibrator()` by default; cloned.
    cv : int, splitter or iterable of (train, test), default=5
        Folds, which must test each row once. An integer makes them stratified.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights, of the score and of the calibrator.
    labels : array-like of shape (n_classes,), default=None
        Labels of the columns, where some have no row in `y_true`.

    Returns
    -------
    ScoreDecomposition
        A named tuple (score, calibration, refinement).

    Raises
    ------
    ValueError, TypeError
        If an argument is not as required.

    See Also
    --------
    calibration_loss, refinement_loss : Its parts, for `make_scorer`.

    References
    ----------
    Berta, Bach & Jordan (2025), "Rethinking early stopping: refine, then calibrate". Bröcker
    (2009), "Reliability, sufficiency, and the decomposition of proper scores", QJRMS.

    Examples
    --------
    Naive Bayes of digits is far too sure of itself; most of its loss is calibration.

    >>> from sklearn.datasets import load_digits
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sklearn_softmax import SoftmaxCalibrator
    >>> from sklearn_softmax.metrics import score_decomposition
    >>> X, y = load_digits(return_X_y=True)
    >>> y_proba = GaussianNB().fit(X[:900], y[:900]).predict_proba(X[900:])
    >>> parts = score_decomposition(
    ...     y[900:], y_proba, calibrator=SoftmaxCalibrator("temperature")
    ... )
    >>> print(f"{parts.score:.2f} = {parts.calibration:.2f} + {parts.refinement:.2f}")
    4.7 = 3.5 + 1.1
    """
    check_choice("score", score, tuple(SCORES))
    given = read_predictions(y_true, y_proba, labels, sample_weight)
    weights = None if sample_weight is None else given.weights
    refined = _recalibrated(given, weights, calibrator, cv)
    before, after = (
        float(np.average(SCORES[score](given.labels, proba), weights=given.weights))
        for proba in (given.proba, refined)
    )
    return ScoreDecomposition(before, before - after, after)


def calibration_loss(y_true, y_proba, **kwargs):
    """Part of a score that recalibration takes away: see `score_decomposition`.

    Parameters
    ----------
    y_true, y_proba : array-like
        As in `score_decomposition`.
    **kwargs : dict
        As in `score_decomposition`.

    Returns
    -------
    float
        In nats for the log-loss. Negative where recalibration loses.

    Examples
    --------
    >>> from sklearn.metrics import make_scorer
    >>> from sklearn_softmax.metrics import calibration_loss
    >>> scorer = make_scorer(
    ...     calibration_loss, response_method="predict_proba", greater_is_better=False
    ... )
    """
    return score_decomposition(y_true, y_proba, **kwargs).calibration


def refinement_loss(y_true, y_proba, **kwargs):
    """Score that is left after recalibration: see `score_decomposition`.

    It tells which model would be best if each were calibrated, for example in early stopping.

    Parameters
    ----------
    y_true, y_proba : array-like
        As in `score_decomposition`.
    **kwargs : dict
        As in `score_decomposition`.

    Returns
    -------
    float
        In nats for the log-loss.

    Examples
    --------
    >>> from sklearn.metrics import make_scorer
    >>> from sklearn_softmax.metrics import refinement_loss
    >>> scorer = make_scorer(
    ...     refinement_loss, response_method="predict_proba", greater_is_better=False
    ... )
    """
    return score_decomposition(y_true, y_proba, **kwargs).refinement


def _recalibrated(given, weights, calibrator, cv):
    """Probabilities of each row by a calibrator of the other folds."""
    from .._calibration.calibrated_model import fit_calibrator
    from .._calibrator import SoftmaxCalibrator

    calibrator = SoftmaxCalibrator() if calibrator is None else calibrator
    numbers = np.arange(len(given.classes))
    refined = np.zeros(given.proba.shape)
    tested = np.zeros(len(given.labels), dtype=np.intp)
    for train, test in _folds(given, cv):
        rows = given.proba[train], given.labels[train], None if weights is None else weights[train]
        fitted = fit_calibrator(calibrator, *rows, input="proba", classes=numbers)
        refined[np.ix_(test, fitted.classes_)] = fitted.predict_proba(given.proba[test])
        tested[test] += 1
    if np.any(tested != 1):
        row = np.flatnonzero(tested != 1)[0]
        raise ValueError(f"cv must test each row once; got row {row} {tested[row]} times.")
    return refined


def _folds(given, cv):
    """Folds, which need not have all classes: the calibrator knows them by name."""
    splitter = check_cv(cv, given.labels, classifier=True)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        return list(splitter.split(given.proba, given.labels))


def _log_losses(labels, proba):
    right = np.take_along_axis(proba, labels[:, None], axis=1)[:, 0]
    return -np.log(np.maximum(right, _EPS), dtype=np.float64)


def _brier_losses(labels, proba):
    errors = proba.astype(np.float64)
    errors[np.arange(len(labels)), labels] -= 1.0
    return np.einsum("ik,ik->i", errors, errors) * (0.5 if proba.shape[1] == 2 else 1.0)


SCORES = {"log_loss": _log_losses, "brier": _brier_losses}
