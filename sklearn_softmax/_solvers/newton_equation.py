"""The Newton equation, solved with the explicit Hessian of all features or of some."""

import numpy as np
from scipy.linalg import lapack


def newton_direction(objective, point, columns=None):
    """Newton's step, and half its squared decrement.

    Parameters
    ----------
    objective : Objective
        With a map that has `rows`.
    point : Point
        Where it starts.
    columns : ndarray of int or None
        The features that move, the intercept being the last one; None for all.

    Returns
    -------
    direction : ndarray of shape (n_params,)
    decrement : float
    """
    shape = n_outputs, _ = objective.map.shape
    free, moving = max(1, n_outputs - 1), slice(None) if columns is None else columns
    hessian = objective.hessian(point, columns)
    gradient = point.gradient.reshape(shape)[:free, moving]
    direction = np.zeros(shape)
    direction[:free, moving] = _solve(hessian, -gradient.ravel()).reshape(gradient.shape)
    if n_outputs > 1:
        direction -= direction.mean(axis=0)
    direction = direction.ravel()
    return direction, -0.5 * np.dot(point.gradient, direction)


def _solve(hessian, right):
    """Solution for a positive semi-definite matrix; its diagonal is overwritten."""
    diagonal = np.einsum("ii->i", hessian)
    jitter = 1e-13 * max(diagonal.max(), np.finfo(np.float64).tiny)
    while np.isfinite(jitter):
        _, solution, failed = lapack.dposv(hessian, right, lower=1)
        if not failed and np.all(np.isfinite(solution)):
            return solution
        diagonal += jitter
        jitter *= 10.0
    raise FloatingPointError("A curvature is not finite.")
