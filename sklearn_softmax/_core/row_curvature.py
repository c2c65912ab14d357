"""Curvature of the data part of an objective, in arrays that can be added up over rows.

Each function returns sums over the rows, not means, without the penalty.
"""

import numpy as np

from .blocks import RowBlocks

_NUMBERS = 1 << 17  # of a block of scaled features


def _table(objective, point):
    """Probabilities of all rows, shape (n_rows, n_outputs)."""
    table = np.empty((objective.map.n_rows, objective.map.shape[0]))

    def keep(probabilities, rows, _):
        table[rows] = probabilities.T

    objective.probabilities_at(point, keep)
    return table


def _weights(objective, rows):
    weights = objective.weights_of(rows)
    return np.ones(rows.stop - rows.start) if weights is None else weights


def dense(objective, point):
    """Σ s (diag(p) ⊗ x̃x̃' - (p ⊗ x̃)(p ⊗ x̃)').

    Returns
    -------
    ndarray of shape (n_outputs, width, n_outputs, width)
    """
    map, table = objective.map, _table(objective, point)
    n_outputs, width = map.shape

    def visit(rows, totals):
        features, chances, weights = map.rows(rows), table[rows], _weights(objective, rows)
        scaled = np.sqrt(weights)[:, None] * chances
        products = (scaled[:, :, None] * features[:, None, :]).reshape(len(features), -1)
        totals[0][:] -= products.T @ products
        for k in range(n_outputs):
            part = slice(k * width, (k + 1) * width)
            totals[0][part, part] += features.T @ ((weights * chances[:, k])[:, None] * features)

    size = n_outputs * width
    blocks = RowBlocks(map.n_rows, max(32, _NUMBERS // size), 8 * size**2)
    (total,) = blocks.sum(visit, lambda: (np.zeros((size, size)),), objective.threads)
    return total.reshape(n_outputs, width, n_outputs, width)


def blocks(objective, point):
    """The blocks of `dense` that belong to one class each: Σ s p_k (1 - p_k) x̃x̃'.

    Returns
    -------
    ndarray of shape (n_outputs, width, width)
    """
    map, table = objective.map, _table(objective, point)
    n_outputs, width = map.shape
    table *= 1.0 - table

    def visit(rows, totals):
        features, curved, weights = map.rows(rows), table[rows], _weights(objective, rows)
        for k in range(n_outputs):
            totals[0][k] += features.T @ ((weights * curved[:, k])[:, None] * features)

    parts = RowBlocks(map.n_rows, max(256, _NUMBERS // width), 8 * n_outputs * width**2)
    zeros = lambda: (np.zeros((n_outputs, width, width)),)  # noqa: E731
    return parts.sum(visit, zeros, objective.threads)[0]


def diagonal(objective, point):
    """Diagonal of `dense`.

    Returns
    -------
    ndarray of shape (n_outputs, width)
    """
    map = objective.map

    def visit(probabilities, rows, totals):
        objective.target.variances(probabilities)
        weights = objective.weights_of(rows)
        if weights is not None:
            probabilities *= weights
        map.add_squares(probabilities, rows, totals)

    return map.release_squares(objective.probabilities_at(point, visit, map.zero_squares))
