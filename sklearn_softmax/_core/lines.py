"""The objective along a line: from cached margins, or by evaluating it anew."""

import numpy as np

from .targets import weighted_sum


class FusedLine:
    """Every trial is a full evaluation; nothing of the size of the logits is stored."""

    def __init__(self, objective, point, direction):
        self._objective, self._point, self._direction = objective, point, direction
        self._trials = {}

    def evaluate(self, step):
        """Value and slope at ``params + step * direction``."""
        trial = self._trials[step] = self._objective.at(
            self._point.params + step * self._direction
        )
        return trial.value, np.dot(trial.gradient, self._direction)

    def take(self, step):
        """The point at `step`, which must have been evaluated."""
        return self._trials[step]


class CachedLine:
    """Trials are elementwise work on cached margins; one adjoint at the end."""

    def __init__(self, objective, point, direction):
        self._objective, self._point, self._direction = objective, point, direction
        self._margins, self._exponentials, self._inverses = {}, {}, {}
        self._step = None

        def keep(relative, rows, _):
            self._margins[rows.start] = relative.copy()

        objective.relate(direction, keep, direction=True)

    def evaluate(self, step):
        """Value and slope at ``params + step * direction``."""
        objective, target = self._objective, self._objective.target

        def visit(rows, totals):
            margins, start = self._margins[rows.start], self._point.relative[rows.start]
            trial, work = objective.scratch.blocks(rows.stop - rows.start)
            np.multiply(margins, step, out=trial)
            trial += start
            exponentials = self._exponentials.get(rows.start)
            if exponentials is None:
                exponentials = self._exponentials[rows.start] = np.empty_like(start)
            loss, inverse = target.loss_rows(trial, rows, exponentials)
            self._inverses[rows.start] = inverse
            np.multiply(exponentials, margins, out=work)
            weights = objective.weights_of(rows)
            slopes = np.add.reduce(work, axis=0)
            slopes *= inverse
            totals[0][:] += weighted_sum(loss, weights), weighted_sum(slopes, weights)

        (sums,) = objective.blocks.sum(visit, lambda: (np.zeros(2),), objective.threads)
        self._step, self._loss = step, sums[0]
        value, gradient = objective.penalty.evaluate(self._point.params + step * self._direction)
        loss, slope = objective.scale * sums
        return loss + value, slope + np.dot(gradient, self._direction)

    def take(self, step):
        """Move to `step`; the margins of the starting point are overwritten."""
        if step != self._step:
            self.evaluate(step)
        objective, relative = self._objective, self._point.relative

        def visit(rows, totals):
            start, margins = relative[rows.start], self._margins[rows.start]
            margins *= step
            start += margins
            residuals = self._exponentials[rows.start]
            objective.target.residuals_from(
                residuals, self._inverses[rows.start], rows, objective.weights_of(rows)
            )
            objective.map.adjoint(residuals, rows, totals)

        sums = objective.blocks.sum(visit, objective.map.zeros, objective.threads)
        objective.n_passes += 0.5
        params = self._point.params + step * self._direction
        return objective.point(params, self._loss, sums, relative)
