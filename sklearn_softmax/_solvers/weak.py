"""Newton steps in weakly penalised features, which make a tight certificate."""

import numpy as np

from . import costs
from .steps.newton_equation import NewtonStep

_WINDOW = 6  # steps over which the fall of the gradient is measured
_USUAL_FALL = 1.0  # of its logarithm in a step, before it was measured
_LITTLE = 0.7  # fall of the logarithm that rounding may be
_REST = 0.1  # share of the gap that other features may have


class WeakFeatures:
    """Features whose penalty is so weak that it asks for a tiny gradient.

    At Q = P their part of the gap is r²/2α, however close the optimum is: where features differ
    in scale, few of them keep the gap from being certified, for half of all steps. A Newton
    step d in these alone, which takes the small part of the Hessian that is theirs, moves Q to
    P + D(P) L d, where they contribute no more than d's decrement.

    Parameters
    ----------
    objective : Objective
        What is minimised.
    """

    def __init__(self, objective):
        self._objective, self._logs = objective, []
        self._known = getattr(objective.map, "knows_features", False)

    def observe(self, gap):
        """Note the part of the gap that all features have at a step."""
        self._logs.append(np.log(max(gap, np.finfo(np.float64).tiny)))

    def step(self, point, gaps, bound):
        """A step in few features after which the rest is small; None where that does not pay."""
        columns = self.columns(gaps, bound)
        return None if columns is None else NewtonStep(self._objective, point, columns).direction

    def columns(self, gaps, bound):
        """What that step moves: these features and the intercept."""
        if not self._known:
            return None
        order = np.argsort(gaps)[::-1]
        rest = np.cumsum(gaps[order][::-1])[::-1]
        n_features = np.count_nonzero(rest > _REST * bound)
        map = self._objective.map
        n_columns = n_features + map.fit_intercept
        cost = costs.part_ratio(map.n_rows, map.n_entries, *map.shape, n_columns)
        if not costs.part_pays(cost, self._steps_left(bound)):
            return None
        columns = np.sort(order[:n_features])
        return np.append(columns, map.n_features) if map.fit_intercept else columns

    @property
    def falls(self):
        """Whether the gap is far smaller than it was two steps ago."""
        return len(self._logs) < 3 or self._logs[-1] < self._logs[-3] - _LITTLE

    def _steps_left(self, bound):
        """Steps until the gradient is small enough by itself, if it falls on as it did."""
        window, fall = self._logs[-_WINDOW - 1 :], _USUAL_FALL
        if len(window) > _WINDOW // 2:
            fall = max((window[0] - window[-1]) / (len(window) - 1), 0.1 * _USUAL_FALL)
        return (window[-1] - np.log(bound)) / fall
