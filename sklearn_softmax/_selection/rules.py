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


def best(mean, error=None, tol=0.0):
    """Index of the greatest mean; the first of equal ones, which has the strongest penalty.

    Means are equal where they differ by no more than `tol`, relative to the greatest: fits are
    not more accurate, and which of them is greater would be for rounding to say.
    """
    top = np.max(mean)
    return np.unravel_index(np.argmax(mean >= top - tol * np.abs(top)), mean.shape)


def one_standard_error(mean, error, tol=0.0):
    """Index of the strongest penalty whose mean is within one standard error of the best.

    The last axis is that of C, rising; other parameters stay those of the best (Breiman,
    Friedman, Olshen & Stone, 1984, "Classification and regression trees", section 3.4.3).

    Returns
    -------
    tuple of int, or None
        None where the standard error is not known.
    """
    top = best(mean, tol=tol)
    if np.isnan(error[top]):
        return None
    enough = mean[top[:-1]] >= mean[top] - error[top]
    return (*top[:-1], int(np.argmax(enough)))


RULES = {"best": best, "1se": one_standard_error}


def choice(scores, weights, grid, rule):
    """The place in the grid of the fit that a rule chooses, and attributes that tell of it.

    Parameters
    ----------
    scores, weights
        See `mean_and_error`; scores have the axes of the grid, too.
    grid : Grid
        Of penalties, and how accurate fits are.
    rule : str
        One of `RULES`.

    Returns
    -------
    place : int
    attributes : dict
    """
    mean, error = mean_and_error(scores, weights)
    places = {name: choose(mean, error, grid.tol) for name, choose in RULES.items()}
    place, once = places[rule], places["1se"]
    l1_ratios = np.array([shrinkage.l1_ratio for shrinkage in grid.shrinkages])
    return np.ravel_multi_index(place, mean.shape), {
        "cv_scores_": scores,
        "mean_score_": mean,
        "std_error_": error,
        "Cs_": grid.Cs,
        "C_": float(grid.Cs[place[-1]]),
        "C_best_": float(grid.Cs[places["best"][-1]]),
        "C_1se_": np.nan if once is None else float(grid.Cs[once[-1]]),
        "l1_ratios_": l1_ratios,
        "l1_ratio_": float(l1_ratios[place[0]]),
    }
