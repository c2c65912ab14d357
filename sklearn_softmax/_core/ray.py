"""The mean loss of softmax(t · logits), t > 0, with its derivatives."""

from copy import copy

import numpy as np

from .blocks import RowBlocks, Scratch

_BLOCK_NUMBERS = 125_000  # two blocks of logits stay in the cache


def succession_loss(total):
    """Mean loss, in nats, that a rule may have which was right `total` times out of `total`.

    Laplace's rule of succession gives it a probability of (total + 1) / (total + 2) to be right
    the next time.
    """
    return np.log1p(1.0 / (1.0 + total))


class Ray:
    """Value and three derivatives at any t; nothing of the size of the logits is stored.

    With u = t · unit · logits, those of a row's loss are the cumulants of u / t under softmax(u).
    Blocks are row-major, as the logits are: sums over classes are products with ones. The label
    is left out of the sums and added as a number for each row, so that tiny losses and slopes
    keep their relative precision.

    Parameters
    ----------
    logits : ndarray of shape (n_rows, n_classes)
        With 0 as the largest of a row.
    labels : ndarray of shape (n_rows,)
        Class numbers.
    weights : ndarray of shape (n_rows,)
        Weights of the rows.
    unit : float
        Of t.
    threads : Threads
        Runs the blocks.
    """

    def __init__(self, logits, labels, weights, unit, threads):
        n_rows, n_classes = logits.shape
        self._logits, self._unit, self._threads = logits, unit, threads
        self._weights = weights / np.add.reduce(weights)
        self._flat = np.arange(n_rows) * n_classes + labels
        self._own = logits.reshape(-1)[self._flat]
        self._blocks = RowBlocks(n_rows, max(64, _BLOCK_NUMBERS // n_classes))
        self._compute_in(np.float64)

    def _compute_in(self, dtype):
        self._ones = np.ones(self._logits.shape[1], dtype)
        self._scratch = Scratch(2, len(self._ones), self._blocks.largest, dtype)

    def in_single(self):
        """The same with exponentials in float32: in half the time, and good enough to start."""
        single = copy(self)
        single._compute_in(np.float32)
        return single

    def evaluate(self, t):
        """Value, slope, curvature and third derivative."""
        slope = t * self._unit

        def visit(rows, totals):
            terms = _cumulants(self._sums(slope, rows), slope * self._own[rows])
            totals[0][:] += terms @ self._weights[rows]

        with np.errstate(over="ignore", under="ignore"):
            (sums,) = self._blocks.sum(visit, lambda: (np.zeros(4),), self._threads)
        return sums / t ** np.arange(4)

    def limit(self):
        """Value as t grows: finite only where no label has a logit above its own."""
        if self._own.min() < 0.0:
            return np.inf
        return np.log(np.count_nonzero(self._logits == 0.0, axis=1)) @ self._weights

    def _sums(self, slope, rows):
        """Sums of exp(u) u^j over the classes other than the label, shape (4, n_rows)."""
        n_rows, n_classes = rows.stop - rows.start, len(self._ones)
        u, work = (part.reshape(n_rows, n_classes) for part in self._scratch.blocks(n_rows))
        np.multiply(self._logits[rows], slope, out=u, casting="same_kind")
        np.exp(u, out=work)
        work.reshape(-1)[self._flat[rows] - rows.start * n_classes] = 0.0
        sums = np.empty((4, n_rows))
        sums[0] = work @ self._ones
        for power in range(1, 4):
            work *= u
            sums[power] = work @ self._ones
        return sums


def _cumulants(sums, own):
    """Loss of each row, and cumulants of u less that of the label."""
    square = own * own
    excess = sums[0] + np.expm1(own)  # the largest exponential of all is 1
    sums[1:] += np.exp(own) * np.array([own, square, square * own])
    first, second, third = sums[1:] / (1.0 + excess)
    curvature = np.maximum(second - first * first, 0.0)
    skew = third - first * (second + 2.0 * curvature)
    return np.array([np.log1p(excess) - own, first - own, curvature, skew])
