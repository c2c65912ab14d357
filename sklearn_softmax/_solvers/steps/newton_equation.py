"""The Newton equation, solved with the explicit Hessian of all features or of some."""

import numpy as np
from scipy.linalg import lapack

MOST_CORRECTION = 0.75  # of Newton's step; ½ in exponential tails: beyond, a cubic says little


class NewtonStep:
    """Newton's step at a point, and one that knows of the third derivative, too.

    Parameters
    ----------
    objective : Objective
        With a map that has `rows`.
    point : Point
        Where it starts.
    columns : ndarray of int or None
        The features that move, the intercept being the last one; None for all.

    Attributes
    ----------
    direction : ndarray of shape (n_params,)
        Newton's step d: H d = -g.
    decrement : float
        Half its squared decrement, -g'd / 2.
    """

    exact = True

    def __init__(self, objective, point, columns=None):
        self._objective, self._point = objective, point
        self._moving = slice(None) if columns is None else columns
        right = self._free(-point.gradient)
        self._factor, solution = _solve(objective.hessian(point, columns), right)
        self.direction = self._whole(solution)
        self.decrement = -0.5 * np.dot(point.gradient, self.direction)

    def corrected(self):
        """Chebyshev's step d - ½ H⁻¹ F‴[d, d], and the slope of the objective along it.

        Its error is cubic where that of Newton's step is quadratic, for a product with the data
        and no further Hessian; see Traub (1964), "Iterative methods for the solution of
        equations", ch. 5. It is Newton's step where the correction is larger than that.
        """
        slope = -2.0 * self.decrement
        change = self._free(-0.5 * self._objective.third(self._point, self.direction))
        correction = small_correction(self._factor, change, slope, lower=1)
        if correction is None:
            return self.direction, slope
        corrected = self.direction + self._whole(correction)
        along = np.dot(self._point.gradient, corrected)
        return (corrected, along) if along < 0.0 else (self.direction, slope)

    def _free(self, params):
        """What is known of parameters of class sum zero, in coordinates of the Hessian."""
        n_outputs, _ = shape = self._objective.map.shape
        return params.reshape(shape)[: max(1, n_outputs - 1), self._moving].ravel()

    def _whole(self, solution):
        """A direction from its difference to the last class."""
        n_outputs, _ = shape = self._objective.map.shape
        free, direction = max(1, n_outputs - 1), np.zeros(shape)
        direction[:free, self._moving] = solution.reshape(free, -1)
        if n_outputs > 1:
            direction -= np.add.reduce(direction, axis=0) / n_outputs
        return direction.ravel()


def small_correction(factor, change, slope, *, lower):
    """H⁻¹ times a change of the gradient; None where it is not small beside Newton's step.

    Parameters
    ----------
    factor : ndarray of shape (n, n)
        Cholesky factor of H.
    change : ndarray of shape (n,)
    slope : float
        Minus the squared Newton decrement.
    lower : int
        Whether the factor is the lower one.
    """
    correction, failed = lapack.dpotrs(factor, change, lower=lower)
    size = np.dot(correction, change)
    return None if failed or not size <= -(MOST_CORRECTION**2) * slope else correction


def _solve(hessian, right):
    """Cholesky factor and solution for a positive semi-definite matrix; changes its diagonal.

    Where it is singular its diagonal grows by a share, not by a number: beside strong penalties
    this would hold parameters without one, which may be those that make it singular.
    """
    diagonal = np.einsum("ii->i", hessian)
    largest = max(diagonal.max(), np.finfo(np.float64).tiny)
    jitter = 1e-13 * np.where(diagonal > 0.0, diagonal, largest)
    while np.isfinite(jitter.max()):
        factor, solution, failed = lapack.dposv(hessian, right, lower=1)
        if not failed and np.all(np.isfinite(solution)):
            return factor, solution
        diagonal += jitter
        jitter *= 10.0
    raise FloatingPointError("A curvature is not finite.")
