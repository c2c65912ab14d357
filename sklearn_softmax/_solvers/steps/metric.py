"""Metrics: approximations of the Hessian at the current weights, cheap to invert.

The Hessian of softmax cross-entropy has the diagonal blocks X̃' diag(s p_k (1 - p_k)) X̃ + R,
one for each class. A metric keeps those blocks, built from a sample of the rows, and acts on
directions whose class sum is zero: a step that adds one vector to all classes changes no
probability, and a metric that leaks into it stalls.
"""

import numpy as np
from scipy.linalg import blas, lapack

_SMALL = 48  # width: smaller blocks are inverted together
_SHARED_BASIS = 16  # classes: an eigendecomposition costs about as much as 27 factors


class _ClassMetric:
    """Solve class by class, on directions whose class sum is zero.

    What ``_solve(gradient)`` is given may be overwritten.

    Attributes
    ----------
    patience : int
        Products with the Hessian that a step may take: with more it follows rounding.
    """

    patience = 200

    def __init__(self, shape):
        self.shape = shape

    def solve(self, gradient):
        """Product of the inverse metric with a flat gradient."""
        gradient = gradient.reshape(self.shape)
        if self.shape[0] == 1:
            return self._solve(gradient.copy()).ravel()
        solution = self._solve(gradient - gradient.mean(axis=0))
        solution -= solution.mean(axis=0)
        return solution.ravel()


class DiagonalMetric(_ClassMetric):
    """The diagonal of the Hessian at the current weights: for wide or sparse data.

    It knows of no two features that vary together: steps take long, and to cut them short would
    let the next one start anew.
    """

    patience = 1000

    def __init__(self, diagonal):
        super().__init__(diagonal.shape)
        floor = 1e-10 * diagonal.max()
        self._inverse = 1.0 / np.maximum(diagonal, floor)

    def _solve(self, gradient):
        gradient *= self._inverse
        return gradient


class BlockMetric(_ClassMetric):
    """A Cholesky factor for each class.

    Parameters
    ----------
    blocks : callable
        ``blocks(classes)`` makes the blocks of a slice of classes, shape (n, width, width),
        symmetric and positive semi-definite; they are overwritten.
    n_blocks : int
        One block serves all classes.
    shape : (n_outputs, width)
        The shape of the parameters.
    for_each : callable
        ``for_each(task, items)``, perhaps in threads.
    """

    def __init__(self, blocks, n_blocks, shape, for_each):
        super().__init__(shape)
        self._roots, self._factors = None, [None] * n_blocks
        if shape[1] <= _SMALL:
            self._roots = _inverse_roots(blocks(slice(n_blocks)))
        if self._roots is not None:
            self._transposed = self._roots.transpose(0, 2, 1)
        else:

            def factorise(k):
                self._factors[k] = cholesky(blocks(slice(k, k + 1))[0])

            for_each(factorise, range(n_blocks))

    def _solve(self, gradient):
        if self._roots is not None:
            return (self._transposed @ (self._roots @ gradient[:, :, None]))[:, :, 0]
        if len(self._factors) == 1:
            return lapack.dpotrs(self._factors[0], gradient.T, lower=1)[0].T
        solution = np.empty_like(gradient)
        for row, factor, right in zip(solution, self._factors, gradient, strict=True):
            row[:] = substitute(factor, right)
        return solution


def _inverse_roots(blocks):
    """T with T'T the inverse of each block, or None.

    A product T'Tg is positive definite whatever the rounding errors of T.
    """
    try:
        roots = np.linalg.cholesky(blocks)
    except np.linalg.LinAlgError:
        return None
    for root in roots:
        root[:] = lapack.dtrtri(root.T, lower=0)[0].T
    return roots


def cholesky(block):
    """Lower factor, with a growing jitter where the block is singular."""
    diagonal = np.einsum("ii->i", block)
    jitter = 1e-14 * max(diagonal.max(), np.finfo(np.float64).tiny)
    while np.isfinite(jitter):
        factor, failed = lapack.dpotrf(block, lower=1, clean=0)
        if not failed:
            return factor
        diagonal += jitter
        jitter *= 10.0
    raise FloatingPointError("A curvature is not finite.")


