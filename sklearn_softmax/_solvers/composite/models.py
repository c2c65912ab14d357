"""Models of curvature, from the dear and exact to the cheap: for `quadratic` and `face`."""

import numpy as np
from scipy.linalg import lapack

from ..steps.metric import inverse_from
from .pivots import Pivots

_ROUNDING = 2.0 * np.finfo(np.float64).eps  # no model may fall without end because of it
_JITTER = 1e-11  # of the diagonal, where a face is singular
_LEAST, _TINY = 1e-12, np.finfo(np.float64).tiny
_FLAT = 1e-30  # curvature beside the value: below, steps are longer than numbers


def positive(diagonal):
    """A diagonal of a metric: columns that do not vary have no curvature."""
    return np.maximum(diagonal, max(_LEAST * diagonal.max(initial=0.0), _TINY))


class FullModel:
    """The Hessian in some parameters.

    Parameters
    ----------
    matrix : ndarray of shape (n, n)
    shape : tuple
        Of the parameters.
    pins : ndarray of bool, of this shape
        Parameters that stay where they are: a class sum is free, or nothing curves.
    value : float
        Of loss and norm: a model without curvature gets some that is nothing beside it.
    """

    def __init__(self, matrix, shape, pins, value):
        self._matrix, self._shape, self._pins = matrix, shape, pins
        np.einsum("ii->i", matrix)[:] *= 1.0 + _ROUNDING * len(matrix)
        np.einsum("ii->i", matrix)[:] += _FLAT * value
        self.diagonal = positive(np.einsum("ii->i", matrix)).reshape(shape)

    def product(self, change):
        """H times a change of the parameters."""
        return (self._matrix @ change.ravel()).reshape(self._shape)

    def pinned(self, mask, penalty):
        """A face without the pinned parameters."""
        return mask & ~self._pins

    def pivoted(self, start, slope, norm, centre):
        """The minimum beside Σ a |x|, and the decrease; None where none is found."""
        pivots = Pivots(self._matrix, start.ravel(), slope.ravel(), self._pins.ravel(), centre)
        faces = pivots.faces(norm[None])
        if not faces:
            return None
        return start + faces[0].changes.reshape(self._shape), faces[0].decrease

    def solve(self, mask, slope, bend, rank_one):
        """The Newton step on a face, zero elsewhere."""
        step, places = np.zeros(self._shape), np.flatnonzero(mask)
        if not len(places):
            return step
        matrix, sizes = self._matrix[np.ix_(places, places)], None
        if rank_one is not None:
            np.einsum("ii->i", matrix)[:] += bend.ravel()[places]
            sizes = matrix.diagonal().copy()
            n_columns = self._shape[-1]
            vector, columns = rank_one.ravel()[places], places % n_columns
            same = columns[:, None] == columns
            matrix -= same * np.outer(vector, vector)
        right = -slope.ravel()[places]
        step.ravel()[places] = lapack.dpotrs(cholesky(matrix, sizes), right, lower=1)[0]
        return step


