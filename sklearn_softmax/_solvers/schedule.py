"""Which metric, of how many rows, and when to renew it: a cost model in passes over the data.

One *pass* is a product of the data with the parameters and one with the residuals, 4 E K
floating-point operations for E stored numbers and K outputs. A metric of width q costs
K (m q² + q³/3) operations for m rows a class, which run three times as fast, as products
of large matrices do.
"""

import numpy as np

from .metric import BlockMetric, DiagonalMetric, KroneckerMetric, LowRankMetric

_LARGE_PRODUCT = 0.35  # time of an operation in a large product, relative to a pass
_ROWS_PER_COLUMN = 10
_AFFORDABLE = 30.0  # passes that one metric may cost
_MAX_BYTES = 400 << 20


class MetricSchedule:
    """Builds metrics at the current weights and decides when to build the next.

    Parameters
    ----------
    objective : Objective
        Gives curvature, rows and costs.
    """

    def __init__(self, objective):
        self._objective = objective
        n_outputs, width = objective.map.shape
        n_rows = objective.map.n_rows
        self._size = max(_ROWS_PER_COLUMN * width, 2 * n_rows // width)
        self._damping, self._steps, self._spent = 0.01, [], 0.0
        self._number = 0
        self._gram_diagonal = None
        ridge = objective.penalty.curvature.reshape(n_outputs, width)
        self._ridge, self._gram = ridge, None
        self._build = self._choose()

    def _cost(self, n_blocks, size):
        width = self._objective.map.shape[1]
        flops = n_blocks * (size * width**2 + width**3 / 3)
        return _LARGE_PRODUCT * flops / (4 * self._objective.map.n_entries * self._n_outputs())

    def _n_outputs(self):
        return self._objective.map.shape[0]

    def _choose(self):
        n_outputs, width = self._objective.map.shape
        size = min(self._size, self._objective.map.n_rows)
        if size * 4 < width and self._objective.map.n_rows < width:
            return self._low_rank
        candidates = ((n_outputs, self._blocks), (1, self._shared))
        for n_blocks, build in candidates:
            self.cost = self._cost(n_blocks, size)
            if self.cost <= _AFFORDABLE and 8 * n_blocks * width**2 <= _MAX_BYTES:
                return build
        self.cost = 1.0
        return self._diagonal

    def first(self, point):
        """Metric at the start: exact where all probabilities are the class priors."""
        objective = self._objective
        n_outputs, width = objective.map.shape
        coef = point.params.reshape(n_outputs, width)[:, : objective.map.n_features]
        gram_cost = self._cost(1, objective.map.n_rows)
        if np.any(coef) or gram_cost > _AFFORDABLE or self._build == self._diagonal:
            return self.renew(point)
        priors = objective.target.frequencies(objective.weights)
        if n_outputs == 1:
            priors = np.array([priors[1]])
        self._number += 1
        return KroneckerMetric(
            priors, self._whole_gram(), self._ridge[0], (n_outputs, width), self._for_each
        )

    def _for_each(self, task, items):
        self._objective.threads.for_each(task, items)

    def _whole_gram(self):
        if self._gram is None:
            map = self._objective.map
            chosen = None
            if map.n_rows > 2 * self._size:
                chosen = np.random.default_rng(0).permutation(map.n_rows)[: self._size]
            self._gram = self._objective.gram(chosen)
        return self._gram

    def after(self, point, step, metric):
        """The metric for the next step: the last one, or a new one where it pays."""
        self._steps.append(step)
        self._spent += 1.0
        if self._spent < max(self.cost, 3.0):
            return metric
        median = np.median(self._steps)
        if median < 0.3:
            self._damping *= 8.0
        elif median > 0.8:
            self._damping /= 8.0
        self._size = int(1.5 * self._size)
        return self.renew(point)

    def renew(self, point):
        """A metric at the weights of `point`."""
        self._number += 1
        self._steps, self._spent = [], 0.0
        return self._build(point)

    def _table(self, point):
        return self._objective.variance_table(point)

    def _blocks(self, point):
        table, candidates = self._table(point)
        return self._factored(table, candidates)

    def _shared(self, point):
        table, candidates = self._table(point)
        return self._factored(table.mean(axis=0, keepdims=True), candidates)

    def _factored(self, table, candidates):
        objective, gram = self._objective, self._whole_gram()
        blocks = [None] * len(table)
        share = objective.scale * objective.map.n_rows / len(candidates)

        def assemble(k):
            rows = objective.weighted_rows(candidates, table[k], self._size, [self._number, k])
            block = rows.T @ rows
            block += (self._damping * share * table[k].sum(dtype=np.float64)) * gram
            np.einsum("ii->i", block)[:] += self._ridge[k]
            blocks[k] = block

        self._for_each(assemble, range(len(table)))
        return BlockMetric(blocks, objective.map.shape, self._for_each)

    def _low_rank(self, point):
        return self._diagonal(point)

    def _diagonal(self, point):
        return DiagonalMetric(self._objective.curvature_diagonal(point))
