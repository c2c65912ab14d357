"""L-BFGS in one metric, made once: for problems whose penalty keeps them well-conditioned."""

import numpy as np
from scipy.linalg import blas, lapack

from .outcome import Outcome, Result
from .steps.line_search import search
from .steps.pairs import Pairs

_PAIRS, _IDLE = 10, 3  # steps without a decrease above rounding
_LEAST = 1e-10  # ridge of a metric, relative to its curvature


class FullMetric:
    """A symmetric curvature plus a ridge, inverted once: it solves for many gradients."""

    def __init__(self, curvature, ridge):
        matrix, diagonal = curvature.copy(), np.einsum("ii->i", curvature)
        least = _LEAST * max(diagonal.max(), np.finfo(np.float64).tiny)
        np.einsum("ii->i", matrix)[:] += np.maximum(ridge, least)  # no class sum is curved
        factor, failed = lapack.dpotrf(matrix, lower=1)
        if failed:
            raise FloatingPointError("A curvature is not positive.")
        self._inverse = lapack.dpotri(factor, lower=1)[0]

    def solve(self, gradient):
        """Product of the inverse metric with a gradient."""
        return blas.dsymv(1.0, self._inverse, gradient, lower=1)


class ScaledMetric:
    """A diagonal curvature plus a ridge."""

    def __init__(self, curvature, ridge):
        self._inverse = 1.0 / np.maximum(curvature + ridge, np.finfo(np.float64).tiny)

    def solve(self, gradient):
        """Product of the inverse metric with a gradient."""
        return gradient * self._inverse


class SharedBlockMetric:
    """One block G for all classes: s_k G + D - δ e_k e_k' for class k.

    D is the ridge on all features but the class's own, e_k, which has δ less. With one
    eigendecomposition of D^-½ G D^-½ it costs two small products, and Sherman and Morrison's
    formula for the own features.

    Parameters
    ----------
    gram : ndarray of shape (width, width)
        G, positive semi-definite.
    shares : ndarray of shape (n_classes,)
        s.
    ridge : ndarray of shape (n_classes * width,)
        Positive. The least of a row of W, beside the intercept, is that of its own feature.
    """

    def __init__(self, gram, shares, ridge):
        self._shape = len(shares), len(gram)
        ridge, rows = ridge.reshape(self._shape), np.arange(len(shares))
        common = ridge.max(axis=0)
        root = 1.0 / np.sqrt(common)
        values, vectors = np.linalg.eigh(gram * np.outer(root, root))
        self._basis = root[:, None] * vectors
        self._inverse = 1.0 / (1.0 + shares[:, None] * np.maximum(values, 0.0))
        self._own = (self._basis[rows] * self._inverse) @ self._basis.T
        less = (common[rows] - ridge[rows, rows])[:, None]
        self._factor = less / (1.0 - less * self._own[rows, rows][:, None])

    def solve(self, gradient):
        """Product of the inverse metric with a gradient."""
        rows = np.arange(self._shape[0])
        rotated = gradient.reshape(self._shape) @ self._basis
        rotated *= self._inverse
        solution = rotated @ self._basis.T
        solution += self._factor * solution[rows, rows][:, None] * self._own
        return solution.ravel()


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
    point, pairs, idle = objective.at(start), Pairs(len(start), _PAIRS), 0
    for n_iter in range(max_iter + 1):
        direction = pairs.direction(point.gradient, metric)
        slope = np.dot(point.gradient, direction)
        gap = -0.5 * slope
        if gap <= decrement or n_iter == max_iter or idle == _IDLE:
            break
        line = objective.line(point, direction)
        step = search(line, point.value, slope, 0.9)
        if step is None:
            break
        last, point = point, line.take(step)
        idle = idle + 1 if last.value - point.value <= objective.noise * last.value else 0
        pairs.add(point.params - last.params, point.gradient - last.gradient)
    done = gap <= decrement or n_iter < max_iter
    outcome = Outcome.CONVERGED if done else Outcome.MAX_ITER
    return Result(point.params, point.value, gap, n_iter, outcome)
