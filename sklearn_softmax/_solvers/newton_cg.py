"""Newton's method by conjugate gradients: for tied parameters, from Hessian products alone."""

import numpy as np

from .line_search import search
from .outcome import Outcome, Result
from .stopping import Stopping

_FORCING = 0.1  # largest residual of the Newton equation, relative to its right side
_FLOOR = 1e-10  # of the preconditioner, relative to its largest entry


def newton_cg(objective, start, *, tol, max_iter):
    """Minimise by truncated Newton steps with a line search (Nocedal & Wright, 2006, ch. 7).

    Parameters
    ----------
    objective : Objective
        With Hessian products and the diagonal of the Hessian.
    start : ndarray of shape (n_params,)
        First parameters.
    tol : float
        Bound on the gap relative to the value.
    max_iter : int
        The largest number of Newton steps.

    Returns
    -------
    Result
    """
    point, stopping = objective.at(start), Stopping(objective, tol)
    outcome = Outcome.MAX_ITER
    for n_iter in range(max_iter + 1):
        direction, decrement = _direction(objective, point, tol)
        gap = stopping.gap(point, decrement)
        if stopping.reached(point, gap):
            return Result(point.params, point.value, gap, n_iter, Outcome.CONVERGED)
        if objective.at_infinity(point):
            return Result(point.params, point.value, point.value, n_iter, Outcome.AT_INFINITY)
        if n_iter == max_iter:
            break
        line = objective.line(point, direction)
        step = search(line, point.value, -2.0 * decrement, curvature=0.9)
        if step is None:
            outcome = Outcome.STALLED
            break
        point = line.take(step)
    return Result(point.params, point.value, stopping.final(point, decrement), n_iter, outcome)


def _direction(objective, point, tol):
    """Newton step, solved the better the nearer the optimum, and half its squared decrement."""
    diagonal = objective.curvature_diagonal(point).ravel()
    inverse = 1.0 / np.maximum(diagonal, _FLOOR * diagonal.max())
    solution, residual = np.zeros_like(point.params), -point.gradient
    scaled = inverse * residual
    direction, norm = scaled, np.dot(residual, scaled)
    stop = min(_FORCING**2, np.sqrt(norm / point.value)) * norm if point.value > 0 else 0.0
    stop = max(stop, 1e-3 * tol * point.value * 0.01)
    for _ in range(2 * len(solution)):
        if norm <= stop:
            break
        product = objective.hessian_product(point, direction)
        curvature = np.dot(direction, product)
        if curvature <= 0.0:
            break
        share = norm / curvature
        solution = solution + share * direction
        residual = residual - share * product
        scaled = inverse * residual
        last, norm = norm, np.dot(residual, scaled)
        direction = scaled + (norm / last) * direction
    return solution, -0.5 * np.dot(point.gradient, solution)
