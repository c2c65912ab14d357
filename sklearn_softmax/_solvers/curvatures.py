"""Which model of curvature a composite problem is given, and when it is renewed."""

import numpy as np

from . import costs
from .models import BlockModel, DiagonalModel, FullModel

_PRODUCTS = 150.0  # passes that a Newton step takes by conjugate gradients
_MAX_PAIRS, _MAX_BYTES = 3000, 400 << 20
_ROWS_PER_COLUMN, _AFFORDABLE = 10, 40.0
_SETTLED = 1e-2  # what a model promises, over what the last one did: then it may serve again
_SHARE = 0.8  # of its bound, from which a zero parameter may move in a step


class Curvatures:
    """Models at the points of one composite problem.

    Parameters
    ----------
    objective : Objective
        Loss and ridge.
    penalty : Composite
        The norm.
    """

    def __init__(self, objective, penalty):
        self._objective, self._penalty = objective, penalty
        self._shape = n_outputs, width = objective.map.shape
        self._n_rows = objective.map.n_rows
        self._pass = costs.pass_cost(objective.map.n_entries, n_outputs)
        self._pins = np.zeros(self._shape, bool)
        self._pins[-1] = penalty.free & (n_outputs > 1)
        size = min(self._n_rows, _ROWS_PER_COLUMN * width)
        self._size, self._number = size, 0
        cost = costs.blocks_cost(n_outputs, size, width)
        self._blocks_pay = (
            cost <= _AFFORDABLE * self._pass and 8 * n_outputs * width**2 <= _MAX_BYTES
        )
        self._cost, self._model, self._made = cost / self._pass, None, -np.inf
        self._mask, self._full, self._promises = None, None, (np.inf, np.inf)

    def mask(self, params, gradient):
        """Parameters of which the whole Hessian is worth making, or None."""
        mask = np.ones(self._shape, bool)
        if self._full_pays(mask.size):
            return mask
        mask = self._penalty.candidates(params, gradient, _SHARE)
        return mask if self._full_pays(np.count_nonzero(mask)) else None

    def _full_pays(self, n_pairs):
        cost = costs.LARGE_PRODUCT * n_pairs**2 * (self._n_rows + 3.0 * n_pairs)
        return n_pairs <= _MAX_PAIRS and cost <= max(_PRODUCTS * self._pass, costs.CALLS)

    def full(self, point, mask, shape):
        """The Hessian of the parameters in a mask; the last one, where the point has hardly moved.

        What a stale Hessian promises is compared with the promise before: that must shrink.
        """
        if self._stale(mask):
            return self._full
        matrix = self._objective.pair_hessian(point, mask)
        self._full, self._mask = FullModel(matrix, shape, self._pins[mask].reshape(shape)), mask
        return self._full

    def _stale(self, mask):
        """Whether the last Hessian still serves, though it is of another point."""
        if self._mask is None or not np.array_equal(mask, self._mask):
            return False
        last, promise = self._promises
        return promise <= _SETTLED * last

    def promised(self, decrease):
        """Tell what the model in use promises."""
        self._promises = self._promises[1], decrease

    def approximate(self, point):
        """Blocks or a diagonal, not older than what it costs."""
        passes = self._objective.n_passes
        if self._model is None or passes - self._made >= self._cost:
            self._model, self._made = self._make(point), passes
        return self._model

    def _make(self, point):
        objective = self._objective
        if not self._blocks_pay:
            return DiagonalModel(objective.curvature_diagonal(point))
        ridge = objective.penalty.curvature.reshape(self._shape)
        if self._size == self._n_rows:
            blocks, _ = objective.class_blocks(point)
        else:
            blocks = self._sampled(point)
        np.einsum("kii->ki", blocks)[:] += ridge
        return BlockModel(blocks, objective.threads.for_each)

    def _sampled(self, point):
        objective, width = self._objective, self._shape[1]
        table, candidates = objective.variance_table(point)
        importance = objective.leverages()[candidates]
        blocks = np.empty((len(table), width, width))
        self._number += 1

        def assemble(k):
            seed = [self._number, k]
            blocks[k], _ = objective.class_gram(candidates, table[k], importance, self._size, seed)

        objective.threads.for_each(assemble, range(len(table)))
        return blocks
