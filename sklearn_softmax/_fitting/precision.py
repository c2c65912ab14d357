"""In which precision a fit begins: float32 where that is faster, and float64 certifies it."""

from dataclasses import replace
from functools import partial

import numpy as np
from scipy import sparse

from .._core.objective import Objective
from .._core.single import SingleObjective
from .._maps.kept_rows import KeptRows
from .._solvers import Outcome, costs
from .._solvers.steps.schedule import MetricSchedule
from .._solvers.stopping import Stopping

_SMALL = 1 << 18  # numbers: below, float32 saves nothing
_ATTAINABLE = 8.0  # units of rounding
_CANCELS = 100.0  # how much more rounding could add to a gap than it does
_MOST_STEPS = 60  # of float64 data in float32: hard problems ask for more, and for precision,
_MOST_DENSE_STEPS = 30  # where starting anew costs a metric


def first_precision(problem, *, tol, max_iter):
    """dtype of the first products, and the tolerance and steps to which they are good.

    It is float32 for large data that are so, unless columns are far from zero or penalties weak
    beside their scale, and with very many classes; and for sparse data where products take most
    of the time and are faster so: these take a copy of their numbers. There a gap in float64 tells
    how good that was, and the metric is a diagonal, so that starting anew costs little.

    Parameters
    ----------
    problem : RidgeProblem
        What is fitted.
    tol, max_iter : float, int
        What is wanted.

    Returns
    -------
    dtype : dtype
    limits : dict
        ``tol`` and ``max_iter``.
    """
    if problem.X.dtype == np.float32:
        large = problem.map.n_entries > _SMALL or _is_sparse_and_faster(problem)
        single = large and not _is_hidden(problem, tol)
    else:
        single = _is_faster(problem, tol)
        most = _MOST_STEPS if sparse.issparse(problem.X) else _MOST_DENSE_STEPS
        max_iter = min(max_iter, most) if single else max_iter
    if single:
        tol = max(tol, _ATTAINABLE * float(np.finfo(np.float32).eps))
    dtype = np.dtype(np.float32 if single else np.float64)
    return dtype, {"tol": tol, "max_iter": max_iter}


def _is_faster(problem, tol):
    """Whether data in float64 are fitted in less time by products in float32, at first."""
    if sparse.issparse(problem.X):
        return _is_sparse_and_faster(problem) and _is_safe(problem.objective(np.float32))
    map = problem.map
    return costs.dense_single_pays(map.n_entries, map.shape[0]) and not _is_hidden(problem, tol)


def _is_sparse_and_faster(problem):
    map = problem.map
    return sparse.issparse(problem.X) and costs.single_pays(map.n_entries, map.shape[0])


def _is_hidden(problem, tol):
    """Whether a gap of the tolerance is lost in rounding of products in float32.

    These are off by units of rounding of the features, means included. Most of them cancel.
    """
    map, unit = problem.map, 0.5 * float(np.finfo(np.float32).eps)
    return problem.slack(unit * (1.0 + np.abs(map.mean) / map.scale)) > _CANCELS * tol


def _is_safe(objective):
    return objective.certifiable and MetricSchedule(objective).is_diagonal


def objective_in(dtype, map_in, keeps_logits, *data, **options):
    """The objective with products in a dtype; that in float32 knows another one in float64.

    Parameters
    ----------
    dtype : dtype
        float32 or float64.
    map_in : callable
        ``map_in(dtype) -> Standardised``.
    keeps_logits : callable
        ``keeps_logits(map)`` tells whether logits are cached.
    data, options
        Target, penalty and weights, and what else `Objective` is to know.

    Returns
    -------
    Objective
    """
    map, make = map_in(dtype), Objective
    if dtype == np.float64:
        map = KeptRows.of(map)
    else:
        make = partial(SingleObjective, Objective(map_in(np.float64), *data, **options))
    (n_outputs, width), n_rows, n_entries = map.shape, map.n_rows, map.n_entries
    return make(
        map,
        *data,
        cached=keeps_logits(map),
        products=costs.products_pay(n_rows, n_outputs, width),
        eager=costs.gradients_pay(n_entries, n_outputs),
        **options,
    )


def certify(problem, params, result, tol, step=None):
    """`result` at `params`, with value and gap in float64; None where that is not enough.

    A Newton `step` makes the gap a tighter one.
    """
    if result.outcome is Outcome.STALLED:
        return None
    objective = problem.objective(np.float64)
    objective.near = objective.map.fit_intercept
    point, stopping = objective.at(params), Stopping(objective, tol)
    if not objective.certifiable:
        off = abs(point.value - result.value)
        sure = replace(result, params=params, value=point.value, gap=result.gap + off)
        return sure if off <= tol * point.value else None
    if result.outcome is not Outcome.CONVERGED:
        return stopping.final(point, np.inf, result.n_iter, result.outcome)
    gap = stopping.gap(point, 0.0) if step is None else objective.newton_gap(point, step)
    if not stopping.reached(point, gap):
        return None
    return replace(result, params=params, value=point.value, gap=gap)


def unfinished(problem, params, n_iter, tol):
    """The result of a fit that has no iterations left for these features."""
    objective = problem.objective(np.float64)
    return Stopping(objective, tol).final(objective.at(params), np.inf, n_iter)
