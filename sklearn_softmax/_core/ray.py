"""The objective along a ray of parameters t · direction, t > 0, with its curvature."""

import numpy as np

_ABSENT = -1e300  # relative logit of the label itself: its exponential, and products with it, are 0


def succession_loss(total):
    """Mean loss, in nats, that a rule may have which was right `total` times out of `total`.

    Laplace's rule of succession gives it a probability of (total + 1) / (total + 2) to be right
    the next time.
    """
    return np.log1p(1.0 / (1.0 + total))


class Ray:
    """Value, slope and curvature at any step, by elementwise work on cached margins.

    Parameters
    ----------
    objective : Objective
        With any map.
    direction : ndarray of shape (n_params,)
        The parameters at step 1.
    """

    def __init__(self, objective, direction):
        self._objective, self._direction = objective, direction
        self._margins, largest = {}, []

        def keep(relative, rows, _):
            margins = self._margins[rows.start] = np.maximum(relative, _ABSENT)
            largest.append(margins.max())

        objective.relate(direction, keep)
        self._largest = max(largest)

    def evaluate(self, step):
        """Value, slope and curvature.

        With relative logits r, the slope of a row's loss is Σ p r and its curvature is
        Σ p r² - (Σ p r)².
        """
        objective, target = self._objective, self._objective.target

        def visit(rows, totals):
            margins = self._margins[rows.start]
            trial, work = objective.scratch.blocks(rows.stop - rows.start)
            with np.errstate(over="ignore", invalid="ignore"):
                np.multiply(margins, step, out=trial)
                loss, inverse = target.loss_rows(trial, rows, work)
                work *= margins
                slopes = np.add.reduce(work, axis=0) * inverse
                curvatures = np.einsum("kb,kb->b", work, margins) * inverse - slopes**2
            self._add(totals[0], rows, loss, slopes, np.maximum(curvatures, 0.0))

        return self._total(visit, step)

    def limit(self):
        """Value as the step grows: finite only where no label has a logit above its own."""
        if self._largest > 0.0:
            return np.inf
        objective, target = self._objective, self._objective.target

        def visit(rows, totals):
            margins = self._margins[rows.start]
            trial, work = objective.scratch.blocks(rows.stop - rows.start)
            trial[:] = np.where(margins < 0.0, -np.inf, 0.0)
            loss, _ = target.loss_rows(trial, rows, work)
            self._add(totals[0], rows, loss)

        (sums,) = self._sum(visit)
        return objective.scale * sums[0]

    def _add(self, total, rows, *terms):
        weights = self._objective.weights_of(rows)
        for number, term in enumerate(terms):
            total[number] += np.add.reduce(term if weights is None else term * weights)

    def _sum(self, visit):
        objective = self._objective
        return objective.blocks.sum(visit, lambda: (np.zeros(3),), objective.threads)

    def _total(self, visit, step):
        (sums,) = self._sum(visit)
        penalty, direction = self._objective.penalty, self._direction
        value, gradient = penalty.evaluate(step * direction)
        loss, slope, curvature = self._objective.scale * sums
        bend = np.dot(direction, penalty.curvature * direction)
        return loss + value, slope + np.dot(gradient, direction), curvature + bend
