"""Fits of few rows of many features by their duals, certified in the features."""

import numpy as np

from .._core.dual_rows import DualRows
from .._solvers import Outcome, Result
from .._solvers.dual_newton import dual_newton

_EPSILON = 2.0**-52


def fit_by_duals(space, target, weights, alpha, *, free, tol, max_iter):
    """Coefficients of the features, or None where they are not certified.

    They are *defined* by duals, so that products of rows are all that a certificate at them asks
    for; those come from the coefficients, not from the Gram matrix, which may have lost small
    features.

    Parameters
    ----------
    space : RowSpace
        The rows.
    target, weights
        See `RidgeProblem`.
    alpha : float
        Strength of the penalty, positive.
    free : bool
        Whether there is an intercept.
    tol, max_iter : float, int
        For the solver.

    Returns
    -------
    coef : ndarray of shape (n_outputs, n_features)
    intercept : ndarray of shape (n_outputs,)
    result : Result
    """
    dual = DualRows(space.gram, target, weights, alpha, free)
    state, n_iter = dual_newton(dual, tol=0.5 * tol, max_iter=max_iter)
    if state is None:
        return None
    shares = state.duals / -alpha
    coef, scores, square = space.combined(shares)
    found = dual.state(state.duals, state.intercept, scores, 0.5 * alpha * square)
    rounding = len(scores[0]) * _EPSILON * (np.abs(shares) @ space.sizes)  # of coefficients
    gap = dual.gap(found) + 0.5 * alpha * np.vdot(rounding, rounding)
    if not gap <= tol * found.value:
        return None
    result = Result(coef, found.value, gap, n_iter, Outcome.CONVERGED)
    return coef, state.intercept - coef @ space.mean, result
