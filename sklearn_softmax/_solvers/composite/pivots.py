"""Minima of a quadratic model and a sum of absolute values, by exchange of what is zero."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import lapack

from ..steps.newton_equation import MOST_CORRECTION

_ROUNDS, _IDLE = 40, 4  # of exchanges; that let no fewer press than before
_AT_ONCE, _SHARE = 2, 0.1  # exchanges that take all that press; then of a face, the hardest
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
    _norms: np.ndarray
    _found: np.ndarray
    _products: np.ndarray
    _places: np.ndarray
    _factor: np.ndarray
    _pivots: object

    def __len__(self):
        return len(self.changes)

    def cut(self, size):
        """Faces of at most so many norms; the decrease stays that of the first."""
        for start in range(0, len(self), size):
            part = slice(start, start + size)
            kept = self._norms[part], self._found[part], self._products[part]
            yield Face(
                self.changes[part],
                self.bents[part],
                self.decrease,
                self.signs,
                *kept,
                self._places,
                self._factor,
                self._pivots,
            )

    def corrected(self, third):
        """The changes with what third derivatives add to them, where that is small.

        Parameters
        ----------
        third : ndarray of shape (n_norms, n)

        Returns
        -------
        changes : ndarray of shape (n_norms, n)
        small : ndarray of bool, shape (n_norms,)
            Which are others than before.
        """
        changes, places, bent = self.changes.copy(), self._places, 0.5 * third
        found, pivots = self._found.copy(), self._pivots
        if len(places):
            added = -lapack.dpotrs(self._factor, bent[:, places].T, lower=1)[0].T
            changes[:, places] += added
            found[:, places] += added
        products = changes @ pivots.matrix
        pressing = pivots.pressing(pivots.gradient + products + bent, self._norms)
        wrong = (found * self.signs < 0.0) | (pressing & (self._found == 0.0))
        wrong = wrong.any(axis=1)
        for number in np.flatnonzero(wrong):
            again = pivots.again(self._norms[number], bent[number], self.signs)
            if again is not None:
                changes[number], products[number] = again, again @ pivots.matrix
                wrong[number] = False
        added, products = changes - self.changes, products - self._products
        small = np.add.reduce(added * products, axis=1) <= MOST_CORRECTION**2 * self.bents
        small &= ~wrong
        return np.where(small[:, None], changes, self.changes), small


class Pivots:
    """Minimises g'd + ½ d'Hd + Σ a |start + d| by block pivoting.

    A face and signs are guessed, and solved for; all parameters that turned out with another
    sign become zero, or else all leave zero that press beyond their bounds (Kim & Park, 2010,
    "Fast active-set-type algorithms for l1-regularized linear regression", AISTATS), and later
    few of them. From the minimum at another norm that takes one or two rounds; it may go in
    circles from elsewhere, and is given up then.

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
        self.matrix, self.gradient, self._start = matrix, gradient, start
        self._pins, self._centre = pins, centre

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

    def again(self, norm, bent, signs):
        """The change to the minimum with another gradient; None where none is found."""
        gradient = self.gradient + bent
        other = Pivots(self.matrix, self._start, gradient, self._pins, self._centre)
        face = other._face(norm[None], signs)
        return None if face is None else face.changes[0]

    def pressing(self, slopes, norms):
        """Which parameters press beyond their bounds, but for those that stay."""
        return (np.abs(slopes) > (1.0 + _SLACK) * norms) & ~self._pins

    def _face(self, norms, signs):
        """The minimum at the first norm, from a guess of signs, and at those on its face."""
        signs, presses = signs.copy(), [self._start.size + 1]
        on = ((signs != 0.0) | (norms[0] == 0.0)) & ~self._pins
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
            products = changes @ self.matrix
            slopes = self.gradient + products
            new = self.pressing(slopes, norms) & ~on
            if not new[0].any():
                lost = (wrong | new).any(axis=1)
                number = int(lost.argmax()) if lost.any() else len(norms)
                kept = [each[:number] for each in (norms, changes, products, found)]
                return self._made(*kept, signs, places, factor)
            presses.append(np.count_nonzero(new[0]))
            if len(presses) > _IDLE and min(presses[-_IDLE:]) >= min(presses[:-_IDLE]):
                return None
            new = new[0] if len(presses) <= _AT_ONCE + 1 else _hardest(new[0], slopes[0], norms[0])
            on, signs = self._more(on, signs, new, found[0], slopes[0], norms[0])
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
            return self.matrix
        matrix = self.matrix[places[:, None], places]
        factor, failed = lapack.dpotrf(matrix, lower=1)
        left = factor.diagonal() ** 2 - _LEAST * matrix.diagonal()
        return None if failed or not left.min() > 0.0 else factor

    def _solved(self, factor, change, norms, places):
        """Changes to the minima on a face; `change` is what is zero on it."""
        right = self.gradient + norms
        if change.any():
            right += change @ self.matrix
        changes = np.repeat(change[None], len(norms), axis=0)
        if len(places):
            changes[:, places] = -lapack.dpotrs(factor, right[:, places].T, lower=1)[0].T
        return changes

    def _made(self, norms, changes, products, found, signs, places, factor):
        bents = np.add.reduce(changes * products, axis=1)
        fall = np.dot(norms[0], np.abs(self._start) - np.abs(found[0]))
        decrease = fall - np.dot(self.gradient, changes[0]) - 0.5 * bents[0]
        known = norms, found, products, places, factor, self
        return Face(changes, bents, decrease, signs, *known)


def _hardest(new, slopes, norm):
    """Of parameters that press beyond their bounds, few."""
    most = max(3, int(_SHARE * len(new)))
    over = np.where(new, np.abs(slopes) - norm, 0.0)
    if np.count_nonzero(new) <= most:
        return new
    return new & (over >= np.partition(over, over.size - most)[over.size - most])
