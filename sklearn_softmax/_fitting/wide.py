"""Wide data are solved in their row space, and certified in the features that were given."""

from dataclasses import replace

import numpy as np

from .._solvers import Outcome
from .._solvers.last_step import last_step
from .precision import certify, unfinished

_TOLERANCES = 0.5, 1e-4, 1e-8  # shares of what is asked
_FEW = 30  # steps: from close by Newton's method takes fewer


def solve_wide(problem, inner, space, start, *, solver, tol, max_iter):
    """Solve in the row space until that is certified in the features.

    A dual point of the rows is one of the features. Where their scales differ by much the gradient
    is too large for the bound that it makes at Q = P, and Q has to move by a Newton step; where
    this is no distribution either, the optimum of the rows is not near enough.

    Parameters
    ----------
    problem, inner : RidgeProblem
        In the features and in the row space, with the same strength.
    space : RowSpace
    start : tuple (coef, intercept) or None
        Of the features.
    solver, tol, max_iter
        See `RidgeFits.fit`.

    Returns
    -------
    coefficients : tuple (coef, intercept)
        Of the features.
    sure : Result or None
        None where it is not certified, and iterations are left.
    n_iter : int
    """
    known, n_iter, most = None if start is None else space.from_raw(*start), 0, max_iter
    for share in _TOLERANCES:
        result = inner.solve(solver, known, tol=share * tol, max_iter=most)
        result = replace(result, n_iter=n_iter + result.n_iter)
        known, n_iter = inner.coefficients(result.params), result.n_iter
        found = space.to_raw(*known)
        params = problem.from_coefficients(*found)
        if problem.map.still is not None:
            params = problem.stilled(params)
            found = problem.coefficients(params)
        if result.outcome is Outcome.MAX_ITER and n_iter < max_iter:
            result = replace(result, outcome=Outcome.CONVERGED)  # perhaps: the features tell
        sure = certify(problem, params, result, tol)
        if sure is None and n_iter >= max_iter:
            sure = unfinished(problem, params, n_iter, tol)
        if sure is not None or result.outcome is not Outcome.CONVERGED:
            break
        step = inner.coefficients(last_step(inner.objective(np.float64), result.params))
        step = problem.from_coefficients(*space.to_raw(*step))
        sure = certify(problem, params, result, tol, step)
        most = min(_FEW, max_iter - n_iter)
        if sure is not None or most == 0:
            break
    return found, sure, n_iter
