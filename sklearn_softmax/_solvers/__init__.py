"""Minimisers of an objective that they know by its value, gradient and curvature."""

from .lbfgs import lbfgs
from .newton import newton
from .outcome import Outcome, Result

__all__ = ["SOLVERS", "Outcome", "Result", "choose", "newton_is_cheap"]

_NEWTON_OPERATIONS = 2e6  # a Hessian that takes about as long as the calls of a pass


def newton_is_cheap(n_rows, n_outputs, width):
    """Whether the explicit Hessian costs no more than the overhead of a pass."""
    n_params = max(1, n_outputs - 1) * width
    return n_rows * n_params**2 + n_params**3 / 3 <= _NEWTON_OPERATIONS


def choose(objective, start, *, tol, max_iter):
    """Minimise by Newton's method where its Hessian is cheap, by L-BFGS else."""
    n_outputs, width = objective.map.shape
    cheap = newton_is_cheap(objective.map.n_rows, n_outputs, width)
    return (newton if cheap else lbfgs)(objective, start, tol=tol, max_iter=max_iter)


SOLVERS = {"auto": choose, "lbfgs": lbfgs, "newton": newton}
