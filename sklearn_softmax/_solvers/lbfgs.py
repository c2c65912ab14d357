"""L-BFGS whose metric is the curvature at the current weights."""

import numpy as np

from .outcome import Outcome, Result
from .steps.conjugate import newton_step
from .steps.line_search import search
from .steps.pairs import Pairs
from .steps.schedule import MetricSchedule
from .stopping import Stopping

_PAIRS, _PAIRS_KEPT = 10, 2  # a new metric knows the curvature that older pairs met
_RESTARTS = 2
_IDLE = 3  # steps without a decrease above rounding


def lbfgs(objective, start, *, tol, max_iter, metrics=None, patience=np.inf):
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
    metrics : schedule, default=None
        Says which metric to use; by default a `MetricSchedule`.
    patience : float, default=inf
        Steps after which it goes on only where half the squared Newton decrement, relative to
        the value, is below the root of the tolerance.

    Returns
    -------
    Result
    """
    point, pairs, stopping = (
        objective.at(start),
        Pairs(len(start), _PAIRS, objective.map.dtype),
        Stopping(objective, tol),
    )
    metrics = MetricSchedule(objective, tol) if metrics is None else metrics
    metric, failures, idle, least = metrics.first(point), 0, 0, np.inf
    for n_iter in range(max_iter + 1):
        direction = pairs.direction(point.gradient, metric)
        slope = np.dot(point.gradient, direction)
        gap = stopping.gap(point, -0.5 * slope)
        if stopping.reached(point, gap) and not objective.certifiable:
            direction, gap, _ = newton_step(objective, point, metric)
            slope = -2.0 * gap
        if stopping.reached(point, gap):
            return stopping.end(point, gap, n_iter, direction)
        if objective.at_infinity(point):
            return Result(point.params, point.value, point.value, n_iter, Outcome.AT_INFINITY)
        lost = n_iter >= patience and -0.5 * slope > np.sqrt(tol) * point.value
        if n_iter == max_iter or failures > _RESTARTS or lost:
            break
        line = objective.line(point, direction)
        step = search(line, point.value, slope, noise=objective.noise) if slope < 0 else None
        if step is None or idle >= _IDLE:
            failures, idle = failures + 1, 0
            pairs.keep(0)
            metric = metrics.renew(point)
            continue
        last = point.params, point.gradient, point.value
        point = line.take(step)
        pairs.add(point.params - last[0], point.gradient - last[1])
        falls = last[2] - point.value > objective.noise * point.value
        idle = 0 if falls or -slope < 0.5 * least else idle + 1
        least = min(least, -slope)
        renewed = metrics.after(point, step, metric)
        if renewed is not metric:
            pairs.keep(_PAIRS_KEPT)
        metric = renewed
    outcome = Outcome.STALLED if failures > _RESTARTS else Outcome.MAX_ITER
    return stopping.final(point, -0.5 * slope, n_iter, outcome)
