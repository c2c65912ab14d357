"""Curvature of the objective: what metrics and Newton's method are made of."""

import numpy as np

from .blocks import RowBlocks

_ROWS_NUMBERS = 50_000  # of rows that are copied at a time
_MAX_TABLE = 400_000  # entries of the table of curvatures from which rows are drawn


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
    norms = np.empty(objective.map.n_rows)

    def visit(rows):
        norms[rows] = np.maximum(objective.map.row_norms(rows), 0.0)

    blocks = RowBlocks(objective.map.n_rows, max(64, objective.map.block_rows // 4))
    blocks.for_each(visit, objective.threads)
    return (0.5 + 0.5 * norms / max(norms.mean(), 1.0)).astype(np.float32)


def variance_table(objective, point):
    """Curvatures s p_k (1 - p_k) of rows, of all of them where memory allows.

    Returns
    -------
    table : ndarray of shape (n_outputs, n_candidates), float32
    candidates : ndarray of shape (n_candidates,), intp
        Row numbers, sorted; drawn with a fixed seed where they are not all.
    """
    n_rows, n_outputs = objective.map.n_rows, objective.map.shape[0]
    n_candidates = min(n_rows, max(1, _MAX_TABLE // n_outputs))
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
    """Draw about `size` rows with chances proportional to curvature times importance.

    Returns
    -------
    chosen : ndarray of intp, or None
        None where all rows are taken.
    weights : ndarray of float64
        Such that the weighted sum over the chosen rows estimates that over all rows.
    """
    if len(curvatures) <= size:
        return None, curvatures
    chance = curvatures * importance
    total = np.add.reduce(chance, dtype=np.float64)
    chance *= np.float32(size / max(total, np.finfo(np.float32).tiny))
    drawn = np.random.default_rng(seed).random(len(curvatures), dtype=np.float32)
    chosen = np.flatnonzero(drawn < chance)
    return chosen, curvatures[chosen] / np.minimum(1.0, chance[chosen])


def class_gram(objective, candidates, curvatures, importance, size, seed):
    """Estimate of the class block of the Hessian's data part, from drawn rows."""
    chosen, weights = draw_rows(curvatures, importance, size, seed)
    chosen = candidates if chosen is None else candidates[chosen]
    share = objective.scale * objective.map.n_rows / len(candidates)
    roots = np.sqrt(share * weights.astype(np.float64))
    width = objective.map.shape[1]
    step = max(256, _ROWS_NUMBERS // width)
    total = np.zeros((width, width))
    for start in range(0, len(chosen), step):
        rows = objective.map.rows(chosen[start : start + step])
        rows *= roots[start : start + step, None]
        total += rows.T @ rows
    return total


def diagonal(objective, point):
    """Diagonal of the Hessian, shape of the parameters."""
    map = objective.map

    def visit(probabilities, rows, totals):
        objective.target.variances(probabilities)
        weights = objective.weights_of(rows)
        if weights is not None:
            probabilities *= weights
        map.add_squares(probabilities, rows, totals)

    totals = objective.probabilities_at(point, visit, map.zero_squares)
    objective.n_passes += 0.5
    squares = objective.scale * map.release_squares(totals)
    return squares + objective.penalty.curvature.reshape(map.shape)


def hessian(objective, point, rows):
    """The Hessian in coordinates relative to the last class, penalty included.

    With the class sum of all parameters held at zero, a step is known by its difference to
    the last class. The loss does not see class sums, and the ridge α on centred parameters
    becomes α (δ_kl - 1/K).

    Parameters
    ----------
    rows : ndarray of shape (n_rows, width)
        All rows of the map.

    Returns
    -------
    ndarray of shape (n * width, n * width), n = max(1, K - 1)
    """
    n_outputs, width = objective.map.shape
    free = max(1, n_outputs - 1)
    table = np.empty((n_outputs, len(rows)))

    def visit(probabilities, block, _):
        table[:, block] = probabilities

    objective.probabilities_at(point, visit)
    scale = objective.scale * (1.0 if objective.weights is None else objective.weights)
    if n_outputs == 1:
        scaled = np.sqrt(table[0] * (1.0 - table[0]) * scale)[:, None] * rows
        blocks = (scaled.T @ scaled).reshape(1, width, 1, width)
    else:
        scaled = (table[:free] * np.sqrt(scale))[:, :, None] * rows
        stacked = scaled.transpose(1, 0, 2).reshape(len(rows), -1)
        blocks = -(stacked.T @ stacked).reshape(free, width, free, width)
        weighted = (table[:free] * scale)[:, :, None] * rows
        blocks[np.arange(free), :, np.arange(free)] += rows.T @ weighted
    ridge = objective.penalty.curvature.reshape(n_outputs, width)[0]
    tie = np.eye(free) - (1.0 / n_outputs if n_outputs > 1 else 0.0)
    index = np.arange(width)
    blocks[:, index, :, index] += tie * ridge[:, None, None]
    return blocks.reshape(free * width, free * width)
