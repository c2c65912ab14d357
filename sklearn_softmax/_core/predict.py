"""Logits, probabilities and losses of new rows: one pass, in blocks."""

import numpy as np

from .blocks import RowBlocks, Scratch
from .softmax import normalise


def logits(map, params, threads):
    """Logits of all rows, shape (n_rows, n_outputs)."""
    return _each_block(map, params, threads, map.shape[0], lambda block, _: block)


def probabilities(map, params, threads):
    """Softmax of the logits of all rows, shape (n_rows, n_classes).

    A single output is the log-odds of the second of two classes.
    """
    return _classes(map, params, threads, log=False)


def log_probabilities(map, params, threads):
    """Logarithms of `probabilities`, computed from the logits."""
    return _classes(map, params, threads, log=True)


def uncertainties(map, params, threads):
    """Σ_k p_k (1 - p_k) of all rows, shape (n_rows,)."""
    chances = probabilities(map, params, threads)
    chances *= 1.0 - chances
    return chances.sum(axis=1)


def _classes(map, params, threads, log):
    n_outputs = map.shape[0]

    def transform(block, spare):
        if n_outputs == 1:
            block = np.concatenate([np.zeros_like(block), block])
            spare = np.empty_like(block)
        normalise(block, block, spare, 0, log)
        return spare

    return _each_block(map, params, threads, max(2, n_outputs), transform)


def _each_block(map, params, threads, n_columns, transform):
    blocks = RowBlocks(map.n_rows, map.block_rows)
    scratch = Scratch(2, map.shape[0], blocks.largest, map.dtype)
    result = np.empty((map.n_rows, n_columns), dtype=map.dtype)
    bound = map.bind(params)

    def visit(rows):
        block, spare = scratch.blocks(rows.stop - rows.start)
        map.forward(bound, rows, block)
        result[rows] = transform(block, spare).T

    blocks.for_each(visit, threads)
    return result


def mean_loss(map, params, target, weights, threads):
    """Weighted mean loss of all rows, in nats: nothing of the size of the logits is stored."""
    return float(mean_losses(map, [params], target, weights, threads)[0])


def mean_losses(map, many_params, target, weights, threads):
    """The same for several parameters, shape (n_params,)."""
    blocks = RowBlocks(map.n_rows, map.block_rows)
    scratch = Scratch(2, map.shape[0], blocks.largest, map.dtype)
    many_bound = [map.bind(params) for params in many_params]

    def visit(rows, totals):
        relative, work = scratch.blocks(rows.stop - rows.start)
        part = None if weights is None else weights[rows]
        for number, bound in enumerate(many_bound):
            map.forward(bound, rows, relative)
            target.relate(relative, rows)
            loss, _ = target.loss_rows(relative, rows, work)
            loss = loss if part is None else loss * part
            totals[0][number] += np.add.reduce(loss, dtype=np.float64)

    (total,) = blocks.sum(visit, lambda: (np.zeros(len(many_bound)),), threads)
    return total / (map.n_rows if weights is None else np.add.reduce(weights))
