"""Minimisers of an objective that they know by its value, gradient and curvature."""

from .choice import choose
from .lbfgs import lbfgs
from .newton import newton
from .outcome import Outcome, Result

__all__ = ["SOLVERS", "Outcome", "Result"]

SOLVERS = {"auto": choose, "lbfgs": lbfgs, "newton": newton}
