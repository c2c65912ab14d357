"""The same rows under several weightings, as in folds: many ridge problems at once.

Small problems take the time of calls, not of operations: here a call serves many. Logits are
relative to a reference, which is class 0 of two classes and else the last: parameters are the
differences u to it, of shape (n_problems, n, width) with n = max(1, K - 1). With the class sum
of all parameters held at zero, the ridge of each feature is ½ r u'Tu, T = I - 11'/K (for two
classes T = 1); its conjugate has T⁻¹ = I + 11'.
"""

from copy import copy

import numpy as np

from ..._kept import kept
from ..exponentials import exponentials
from . import gap
from .state import State

_BLOCK = 1 << 16  # numbers
_FEW = 0.5  # share of the weights that differ: below, moments are those of others less these


def _row_products(rows):
    """Products of the features of each row, and where in their order each pair of them is."""
    (n_rows, width), start = rows.shape, 0
    products = np.empty((n_rows, width * (width + 1) // 2))
    place = np.empty((width, width), np.intp)
    for column in range(width):
        part = slice(start, start + column + 1)
        np.multiply(rows[:, : column + 1], rows[:, column, None], out=products[:, part])
        place[column, : column + 1] = place[: column + 1, column] = np.arange(start, part.stop)
        start = part.stop
    return products, place


class Weightings:
    """Softmax regression with a ridge under several weightings of the rows.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, width)
        Features, and a column of ones where there is an intercept.
    table : ndarray of shape (n_rows, K)
        Distributions over the classes.
    weights : ndarray of shape (n_weightings, n_rows)
        Non-negative. Where others differ little from the first, `spread` takes less time.
    offset : ndarray of shape (1 or K, n_rows) or None
        Known term of the logits; one row for two classes, as of a single output.
    threads : Threads
        Run blocks of rows.

    Attributes
    ----------
    n_free : int
        n.
    tie : ndarray of shape (n, n)
        T.
    """

    def __init__(self, rows, table, weights, offset=None, *, threads):
        self.threads, n_classes = threads, table.shape[1]
        self.rows = np.ascontiguousarray(rows)
        self._columns = np.ascontiguousarray(self.rows.T)  # products with these take less time
        self._weigh(weights)
        self.n_free = n = n_classes - 1
        self._table = np.ascontiguousarray((table[:, 1:] if n == 1 else table[:, :-1]).T)
        self._offset = offset
        if offset is not None and n > 1:
            self._offset = offset[:-1] - offset[-1]
        self.tie = np.eye(n) - (0.0 if n == 1 else 1.0 / n_classes)
        self._pairs = np.tril_indices(n)

    @kept
    def _products(self):
        return _row_products(self.rows)

    def under(self, weights, threads):
        """The same rows under other weights, which share what is large."""
        other = copy(self)
        other._weigh(weights)
        other.threads = threads
        return other

    def _weigh(self, weights):
        self._raw, self.weights = weights, weights / weights.sum(axis=1, keepdims=True)

    def __len__(self):
        return len(self.weights)

    @property
    def totals(self):
        """Sums of the weights."""
        return self._raw.sum(axis=1)

    @property
    def n_curvatures(self):
        """Numbers that hold the curvature of all rows of one problem."""
        return len(self.rows) * len(self._pairs[0])

    def at(self, which, params, ridge):
        """Evaluate problems, whose weightings have these numbers."""
        n_problems, n, width = params.shape
        chances = np.empty((n_problems, n, len(self.rows)))
        losses = np.empty((n_problems, len(self.rows)))

        def visit(rows):
            losses[:, rows] = self._losses(self.forward(params, rows), rows, chances[:, :, rows])

        self.threads.for_each(visit, self.slices(n_problems))
        return self._state(which, params, ridge, chances, losses)

    def _losses(self, logits, rows, chances):
        """Losses of some rows; their probabilities are written to `chances`."""
        table = self._table[:, rows]
        if self._offset is not None:
            logits += self._offset[:, rows]
        largest = np.maximum(logits.max(axis=1), 0.0)
        logits -= largest[:, None]
        own = np.einsum("fkb,kb->fb", logits, table)
        own -= largest * (1.0 - np.add.reduce(table))
        exponentials(logits, out=logits)
        sums = np.add.reduce(logits, axis=1) + np.exp(-largest)
        np.divide(logits, sums[:, None], out=chances)
        return np.log(sums) - own

    def _state(self, which, params, ridge, chances, losses):
        weights = self.weights[which]
        tied = ridge[:, None] * (self.tie @ params)
        value = np.einsum("fb,fb->f", weights, losses)
        value += 0.5 * np.einsum("fkj,fkj->f", params, tied)

        def residuals_of(rows):
            residuals = chances[:, :, rows] - self._table[:, rows]
            residuals *= weights[:, None, rows]
            return residuals

        gradient = tied + self._adjoint(residuals_of, params.shape)
        return State(which, ridge, params, gradient, value, chances, losses)

    def _adjoint(self, residuals_of, shape):
        """Sums over the rows of residuals times features, block by block, in their order."""
        slices = self.slices(shape[0])
        parts = [None] * len(slices)

        def visit(number):
            residuals = residuals_of(slices[number])
            parts[number] = residuals.reshape(shape[0] * shape[1], -1) @ self.rows[slices[number]]

        self.threads.for_each(visit, range(len(slices)))
        total = parts[0]
        for part in parts[1:]:
            total += part
        return total.reshape(shape)

    def slices(self, n_problems):
        """Blocks of rows whose logits stay in the cache."""
        step = max(64, _BLOCK // (n_problems * self.n_free))
        return [slice(first, first + step) for first in range(0, len(self.rows), step)]

    def forward(self, params, rows=slice(None)):
        """Relative logits, shape (n_problems, n, n_rows)."""
        n_problems, n, width = params.shape
        logits = params.reshape(n_problems * n, width) @ self._columns[:, rows]
        return logits.reshape(n_problems, n, -1)

    def hessian(self, state):
        """The Hessians, shape (n_problems, n * width, n * width)."""
        pairs = self._curvatures(state.chances, self.weights[state.which])
        return self._matrices(self._moments(pairs), state.ridge)

    def _curvatures(self, chances, weights):
        """s p_k ([k = l] - p_l) of all pairs k ≥ l of classes, for each row."""
        n_problems, n, n_rows = chances.shape
        pairs, start = np.empty((n_problems, n * (n + 1) // 2, n_rows)), 0
        weighted = chances * weights[:, None]
        for k in range(n):
            part = pairs[:, start : start + k + 1]
            np.multiply(chances[:, : k + 1], -weighted[:, k : k + 1], out=part)
            part[:, k] += weighted[:, k]
            start += k + 1
        return pairs

    def _moments(self, pairs, rows=slice(None)):
        n_problems, n_pairs, n_rows = pairs.shape
        moments = pairs.reshape(n_problems * n_pairs, n_rows) @ self._products[0][rows]
        return moments.reshape(n_problems, n_pairs, -1)

    def _matrices(self, moments, ridge):
        """Hessians from the moments of all pairs."""
        (first, second), width, n = self._pairs, self.rows.shape[1], self.n_free
        blocks = np.empty((len(moments), n, width, n, width))
        full = moments[:, :, self._products[1]].transpose(1, 0, 2, 3)
        blocks[:, first, :, second] = blocks[:, second, :, first] = full
        np.einsum("fkjlj->fklj", blocks)[:] += self.tie[:, :, None] * ridge[:, None, None]
        return blocks.reshape(len(moments), n * width, n * width)

    def spread(self, state, which, ridge):
        """Problems of other weightings at the parameters of some of the first, and Hessians.

        Parameters
        ----------
        state : State
            Of the first weighting, for any number of ridges.
        which : ndarray of shape (n_others,), int
            Numbers of weightings.
        ridge : ndarray of shape (len(state) * n_others, width)
            One for each of these, for each problem of `state`.

        Returns
        -------
        state : State
        hessian : ndarray of shape (len(state), n * width, n * width)
        """
        numbers, repeated = np.repeat(np.arange(len(state)), len(which)), np.tile(which, len(state))
        chances, losses = state.chances[numbers], state.losses[numbers]
        others = self._state(repeated, state.params[numbers], ridge, chances, losses)
        pairs = self._curvatures(state.chances, np.broadcast_to(1.0, (len(state), len(self.rows))))
        whole = self._moments(pairs * self._raw[0])
        moments = np.stack([self._less(pairs, whole, number) for number in which], axis=1)
        return others, self._matrices(moments.reshape(-1, *whole.shape[1:]), ridge)

    def _less(self, pairs, whole, number):
        """Moments of a weighting from those of the first, `whole`."""
        raw = self._raw[number]
        less = self._raw[0] - raw
        rows = np.flatnonzero(less)
        if len(rows) > _FEW * len(raw):
            return self._moments(pairs * self.weights[number])
        return (whole - self._moments(pairs[:, :, rows] * less[rows], rows)) / raw.sum()

    def product(self, state, direction, ranges=None):
        """Products of the Hessians with one direction each.

        `ranges`, of shape (n_problems,) and zero at first, receives the range over the classes by
        which logits change, in the row of weight where it is widest.
        """
        weights, widths = self.weights[state.which], {}

        def curved(rows):
            chances, change = state.chances[:, :, rows], self.forward(direction, rows)
            if ranges is not None:
                widths[rows.start] = gap.widest(change, weights[:, rows])
            change -= np.einsum("fkb,fkb->fb", chances, change)[:, None]
            change *= chances
            change *= weights[:, None, rows]
            return change

        product = self._adjoint(curved, direction.shape)
        for width in widths.values():
            np.maximum(ranges, width, out=ranges)
        return product + state.ridge[:, None] * (self.tie @ direction)

    def row_losses(self, params, numbers, table):
        """Loss of one row under the parameters of each problem.

        Parameters
        ----------
        params : ndarray of shape (n_problems, n, width)
        numbers : ndarray of shape (n_problems,), int
            Of the rows.
        table : ndarray of shape (n_problems, K)
            Distributions that they are compared with.

        Returns
        -------
        ndarray of shape (n_problems,)
            In nats.
        """
        logits = np.einsum("fkj,fj->fk", params, self.rows[numbers])
        if self._offset is not None:
            logits += self._offset[:, numbers].T
        place = 0 if self.n_free == 1 else self.n_free
        logits = np.insert(logits, place, 0.0, axis=1)
        logits -= logits.max(axis=1, keepdims=True)
        own = np.einsum("fk,fk->f", table, logits)
        return np.log(np.add.reduce(np.exp(logits), axis=1)) - own

    cost = gap.cost
    balanced_gap = gap.balanced_gap
    newton_gap = gap.newton_gap
