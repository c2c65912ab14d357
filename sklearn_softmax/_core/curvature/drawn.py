"""Curvature from some of the rows: what metrics are made of."""

import numpy as np

from ..blocks import RowBlocks

_NUMBERS = 25_000  # of rows that are copied at a time
_KEPT_NUMBERS = 1 << 19  # of rows that are not
_MAX_TABLE = 400_000  # entries of the table of curvatures from which rows are drawn,
_LEAST_CANDIDATES = 4096  # but so many rows, lest classes be judged by a handful
_ROWS_PER_COLUMN, _MANY = 100, 4  # of a Gram matrix; times these, where all are not taken
_SHARES = 16  # of the rows that threads take
_TINY, _HUGE = 1e-300, 1e38  # what float32 multiplies by


def spread(n_rows, size):
    """Numbers of `size` rows, one drawn from each stretch of them; None where all are no more."""
    if size >= n_rows:
        return None
    edges = np.arange(size + 1, dtype=np.int64) * n_rows // size
    places = np.random.default_rng(n_rows).random(size)
    return edges[:-1] + (places * np.diff(edges)).astype(np.intp)


def candidates(objective):
    """Numbers of the rows that may be drawn: all of them where memory allows."""
    n_rows, n_outputs = objective.map.n_rows, objective.map.shape[0]
    found = spread(n_rows, max(_LEAST_CANDIDATES, _MAX_TABLE // n_outputs))
    return np.arange(n_rows) if found is None else found


def _blocks(objective, n_rows, largest):
    width = objective.map.shape[1]
    return RowBlocks(n_rows, min(max(256, _NUMBERS // width), largest), 8 * width**2)


def gram(objective):
    """Weighted mean of x̃ x̃', of standardised rows.

    Of very many rows it is that of some, with the mean squares that all have, which are 1: a
    feature that is hardly ever seen is no constant.
    """
    map, width = objective.map, objective.map.shape[1]
    size = _ROWS_PER_COLUMN * width
    rows = spread(map.n_rows, size) if map.n_rows >= _MANY * size else None

    def visit(part, totals):
        own = part if rows is None else rows[part]
        weights = objective.weights_of(own)
        totals[0][:] += map.gram(own, None if weights is None else np.sqrt(weights))
        totals[1][:] += part.stop - part.start if weights is None else np.add.reduce(weights)

    def zeros():
        return np.zeros((width, width)), np.zeros(1)

    n_rows = map.n_rows if rows is None else len(rows)
    blocks = RowBlocks(n_rows, max(256, n_rows // _SHARES), 8 * width**2)
    total, weight = blocks.sum(visit, zeros, objective.threads)
    total /= weight
    return total if rows is None else _with_unit_squares(total)


def _with_unit_squares(gram):
    """A Gram matrix with ones in its diagonal: scaled where they are near, else added to."""
    squares = np.diag(gram)
    roots = 1.0 / np.sqrt(np.where(squares > 0.5, squares, 1.0))
    gram = gram * np.outer(roots, roots)
    np.fill_diagonal(gram, 1.0)
    return gram


def leverages(objective, rows=None):
    """½ + ½ ‖x̃‖² / mean of some or all rows: rows of rare features must not be missed."""
    map = objective.map
    n_rows = map.n_rows if rows is None else len(rows)
    norms = np.empty(n_rows, np.float32)

    def visit(part):
        own = part if rows is None else rows[part]
        norms[part] = np.maximum(map.row_norms(own), 0.0)

    numbers = _KEPT_NUMBERS if getattr(map, "kept", False) else _NUMBERS
    largest = max(256, numbers * map.n_rows // max(1, map.n_entries))  # of what is stored
    RowBlocks(n_rows, largest).for_each(visit, objective.threads)
    norms *= np.float32(0.5 / max(norms.mean(dtype=np.float64), 1.0))
    norms += np.float32(0.5)
    return norms


def variance_table(objective, point, rows):
    """Curvatures s p_k (1 - p_k) of some rows, shape (n_outputs, n_rows), float32."""
    n_rows, target = objective.map.n_rows, objective.target
    table = np.empty((objective.map.shape[0], len(rows)), dtype=np.float32)

    def keep(relative, own, part):
        curvatures = objective.scratch.blocks(relative.shape[1])[1]
        target.curvatures(relative, own, curvatures)
        weights = objective.weights_of(own)
        if weights is not None:
            curvatures *= weights
        table[:, part] = curvatures

    def visit(relative, block, _):
        if len(rows) == n_rows:
            keep(relative, block, block)
            return
        part = slice(*np.searchsorted(rows, (block.start, block.stop)))
        keep(relative[:, rows[part] - block.start], rows[part], part)

    if point.cache is not None or len(rows) == n_rows:
        objective.relate_point(point, visit)
    else:
        _relate_some(objective, point, rows, keep)
    return table


def _relate_some(objective, point, rows, visit):
    """Visit the relative logits of some rows at a point: ``visit(relative, own, part)``."""
    bound, target = objective.map.bind(point.params), objective.target

    def visit_part(part):
        own = rows[part]
        relative = objective.scratch.blocks(len(own))[0]
        objective.map.forward(bound, own, relative)
        target.relate(relative, own)
        visit(relative, own, part)

    blocks = _blocks(objective, len(rows), objective.blocks.largest)
    blocks.for_each(visit_part, objective.threads)
    objective.n_passes += 0.5 * len(rows) / objective.map.n_rows


def class_gram(objective, rows, curvatures, importance, size, drawn):
    """Estimate the class block of the Hessian's data part from about `size` rows at most.

    Rows are drawn with chances proportional to curvature times importance. Far fewer are drawn
    where few rows carry the curvature: their chances are 1.

    Parameters
    ----------
    objective : Objective
        Of which the Hessian is.
    rows : ndarray of int
        Numbers of the rows that may be drawn.
    curvatures, importance : ndarray of shape (len(rows),), float32
        See `variance_table` and `leverages`.
    size : int
        Rows to draw.
    drawn : ndarray of shape (len(rows),), float32
        Numbers from 0 to 1; the same ones may serve all classes.

    Returns
    -------
    gram : ndarray of shape (width, width)
    n_drawn : int
    """
    chance = curvatures * importance
    total = np.add.reduce(chance, dtype=np.float64)
    chance *= np.float32(min(size / max(total, _TINY), _HUGE))
    chosen = np.flatnonzero(drawn < chance)
    share = objective.scale * objective.map.n_rows / len(rows)
    weights = curvatures[chosen] / np.minimum(1.0, chance[chosen])
    roots = np.sqrt(share * weights.astype(np.float64))
    return objective.map.gram(rows[chosen], roots), len(chosen)
