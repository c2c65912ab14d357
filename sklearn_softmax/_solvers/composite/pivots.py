"""Minima of a quadratic model and a sum of absolute values, by exchange of what is zero."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import lapack

from ..steps.newton_equation import MOST_CORRECTION

_ROUNDS = 12
_FIRST = 1e-9  # of a step down the slope, with which a parameter leaves zero
_SLACK = 1e-9  # over its bound, from which a parameter leaves zero
_LEAST = 1e-11  # of a diagonal, left of it in a factor: below, the face is as good as singular


@dataclass(slots=True)
class Face:
    """Minima at some norms that have the same zeros and signs.

    Attributes
    ----------
    changes : ndarray of shape (n_norms, n)
        From where the model was made.
    bents : ndarray of shape (n_norms,)
        change' H change.
    decrease : float
        Of the model and the norm, at the first norm.
    signs : ndarray of shape (n,)
        Of the parameters that the norm holds.
    """

    changes: np.ndarray
    bents: np.ndarray
    decrease: float
    signs: np.ndarray
    _found: np.ndarray
    _places: np.ndarray
    _factor: np.ndarray

    def __len__(self):
        return len(self.changes)

    def cut(self, size):
        """Faces of at most so many norms; the decrease stays that of the first."""
        for start in range(0, len(self), size):
            part = slice(start, start + size)
            kept = self.changes[part], self.bents[part], self.decrease, self.signs
            yield Face(*kept, self._found[part], self._places, self._factor)

    def corrections(self, third):
        """Changes on this face that third derivatives ask for, zero where they are not small.

        Parameters
        ----------
        third : ndarray of shape (n_norms, n)

        Returns
        -------
        corrections : ndarray of shape (n_norms, n)
        small : ndarray of bool, shape (n_norms,)
        """
        corrections, places = np.zeros(self.changes.shape), self._places
        if not len(places):
            return corrections, np.zeros(len(third), bool)
        right = -0.5 * third[:, places]
        found = lapack.dpotrs(self._factor, right.T, lower=1)[0].T
        sizes = np.add.reduce(found * right, axis=1)
        kept = np.minimum.reduce((self._found[:, places] + found) * self.signs[places], axis=1)
        small = (sizes <= MOST_CORRECTION**2 * self.bents) & (kept >= 0.0)
        corrections[:, places] = np.where(small[:, None], found, 0.0)
        return corrections, small


class Pivots:
    """Minimises g'd + ½ d'Hd + Σ a |start + d| by block pivoting.

    A face and signs are guessed, and solved for; all parameters that turned out with another
    sign become zero, or else all leave zero that press beyond their bounds (Kim & Park, 2010,
    "Fast active-set-type algorithms for l1-regularized linear regression", AISTATS). From the
    minimum at another norm that takes one or two rounds; it may go in circles from elsewhere.

    Parameters
    ----------
    matrix : ndarray of shape (n, n)
        H.
    start, gradient : ndarray of shape (n,)
        Where, and g.
    pins : ndarray of bool, shape (n,)
        Parameters that stay.
    centre : callable or None
        See `Quadratic`.
    """

    def __init__(self, matrix, start, gradient, pins, centre):
        self._matrix, self._start, self._gradient, self._pins = matrix, start, gradient, pins
        self._centre = centre

    def faces(self, norms):
        """Minima at norms that follow each other, as long as they are found.

        Parameters
        ----------
        norms : ndarray of shape (n_norms, n)
            a. Which are zero is the same in all.

        Returns
        -------
        list of Face
            It ends before a norm for which no face was found, or H is singular on it.
        """
        faces, number = [], 0
        signs = np.where(norms[0] > 0.0, np.sign(self._start), 0.0)
        while number < len(norms):
            face = self._face(norms[number:], signs)
            if face is None:
                break
            faces.append(face)
            number, signs = number + len(face), face.signs
        return faces

    def _face(self, norms, signs):
        """The minimum at the first norm, from a guess of signs, and at those on its face."""
        signs, free = signs.copy(), ~self._pins
        on = ((signs != 0.0) | (norms[0] == 0.0)) & free
        for _ in range(_ROUNDS):
            places = on.nonzero()[0]
            changes = np.where(on | self._pins, 0.0, -self._start)
            factor = self._factor(places)
            if factor is None:
                return None
            changes = self._solved(factor, changes, norms * signs, places)
            found = self._start + changes
            wrong = found * signs < 0.0
            if wrong[0].any():
                on, signs[wrong[0]] = on & ~wrong[0], 0.0
                continue
            products = changes @ self._matrix
            slopes = self._gradient + products
            new = (np.abs(slopes) > (1.0 + _SLACK) * norms) & (free & ~on)
            if not new[0].any():
                lost = (wrong | new).any(axis=1)
                number = int(lost.argmax()) if lost.any() else len(norms)
                kept = changes[:number], products[:number], found[:number]
                return self._made(norms[0], signs, places, factor, *kept)
            on, signs = self._more(on, signs, new[0], found[0], slopes[0], norms[0])
        return None

    def _more(self, on, signs, new, found, slopes, norm):
        """Let parameters leave zero; where all classes of a column would, those that best can."""
        pushed = np.where(new, -_FIRST * (slopes - np.clip(slopes, -norm, norm)), found)
        if self._centre is not None:
            pushed = self._centre(pushed)
        held = norm > 0.0
        return np.where(held, pushed != 0.0, on), np.where(held, np.sign(pushed), 0.0)

    def _factor(self, places):
        """Lower factor of a face; None where it is singular."""
        if not len(places):
            return self._matrix
        matrix = self._matrix[places[:, None], places]
        factor, failed = lapack.dpotrf(matrix, lower=1)
        left = factor.diagonal() ** 2 - _LEAST * matrix.diagonal()
        return None if failed or not left.min() > 0.0 else factor

    def _solved(self, factor, change, norms, places):
        """Changes to the minima on a face; `change` is what is zero on it."""
        right = self._gradient + norms
        if change.any():
            right += change @ self._matrix
        changes = np.repeat(change[None], len(norms), axis=0)
        if len(places):
            changes[:, places] = -lapack.dpotrs(factor, right[:, places].T, lower=1)[0].T
        return changes

    def _made(self, norm, signs, places, factor, changes, products, found):
        bents = np.add.reduce(changes * products, axis=1)
        fall = np.dot(norm, np.abs(self._start) - np.abs(found[0]))
        decrease = fall - np.dot(self._gradient, changes[0]) - 0.5 * bents[0]
        return Face(changes, bents, decrease, signs, found, places, factor)
