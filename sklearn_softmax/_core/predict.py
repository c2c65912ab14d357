"""Logits, probabilities and losses of new rows: one pass, in blocks."""

import numpy as np

from .blocks import RowBlocks, Scratch
from .softmax import log_softmax, softmax


def logits(map, params, threads):
    """Logits of all rows, shape (n_rows, n_outputs)."""
    return _each_block(map, params, threads, map.shape[0], lambda block: block)


def probabilities(map, params, threads):
    """Softmax of the logits of all rows, shape (n_rows, n_classes).

    A single output is the log-odds of the second of two classes.
    """
    return _classes(map, params, threads, softmax)


def log_probabilities(map, params, threads):
    """Logarithms of `probabilities`, computed from the logits."""
    return _classes(map, params, threads, log_softmax)


def uncertainties(map, params, threads):
    """Σ_k p_k (1 - p_k) of all rows, shape (n_rows,)."""
    chances = probabilities(map, params, threads)
    chances *= 1.0 - chances
    return chances.sum(axis=1)


def _classes(map, params, threads, function):
    n_outputs = map.shape[0]

    def transform(block):
        if block.shape[1] == 1:  # NumPy adds up a lone column in another order
            return transform(np.repeat(block, 2, axis=1))[:, :1]
        if n_outputs == 1:
            block = np.concatenate([np.zeros_like(block), block])
        return function(block, axis=0, out=block)

    return _each_block(map, params, threads, max(2, n_outputs), transform)


def _each_block(map, params, threads, n_columns, transform):
    blocks = RowBlocks(map.n_rows, map.block_rows)
    scratch = Scratch(1, map.shape[0], blocks.largest, map.dtype)
    result = np.empty((map.n_rows, n_columns), dtype=map.dtype)
    bound = map.bind(params)

    def visit(rows):
        (block,) = scratch.blocks(rows.stop - rows.start)
        map.forward(bound, rows, block)
        result[rows] = transform(block).T

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
