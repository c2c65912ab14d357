"""Newton's method with the explicit Hessian: for problems with few parameters."""

from dataclasses import replace
from functools import partial

from .few_newton import few_newton
from .outcome import Outcome, Result
from .steps.line_search import search
from .steps.newton_equation import NewtonStep
from .stopping import Stopping

_ACCURATE = 0.1  # slope left by a line search: a trial costs far less than a Hessian
_PASSES = 10  # over the data for each iteration that is allowed, products of all steps together
_IDLE = 3  # steps without a decrease above rounding: gradients still fall for one or two


def newton(objective, start, *, tol, max_iter):
    """Minimise by exact Newton steps.

    Parameters
    ----------
    objective : Objective
        With a map that has `rows`.
    start : ndarray of shape (n_params,)
        First parameters, of class sum zero.
    tol : float
        Bound on the gap relative to the value.
    max_iter : int
        The largest number of steps.

    Returns
    -------
    Result
    """
    step, few = partial(NewtonStep, objective), objective.few()
    if few is None:
        return iterate(objective, start, step, tol=tol, max_iter=max_iter)
    first = few_newton(few, start, objective.observer, tol=tol, max_iter=max_iter)
    if first.outcome is not None:
        return first
    more = iterate(objective, first.params, step, tol=tol, max_iter=max_iter - first.n_iter)
    best = more if more.outcome is Outcome.CONVERGED or more.gap <= first.gap else first
    return replace(best, n_iter=first.n_iter + more.n_iter, outcome=more.outcome)


def iterate(objective, start, step, *, tol, max_iter):
    """Newton's iteration with a line search, whatever solves the Newton equation.

    Parameters
    ----------
    step : callable
        ``step(point)`` returns a step, with a `direction` that solves the Newton equation, half
        its squared `decrement`, whether both are `exact`, to rounding, and
        ``corrected() -> direction, slope``, which is gone along.
    objective, start, tol, max_iter
        See `newton`.

    Returns
    -------
    Result
    """
    point, stopping = objective.at(start), Stopping(objective, tol)
    outcome, idle, most = Outcome.MAX_ITER, 0, objective.n_passes + _PASSES * max_iter
    for n_iter in range(max_iter + 1):
        gap = stopping.early_gap(point)
        if stopping.reached(point, gap):
            return stopping.end(point, gap, n_iter)
        newton_step = step(point)
        direction, decrement = newton_step.direction, newton_step.decrement
        gap = stopping.gap(point, decrement, direction if newton_step.exact else None)
        if stopping.reached(point, gap):
            return stopping.end(point, gap, n_iter, direction)
        if objective.at_infinity(point):
            return Result(point.params, point.value, point.value, n_iter, Outcome.AT_INFINITY)
        if n_iter == max_iter or objective.n_passes >= most:
            break
        direction, slope = newton_step.corrected()
        line = objective.line(point, direction)
        length = search(line, point.value, slope, _ACCURATE, objective.noise)
        last, point = point.value, point if length is None else line.take(length)
        idle = idle + 1 if last - point.value <= objective.noise * point.value else 0
        if idle == _IDLE:
            outcome = Outcome.STALLED
            break
    return stopping.final(point, decrement, n_iter, outcome)
