"""L-BFGS in one metric, made once: for problems whose penalty keeps them well-conditioned."""

import numpy as np
from scipy.linalg import lapack

from .lbfgs import _Memory
from .line_search import search
from .outcome import Outcome, Result


class FullMetric:
    """A symmetric positive definite matrix, by its Cholesky factor."""

    def __init__(self, matrix):
        self._factor, failed = lapack.dpotrf(matrix, lower=1, clean=0)
        if failed:
            raise FloatingPointError("A curvature is not positive.")

    def solve(self, gradient):
        """Product of the inverse metric with a gradient."""
        return lapack.dpotrs(self._factor, gradient, lower=1)[0]


class ScaledMetric:
    """A positive diagonal."""

    def __init__(self, diagonal):
        self._inverse = 1.0 / np.maximum(diagonal, np.finfo(np.float64).tiny)

    def solve(self, gradient):
        """Product of the inverse metric with a gradient."""
        return gradient * self._inverse


def quasi_newton(objective, start, metric, *, decrement, max_iter):
    """Minimise to a statistical accuracy.

    Parameters
    ----------
    objective : Objective
        Gives values, gradients and lines.
    start : ndarray of shape (n_params,)
        First parameters.
    metric : metric
        Approximation of the Hessian.
    decrement : float
        Half the squared Newton decrement, in nats, at which to stop: about what is left to gain.
    max_iter : int
        The largest number of steps.

    Returns
    -------
    Result
        Its gap is the last decrement, as far as L-BFGS knows the curvature.
    """
    point, memory = objective.at(start), _Memory()
    for n_iter in range(max_iter + 1):
        direction = memory.direction(point.gradient, metric)
        slope = np.dot(point.gradient, direction)
        gap = -0.5 * slope
        if gap <= decrement or n_iter == max_iter:
            break
        line = objective.line(point, direction)
        step = search(line, point.value, slope, 0.9)
        if step is None:
            break
        last, point = point, line.take(step)
        memory.add(point.params - last.params, point.gradient - last.gradient)
    done = gap <= decrement or n_iter < max_iter
    outcome = Outcome.CONVERGED if done else Outcome.MAX_ITER
    return Result(point.params, point.value, gap, n_iter, outcome)
