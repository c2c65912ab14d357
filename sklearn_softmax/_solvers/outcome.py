"""What a solver returns. Solvers never warn, print or raise about convergence."""

from dataclasses import dataclass
from enum import Enum


class Outcome(Enum):
    """Why a solver stopped; the values are the sentences that users read."""

    CONVERGED = "The optimum was certified."
    MAX_ITER = "The limit of iterations was reached."
    STALLED = "Rounding errors allow no further decrease."
    SPENT = "Products in float32 are too coarse; those in float64 go on."
    ROUNDED = "Coefficients in the dtype of X are too coarse: as float64 they were certified."
    AT_INFINITY = "The classes are separable, at least in part: the optimum is at infinity."
    INTERRUPTED = "An observer stopped the fit."


@dataclass
class Result:
    """The last point, how far from the optimum it can be, and why it is the last.

    Attributes
    ----------
    params : ndarray of shape (n_params,)
        The parameters.
    value : float
        The objective there, in nats.
    gap : float
        Bound on ``value - optimum``, in nats.
    n_iter : int
        Steps taken.
    outcome : Outcome
        Why the solver stopped.
    """

    params: object
    value: float
    gap: float
    n_iter: int
    outcome: Outcome
