"""Curvature of the objective: what metrics and Newton's method are made of."""

from functools import lru_cache

import numpy as np

from ..blocks import RowBlocks
from ..others import others
from .moments import RowMoments

_ROWS_NUMBERS = 50_000  # of rows that are copied at a time
_MAX_TABLE = 400_000  # entries of the table of curvatures from which rows are drawn,
_TINY, _HUGE = 1e-300, 1e38  # what float32 multiplies by
_LEAST_CANDIDATES = 4096  # but so many rows, lest classes be judged by a handful


def gram(objective):
    """Weighted mean of x̃ x̃' over all rows."""
    map = objective.map
    width = map.shape[1]
    blocks = RowBlocks(map.n_rows, max(256, _ROWS_NUMBERS // width), 8 * width**2)

    def visit(rows, totals):
        block = map.rows(rows)
        weights = objective.weights_of(rows)
        scaled = block if weights is None else block * weights[:, None]
        totals[0][:] += block.T @ scaled

    (total,) = blocks.sum(visit, lambda: (np.zeros((width, width)),), objective.threads)
    return objective.scale * total


def leverages(objective):
    """½ + ½ ‖x̃‖² / mean of each row: rows of rare features must not be missed."""
    norms = np.empty(objective.map.n_rows, np.float32)

    def visit(rows):
        norms[rows] = np.maximum(objective.map.row_norms(rows), 0.0)

    blocks = RowBlocks(objective.map.n_rows, max(64, objective.map.block_rows // 4))
    blocks.for_each(visit, objective.threads)
    norms *= np.float32(0.5 / max(norms.mean(dtype=np.float64), 1.0))
    norms += np.float32(0.5)
    return norms


def variance_table(objective, point):
    """Curvatures s p_k (1 - p_k) of rows, of all of them where memory allows.

    Returns
    -------
    table : ndarray of shape (n_outputs, n_candidates), float32
    candidates : ndarray of shape (n_candidates,), intp
        Row numbers, sorted; drawn with a fixed seed where they are not all.
    """
    n_rows, n_outputs = objective.map.n_rows, objective.map.shape[0]
    n_candidates = min(n_rows, max(_LEAST_CANDIDATES, _MAX_TABLE // n_outputs))
    if n_candidates == n_rows:
        candidates = np.arange(n_rows)
    else:
        chosen = np.random.default_rng(n_rows).choice(n_rows, n_candidates, replace=False)
        candidates = np.sort(chosen)
    table = np.empty((n_outputs, n_candidates), dtype=np.float32)

    def visit(probabilities, rows, _):
        first, last = np.searchsorted(candidates, (rows.start, rows.stop))
        if n_candidates < n_rows:
            probabilities = probabilities[:, candidates[first:last] - rows.start]
        objective.target.variances(probabilities)
        weights = objective.weights_of(rows)
        if weights is not None:
            if n_candidates < n_rows:
                weights = weights[candidates[first:last] - rows.start]
            probabilities *= weights
        table[:, first:last] = probabilities

    objective.probabilities_at(point, visit)
    return table, candidates


def draw_rows(curvatures, importance, size, seed):
    """Draw at most about `size` rows with chances proportional to curvature times importance.

    Far fewer are drawn where few rows carry the curvature: their chances are 1.

    Returns
    -------
    chosen : ndarray of intp
    weights : ndarray of float64
        Such that the weighted sum over the chosen rows estimates that over all rows.
    """
    chance = curvatures * importance
    total = np.add.reduce(chance, dtype=np.float64)
    chance *= np.float32(min(size / max(total, _TINY), _HUGE))
    drawn = np.random.default_rng(seed).random(len(curvatures), dtype=np.float32)
    chosen = np.flatnonzero(drawn < chance)
    return chosen, curvatures[chosen] / np.minimum(1.0, chance[chosen])


def class_gram(objective, candidates, curvatures, importance, size, seed):
    """Estimate of the class block of the Hessian's data part, and the number of rows drawn."""
    chosen, weights = draw_rows(curvatures, importance, size, seed)
    chosen = candidates[chosen]
    share = objective.scale * objective.map.n_rows / len(candidates)
    roots = np.sqrt(share * weights.astype(np.float64))
    width = objective.map.shape[1]
    step = max(256, _ROWS_NUMBERS // width)
    total = np.zeros((width, width))
    for start in range(0, len(chosen), step):
        rows = objective.map.rows(chosen[start : start + step])
        rows *= roots[start : start + step, None]
        total += rows.T @ rows
    return total, len(chosen)


def square_sums(objective, point):
    """Σ s p_k (1 - p_k) x̃_j² over the rows, shape of the parameters."""
    map = objective.map

    def visit(probabilities, rows, totals):
        objective.target.variances(probabilities)
        weights = objective.weights_of(rows)
        if weights is not None:
            probabilities *= weights
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
        objective.target.variances(probabilities)
        weights = objective.weights_of(rows)
        if weights is not None:
            probabilities *= weights
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
