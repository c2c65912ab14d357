"""Scores of another model, as logits whose largest in a row is 0.

A probability 0 says that it was rounded to 0, or that a model saw no case; its logarithm is no
number to multiply. It is read as 2⁻²⁴, the least positive float16, whatever dtype it comes in,
or as the least positive probability of its row where that is smaller. Positive probabilities
are never changed, so that probabilities, their logarithms and logits of one model are one
thing. A logit of -inf is a probability 0, and +inf entries share the probability of their row.
"""

import numpy as np

from .softmax import log_softmax

ZERO = 2.0**-24
_FEW = 10  # columns up to which NumPy compares them faster than entries of a row


def largest(scores):
    """The largest entry of each row, shape (n_rows, 1)."""
    if scores.shape[1] > _FEW:
        return scores.max(axis=1, keepdims=True)
    top = scores[:, :1]
    for column in range(1, scores.shape[1]):
        top = np.maximum(top, scores[:, column : column + 1])
    return top


def from_probabilities(probabilities):
    """Logits log(p / max p) of rows that sum to 1, shape (n_rows, n_classes)."""
    top = largest(probabilities)
    logits = probabilities / top
    if logits.min() == 0.0:
        rows = np.flatnonzero(logits.min(axis=1) == 0.0)
        part = logits[rows]
        least = np.where(part > 0.0, part, np.inf).min(axis=1, keepdims=True)
        logits[rows] = np.where(part > 0.0, part, np.minimum(ZERO / top[rows], least))
    return np.log(logits, out=logits)


def from_logits(logits, top=None):
    """Logits minus the largest of their row, `top`, which is not -inf."""
    top = largest(logits) if top is None else top
    shared = np.flatnonzero(top == np.inf)
    if len(shared):
        logits = logits.copy()
        logits[shared] = np.where(logits[shared] == np.inf, 0.0, -np.inf)
        top[shared] = 0.0
    with np.errstate(over="ignore"):
        logits = logits - top
    if logits.min() == -np.inf:
        rows = np.flatnonzero(logits.min(axis=1) == -np.inf)
        part = logits[rows]
        total = np.log(np.add.reduce(np.exp(part), axis=1, keepdims=True))
        least = np.where(part > -np.inf, part, np.inf).min(axis=1, keepdims=True)
        floor = np.minimum(total + np.log(ZERO), least)
        logits[rows] = np.where(part > -np.inf, part, floor)
    return logits


def log_odds(logits):
    """Log-odds of the second of two classes, shape (n_rows, 1)."""
    return logits[:, 1:] - logits[:, :1]


def class_logits(logits):
    """Logits of all classes, 0 being the largest of a row: two columns for log-odds."""
    if logits.shape[1] > 1:
        return logits
    return np.hstack([np.minimum(-logits, 0.0), np.minimum(logits, 0.0)])


def log_entries(probabilities):
    """Logarithms of numbers from 0 to 1 that need not sum to 1."""
    return np.log(np.maximum(probabilities, ZERO))


def unchanged(logits):
    """The logits themselves."""
    return logits


def centred(logits):
    """Logits minus the mean of their row; log-odds of two classes as they are."""
    if logits.shape[1] == 1:
        return logits
    return logits - np.add.reduce(logits, axis=1, keepdims=True) / logits.shape[1]


def log_probabilities(logits):
    """Log-softmax of the logits, two columns for log-odds."""
    if logits.shape[1] == 1:
        logits = np.hstack([np.zeros_like(logits), logits])
    return log_softmax(logits, axis=1)


def prior_shift(prior, frequencies):
    """Change of the logits when class frequencies change to `prior`; a single one of log-odds.

    By Bayes' rule, p(y | x) ∝ p(x | y) prior(y) where only the frequencies differ.
    """
    shift = np.log(prior) - np.log(frequencies)
    return shift[1:] - shift[:1] if len(shift) == 2 else shift
