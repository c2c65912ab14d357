"""Which strength: means and standard errors of scores, and the rules that choose."""

import numpy as np


def mean_and_error(scores, weights):
    """Weighted mean over the first axis, and its standard error.

    Parameters
    ----------
    scores : ndarray of shape (n_parts, ...)
        Of folds or rows; the greater, the better.
    weights : ndarray of shape (n_parts,)
        Positive, for most of them.

    Returns
    -------
    mean, error : ndarray of shape (...)
        The error is nan where there is one part only.
    """
    shares = weights / weights.sum()
    mean = np.einsum("i,i...->...", shares, scores)
    if len(scores) == 1:
        return mean, np.full(mean.shape, np.nan)
    variance = np.einsum("i,i...->...", shares, (scores - mean) ** 2)
    return mean, np.sqrt(variance / (len(scores) - 1))


def best(mean, error=None):
    """Index of the greatest mean; the first of equal ones, which has the strongest penalty."""
    return np.unravel_index(np.argmax(mean), mean.shape)


def one_standard_error(mean, error):
    """Index of the strongest penalty whose mean is within one standard error of the best.

    The last axis is that of C, rising; other parameters stay those of the best (Breiman,
    Friedman, Olshen & Stone, 1984, "Classification and regression trees", section 3.4.3).

    Returns
    -------
    tuple of int, or None
        None where the standard error is not known.
    """
    top = best(mean)
    if np.isnan(error[top]):
        return None
    enough = mean[top[:-1]] >= mean[top] - error[top]
    return (*top[:-1], int(np.argmax(enough)))


RULES = {"best": best, "1se": one_standard_error}
