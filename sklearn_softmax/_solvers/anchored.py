"""Newton's method in a metric that is known beforehand: for rows beside a quadratic."""

from .newton import iterate
from .steps.conjugate import newton_step

_ACCURACY = 0.1


def anchored_newton(objective, start, metric, *, tol, max_iter, max_products):
    """Minimise by truncated Newton steps, preconditioned by one metric.

    Parameters
    ----------
    objective : Objective
        With Hessian products.
    start : ndarray of shape (n_params,)
        First parameters.
    metric : metric
        About the Hessian.
    tol : float
        Bound on half the squared Newton decrement relative to the value.
    max_iter : int
        The largest number of Newton steps.
    max_products : int
        The largest number of Hessian products of each.

    Returns
    -------
    Result
    """

    def step(point):
        return newton_step(objective, point, metric, accuracy=_ACCURACY, max_iter=max_products)

    return iterate(objective, start, step, tol=tol, max_iter=max_iter)
