"""Models of curvature, from the dear and exact to the cheap: for `quadratic` and `face`."""

import numpy as np
from scipy.linalg import lapack

_JITTER = 1e-11  # of the diagonal, where a face is singular
_TINY = np.finfo(np.float64).tiny


def solve_positive(matrix, right):
    """Solve with a positive semi-definite matrix, which is overwritten; more jitter if need be."""
    diagonal = np.einsum("ii->i", matrix)
    kept, jitter = diagonal.copy(), _JITTER
    while True:
        factor, solution, failed = lapack.dposv(matrix, right, lower=1)
        if not failed and np.all(np.isfinite(solution)):
            return solution
        if not np.isfinite(jitter):
            raise FloatingPointError("A curvature is not finite.")
        diagonal[:] = kept * (1.0 + jitter) + _TINY
        jitter *= 100.0


class FullModel:
    """The Hessian in some parameters.

    Parameters
    ----------
    matrix : ndarray of shape (n, n)
    shape : tuple
        Of the parameters.
    pins : ndarray of bool, of this shape
        Parameters that stay where they are, since a class sum is free.
    """

    def __init__(self, matrix, shape, pins):
        self._matrix, self._shape, self._pins = matrix, shape, pins
        self.diagonal = np.maximum(np.einsum("ii->i", matrix), _TINY).reshape(shape)

    def product(self, change):
        """H times a change of the parameters."""
        return (self._matrix @ change.ravel()).reshape(self._shape)

    def pinned(self, mask, penalty):
        """A face without the pinned parameters."""
        return mask & ~self._pins

    def solve(self, mask, slope, bend, rank_one):
        """The Newton step on a face, zero elsewhere."""
        step, places = np.zeros(self._shape), np.flatnonzero(mask)
        if not len(places):
            return step
        matrix = self._matrix[np.ix_(places, places)]
        if rank_one is not None:
            np.einsum("ii->i", matrix)[:] += bend.ravel()[places]
            n_columns = self._shape[-1]
            vector, columns = rank_one.ravel()[places], places % n_columns
            same = columns[:, None] == columns
            matrix -= same * np.outer(vector, vector)
        step.ravel()[places] = solve_positive(matrix, -slope.ravel()[places])
        return step


class BlockModel:
    """A block for each class, as if classes did not compete.

    Parameters
    ----------
    blocks : ndarray of shape (n_outputs, width, width)
    for_each : callable
        Runs ``task(item)`` for all items.
    """

    def __init__(self, blocks, for_each):
        self._blocks, self._for_each = blocks, for_each
        self.diagonal = np.maximum(np.einsum("kii->ki", blocks), _TINY)

    def product(self, change):
        """H times a change of the parameters."""
        return np.matmul(self._blocks, change[:, :, None])[:, :, 0]

    def pinned(self, mask, penalty):
        """All of a face: blocks are not singular."""
        return mask

    def solve(self, mask, slope, bend, rank_one):
        """The Newton step on a face, zero elsewhere; curvature of norms only by its bound."""
        return self.metric(mask, bend)(-slope)

    def metric(self, mask, bend):
        """A function that solves on a face, with factors made once."""
        bend = np.broadcast_to(bend, mask.shape)
        places = [np.flatnonzero(each) for each in mask]
        factors = [None] * len(mask)

        def factorise(k):
            matrix = self._blocks[k][np.ix_(places[k], places[k])]
            diagonal = np.einsum("ii->i", matrix)
            diagonal += bend[k, places[k]]
            kept, jitter, failed = diagonal.copy(), _JITTER, len(matrix) > 0
            while failed:
                factors[k], failed = lapack.dpotrf(matrix, lower=1)
                diagonal[:] = kept * (1.0 + jitter) + _TINY
                jitter *= 100.0

        self._for_each(factorise, range(len(mask)))

        def solve(right):
            step = np.zeros(mask.shape)
            for k, place in enumerate(places):
                if len(place):
                    step[k, place] = lapack.dpotrs(factors[k], right[k, place], lower=1)[0]
            return step

        return solve


class DiagonalModel:
    """A number for each parameter."""

    def __init__(self, diagonal):
        self.diagonal = np.maximum(diagonal, _TINY)

    def product(self, change):
        """H times a change of the parameters."""
        return self.diagonal * change

    def pinned(self, mask, penalty):
        """All of a face."""
        return mask

    def solve(self, mask, slope, bend, rank_one):
        """The Newton step on a face, zero elsewhere."""
        return self.metric(mask, bend)(-slope)

    def metric(self, mask, bend):
        """A function that solves on a face."""
        inverse = mask / (self.diagonal + bend)
        return lambda right: inverse * right
