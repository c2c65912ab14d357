"""Minima of a quadratic model and a sum of absolute values, by exchange of what is zero."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import lapack

from ..steps.newton_equation import MOST_CORRECTION
from .guessed_face import GuessedFace

_ROUNDS, _IDLE = 100, 4  # of exchanges; that let no fewer press than before
_AT_ONCE, _SHARE = 2, 0.1  # exchanges that take all that press; then of a face, the hardest
_LENGTHS = 1.0, 0.5, 0.25, 0.1, 0.05, 0.02, 0.01  # of the way to a minimum across zeros
_FIRST = 1e-9  # of a step down the slope, with which a parameter leaves zero
_SLACK = 1e-9  # over its bound, from which a parameter leaves zero


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
        wrong, small = wrong.any(axis=1), self._small(changes, products)
        for number in np.flatnonzero(wrong & small):
            again = pivots.again(self._norms[number], bent[number], self.signs)
            if again is not None:
                changes[number], products[number] = again, again @ pivots.matrix
                wrong[number] = False
        small = self._small(changes, products) & ~wrong
        return np.where(small[:, None], changes, self.changes), small

    def _small(self, changes, products):
        """Where other changes, whose products with H are known, differ little from these."""
        added, products = changes - self.changes, products - self._products
        return np.add.reduce(added * products, axis=1) <= MOST_CORRECTION**2 * self.bents


class Pivots:
    """Minimises g'd + ½ d'Hd + Σ a |start + d| by block pivoting.

    A face and signs are guessed, and solved for; all parameters that turned out with another
    sign become zero, or else all leave zero that press beyond their bounds (Kim & Park, 2010,
    "Fast active-set-type algorithms for l1-regularized linear regression", AISTATS), and later
    few of them. From the minimum at another norm that takes one or two rounds; from elsewhere it
    may go in circles: then each exchange must lower the function.

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
            It ends before a norm for which no face was found.
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
        guess = GuessedFace(self.matrix, signs, norms[0] == 0.0, self._pins)
        presses, last, careful = [self._start.size + 1], None, False
        for _ in range(_ROUNDS):
            factor = guess.factor()
            if factor is None:
                return None
            changes = np.where(guess.on | self._pins, 0.0, -self._start)
            changes = self._solved(factor, changes, norms * guess.signs, guess.places)
            found = self._start + changes
            wrong = found * guess.signs < 0.0
            if wrong[0].any():
                leaving = wrong[0]
                if careful:
                    last = self._between(last, found[0], leaving, norms[0], guess.signs)
                    leaving = leaving & (last == 0.0)
                guess.leave(leaving)
                continue
            products = changes @ self.matrix
            slopes = self.gradient + products
            new = self.pressing(slopes, norms) & ~guess.on
            if not new[0].any():
                lost = (wrong | new).any(axis=1)
                number = int(lost.argmax()) if lost.any() else len(norms)
                kept = [each[:number] for each in (norms, changes, products, found)]
                return self._made(*kept, guess.signs, guess.places, factor)
            last, hardness = found[0], np.abs(slopes[0]) - norms[0]
            new = guess.untied(new[0])
            if not new.any():
                if not guess.trade(factor, last, hardness, -np.sign(slopes[0])):
                    return None
                continue
            presses.append(np.count_nonzero(new))
            careful |= len(presses) > _IDLE and min(presses[-_IDLE:]) >= min(presses[:-_IDLE])
            if careful or len(presses) > _AT_ONCE + 1:
                new = _hardest(new, hardness)
            centre = None if careful else self._centre
            guess.enter(*_more(guess, new, last, slopes[0], norms[0], centre), hardness)
        return None

    def _between(self, last, found, wrong, norm, signs):
        """A better point than the last, towards a minimum that lies across zeros.

        Parameters stop at zero; one does at least.
        """
        change, best, value = found - last, None, self._value(last, norm)
        for length in _LENGTHS:
            new = last + length * change
            new[wrong & (new * signs <= 0.0)] = 0.0
            other = self._value(new, norm)
            if other < value:
                best, value = new, other
            elif best is not None:
                break
        if best is not None and np.any(best[wrong] == 0.0):
            return best
        times = np.divide(-last, change, out=np.full(len(last), np.inf), where=wrong)
        first = times.argmin()
        new = last + times[first] * change
        new[first] = 0.0
        return new

    def _value(self, found, norm):
        change = found - self._start
        smooth = np.dot(self.gradient + 0.5 * (change @ self.matrix), change)
        return smooth + np.dot(norm, np.abs(found))

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


def _more(guess, new, found, slopes, norm, centre):
    """Let parameters leave zero; where all classes of a column would, those that best can."""
    pushed = np.where(new, -_FIRST * (slopes - np.clip(slopes, -norm, norm)), found)
    if centre is not None:
        pushed = centre(pushed)
    held = norm > 0.0
    return np.where(held, pushed != 0.0, guess.on), np.where(held, np.sign(pushed), 0.0)


def _hardest(new, hardness):
    """Of parameters that press beyond their bounds, few."""
    most = max(3, int(_SHARE * len(new)))
    if np.count_nonzero(new) <= most:
        return new
    over = np.where(new, hardness, 0.0)
    return new & (over >= np.partition(over, over.size - most)[over.size - most])
