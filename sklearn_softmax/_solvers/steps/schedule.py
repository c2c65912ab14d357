"""Which metric, and when to renew it: never more often than it costs passes over the data."""

import numpy as np

from ..._kept import kept
from .. import costs
from .metric import BlockMetric, DiagonalMetric, KroneckerMetric, LowRankMetric

_ROWS_PER_COLUMN = 10
_GROWTH, _MOST_GROWTH = 1.5, 4.0
_AFFORDABLE = 30.0  # passes that one metric may cost, unless a step takes more
_MAX_BYTES = 400 << 20
_DAMPING, _DAMPING_FACTOR, _LEAST_DAMPING = 0.01, 8.0, 1e-4
_LEAST_WEIGHT = 1e-8  # of a class beside the largest: separable ones have next to no curvature
_SHORT_STEP, _FULL_STEP = 0.3, 0.8
_LEAST_AGE = 5  # steps that a metric serves at least; it is renewed where
_MOVED = 0.05  # the value has fallen by this share of it since, or where
_CONTRACTION = 0.5  # decreases shrink by no more than this factor a step,
_FAR_MORE = 2.0  # unless fewer steps are left than that many times its cost


class MetricSchedule:
    """Builds metrics at the current weights and decides when to build the next.

    Curvature moves with the parameters, by factors where the classes are almost separable.
    A share of the unweighted Gram matrix damps the metric: more where steps come out short,
    less where full steps are taken.

    Parameters
    ----------
    objective : Objective
        Gives curvature, rows and costs.
    tol : float, default=0
        Bound on the gap relative to the value, where fits end.
    """

    def __init__(self, objective, tol=0.0):
        self._objective = objective
        self._shape = _, width = objective.map.shape
        self._n_rows = objective.map.n_rows
        self._size = max(_ROWS_PER_COLUMN * width, self._n_rows // width)
        self._largest = _MOST_GROWTH * self._size
        self._ridge = objective.penalty.curvature.reshape(self._shape)
        self._damping, self._number = _DAMPING, 0
        self._gram = self._blocks = None
        self._age, self._steps, self._drops = 0, [], []
        self._value = self._last = np.inf
        self._tol, self._log_gap = tol, np.inf
        self._affordable_passes = _AFFORDABLE
        self._build, self._cost = self._choose()
        n_outputs, width = self._shape
        cheap = costs.whole_blocks_pay(n_outputs, self._n_rows, width)
        self._whole = cheap or objective.moments.kept

    def _block_cost(self, n_blocks, size):
        n_outputs, width = self._shape
        n_entries = self._objective.map.n_entries
        return costs.metric_ratio(n_blocks, size, width, n_entries, n_outputs)

    def _affordable(self, n_blocks, size):
        memory = 8 * n_blocks * self._shape[1] ** 2
        return memory <= _MAX_BYTES and self._block_cost(n_blocks, size) <= self._affordable_passes

    def _choose(self):
        """How metrics are built, and their cost: no bound method, for a cycle would keep memory."""
        size, n_outputs = min(self._size, self._n_rows), self._shape[0]
        if self._affordable(n_outputs, size):
            return MetricSchedule._class_blocks, self._block_cost(n_outputs, size)
        if self._affordable(1, self._n_rows):
            return MetricSchedule._few_rows, self._block_cost(1, size)
        return MetricSchedule._diagonal, 1.0

    @property
    def is_diagonal(self):
        """Whether metrics are diagonals, others being too dear."""
        return self._build is MetricSchedule._diagonal

    def afford(self, n_passes):
        """Let metrics cost as many passes as a step took in the last one."""
        if n_passes > self._affordable_passes:
            self._affordable_passes = n_passes
            self._build, self._cost = self._choose()

    def first(self, point):
        """Metric at the start: exact where all probabilities are the class priors.

        Of standardised features its diagonal takes no pass.
        """
        objective = self._objective
        coef = point.params.reshape(self._shape)[:, : objective.map.n_features]
        if np.any(coef):
            return self.renew(point)
        priors = objective.target.frequencies(objective.weights)
        if self.is_diagonal:
            self._value = self._last = point.value
            variances = (priors * (1.0 - priors))[: self._shape[0], None]
            return DiagonalMetric(variances + self._ridge)
        if not self._affordable(1, self._n_rows):
            return self.renew(point)
        return KroneckerMetric(
            priors, self._whole_gram(), self._ridge[0], self._shape, objective.threads.for_each
        )

    def after(self, point, step, metric):
        """The metric for the next step: the last one, damped anew, or a new one."""
        self._age += 1
        self._steps.append(step)
        self._drops.append(self._last - point.value)
        self._last = point.value
        old = self._age >= max(self._cost, _LEAST_AGE)
        if old and self._is_stale(point) and self._pays(point):
            if self._blocks is not None and np.median(self._steps) > _FULL_STEP:
                self._damping = max(self._damping / _DAMPING_FACTOR, _LEAST_DAMPING)
            self._size = min(int(_GROWTH * self._size), self._largest)
            return self.renew(point)
        if self._blocks is not None and max(self._steps[-2:]) < _SHORT_STEP and self._age > 1:
            self._damping *= _DAMPING_FACTOR
            self._steps = []
            return self._damped()
        return metric

    def _pays(self, point):
        """Whether the steps still to come, at this metric's rate, are far more than it costs.

        The rate is that at which the gap of the gradient falls, where it is to be certified.
        """
        if not (self._tol > 0.0 and np.isfinite(self._log_gap) and self._objective.certifiable):
            return True
        now = self._log_gap_at(point)
        left = now - np.log(self._tol * point.value)
        return left * self._age > _FAR_MORE * self._cost * (self._log_gap - now)

    def _log_gap_at(self, point):
        return np.log(max(self._objective.residual_gap(point), np.finfo(np.float64).tiny))

    def _is_stale(self, point):
        moved = self._value - point.value > _MOVED * point.value
        slow = self._drops[-1] > _CONTRACTION**2 * self._drops[-3]
        return moved or slow

    def renew(self, point):
        """A metric at the weights of `point`."""
        self._number += 1
        self._age, self._steps, self._drops = 0, [], []
        self._value = self._last = point.value
        self._log_gap = self._log_gap_at(point)
        return self._build(self, point)

    def of_active_rows(self, rows, point):
        """A metric of exact blocks, from rows that have been copied, where blocks are cheap."""
        if self._build is not MetricSchedule._class_blocks:
            return self.renew(point)
        blocks = rows.class_blocks()
        np.einsum("kii->ki", blocks)[:] += self._ridge
        for_each = self._objective.threads.for_each
        return BlockMetric(blocks.__getitem__, len(blocks), self._shape, for_each)

    def _whole_gram(self):
        if self._gram is None:
            self._gram = self._objective.gram()
        return self._gram

    @kept
    def importance(self):
        """What the curvature of each row is multiplied with: see `leverages`."""
        return self._objective.leverages()

    @kept
    def _drawable(self):
        """Numbers of the rows that may be drawn, and their importance."""
        rows = self._objective.candidates()
        return rows, self._objective.leverages(rows)

    def _class_blocks(self, point):
        if self._whole:
            self._blocks, self._mean_weights = self._objective.class_blocks(point)
            return self._damped()
        self._sample_blocks(self._objective.variance_table(point, self._drawable[0]))
        return self._damped()

    def _sample_blocks(self, table):
        objective, width = self._objective, self._shape[1]
        candidates, importance = self._drawable
        self._blocks = blocks = np.empty((len(table), width, width))
        counts, rng = np.empty(len(table)), np.random.default_rng(self._number)
        drawn = rng.random(len(candidates), dtype=np.float32)
        objective.rest()

        def assemble(k):
            found = objective.class_gram(candidates, table[k], importance, self._size, drawn)
            blocks[k], counts[k] = found

        work = costs.blocks_cost(len(table), self._size, width)
        objective.threads.for_each(assemble, range(len(table)), costs.threads_pay(work))
        self._cost = self._block_cost(len(table), np.mean(counts))
        share = objective.scale * self._n_rows / len(candidates)
        self._mean_weights = share * np.add.reduce(table, axis=1, dtype=np.float64)

    def _damped(self):
        weights = np.maximum(self._mean_weights, _LEAST_WEIGHT * self._mean_weights.max())
        damping = self._damping * weights
        gram, for_each = self._whole_gram(), self._objective.threads.for_each

        def damped(classes):
            total = damping[classes, None, None] * gram
            total += self._blocks[classes]
            np.einsum("kii->ki", total)[:] += self._ridge[classes]
            return total

        return BlockMetric(damped, len(self._blocks), self._shape, for_each)

    def _few_rows(self, point):
        """Low rank where few rows carry the curvature of each class, else one shared block."""
        objective = self._objective
        candidates, _ = self._drawable
        table = objective.variance_table(point, candidates)
        chosen = [np.flatnonzero(weights >= weights.mean()) for weights in table]
        most = max(len(rows) for rows in chosen)
        if most > self._shape[1] // 2:
            self._sample_blocks(table.mean(axis=0, keepdims=True))
            return self._damped()
        self._blocks = None
        share = objective.scale * self._n_rows / len(candidates)
        totals = share * np.add.reduce(table, axis=1, dtype=np.float64)
        least = max(_LEAST_WEIGHT * totals.max(), np.finfo(np.float64).tiny)
        drawn, diagonals = [], np.empty(self._shape)
        for k, rows in enumerate(chosen):
            weights = share * table[k][rows].astype(np.float64)
            drawn.append(objective.map.rows(candidates[rows]) * np.sqrt(weights)[:, None])
            rest = max(totals[k] - weights.sum(), _DAMPING * totals[k], least)
            diagonals[k] = self._ridge[k] + rest
        return LowRankMetric(drawn, diagonals, objective.threads.for_each)

    def _diagonal(self, point):
        return DiagonalMetric(self._objective.curvature_diagonal(point))
