"""Quadratic forms: what is remembered of the curvature of rows that are gone.

A form knows its product with a vector, adds another of its kind, moves to other coordinates of
the features, and makes a metric: the inverse of the form plus a ridge.
"""

import numpy as np
from scipy.linalg import lapack

_LEAST = 1e-11  # of a metric, relative to its diagonal


class DenseForm:
    """v'Hv with every entry of H.

    Parameters
    ----------
    matrix : ndarray of shape (n_outputs, width, n_outputs, width)
        H, positive semi-definite.
    """

    def __init__(self, matrix):
        self._matrix, self.shape = matrix, matrix.shape[:2]

    @property
    def matrix(self):
        """H, shape (n_params, n_params)."""
        size = self.shape[0] * self.shape[1]
        return self._matrix.reshape(size, size)

    def __add__(self, other):
        return DenseForm(self._matrix + other._matrix)

    def __mul__(self, factor):
        return DenseForm(factor * self._matrix)

    def shrunk(self, share):
        """A share of what is off the diagonal taken away."""
        shrunk = self * (1.0 - share)
        np.einsum("ii->i", shrunk.matrix)[:] = self.diagonal()
        return shrunk

    def product(self, vector):
        """H v."""
        return self.matrix @ vector

    def diagonal(self):
        """Diagonal of H."""
        return np.einsum("ii->i", self.matrix)

    def moved(self, change):
        """The form for features x̃T, where the rows were x̃: T'HT for each pair of classes."""
        moved = change.T @ self._matrix.transpose(0, 2, 1, 3) @ change
        return DenseForm(np.ascontiguousarray(moved.transpose(0, 2, 1, 3)))

    def metric(self, ridge):
        """H plus a diagonal, ready to be solved with."""
        return _CholeskyMetric(self.matrix, ridge)


class _CholeskyMetric:
    """A matrix and a ridge, scaled to a unit diagonal before they are factorised."""

    def __init__(self, matrix, ridge):
        diagonal = np.einsum("ii->i", matrix) + ridge
        bends = diagonal > 0.0
        self._scale = np.where(bends, 1.0 / np.sqrt(np.where(bends, diagonal, 1.0)), 0.0)
        scaled = matrix * self._scale
        scaled *= self._scale[:, None]
        places, jitter, failed = np.einsum("ii->i", scaled), _LEAST, 1
        places[:] = 1.0
        while failed:
            places += jitter
            self._factor, failed = lapack.dpotrf(scaled, lower=1, clean=0)
            jitter *= 10.0

    def solve(self, gradient):
        """Product of the inverse with a gradient."""
        solved = lapack.dpotrs(self._factor, self._scale * gradient, lower=1)[0]
        solved *= self._scale
        return solved


class BlockForm:
    """Σ_k v_k'H_k v_k: a matrix for each class, and nothing between classes.

    Parameters
    ----------
    blocks : ndarray of shape (n_outputs, width, width)
        Symmetric, positive semi-definite.
    """

    def __init__(self, blocks):
        self.blocks, self.shape = blocks, blocks.shape[:2]

    def __add__(self, other):
        return BlockForm(self.blocks + other.blocks)

    def __mul__(self, factor):
        return BlockForm(factor * self.blocks)

    def shrunk(self, share):
        """A share of what is off the diagonals taken away."""
        blocks = (1.0 - share) * self.blocks
        np.einsum("kii->ki", blocks)[:] = np.einsum("kii->ki", self.blocks)
        return BlockForm(blocks)

    def product(self, vector):
        """H_k v_k of each class."""
        return (self.blocks @ vector.reshape(*self.shape, 1)).ravel()

    def diagonal(self):
        """Diagonals of the blocks."""
        return np.einsum("kii->ki", self.blocks).ravel()

    def moved(self, change):
        """The form for features x̃ T, where the rows were x̃: T'H_k T."""
        return BlockForm(change.T @ self.blocks @ change)

    def metric(self, ridge):
        """The form plus a diagonal, ready to be solved with."""
        return _BlockMetric(self.blocks, ridge.reshape(self.shape))


class _BlockMetric:
    """Class by class, on directions whose class sum is zero."""

    def __init__(self, blocks, ridge):
        self._shape = ridge.shape
        self._each = [_CholeskyMetric(*pair) for pair in zip(blocks, ridge, strict=True)]

    def solve(self, gradient):
        """Product of the inverse with a gradient."""
        gradient = gradient.reshape(self._shape)
        if len(gradient) == 1:
            return self._each[0].solve(gradient[0])
        right = gradient - gradient.mean(axis=0)
        solved = np.array([each.solve(g) for each, g in zip(self._each, right, strict=True)])
        solved -= solved.mean(axis=0)
        return solved.ravel()


class DiagonalForm:
    """Σ_j h_j v_j².

    Parameters
    ----------
    entries : ndarray of shape (n_outputs, width)
        h, not negative.
    """

    def __init__(self, entries):
        self.entries, self.shape = entries, entries.shape

    def __add__(self, other):
        return DiagonalForm(self.entries + other.entries)

    def __mul__(self, factor):
        return DiagonalForm(factor * self.entries)

    def shrunk(self, share):
        """The same: nothing is off the diagonal."""
        return self

    def product(self, vector):
        """h v."""
        return self.entries.ravel() * vector

    def diagonal(self):
        """h."""
        return self.entries.ravel()

    def moved(self, change):
        """The form for features x̃ T; only the scales of T matter to a diagonal."""
        return DiagonalForm(self.entries * np.einsum("ii->i", change) ** 2)

    def metric(self, ridge):
        """The form plus a diagonal, ready to be solved with."""
        return _DiagonalMetric(self.diagonal() + ridge)


class _DiagonalMetric:
    def __init__(self, diagonal):
        floor = 1e-10 * diagonal.max()
        self._inverse = 1.0 / np.maximum(diagonal, floor)

    def solve(self, gradient):
        """Product of the inverse with a gradient."""
        return self._inverse * gradient
