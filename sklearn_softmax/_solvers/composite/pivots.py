"""Minimum of a quadratic model and a sum of absolute values, by exchange of what is zero."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import lapack

from ..steps.newton_equation import small_correction

_ROUNDS = 12
_SLACK = 1e-9  # over its bound, from which a parameter leaves zero
_LEAST = 1e-11  # of a diagonal, left of it in a factor: below, the face is as good as singular


@dataclass(slots=True)
class Pivots:
    """The minimum, and the face on which it lies.

    Attributes
    ----------
    change : ndarray of shape (n,)
        From where the model was made.
    decrease : float
        Of the model and the norm.
    bent : float
        change' H change.
    """

    change: np.ndarray
    decrease: float
    bent: float
    _places: np.ndarray
    _factor: np.ndarray
    _found: np.ndarray
    _signs: np.ndarray

    def corrected(self, third):
        """A change on this face that a third derivative asks for; None where it is not small."""
        right = -0.5 * third[self._places]
        correction = small_correction(self._factor, right, -self.bent, lower=1)
        if correction is None:
            return None
        found, signs = self._found[self._places], self._signs[self._places]
        if np.min((found + correction) * signs, initial=0.0) < 0.0:
            return None
        change = np.zeros(self.change.shape)
        change[self._places] = correction
        return change


def pivoted(matrix, start, gradient, norm, pins):
    """Minimise g'd + ½ d'Hd + Σ a |start + d| by block pivoting.

    A face and signs are guessed, and solved for; all parameters that turned out with another
    sign become zero, or else all leave zero that press beyond their bounds (Kim & Park, 2010,
    "Fast active-set-type algorithms for l1-regularized linear regression", AISTATS). From the
    minimum at another penalty that takes one or two rounds; it may go in circles from elsewhere.

    Parameters
    ----------
    matrix : ndarray of shape (n, n)
        H.
    start, gradient, norm : ndarray of shape (n,)
        Where, g and a.
    pins : ndarray of bool, shape (n,)
        Parameters that stay.

    Returns
    -------
    Pivots or None
        None where no face was found, or where H is singular on one.
    """
    held = norm > 0.0
    signs = np.where(held, np.sign(start), 0.0)
    on = ((signs != 0.0) | ~held) & ~pins
    off = ~on & ~pins
    for _ in range(_ROUNDS):
        places = on.nonzero()[0]
        change = np.where(off, -start, 0.0)
        right = gradient + norm * signs + matrix @ change
        factor, change[places] = _solve(matrix[places[:, None], places], -right[places])
        if factor is None:
            return None
        found = start + change
        wrong = found * signs < 0.0
        if wrong.any():
            on, off = on & ~wrong, off | wrong
            signs[wrong] = 0.0
            continue
        product = matrix @ change
        slopes = gradient + product
        new = off & (np.abs(slopes) > (1.0 + _SLACK) * norm)
        if not new.any():
            bent = np.dot(change, product)
            fall = np.dot(norm, np.abs(start) - np.abs(found)) - np.dot(gradient, change)
            return Pivots(change, fall - 0.5 * bent, bent, places, factor, found, signs)
        on, off = on | new, off & ~new
        signs = np.where(new, -np.sign(slopes), signs)
    return None


def _solve(matrix, right):
    """Lower factor and solution; the factor is None where the matrix is singular."""
    if not len(right):
        return matrix, right
    factor, solution, failed = lapack.dposv(matrix, right, lower=1)
    left = np.diagonal(factor) ** 2
    if failed or not np.min(left - _LEAST * np.diagonal(matrix)) > 0.0:
        return None, solution
    return factor, solution
