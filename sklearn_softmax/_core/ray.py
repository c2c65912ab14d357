"""The objective along a ray of parameters t · direction, t > 0, with its curvature."""

import numpy as np


def succession_loss(total):
    """Mean loss, in nats, that a rule may have which was right `total` times out of `total`.

    Laplace's rule of succession gives it a probability of (total + 1) / (total + 2) to be right
    the next time.
    """
    return np.log1p(1.0 / (1.0 + total))


class Ray:
    """Value and three derivatives at any step; nothing of the size of the logits is stored.

    Parameters
    ----------
    objective : Objective
        With any map.
    direction : ndarray of shape (n_params,)
        The parameters at step 1.
    """

    def __init__(self, objective, direction):
        self._objective, self._direction = objective, direction

    def evaluate(self, step):
        """Value, slope, curvature and third derivative.

        With relative logits u at the step t, those of a row's loss are the cumulants of u / t
        under p.
        """
        target = self._objective.target

        def visit(relative, work, rows, totals):
            target.make_finite(relative, rows)
            loss, inverse = target.loss_rows(relative, rows, work)
            moments = []
            for _ in range(3):
                work *= relative
                moments.append(np.add.reduce(work, axis=0) * inverse)
            first, second, third = moments
            curvature = np.maximum(second - first**2, 0.0)
            skew = third - first * (second + 2.0 * curvature)
            self._add(totals[0], rows, loss, first, curvature, skew)

        return self._total(self._sum(step, visit), step)

    def limit(self):
        """Value as the step grows: finite only where no label has a logit above its own."""
        if not self._separates():
            return np.inf
        target = self._objective.target

        def visit(relative, work, rows, totals):
            relative[:] = np.where(relative < 0.0, -np.inf, 0.0)
            loss, _ = target.loss_rows(relative, rows, work)
            self._add(totals[0], rows, loss)

        return self._objective.scale * self._sum(1.0, visit)[0]

    def _separates(self):
        """Whether no relative logit is positive: the first block with one settles it."""
        objective, positive = self._objective, []
        bound = objective.map.bind(self._direction)

        def seek(rows):
            if not positive and self._relative(bound, rows)[0].max() > 0.0:
                positive.append(rows)

        objective.blocks.for_each(seek, objective.threads)
        return not positive

    def _relative(self, bound, rows):
        relative, work = self._objective.scratch.blocks(rows.stop - rows.start)
        self._objective.map.forward(bound, rows, relative)
        self._objective.target.relate(relative, rows)
        return relative, work

    def _add(self, total, rows, *terms):
        weights = self._objective.weights_of(rows)
        for number, term in enumerate(terms):
            total[number] += np.add.reduce(term if weights is None else term * weights)

    def _sum(self, step, visit):
        objective = self._objective
        bound = objective.map.bind(step * self._direction)

        def visit_rows(rows, totals):
            with np.errstate(over="ignore", invalid="ignore"):
                visit(*self._relative(bound, rows), rows, totals)

        (sums,) = objective.blocks.sum(visit_rows, lambda: (np.zeros(4),), objective.threads)
        return sums

    def _total(self, sums, step):
        penalty, direction = self._objective.penalty, self._direction
        value, gradient = penalty.evaluate(step * direction)
        loss, slope, curvature, third = self._objective.scale * sums / step ** np.arange(4)
        bend = np.dot(direction, penalty.curvature * direction)
        return loss + value, slope + np.dot(gradient, direction), curvature + bend, third
