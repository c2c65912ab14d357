"""Which parameters are not zero: a guess that is mended until its minimum is that of all."""

import numpy as np
from scipy.linalg import lapack

_LEAST = 1e-11  # of a diagonal, left of it in a factor: below, a parameter is as good as tied
_MORE, _TOGETHER = 4.0, 24  # parameters of a block


class GuessedFace:
    """Parameters that are not zero, and their signs.

    Tied are parameters whose curvature those on the face have already, as if their columns added
    up: they stay zero. If one presses beyond its bound there, it and the others can move so that
    the norm falls and nothing else changes, until one of them is zero: these two trade places.

    Parameters
    ----------
    matrix : ndarray of shape (n, n)
        H.
    signs : ndarray of shape (n,)
        0 for parameters that are zero, or have no norm.
    free, pins : ndarray of bool, shape (n,)
        Parameters that have no norm; that stay.

    Attributes
    ----------
    on, signs : ndarray of shape (n,)
        Which are not zero, and their signs.
    places : ndarray of int
        Their numbers, as in the factor.
    """

    def __init__(self, matrix, signs, free, pins):
        self._matrix, self._free, self.signs = matrix, free & ~pins, signs.copy()
        self.on = ((signs != 0.0) | free) & ~pins
        self._tied, self._entry, self._time = np.zeros(free.shape, bool), -1.0 * free, 0.0
        self.places = None

    def factor(self):
        """Lower factor of H on the face, which the tied leave; None where one has no norm."""
        places = self.on.nonzero()[0]
        factor, is_sound = self._factor(places)
        if not is_sound:
            places = self._untied(places[np.argsort(self._entry[places], kind="stable")])
            factor, is_sound = self._factor(places)
            self._tied |= self.on
            self._tied[places] = self.on[:] = False
            self.on[places] = True
            self.signs[self._tied] = 0.0
            if not is_sound or np.any(self._free & self._tied):
                return None
        self.places = places
        return factor

    def _factor(self, places):
        """The factor, and whether it is sound."""
        if not len(places):
            return self._matrix, True
        matrix = self._matrix[places[:, None], places]
        factor, failed = lapack.dpotrf(matrix, lower=1)
        return factor, not failed and _sound(factor, matrix.diagonal()).all()

    def _untied(self, places):
        """Places without those whose curvature the ones before them have already.

        A factor grows by blocks; what a block has of its own is small enough to be factored anew
        for each that leaves it.
        """
        head, found = places[:0], np.zeros((len(places), len(places)), order="F")
        for start in range(0, len(places), _TOGETHER):
            block, n = places[start : start + _TOGETHER], len(head)
            matrix = self._matrix[block[:, None], block]
            mixed = np.zeros((0, len(block)))
            if n:
                mixed = self._matrix[head[:, None], block]
                mixed = lapack.dtrtrs(found[:n, :n], mixed, lower=1)[0]
            own = matrix - mixed.T @ mixed
            kept, factor = _independent(own, matrix.diagonal())
            head, most = np.append(head, block[kept]), n + len(kept)
            found[n:most, :n], found[n:most, n:most] = mixed[:, kept].T, factor
        return head

    def untied(self, mask):
        """Those of a mask that may enter."""
        return mask & ~self._tied

    def leave(self, mask):
        """Parameters become zero."""
        self.on, self.signs[mask], self._tied[:] = self.on & ~mask, 0.0, False

    def enter(self, on, signs, hardness):
        """Another face; of its parameters that were zero, the hardest pressed come first."""
        new, self._time = on & ~self.on, self._time + 1.0
        self._entry[new] = self._time + 0.5 / (1.0 + hardness[new])
        self.on, self.signs = on, signs

    def trade(self, factor, found, hardness, signs):
        """Let the hardest pressed of the tied enter, and what then becomes zero first leave.

        Returns
        -------
        bool
            Whether there is such a pair.
        """
        places, new = self.places, int(np.argmax(np.where(self._tied, hardness, 0.0)))
        if not len(places):
            return False
        rates = -lapack.dpotrs(factor, self._matrix[places, new] * signs[new], lower=1)[0]
        ends = (self.signs[places] != 0.0) & (found[places] * rates < 0.0)
        if not ends.any():
            return False
        times = np.divide(-found[places], rates, out=np.full(len(places), np.inf), where=ends)
        old = places[times.argmin()]
        self.leave(np.arange(len(self.on)) == old)
        self.on[new], self.signs[new], self._entry[new] = True, signs[new], self._entry[old]
        return True


def _independent(own, diagonal):
    """Numbers of what has curvature of its own beside those before it, and their factor.

    Some more than is needed, so that the factor of all is sound, whatever its rounding.
    """
    kept = np.arange(len(own))
    while len(kept):
        factor, failed = lapack.dpotrf(own[kept[:, None], kept], lower=1)
        sound = _sound(factor, _MORE * diagonal[kept])
        if failed:
            sound[failed - 1] = False
        if sound.all():
            return kept, factor
        kept = np.delete(kept, sound.argmin())
    return kept, np.empty((0, 0))


def _sound(factor, diagonal):
    return factor.diagonal() ** 2 > _LEAST * diagonal