def inverse_from(factor):
    """The symmetric inverse, from a lower Cholesky factor."""
    inverse = lapack.dpotri(factor, lower=1)[0]
    return np.tril(inverse) + np.tril(inverse, -1).T


def substitute(factor, right):
    """Solution for a lower Cholesky factor and one vector: up to 4 times as fast as `dpotrs`."""
    return blas.dtrsv(factor, blas.dtrsv(factor, right, lower=1), lower=1, trans=1)


class LowRankMetric(_ClassMetric):
    """A'A + D for each class with few rows in A, by Woodbury's identity.

    Parameters
    ----------
    rows : list of ndarray of shape (n_rows, width)
        A for each class; overwritten.
    diagonals : ndarray of shape (n_outputs, width)
        D, positive.
    """

    def __init__(self, rows, diagonals, for_each):
        super().__init__(diagonals.shape)
        self._inverse, self._rows = 1.0 / diagonals, rows
        self._factors = [None] * len(rows)

        def factorise(number):
            scaled = rows[number] * self._inverse[number]
            inner = scaled @ rows[number].T
            np.einsum("ii->i", inner)[:] += 1.0
            self._factors[number] = cholesky(inner)

        for_each(factorise, range(len(rows)))

    def _solve(self, gradient):
        solution = gradient * self._inverse
        for row, factor, rows, inverse in zip(
            solution, self._factors, self._rows, self._inverse, strict=True
        ):
            inner = substitute(factor, rows @ row)
            row -= inverse * (inner @ rows)
        return solution


class KroneckerMetric:
    """The exact Hessian where all rows have the same probabilities π: (diag π - ππ') ⊗ G + R.

    At zero weights with the class priors as intercept, one step in this metric is linear
    discriminant analysis.
    """

    def __init__(self, priors, gram, ridge, shape, for_each):
        spread = -np.outer(priors, priors)
        np.einsum("kk->k", spread)[:] = 0.0
        spread -= np.diag(np.add.reduce(spread))  # π(1 - π), also where π is nearly 1
        self._values, self._vectors = np.linalg.eigh(spread[-shape[0] :, -shape[0] :])
        keep = self._values >= 1e-12 * self._values[-1]
        self._values, self._vectors = self._values[keep], self._vectors[:, keep]
        self._shape = shape
        if len(self._values) > _SHARED_BASIS:
            self._solver = _SharedBasis(self._values, gram, ridge)
        else:
            count, ridge = len(self._values), np.diag(ridge)

            def blocks(classes):
                return self._values[classes, None, None] * gram + ridge

            self._solver = BlockMetric(blocks, count, (count, shape[1]), for_each)

    def solve(self, gradient):
        """Product of the inverse metric with a flat gradient."""
        rotated = self._vectors.T @ gradient.reshape(self._shape)
        return (self._vectors @ self._solver._solve(rotated)).ravel()


class _SharedBasis:
    """Solve (v_k G + D) x_k = r_k for many numbers v_k with one eigendecomposition.

    Columns with D = 0, the intercept of centred rows, have no product with the others in G.
    """

    def __init__(self, values, gram, ridge):
        self._values, self._held = values[:, None], ridge > 0
        free = ~self._held
        roots = 1.0 / np.sqrt(ridge[self._held])
        inner = gram[np.ix_(self._held, self._held)] * np.outer(roots, roots)
        self._spectrum, vectors = np.linalg.eigh(inner)
        self._basis = roots[:, None] * vectors
        block = gram[np.ix_(free, free)]
        self._free = cholesky(np.array(block, order="F")) if np.any(free) else None

    def _solve(self, gradient):
        solution = np.empty_like(gradient)
        held = gradient[:, self._held] @ self._basis
        held /= self._values * np.maximum(self._spectrum, 0.0) + 1.0
        solution[:, self._held] = held @ self._basis.T
        if self._free is not None:
            right = gradient[:, ~self._held].T
            solution[:, ~self._held] = lapack.dpotrs(self._free, right, lower=1)[0].T / self._values
        return solution
