"""Fits of few rows of many features by their duals, certified in the features."""

import numpy as np

from .._solvers import Outcome, Result
from .._solvers.dual_newton import dual_newton

_EPSILON = 2.0**-52


def fit_by_duals(space, dual, observer, *, tol, max_iter):
    """Coefficients of the features, from none.

    They are *defined* by duals, so that products of rows are all that a certificate at them asks
    for; those come from the coefficients, not from the Gram matrix, which may have lost small
    features.

    Parameters
    ----------
    space : RowSpace
        The rows.
    dual : DualRows
        What is minimised.
    observer : callable or None
        See `RidgeFits.observe`.
    tol, max_iter : float, int
        For the solver.

    Returns
    -------
    coef : ndarray of shape (n_outputs, n_features)
    intercept : ndarray of shape (n_outputs,)
    result : Result
        Its outcome is None where they are not certified.
    """

    def raw(state):
        coef, *_ = space.combined(dual.shares(state), products=False)
        return coef, state.intercept - coef @ space.mean

    told = observer and (lambda state: observer(lambda: raw(state)))
    state, n_iter, outcome = dual_newton(dual, told, tol=0.5 * tol, max_iter=max_iter)
    if outcome is None:
        return *raw(state), Result(None, state.value, np.inf, n_iter, None)
    shares = dual.shares(state)
    coef, scores, square = space.combined(shares)
    found = dual.state(state.duals, state.intercept, scores, 0.5 * dual.alpha * square)
    rounding = len(scores[0]) * _EPSILON * (np.abs(shares) @ space.sizes)  # of coefficients
    gap = dual.gap(found) + 0.5 * dual.alpha * np.vdot(rounding, rounding)
    if outcome is Outcome.CONVERGED and not gap <= tol * found.value:
        outcome = None
    result = Result(None, found.value, min(gap, found.value), n_iter, outcome)
    return coef, state.intercept - coef @ space.mean, result
