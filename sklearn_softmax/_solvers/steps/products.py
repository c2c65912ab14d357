"""Hessian products from fewer rows where these are seen to be enough."""

import numpy as np

from .. import costs
from .schedule import MetricSchedule

_OMITTED, _FEWER, _LEAST = 1e-6, 1e-2, 1e-12  # share of the curvature that may be left out
_UNCHECKED = 10  # products: a check costs one with all rows
_WRONG, _WORSE = 0.3, 2.0  # residual of a Newton step, and over what it was to be


class FewerRows:
    """Hessians whose products leave out rows without curvature, while steps with them are right.

    Directions in which no active row varies are held by rows that are sure and by the penalty
    alone: a product of a step with the Hessian of all rows tells whether these were missed. Then
    more rows count, for all steps that follow, and in the end all of them do.

    Parameters
    ----------
    objective : Objective
        Gives products with the Hessian.
    """

    def __init__(self, objective):
        self._objective, map = objective, objective.map
        size = map.n_rows, map.n_entries, *map.shape, map.dtype.itemsize
        self._most, self._omitted = costs.most_active_rows(*size), _OMITTED
        self._metrics, self._unchecked = MetricSchedule(objective), 0

    def at(self, point):
        """What gives products with the Hessian at a point, and a metric for it."""
        rows = None
        if self._most > 0 and self._omitted >= _LEAST:
            importance = self._metrics.importance
            rows = self._objective.active_rows(point, importance, self._omitted, self._most)
        if rows is None:
            return self._objective, self._metrics.renew(point)
        return rows, self._metrics.of_active_rows(rows, point)

    def check(self, point, hessian, metric, step, accuracy):
        """Learn from the residual of a step that was found with a Hessian of `at`."""
        self._unchecked += step.n_products
        self._metrics.afford(step.n_products)
        if hessian is self._objective or self._unchecked < _UNCHECKED:
            return
        self._unchecked = 0
        residual = self._objective.hessian_product(point, step.direction) + point.gradient
        left = np.dot(residual, metric.solve(residual))
        norm = np.dot(point.gradient, metric.solve(point.gradient))
        if left > max(_WRONG, _WORSE * accuracy) ** 2 * norm:
            self._omitted *= _FEWER
