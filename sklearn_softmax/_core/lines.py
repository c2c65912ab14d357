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
    """Trials are elementwise work on cached logits; one adjoint at the end."""

    def __init__(self, objective, point, direction):
        self._objective, self._point, self._direction = objective, point, direction
        self._margins = {}

        def keep(relative, rows, _):
            objective.target.relate_direction(relative, rows)
            self._margins[rows.start] = relative.copy()

        objective.forward(direction, keep)

    def evaluate(self, step):
        """Value and slope at ``params + step * direction``."""
        objective, target = self._objective, self._objective.target

        def visit(rows, totals):
            margins = self._margins[rows.start]
            trial, work = objective.scratch.blocks(rows.stop - rows.start)
            np.multiply(margins, float(step), out=trial)
            trial += self._point.relative[rows.start]
            loss, inverse = target.loss_rows(trial, rows, work)
            work *= inverse  # first, for exponentials may be as large as numbers can be
            work *= margins
            slopes = np.add.reduce(work, axis=0)
            weights = objective.weights_of(rows)
            if weights is not None:
                loss *= weights
                slopes *= weights
            totals[0][0] += np.add.reduce(loss, dtype=np.float64)
            totals[0][1] += np.add.reduce(slopes, dtype=np.float64)

        (sums,) = objective.blocks.sum(visit, lambda: (np.zeros(2),), objective.threads)
        value, gradient = objective.penalty.evaluate(self._params(step))
        loss, slope = objective.scale * sums
        return loss + value, slope + np.dot(gradient, self._direction)

    def _params(self, step):
        return self._point.params + step * self._direction

    def take(self, step):
        """The point at `step`; the cache of the starting point becomes its own."""
        relative = self._point.relative

        def visit(rows):
            margins = self._margins[rows.start]
            margins *= float(step)
            relative[rows.start] += margins

        self._objective.blocks.for_each(visit, self._objective.threads)
        return self._objective.move(self._params(step), relative)
