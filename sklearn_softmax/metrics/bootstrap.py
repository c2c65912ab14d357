"""Bootstrap intervals for any metric of labels and probabilities."""

from typing import NamedTuple

import numpy as np

from .._inputs.validation import check_choice, check_integer, check_number, check_weights

_METHODS = ("basic", "percentile", "BCa")
_AT_ONCE = 1 << 20  # row numbers in memory


class BootstrapInterval(NamedTuple):
    """A metric with its interval; arrays where the metric gives several numbers.

    Attributes
    ----------
    estimate : float or ndarray
        The metric of all rows.
    low, high : float or ndarray
        Ends of the interval.
    standard_error : float or ndarray
        Standard deviation over the resamples.
    """

    estimate: float
    low: float
    high: float
    standard_error: float


def bootstrap_interval(
    metric,
    y_true,
    y_proba,
    *,
    n_resamples=999,
    confidence_level=0.95,
    method="basic",
    sample_weight=None,
    random_state=None,
    **kwargs,
):
    """Confidence interval of a metric, from resampled rows.

    Rows are drawn with replacement and handed to the metric as weights: how often each was drawn.
    So repeated rows stay together where a metric splits rows into folds, and no class is lost
    from the labels. Rows of weight zero are not drawn.

    Parameters
    ----------
    metric : callable
        ``metric(y_true, y_proba, sample_weight=..., **kwargs)`` gives a number, or a tuple of
        numbers: those of this module, and most of `sklearn.metrics`.
    y_true : array-like of shape (n_samples,)
        Labels.
    y_proba : array-like of shape (n_samples, n_classes) or (n_samples,)
        Probabilities, or whatever the metric takes.
    n_resamples : int, default=999
        How often the metric is computed.
    confidence_level : float, default=0.95
        Between 0 and 1.
    method : {'basic', 'percentile', 'BCa'}, default='basic'
        As in `scipy.stats.bootstrap`. A biased metric, as the calibration error is, has its bias
        twice in the resamples; 'basic' mirrors the interval and takes it out, and may begin
        below 0. 'BCa' computes the metric once more for each row.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows, kept when they are drawn.
    random_state : int, Generator or RandomState, default=None
        Draws the rows.
    **kwargs : dict
        Handed to the metric.

    Returns
    -------
    BootstrapInterval

    Raises
    ------
    ValueError, TypeError
        If an argument is not as required, or the metric refuses.

    References
    ----------
    Efron & Tibshirani (1993), "An introduction to the bootstrap".

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.metrics import log_loss
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sklearn_softmax.metrics import bootstrap_interval
    >>> X, y = load_iris(return_X_y=True)
    >>> X = X[:, :2]
    >>> y_proba = GaussianNB().fit(X[::2], y[::2]).predict_proba(X[1::2])
    >>> interval = bootstrap_interval(log_loss, y[1::2], y_proba, random_state=0)
    >>> print(f"{interval.estimate:.2f}, from {interval.low:.2f} to {interval.high:.2f}")
    0.42, from 0.30 to 0.54
    """
    from scipy.stats import bootstrap  # slow to import

    check_integer("n_resamples", n_resamples, at_least=1)
    check_number("confidence_level", confidence_level, above=0)
    if confidence_level >= 1:
        raise ValueError(f"confidence_level must be below 1; got {confidence_level!r}.")
    check_choice("method", method, _METHODS)
    n_rows = len(y_true)
    given = check_weights(sample_weight, n_rows)

    drawn = np.arange(n_rows) if given is None else np.flatnonzero(given)
    if len(drawn) < 2:
        raise ValueError(f"y_true must have at least 2 rows of positive weight; got {len(drawn)}.")

    def of_rows(numbers):
        weights = np.bincount(numbers, minlength=n_rows) * (1.0 if given is None else given)
        return metric(y_true, y_proba, sample_weight=weights, **kwargs)

    def statistic(numbers, axis=-1):
        return np.apply_along_axis(of_rows, axis, numbers).T

    result = bootstrap(
        (drawn,),
        statistic,
        n_resamples=n_resamples,
        batch=max(1, _AT_ONCE // len(drawn)),
        confidence_level=confidence_level,
        method=method,
        random_state=random_state,
    )
    estimate = metric(y_true, y_proba, sample_weight=given, **kwargs)
    return BootstrapInterval(estimate, *result.confidence_interval, result.standard_error)
