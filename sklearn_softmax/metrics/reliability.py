"""Reliability curves: how often events of a given confidence happen, with intervals."""

from typing import NamedTuple

import numpy as np
from scipy.special import ndtri
from sklearn.utils import check_random_state

from .binning import KINDS, Bins, fill_bins, uniform

_N_RESAMPLES = 400
_N_BARS = 20


class ReliabilityCurve(NamedTuple):
    """What a panel of a reliability diagram shows.

    Attributes
    ----------
    bins : Bins
        Mean confidence and accuracy of the occupied bins.
    low, high : ndarray of shape (n_occupied,) or None
        Interval of the accuracy.
    histogram : ndarray of shape (20,)
        Share of the rows in bins of equal width of the confidence.
    error : float
        The expected calibration error of this panel.
    """

    bins: Bins
    low: np.ndarray
    high: np.ndarray
    histogram: np.ndarray
    error: float


def reliability_curves(
    predictions, *, kind, n_bins, error_bins, strategy, interval, confidence_level, random_state
):
    """Curves of all panels of a kind: one, or one for each class.

    Parameters
    ----------
    predictions : Predictions
        Labels and probabilities.
    kind : {'top-label', 'classwise'}
    n_bins, error_bins : int
        Bins of the curve, and of its error.
    strategy : {'uniform', 'quantile'}
    interval : {'wilson', 'bootstrap', None}
    confidence_level : float
    random_state : RandomState or int
        For the bootstrap.

    Returns
    -------
    list of ReliabilityCurve
    """
    ends = INTERVALS[interval]
    random_state = check_random_state(random_state)
    curves = []
    for confidences, events in KINDS[kind](predictions):
        rows = confidences, events, predictions.weights
        bins = fill_bins(*rows, n_bins, strategy)
        low, high = ends(bins, confidence_level, random_state)
        finer = fill_bins(*rows, error_bins, strategy)
        error = np.average(np.abs(finer.confidence - finer.accuracy), weights=finer.weight)
        curves.append(ReliabilityCurve(bins, low, high, _histogram(*rows), float(error)))
    return curves


def wilson(bins, confidence_level, random_state=None):
    """Wilson's score interval of each bin's accuracy; the weight counts rows.

    References
    ----------
    Wilson (1927), "Probable inference, the law of succession, and statistical inference", JASA.
    """
    z2 = ndtri(0.5 + 0.5 * confidence_level) ** 2
    share, count = bins.accuracy, bins.weight
    middle = (share + 0.5 * z2 / count) / (1.0 + z2 / count)
    half = np.sqrt(z2 * (share * (1.0 - share) / count + 0.25 * z2 / count**2))
    half /= 1.0 + z2 / count
    # The interval holds the share; rounding must not say otherwise.
    return np.clip(middle - half, 0.0, share), np.clip(middle + half, share, 1.0)


def bootstrap(bins, confidence_level, random_state):
    """Percentiles of each bin's accuracy when its rows are drawn again; the weight counts rows."""
    count = np.maximum(np.rint(bins.weight), 1.0).astype(np.int64)
    shape = (_N_RESAMPLES, len(count))
    shares = random_state.binomial(count, np.clip(bins.accuracy, 0.0, 1.0), shape) / count
    tail = 0.5 - 0.5 * confidence_level
    low, high = np.quantile(shares, [tail, 1.0 - tail], axis=0)
    return np.minimum(low, bins.accuracy), np.maximum(high, bins.accuracy)


def nothing(bins, confidence_level, random_state):
    """No interval."""
    return None, None


INTERVALS = {"wilson": wilson, "bootstrap": bootstrap, None: nothing}


def _histogram(confidences, events, weights):
    numbers = uniform(confidences.astype(np.float64, copy=False), weights, _N_BARS)
    return np.bincount(numbers, weights, _N_BARS) / weights.sum()
