"""The objective along a line: evaluated anew, or from cached margins."""

import numpy as np


class FusedLine:
    """Every trial is a full evaluation; nothing of the size of the logits is stored."""

    def __init__(self, objective, point, direction):
        self._objective, self._start, self._direction = objective, point.params, direction
        self._trials = {}

    def evaluate(self, step):
        """Value and slope at ``params + step * direction``."""
        trial = self._objective.at(self._start + step * self._direction)
        self._trials[step] = trial
        return trial.value, np.dot(trial.gradient, self._direction)

    def take(self, step):
        """The point at `step`, which must have been evaluated."""
        return self._trials[step]


class CachedLine:
    """Trials are elementwise work on cached logits.

    The first trial is made while the margins are computed, block by block. The trial with the
    number of the one that was taken on the line before comes with its gradient: if it is taken,
    too, no block is visited again, and a line with one trial is a single pass over the blocks.
    """

    def __init__(self, objective, point, direction):
        self._objective, self._cache = objective, point.cache
        self._start, self._direction = point.params, direction
        self._bound = objective.map.bind(direction)
        self._steps, self._points = [], {}

    def evaluate(self, step):
        """Value and slope at ``params + step * direction``."""
        block = self._block if self._steps else self._new_block
        self._steps.append(step)
        if not (self._objective.eager or len(self._steps) == self._objective.trial):
            return self._slope_at(step, block)
        point = self._points[step] = self._point_at(step, block)
        return point.value, np.dot(point.gradient, self._direction)

    def take(self, step):
        """The point at `step`; the cache of the starting point becomes its own."""
        self._objective.trial = 1 + self._steps.index(step)
        point = self._points.get(step)
        if point is None:
            point = self._point_at(step, self._block)
        self._cache.advance(step)
        return point

    def _new_block(self, rows):
        """Relative logits and margins of a block, the margins computed now."""
        objective, cache = self._objective, self._cache
        relative, margins = cache.relative(rows), cache.margins(rows)
        objective.map.forward(self._bound, rows, margins)
        objective.target.relate_direction(margins, rows)
        return relative, margins

    def _block(self, rows):
        return self._cache.relative(rows), self._cache.margins(rows)

    def _trials(self, step, block, visit, zeros):
        """Pass over the trial logits at `step`: ``visit(trial, margins, work, rows, totals)``."""
        objective = self._objective

        def visit_rows(rows, totals):
            relative, margins = block(rows)
            trial, work = objective.scratch.blocks(rows.stop - rows.start)
            if step == 1.0:
                np.add(relative, margins, out=trial)
            else:
                np.multiply(margins, float(step), out=trial)
                trial += relative
            visit(trial, margins, work, rows, totals)

        if block == self._new_block:
            objective.n_passes += 0.5
        return objective.blocks.sum(visit_rows, zeros, objective.threads)

    def _point_at(self, step, block):
        objective = self._objective

        def visit(trial, margins, work, rows, totals):
            objective.add_residuals(trial, work, rows, totals)

        totals = self._trials(step, block, visit, objective.zeros)
        return objective.point(self._params(step), totals, self._cache)

    def _slope_at(self, step, block):
        objective, target = self._objective, self._objective.target

        def visit(trial, margins, work, rows, totals):
            loss, inverse = target.loss_rows(trial, rows, work)
            slopes = target.slopes(work, inverse, margins, rows)
            weights = objective.weights_of(rows)
            if weights is not None:
                loss *= weights
                slopes *= weights
            totals[0][0] += np.add.reduce(loss, dtype=np.float64)
            totals[0][1] += np.add.reduce(slopes, dtype=np.float64)

        (sums,) = self._trials(step, block, visit, lambda: (np.zeros(2),))
        value, gradient = objective.penalty.evaluate(self._params(step))
        loss, slope = objective.scale * sums
        return loss + value, slope + np.dot(gradient, self._direction)

    def _params(self, step):
        return self._start + step * self._direction
