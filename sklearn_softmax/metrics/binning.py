"""Confidences in bins: how sure, how often right, and how many."""

from typing import NamedTuple

import numpy as np

N_BINS = 15  # of the expected calibration error, unless asked otherwise


class Bins(NamedTuple):
    """Bins that have a row of positive weight.

    Attributes
    ----------
    confidence : ndarray of shape (n_occupied,)
        Mean confidence.
    accuracy : ndarray of shape (n_occupied,)
        Share of the rows where the event happened.
    weight : ndarray of shape (n_occupied,)
        Sum of the weights.
    number : ndarray of shape (n_occupied,)
        Which bin it is.
    """

    confidence: np.ndarray
    accuracy: np.ndarray
    weight: np.ndarray
    number: np.ndarray


def uniform(confidences, weights, n_bins):
    """Numbers of bins of equal width, closed on the left; 1 falls in the last.

    Parameters
    ----------
    confidences : ndarray of shape (n_rows,), float64
        Between 0 and 1.
    weights : ignored
    n_bins : int

    Returns
    -------
    ndarray of shape (n_rows,)
    """
    edges = np.arange(1, n_bins) / n_bins  # products of confidences would round across them
    return np.searchsorted(edges, confidences, side="right")


def quantile(confidences, weights, n_bins):
    """Numbers of bins of nearly equal weight; equal confidences share a bin.

    A confidence goes where the middle of its rows lies among all rows in order, so that neither
    the order of the rows matters, nor whether rows are repeated or weighted.
    """
    distinct, where = np.unique(confidences, return_inverse=True)
    mass = np.bincount(where, weights, len(distinct))
    middle = np.cumsum(mass) - 0.5 * mass
    numbers = np.floor(middle * (n_bins / mass.sum())).astype(np.intp)
    return np.minimum(numbers, n_bins - 1)[where]


STRATEGIES = {"uniform": uniform, "quantile": quantile}


def fill_bins(confidences, events, weights, n_bins, strategy):
    """Count events in bins.

    Parameters
    ----------
    confidences : ndarray of shape (n_rows,)
        Probabilities of the event.
    events : ndarray of bool, shape (n_rows,)
        Whether it happened.
    weights : ndarray of shape (n_rows,)
        Not negative, not all 0.
    n_bins : int
    strategy : {'uniform', 'quantile'}

    Returns
    -------
    Bins
    """
    confidences = confidences.astype(np.float64, copy=False)
    numbers = STRATEGIES[strategy](confidences, weights, n_bins)
    mass = np.bincount(numbers, weights, n_bins)
    occupied = np.flatnonzero(mass)
    mass = mass[occupied]
    sure = np.bincount(numbers, weights * confidences, n_bins)[occupied] / mass
    right = np.bincount(numbers, weights * events, n_bins)[occupied] / mass
    return Bins(sure, right, mass, occupied)


def top_label(predictions):
    """Confidence in the most probable class, and whether it was right."""
    top = predictions.proba.argmax(axis=1)
    yield (
        np.take_along_axis(predictions.proba, top[:, None], axis=1)[:, 0],
        (top == predictions.labels),
    )


def classwise(predictions):
    """Confidence in each class, and whether it was the label."""
    for number, column in enumerate(predictions.proba.T):
        yield column, predictions.labels == number


KINDS = {"top-label": top_label, "classwise": classwise}
