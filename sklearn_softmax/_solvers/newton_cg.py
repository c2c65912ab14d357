"""Newton's method by conjugate gradients: for tied parameters, from Hessian products alone."""

import numpy as np

from .conjugate import newton_step
from .line_search import search
from .outcome import Outcome, Result
from .stopping import Stopping

_ACCURACY = 0.1  # of the first steps; later ones are as accurate as they are short


class _Jacobi:
    """The diagonal of the Hessian as a metric; where it is zero a parameter keeps its place."""

    def __init__(self, diagonal):
        diagonal = diagonal.ravel()
        bends = diagonal > 0.0
        self._inverse = np.divide(1.0, diagonal, out=np.zeros_like(diagonal), where=bends)

    def solve(self, gradient):
        """Product of the inverse metric with a flat gradient."""
        return self._inverse * gradient


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
    outcome, accuracy = Outcome.MAX_ITER, _ACCURACY
    for n_iter in range(max_iter + 1):
        metric = _Jacobi(objective.curvature_diagonal(point))
        direction, decrement = newton_step(objective, point, metric, accuracy=accuracy)
        gap = stopping.gap(point, decrement)
        if stopping.reached(point, gap):
            return Result(point.params, point.value, gap, n_iter, stopping.outcome(direction))
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
        accuracy = min(_ACCURACY, np.sqrt(decrement / point.value))
    return Result(point.params, point.value, stopping.final(point, decrement), n_iter, outcome)
