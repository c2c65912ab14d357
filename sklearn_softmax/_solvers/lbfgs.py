"""L-BFGS whose metric is the curvature at the current weights."""

from collections import deque

import numpy as np

from .conjugate import newton_step
from .line_search import search
from .outcome import Outcome, Result
from .schedule import MetricSchedule
from .stopping import Stopping

_PAIRS, _PAIRS_KEPT = 10, 2
_RESTARTS = 2
_IDLE = 3  # steps without a decrease above rounding


class _Memory:
    """The last pairs of steps and gradient changes: Nocedal & Wright (2006), algorithm 7.4."""

    def __init__(self):
        self.pairs = deque(maxlen=_PAIRS)

    def add(self, step, change):
        """Keep a pair whose curvature is positive beyond rounding."""
        curvature = np.dot(step, change)
        if curvature > 1e-14 * np.linalg.norm(step) * np.linalg.norm(change):
            self.pairs.append((step, change, 1.0 / curvature))

    def forget(self):
        """Keep the latest pairs alone: the metric knows the curvature that older ones met."""
        while len(self.pairs) > _PAIRS_KEPT:
            self.pairs.popleft()

    def direction(self, gradient, metric):
        """Minus the approximate inverse Hessian times the gradient."""
        vector, shares = -gradient, []
        for step, change, inverse in reversed(self.pairs):
            share = inverse * np.dot(step, vector)
            shares.append(share)
            vector = vector - share * change
        vector = metric.solve(vector)
        vector *= self._scale(metric)
        for (step, change, inverse), share in zip(self.pairs, reversed(shares), strict=True):
            vector += (share - inverse * np.dot(change, vector)) * step
        return vector

    def _scale(self, metric):
        if not self.pairs:
            return 1.0
        step, change, _ = self.pairs[-1]
        scale = np.dot(step, change) / np.dot(change, metric.solve(change))
        return min(max(scale, 0.5), 2.0)


def lbfgs(objective, start, *, tol, max_iter):
    """Minimise by limited-memory BFGS in a metric that follows the weights.

    Parameters
    ----------
    objective : Objective
        What to minimise.
    start : ndarray of shape (n_params,)
        First parameters.
    tol : float
        Bound on the gap relative to the value.
    max_iter : int
        The largest number of steps.

    Returns
    -------
    Result
    """
    point, memory, stopping = objective.at(start), _Memory(), Stopping(objective, tol)
    metrics = MetricSchedule(objective)
    metric, failures, idle, least = metrics.first(point), 0, 0, np.inf
    for n_iter in range(max_iter + 1):
        direction = memory.direction(point.gradient, metric)
        slope = np.dot(point.gradient, direction)
        gap = stopping.gap(point, -0.5 * slope)
        if stopping.reached(point, gap) and not objective.certifiable:
            direction, gap = newton_step(objective, point, metric)
            slope = -2.0 * gap
        if stopping.reached(point, gap):
            return Result(point.params, point.value, gap, n_iter, stopping.outcome(direction))
        if objective.at_infinity(point):
            return Result(point.params, point.value, point.value, n_iter, Outcome.AT_INFINITY)
        if n_iter == max_iter or failures > _RESTARTS:
            break
        line = objective.line(point, direction)
        step = search(line, point.value, slope) if slope < 0 else None
        if step is None or idle >= _IDLE:
            failures, idle = failures + 1, 0
            memory.pairs.clear()
            metric = metrics.renew(point)
            continue
        last = point.params, point.gradient, point.value
        point = line.take(step)
        memory.add(point.params - last[0], point.gradient - last[1])
        falls = last[2] - point.value > objective.noise * point.value
        idle = 0 if falls or -slope < 0.5 * least else idle + 1
        least = min(least, -slope)
        renewed = metrics.after(point, step, metric)
        if renewed is not metric:
            memory.forget()
        metric = renewed
    outcome = Outcome.STALLED if failures > _RESTARTS else Outcome.MAX_ITER
    gap = stopping.final(point, -0.5 * slope)
    return Result(point.params, point.value, gap, n_iter, outcome)
