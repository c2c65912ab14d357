"""Models of curvature, from the dear and exact to the cheap: for `quadratic` and `face`."""

import numpy as np
from scipy.linalg import lapack

from ..steps.conjugate import newton_step

_PRODUCTS = 40  # with a model, in a Newton step: they cost about as much as its factors
_ROUNDING = 2.0 * np.finfo(np.float64).eps  # no model may fall without end because of it
_JITTER = 1e-11  # of the diagonal, where a face is singular
_LEAST, _TINY = 1e-12, np.finfo(np.float64).tiny


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
    """

    def __init__(self, matrix, shape, pins):
        self._matrix, self._shape, self._pins = matrix, shape, pins
        np.einsum("ii->i", matrix)[:] *= 1.0 + _ROUNDING * len(matrix)
        self.diagonal = positive(np.einsum("ii->i", matrix)).reshape(shape)

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
        right = -slope.ravel()[places]
        step.ravel()[places] = lapack.dpotrs(cholesky(matrix), right, lower=1)[0]
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
        """The Newton step on a face, zero elsewhere.

        Where a norm ties classes together it is found by conjugate gradients: steps in a bound
        of that norm's curvature alone gain as little each as the one before.
        """
        bend = np.broadcast_to(bend, self._shape)
        metric = _Solver(self._factorised(mask.ravel(), bend.ravel()))
        if rank_one is None:
            return metric.solve(-slope.ravel()).reshape(self._shape)
        face = _TiedFace(self, mask, slope, bend, rank_one)
        return newton_step(face, face, metric, max_iter=_PRODUCTS)[0].reshape(self._shape)

    def _factorised(self, mask, bend):
        places = [part.start + np.flatnonzero(mask[part]) for part in self._parts]
        factors = [None] * len(places)

        def factorise(k):
            local = places[k] - self._parts[k].start
            matrix = self._matrices[k][np.ix_(local, local)]
            np.einsum("ii->i", matrix)[:] += bend[places[k]]
            factors[k] = cholesky(matrix)

        self._for_each(factorise, range(len(places)))

        def solve(right):
            step = np.zeros(right.size)
            for place, factor in zip(places, factors, strict=True):
                if len(place):
                    step[place] = lapack.dpotrs(factor, right[place], lower=1)[0]
            return step

        return solve

    def metric(self, mask, bend):
        """A function that solves on a face of the problem, as far as the model knows of it."""
        mask = mask & self._places
        bend = np.broadcast_to(bend, mask.shape)[self._places]
        inner = self._factorised(mask[self._places], bend)

        def solve(right):
            step = np.zeros(mask.shape)
            step[self._places] = inner(right[self._places])
            return step

        return solve


class _Solver:
    """A metric from the function that solves in it."""

    def __init__(self, solve):
        self.solve = solve


class _TiedFace:
    """A model and diag(d) - uu' of a norm, on a face: what `newton_step` asks for."""

    def __init__(self, model, mask, slope, bend, rank_one):
        self._model, self._mask, self._bend, self._vector = model, mask, bend, rank_one
        self.gradient = np.where(mask, slope, 0.0).ravel()

    def hessian_product(self, _, vector):
        """Product with a vector that is zero off the face."""
        vector = vector.reshape(self._mask.shape)
        product = self._model.product(vector) + self._bend * vector
        product -= self._vector * np.einsum("kj,kj->j", self._vector, vector)
        return np.where(self._mask, product, 0.0).ravel()


def cholesky(matrix):
    """Lower factor of a positive semi-definite matrix, with as much jitter as it takes."""
    diagonal = np.einsum("ii->i", matrix)
    kept, jitter = diagonal.copy(), _JITTER
    while len(matrix):
        factor, failed = lapack.dpotrf(matrix, lower=1)
        if not failed and np.isfinite(factor[-1, -1]):
            return factor
        if not np.isfinite(jitter):
            raise FloatingPointError("A curvature is not finite.")
        diagonal[:] = kept * (1.0 + jitter) + _TINY
        jitter *= 100.0
    return matrix
