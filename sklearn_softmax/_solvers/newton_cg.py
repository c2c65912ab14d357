"""Newton's method by conjugate gradients, from Hessian products alone."""

from functools import partial

import numpy as np

from . import costs
from .newton import iterate
from .steps.conjugate import newton_step
from .steps.newton_equation import NewtonStep
from .steps.products import FewerRows

_ACCURACY = 0.1  # of the first steps; later ones are as accurate as they are short
_LOOSE = 0.3  # the same where products are dear and steps, at first, far from full


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

    def jacobi(point):
        return _Jacobi(objective.curvature_diagonal(point))

    step = partial(_truncated_step, objective, jacobi)
    return iterate(objective, start, step, tol=tol, max_iter=max_iter)


def newton_blocks(objective, start, *, tol, max_iter):
    """Minimise by truncated Newton steps in the metric of the classes, renewed at each.

    For designs; parameters as for `newton_cg`. Products are those of the rows that matter. Once
    a step took more of them than the explicit Hessian costs, the steps that follow have that.
    """
    map, rows, n_products = objective.map, FewerRows(objective), 0

    def cheapest(point):
        nonlocal n_products
        if costs.newton_pays_after(n_products, map.n_rows, map.n_entries, *map.shape):
            return NewtonStep(objective, point)
        hessian, metric = rows.at(point)
        accuracy = _accuracy(point, metric, _LOOSE)
        found = newton_step(hessian, point, metric, accuracy=accuracy, max_iter=metric.patience)
        rows.check(point, hessian, metric, found, accuracy)
        n_products = found.n_products
        return found

    return iterate(objective, start, cheapest, tol=tol, max_iter=max_iter)


def _accuracy(point, metric, most):
    """That of a step at a point: as high as the step is short."""
    size = np.dot(point.gradient, metric.solve(point.gradient))
    return min(most, np.sqrt(size / point.value)) if point.value > 0.0 else 0.0


def _truncated_step(objective, metric_at, point):
    metric = metric_at(point)
    accuracy = _accuracy(point, metric, _ACCURACY)
    return newton_step(objective, point, metric, accuracy=accuracy)
