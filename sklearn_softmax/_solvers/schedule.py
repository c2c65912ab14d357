"""Which metric, and when to renew it: a cost model in passes over the data.

One *pass* is a product of the data with the parameters and one with the residuals, 4 E K
operations for E stored numbers and K outputs. The class blocks of width q take K m q² of m
rows a class, and K q³ / 3 to factorise; large products run about three times as fast as the
thin ones of a pass.
"""

import numpy as np

from .metric import BlockMetric, DiagonalMetric, KroneckerMetric, LowRankMetric

_LARGE_PRODUCT = 0.35  # time of an operation in a large product, relative to a pass
_CALLS = 2e6  # operations in the time that the calls of a pass take
_ROWS_PER_COLUMN = 10
_GROWTH, _MOST_GROWTH = 1.5, 4.0
_AFFORDABLE = 30.0  # passes that one metric may cost
_MAX_BYTES = 400 << 20
_DAMPING, _DAMPING_FACTOR, _LEAST_DAMPING = 0.01, 8.0, 1e-4
_SHORT_STEP, _FULL_STEP = 0.3, 0.8
_LEAST_AGE = 3  # steps that a metric serves at least; it is renewed where
_MOVED = 0.05  # the value has fallen by this share of it since, or where
_CONTRACTION = 0.5  # decreases shrink by no more than this factor a step


class MetricSchedule:
    """Builds metrics at the current weights and decides when to build the next.

    Curvature moves with the parameters, by factors where the classes are almost separable.
    A share of the unweighted Gram matrix damps the metric: more where steps come out short,
    less where full steps are taken.

    Parameters
    ----------
    objective : Objective
        Gives curvature, rows and costs.
    """

    def __init__(self, objective):
        self._objective = objective
        self._shape = _, width = objective.map.shape
        self._n_rows = objective.map.n_rows
        self._size = max(_ROWS_PER_COLUMN * width, 2 * self._n_rows // width)
        self._largest = _MOST_GROWTH * self._size
        self._ridge = objective.penalty.curvature.reshape(self._shape)
        self._damping, self._number = _DAMPING, 0
        self._gram = self._importance = self._blocks = None
        self._age, self._steps, self._drops = 0, [], []
        self._value = self._last = np.inf
        self._build, self._cost = self._choose()

    def _block_cost(self, n_blocks, size):
        width = self._shape[1]
        operations = n_blocks * (size * width**2 + width**3 / 3)
        per_pass = 4.0 * self._objective.map.n_entries * self._shape[0]
        return _LARGE_PRODUCT * operations / max(per_pass, _CALLS)

    def _affordable(self, n_blocks, size):
        memory = 8 * n_blocks * self._shape[1] ** 2
        return memory <= _MAX_BYTES and self._block_cost(n_blocks, size) <= _AFFORDABLE

    def _choose(self):
        size, n_outputs = min(self._size, self._n_rows), self._shape[0]
        if self._affordable(n_outputs, size):
            return self._class_blocks, self._block_cost(n_outputs, size)
        if self._affordable(1, self._n_rows):
            return self._few_rows, self._block_cost(1, size)
        return self._diagonal, 1.0

    def first(self, point):
        """Metric at the start: exact where all probabilities are the class priors."""
        objective = self._objective
        coef = point.params.reshape(self._shape)[:, : objective.map.n_features]
        if np.any(coef) or self._build == self._diagonal or not self._affordable(1, self._n_rows):
            return self.renew(point)
        priors = objective.target.frequencies(objective.weights)[-self._shape[0] :]
        return KroneckerMetric(
            priors, self._whole_gram(), self._ridge[0], self._shape, objective.threads.for_each
        )

    def after(self, point, step, metric):
        """The metric for the next step: the last one, damped anew, or a new one."""
        self._age += 1
        self._steps.append(step)
        self._drops.append(self._last - point.value)
        self._last = point.value
        if self._age >= max(self._cost, _LEAST_AGE) and self._is_stale(point):
            if self._blocks is not None and np.median(self._steps) > _FULL_STEP:
                self._damping = max(self._damping / _DAMPING_FACTOR, _LEAST_DAMPING)
            self._size = min(int(_GROWTH * self._size), self._largest)
            return self.renew(point)
        if self._blocks is not None and max(self._steps[-2:]) < _SHORT_STEP and self._age > 1:
            self._damping *= _DAMPING_FACTOR
            self._steps = []
            return self._damped()
        return metric

    def _is_stale(self, point):
        moved = self._value - point.value > _MOVED * point.value
        slow = self._drops[-1] > _CONTRACTION**2 * self._drops[-3]
        return moved or slow

    def renew(self, point):
        """A metric at the weights of `point`."""
        self._number += 1
        self._age, self._steps, self._drops = 0, [], []
        self._value = self._last = point.value
        return self._build(point)

    def _whole_gram(self):
        if self._gram is None:
            self._gram = self._objective.gram()
        return self._gram

    def _leverages(self, candidates):
        if len(candidates) <= self._size:
            return None
        if self._importance is None:
            self._importance = self._objective.leverages()
        return self._importance[candidates]

    def _class_blocks(self, point):
        table, candidates = self._objective.variance_table(point)
        return self._sample_blocks(table, candidates)

    def _sample_blocks(self, table, candidates):
        objective, importance = self._objective, self._leverages(candidates)
        self._blocks = blocks = [None] * len(table)

        def assemble(k):
            seed = [self._number, k]
            blocks[k] = objective.class_gram(candidates, table[k], importance, self._size, seed)

        objective.threads.for_each(assemble, range(len(table)))
        share = objective.scale * self._n_rows / len(candidates)
        self._mean_weights = share * np.add.reduce(table, axis=1, dtype=np.float64)
        return self._damped()

    def _damped(self):
        gram, for_each = self._whole_gram(), self._objective.threads.for_each
        blocks = [
            block + (self._damping * weight) * gram + np.diag(ridge)
            for block, weight, ridge in zip(
                self._blocks, self._mean_weights, self._ridge, strict=False
            )
        ]
        return BlockMetric(blocks, self._shape, for_each)

    def _few_rows(self, point):
        """Low rank where few rows carry the curvature of each class, else one shared block."""
        objective = self._objective
        table, candidates = objective.variance_table(point)
        chosen = [np.flatnonzero(weights >= weights.mean()) for weights in table]
        most = max(len(rows) for rows in chosen)
        if most > self._shape[1] // 2:
            return self._sample_blocks(table.mean(axis=0, keepdims=True), candidates)
        self._blocks = None
        share = objective.scale * self._n_rows / len(candidates)
        totals = share * np.add.reduce(table, axis=1, dtype=np.float64)
        kept, diagonals = [], np.empty(self._shape)
        for k, rows in enumerate(chosen):
            weights = share * table[k][rows].astype(np.float64)
            kept.append(objective.map.rows(candidates[rows]) * np.sqrt(weights)[:, None])
            rest = max(totals[k] - weights.sum(), _DAMPING * totals[k])
            diagonals[k] = self._ridge[k] + rest
        return LowRankMetric(kept, diagonals, objective.threads.for_each)

    def _diagonal(self, point):
        return DiagonalMetric(self._objective.curvature_diagonal(point))
