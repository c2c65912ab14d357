"""A convex function of one positive number: safeguarded Halley steps in its logarithm.

Multiplying the unit of the number multiplies all iterates: the iteration has no scale.
"""

import numpy as np

from .outcome import Outcome, Result

ROUNDING = 1e-4  # size of the last step in the logarithm: Halley cubes it
_LEAST_TURN = 0.5  # of a step, relative to Newton's: no more than twice that
_LEVEL = 1e-12  # relative distance to a level
_LONGEST = 2.0  # step in the logarithm
_CLOSE = 1e-15  # a bracket that rounding cannot halve


class _Bracket:
    """What is known of the solution: it lies above `low` and below `high`."""

    def __init__(self, lowest):
        self.lowest, self.low, self.high = lowest, 0.0, np.inf

    def step(self, number, proposed):
        """The next number: `proposed` as a step in the logarithm, or the middle."""
        step = min(max(proposed, -_LONGEST), _LONGEST)
        after = max(number * np.exp(step), self.lowest)
        if self.low < after < self.high:
            return after
        return np.sqrt(self.low * self.high)

    @property
    def closed(self):
        """Whether rounding leaves no number between the bounds."""
        return self.high < np.inf and self.high - self.low <= _CLOSE * self.high


def minimise(line, start, *, lowest, max_iter, accuracy=ROUNDING):
    """Minimise over numbers of at least `lowest`.

    Parameters
    ----------
    line : line
        ``evaluate(t) -> (value, slope, curvature, third)``, with derivatives, convex in t.
    start : float or None
        First number; None stands for a Newton step from `lowest`.
    lowest : float
        Positive; returned where the slope there is not negative.
    max_iter : int
        The largest number of steps.
    accuracy : float
        Size of the last step in the logarithm, whose cube is what remains.

    Returns
    -------
    Result
        Its value and its gap after the last step are those of Taylor's series.
    """
    bracket, number = _Bracket(lowest), lowest if start is None else max(start, lowest)
    for n_iter in range(1, max_iter + 1):
        value, slope, curvature, third = line.evaluate(number)
        gap = 0.5 * slope**2 / curvature if curvature > 0.0 else np.inf
        if slope < 0.0:
            bracket.low = number
        else:
            bracket.high = number
        if slope == 0.0 or bracket.closed or (number == lowest and slope > 0.0):
            return _result(number, value, 0.0, n_iter, Outcome.CONVERGED)
        if number == lowest and curvature > 0.0 and bracket.high == np.inf:
            number -= slope / curvature
            continue
        bend = number * curvature + slope
        turn = number**2 * third + 3.0 * number * curvature + slope
        proposed = -np.sign(slope) * _LONGEST
        if bend > 0.0:
            proposed = -slope / bend / max(1.0 - 0.5 * slope * turn / bend**2, _LEAST_TURN)
        if abs(proposed) <= accuracy:
            value += number * proposed * (slope + proposed * (bend / 2.0 + proposed * turn / 6.0))
            gap *= proposed**2
            return _result(number * np.exp(proposed), value, gap, n_iter, Outcome.CONVERGED)
        number = bracket.step(number, proposed)
    return _result(number, value, gap, max_iter, Outcome.MAX_ITER)


def descend(line, start, *, level, limit, max_iter):
    """Find where a decreasing function reaches `level`, above the `limit` it never reaches.

    Newton's method on the logarithm of value - limit, which is nearly a straight line.

    Returns
    -------
    Result
        Outcome.AT_INFINITY; its gap is value - limit.
    """
    bracket, number = _Bracket(0.0), start
    for n_iter in range(1, max_iter + 1):
        value, slope, *_ = line.evaluate(number)
        excess = max(value - limit, np.finfo(np.float64).tiny)
        miss = np.log(excess / (level - limit))
        if abs(miss) <= _LEVEL or bracket.closed or n_iter == max_iter:
            return _result(number, value, excess, n_iter, Outcome.AT_INFINITY)
        if miss > 0.0:
            bracket.low = number
        else:
            bracket.high = number
        fall = -slope * number
        relative = miss * excess / fall if fall > 0.0 else np.sign(miss)
        proposed = np.log1p(relative) if relative > -0.8 else -_LONGEST
        number = bracket.step(number, proposed)


def _result(number, value, gap, n_iter, outcome):
    return Result(np.array([number]), value, gap, n_iter, outcome)
