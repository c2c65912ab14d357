"""The solver that is expected to cost least, and another where it takes long."""

from dataclasses import replace
from math import sqrt

from .costs import few_newton_pays, gram_fits, newton_pays, newton_pays_late, newton_ratio
from .lbfgs import lbfgs
from .newton import newton
from .newton_cg import newton_blocks
from .outcome import Outcome
from .steps.even import EvenSchedule

_SHORT, _LONG = 20, 150  # steps in which L-BFGS ends, unless the curvature moves far
_PATIENCE = 60  # steps after which it must be near the end
_MOST_EVEN = 200  # steps in a metric that knows no curvature


def choose(objective, start, *, tol, max_iter):
    """Minimise by the method that costs least: see `costs`.

    Newton's method where the Hessian of all classes is cheap, else L-BFGS. That takes long where
    curvature moves by factors, as in nearly separable data: then Newton's method goes on from
    there, with the explicit Hessian where that is not too dear, else by conjugate gradients.
    Where no curvature is left far from the optimum, L-BFGS goes on in a metric that needs none.
    Parameters and result are those of `lbfgs`.
    """
    result = _cheapest(objective, start, tol=tol, max_iter=max_iter)
    left, far = max_iter - result.n_iter, result.gap > sqrt(tol) * result.value
    lost = far and result.outcome is Outcome.STALLED
    if not (lost and left and gram_fits(objective.map.shape[1])):
        return result
    limits = {"tol": tol, "max_iter": min(left, _MOST_EVEN)}
    more = lbfgs(objective, result.params, metrics=EvenSchedule(objective), **limits)
    known = max(0.0, result.gap - (result.value - more.value))  # but for rounding
    gap = min(more.gap, known)  # both bound the same optimum
    cut = more.outcome is Outcome.MAX_ITER and left > _MOST_EVEN
    outcome = result.outcome if cut else more.outcome
    return replace(more, n_iter=result.n_iter + more.n_iter, gap=gap, outcome=outcome)


def _cheapest(objective, start, *, tol, max_iter):
    map = objective.map
    ratio = newton_ratio(map.n_rows, map.n_entries, *map.shape)
    few = few_newton_pays(ratio, map.n_entries, map.shape[0])
    if newton_pays(ratio) or (few and objective.has_few_rows):
        return newton(objective, start, tol=tol, max_iter=max_iter)
    steps, later = (_SHORT, newton) if newton_pays_late(ratio) else (_LONG, newton_blocks)
    first = lbfgs(objective, start, tol=tol, max_iter=min(steps, max_iter), patience=_PATIENCE)
    left = max_iter - first.n_iter
    if first.outcome is not Outcome.MAX_ITER or left == 0:
        return first
    more = later(objective, first.params, tol=tol, max_iter=left)
    return replace(more, n_iter=first.n_iter + more.n_iter)
