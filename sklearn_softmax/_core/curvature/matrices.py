"""Curvature of the objective from all rows: what Newton's method is made of."""

from functools import lru_cache

import numpy as np

from ..others import others
from .moments import RowMoments, to_curvatures


def square_sums(objective, point):
    """Σ s p_k (1 - p_k) x̃_j² over the rows, shape of the parameters."""
    map = objective.map

    def visit(probabilities, rows, totals):
        to_curvatures(objective, probabilities, rows)
        map.add_squares(probabilities, rows, totals)

    totals = objective.probabilities_at(point, visit, map.zero_squares)
    objective.n_passes += 0.5
    return map.release_squares(totals)


def diagonal(objective, point):
    """Diagonal of the Hessian, shape of the parameters."""
    squares = objective.scale * square_sums(objective, point)
    return squares + objective.penalty.curvature.reshape(objective.map.shape)


def class_blocks(objective, point):
    """The class blocks of the Hessian's data part, from all rows.

    Returns
    -------
    blocks : ndarray of shape (n_outputs, width, width)
    totals : ndarray of shape (n_outputs,)
        Weighted means of the curvatures p_k (1 - p_k).
    """
    moments, n_outputs = objective.moments, objective.map.shape[0]

    def visit(probabilities, rows, totals):
        to_curvatures(objective, probabilities, rows)
        moments.add(probabilities, rows, totals[0])
        totals[1][:] += np.add.reduce(probabilities, axis=1, dtype=np.float64)

    blocks, totals = objective.probabilities_at(
        point, visit, lambda: (moments.zeros(n_outputs), np.zeros(n_outputs))
    )
    return moments.matrices(objective.scale * blocks), objective.scale * totals


@lru_cache(maxsize=8)
def _pairs_of_classes(free, n_outputs):
    """The number of pairs k ≥ l, that of each pair of classes, its sign, and δ_kl - 1/K."""
    first, second = np.tril_indices(free)
    number = np.empty((free, free), np.intp)
    number[first, second] = number[second, first] = np.arange(len(first))
    same = np.eye(free)
    sign = 2.0 * same - 1.0
    tie = same - (1.0 / n_outputs if n_outputs > 1 else 0.0)
    return len(first), number, sign[:, :, None, None], tie[:, :, None]


def hessian(objective, point, columns=None):
    """The Hessian in coordinates relative to the last class, penalty included.

    With the class sum of all parameters held at zero, a step is known by its difference to
    the last class. The loss does not see class sums, and the ridge α on centred parameters
    becomes α (δ_kl - 1/K).

    Parameters
    ----------
    objective : Objective
        Of which the Hessian is.
    point : Point
        Where it is.
    columns : ndarray of int or None
        The features that move, the intercept being the last one; None for all.

    Returns
    -------
    ndarray of shape (n * width, n * width), n = max(1, K - 1)
    """
    n_outputs, width = objective.map.shape
    ridge = objective.penalty.curvature.reshape(n_outputs, width)[0]
    moments, free = objective.moments, max(1, n_outputs - 1)
    if columns is not None:
        moments, ridge, width = RowMoments(objective.map, columns), ridge[columns], len(columns)
    n_pairs, number, sign, tie = _pairs_of_classes(free, n_outputs)

    def visit(probabilities, rows, totals):
        chances, weights = probabilities[:free], objective.weights_of(rows)
        weighted = chances if weights is None else chances * weights
        own = weighted * others(probabilities)[:free]
        pairs, start = np.empty((n_pairs, chances.shape[1])), 0
        for k in range(free):
            row = pairs[start : start + k + 1]
            np.multiply(chances[: k + 1], weighted[k], out=row)
            row[k] = own[k]
            start += k + 1
        moments.add(pairs, rows, totals[0])

    (pairs,) = objective.probabilities_at(point, visit, lambda: (moments.zeros(n_pairs),))
    pairs = moments.matrices(objective.scale * pairs)
    blocks = np.ascontiguousarray((sign * pairs[number]).transpose(0, 2, 1, 3))
    np.einsum("kjlj->klj", blocks)[:] += tie * ridge
    return blocks.reshape(free * width, free * width)
