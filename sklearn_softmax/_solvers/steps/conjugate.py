"""A Newton step by preconditioned conjugate gradients, from Hessian products alone."""

from typing import NamedTuple

import numpy as np

_FLAT = 1e-14  # curvature relative to the metric: below, a direction is one of rounding


class TruncatedStep(NamedTuple):
    """A direction that solves the Newton equation in part.

    Attributes
    ----------
    direction : ndarray of shape (n_params,)
    decrement : float
        ½ g' H⁻¹ g, from below.
    n_products : int
        Hessian products that it took.
    """

    direction: np.ndarray
    decrement: float
    n_products: int
    exact = False  # whether it solves the equation to rounding

    def corrected(self):
        """The direction itself, and the slope of the objective along it."""
        return self.direction, -2.0 * self.decrement


def newton_step(objective, point, metric, *, accuracy=0.1, max_iter=200):
    """Solve H d = -g approximately, in a metric (Nocedal & Wright, 2006, algorithm 7.1).

    Parameters
    ----------
    objective : Objective
        Gives products with the Hessian.
    point : Point
        Where.
    metric : metric
        Preconditioner.
    accuracy : float
        The residual, in the metric's norm, relative to the gradient's.
    max_iter : int
        The largest number of Hessian products.

    Returns
    -------
    TruncatedStep
        With a decrement that is right to about the square of `accuracy`.
    """
    direction, residual = np.zeros_like(point.gradient), -point.gradient
    solved = metric.solve(residual)
    search, norm = solved.copy(), np.dot(residual, solved)
    goal, size, n_products = accuracy**2 * norm, norm, 0  # size: of `search`, in the metric
    promise = 0.0
    while n_products < max_iter:
        if not norm > goal:
            break
        product, n_products = objective.hessian_product(point, search), n_products + 1
        curvature = np.dot(search, product)
        if not curvature > _FLAT * size:
            break
        length = norm / curvature
        promise += 0.5 * length * norm
        direction += length * search
        if promise > point.value:  # no decrease is larger: beyond, the model is not believed
            break
        residual = residual - length * product
        solved = metric.solve(residual)
        norm, last = np.dot(residual, solved), norm
        search *= norm / last
        search += solved
        size = norm + (norm / last) ** 2 * size
    return TruncatedStep(direction, -0.5 * np.dot(point.gradient, direction), n_products)
