"""Weighted second moments of the rows, Σ w x̃x̃', for many vectors of weights at a time."""

from functools import lru_cache

import numpy as np


def to_curvatures(objective, probabilities, rows):
    """Turn probabilities of some rows into their curvatures s p (1 - p), in place."""
    objective.target.variances(probabilities)
    weights = objective.weights_of(rows)
    if weights is not None:
        probabilities *= weights


@lru_cache(maxsize=8)
def _places(width):
    """Where in a lower triangle, row by row, the entries of a symmetric matrix are."""
    first, second = np.tril_indices(width)
    place = np.empty((width, width), np.intp)
    place[first, second] = place[second, first] = np.arange(len(first))
    return place


class RowMoments:
    """Moments from the rows, one vector of weights after the other.

    Parameters
    ----------
    map : linear map
        With `add_moments`.
    columns : ndarray of int or None
        Of x̃; None for all.
    """

    kept = False

    def __init__(self, map, columns=None):
        self._map, self._columns = map, columns

    def zeros(self, n_weights):
        """Totals that `add` adds to."""
        width = self._map.shape[1] if self._columns is None else len(self._columns)
        return np.zeros((n_weights, width, width))

    def add(self, weights, rows, totals):
        """Add the moments of a slice of rows under weights of shape (n_weights, n_rows)."""
        self._map.add_moments(weights, rows, totals, self._columns)

    @staticmethod
    def matrices(totals):
        """Symmetric matrices, shape (n_weights, q, q), from totals."""
        return totals


class RowProducts:
    """Moments from the products x̃_a x̃_b, a ≥ b, of the features of each row, computed once.

    Moments for m vectors of weights are then a single product of an (m, n) with an
    (n, q (q + 1) / 2) matrix.

    Parameters
    ----------
    map : linear map
        With `rows`.
    """

    kept = True

    def __init__(self, map):
        self._map, self._width, self._blocks = map, map.shape[1], {}
        self._length = self._width * (self._width + 1) // 2

    def _products(self, rows):
        block = self._blocks.get(rows.start)
        if block is None:
            features, start = self._map.rows(rows), 0
            block = self._blocks[rows.start] = np.empty((len(features), self._length))
            for column in range(1, self._width + 1):
                part = block[:, start : start + column]
                np.multiply(features[:, :column], features[:, column - 1 : column], out=part)
                start += column
        return block

    def zeros(self, n_weights):
        """Totals that `add` adds to."""
        return np.zeros((n_weights, self._length))

    def add(self, weights, rows, totals):
        """Add the moments of a slice of rows under weights of shape (n_weights, n_rows)."""
        totals += weights @ self._products(rows)

    def matrices(self, totals):
        """Symmetric matrices, shape (n_weights, q, q), from totals."""
        return totals[:, _places(self._width)]
