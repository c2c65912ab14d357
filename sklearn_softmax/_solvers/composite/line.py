"""A smooth objective and a penalty with a kink along a line."""

import numpy as np

from ..steps.line_search import search

_CURVATURE = 0.9
_SMALL = 1e-12


class CompositeLine:
    """What `search` asks of a line, the norm included."""

    def __init__(self, objective, penalty, point, direction):
        self._line = objective.line(point, direction.ravel())
        self._penalty, self._direction = penalty, direction
        self._start = point.params.reshape(direction.shape)
        self.take = self._line.take

    def evaluate(self, step):
        """Value and slope, from below: where a kink is reached, that before it."""
        value, slope = self._line.evaluate(step)
        params = self._start + step * self._direction
        before = self._start + (1.0 - 1e-6) * step * self._direction
        norm = np.vdot(self._penalty.slope(before), self._direction)
        return value + self._penalty.value(params), slope + norm


def advance(objective, penalty, point, target):
    """Search the line from a point to `target`.

    Returns
    -------
    Point or None
        None where nothing is gained.
    step : float
    """
    shape = objective.map.shape
    start = point.params.reshape(shape)
    direction = target.reshape(shape) - start
    norm = penalty.value(start)
    slope = np.vdot(point.gradient, direction) + _one_sided(penalty, start, direction)
    if not slope < 0.0:
        return None, 0.0
    line = CompositeLine(objective, penalty, point, direction)
    step = search(line, point.value + norm, slope, _CURVATURE, objective.noise)
    if step is None:
        return None, 0.0
    new = line.take(step)
    if step == 1.0:
        new.params = target.ravel()  # zeros are exact
    return new, step


def _one_sided(penalty, start, direction):
    """Slope of the norm where the line begins."""
    tiny = (
        _SMALL
        * max(1.0, np.abs(start).max(initial=0.0))
        / max(np.abs(direction).max(initial=0.0), _SMALL)
    )
    return np.vdot(penalty.slope(start + tiny * direction), direction)