class ClassModel:
    """A Hessian of each class in some parameters, as if classes did not compete.

    Parameters
    ----------
    matrices : list of ndarray
        Of the classes; their parameters follow each other.
    shape : tuple
        Of all parameters.
    places : ndarray of bool, shape (n_outputs, width)
        Which they are among those of the problem.
    damping : float
        What is added to the diagonals, relative to their means: classes that compete curve
        more than each for itself, and curvature grows where few rows make it.
    for_each : callable
        Runs ``task(item)`` for all items.
    """

    def __init__(self, matrices, shape, places, damping, for_each):
        self._matrices, self._shape, self._places = matrices, shape, places
        self._for_each = for_each
        self.damping = np.zeros((len(matrices), 1))
        for k, matrix in enumerate(matrices):
            diagonal = np.einsum("ii->i", matrix)
            self.damping[k] = damping * np.mean(diagonal) if len(diagonal) else 0.0
            diagonal += self.damping[k]
        edges = np.concatenate([[0], np.cumsum([len(each) for each in matrices])])
        self._parts = [slice(a, b) for a, b in zip(edges[:-1], edges[1:], strict=True)]
        diagonal = [np.einsum("ii->i", each) for each in matrices]
        self.diagonal = positive(np.concatenate(diagonal)).reshape(shape)

    def product(self, change):
        """H times a change of the parameters."""
        change, product = change.ravel(), np.empty(change.size)
        for matrix, part in zip(self._matrices, self._parts, strict=True):
            np.matmul(matrix, change[part], out=product[part])
        return product.reshape(self._shape)

    def pinned(self, mask, penalty):
        """All of a face: classes that do not compete have no free sum."""
        return mask

    def solve(self, mask, slope, bend, rank_one):
        """The Newton step on a face, zero elsewhere."""
        bend = np.broadcast_to(bend, self._shape)
        return self._solver(mask, bend, rank_one)(-slope.ravel()).reshape(self._shape)

    def metric(self, mask, bend, rank_one):
        """A function that solves on a face of the problem, as far as the model knows of it."""
        places, mask = self._places, mask & self._places
        bend = np.broadcast_to(bend, mask.shape)
        if rank_one is not None:
            rank_one = rank_one[places].reshape(self._shape)
        inner = self._solver(
            mask[places].reshape(self._shape), bend[places].reshape(self._shape), rank_one
        )

        def solve(right):
            step = np.zeros(places.shape)
            step[places] = inner(right[places])
            return step

        return solve

    def _solver(self, mask, bend, rank_one):
        factors, places = self._factors(mask.ravel(), bend.ravel())
        if rank_one is not None and np.any(mask):
            return _tied(factors, np.flatnonzero(mask[0]), rank_one)

        def solve(right):
            step = np.zeros(right.size)
            for place, factor in zip(places, factors, strict=True):
                if len(place):
                    step[place] = lapack.dpotrs(factor, right[place], lower=1)[0]
            return step

        return solve

    def _factors(self, mask, bend):
        places = [part.start + np.flatnonzero(mask[part]) for part in self._parts]
        factors = [None] * len(places)

        def factorise(k):
            local = places[k] - self._parts[k].start
            matrix = self._matrices[k][np.ix_(local, local)]
            np.einsum("ii->i", matrix)[:] += bend[places[k]]
            factors[k] = cholesky(matrix)

        self._for_each(factorise, range(len(places)))
        return factors, places


def _tied(factors, columns, vectors):
    """A function that solves for blocks of classes which a norm ties together in each column.

    With the blocks M and the norm's uu' in each column, all of them being the columns of U, that
    is (M - UU')⁻¹ = M⁻¹ + M⁻¹U (I - U'M⁻¹U)⁻¹ U'M⁻¹, and U'M⁻¹U has the size of one block.

    Parameters
    ----------
    factors : list of ndarray of shape (n_columns, n_columns)
        Lower factors of the blocks.
    columns : ndarray of int, shape (n_columns,)
        Columns of the face, the same in all classes.
    vectors : ndarray of shape (n_outputs, width)
        u in each column.
    """
    inverses, ties = np.stack(factors), vectors[:, columns]
    small = np.eye(len(columns))
    for inverse, tie in zip(inverses, ties, strict=True):
        inverse[:] = inverse_from(inverse)
        small -= np.outer(tie, tie) * inverse
    factor = cholesky(small, np.ones(len(small)))

    def times(right):
        return np.matmul(inverses, right[:, :, None])[:, :, 0]

    def solve(right):
        step = np.zeros(vectors.shape)
        first = times(right.reshape(vectors.shape)[:, columns])
        joint = lapack.dpotrs(factor, np.einsum("kj,kj->j", ties, first), lower=1)[0]
        step[:, columns] = first + times(ties * joint)
        return step.ravel()

    return solve


def cholesky(matrix, sizes=None):
    """Lower factor of a positive semi-definite matrix, with as much jitter as it takes.

    It is measured by `sizes`, the diagonal before what made the matrix was subtracted: what is
    left of that may be rounding, of any sign.
    """
    diagonal = np.einsum("ii->i", matrix)
    kept, jitter = diagonal.copy(), _JITTER
    sizes = np.abs(kept) if sizes is None else sizes
    while len(matrix):
        factor, failed = lapack.dpotrf(matrix, lower=1)
        if not failed and np.isfinite(factor[-1, -1]):
            return factor
        if not np.isfinite(jitter):
            raise FloatingPointError("A curvature is not finite.")
        diagonal[:] = kept + sizes * jitter + _TINY
        jitter *= 100.0
    return matrix
