"""In which precision a fit begins: float32 where that is faster, and float64 certifies it."""

import numpy as np
from scipy import sparse

from .._solvers import costs
from .._solvers.steps.schedule import MetricSchedule

_SMALL = 1 << 18  # numbers: below, float32 saves nothing
_ATTAINABLE = 8.0  # units of rounding
_MOST_STEPS = 60  # of float64 data in float32: hard problems ask for more, and for precision


def first_precision(problem, *, tol, max_iter):
    """dtype of the first products, and the tolerance and steps to which they are good.

    It is float32 for large data that are so, and for sparse data where products take most of the
    time and are faster so: these take a copy of their numbers. There a gap in float64 tells how
    good that was, and the metric is a diagonal, so that starting anew costs little.

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
    map, X = problem.map, problem.X
    if X.dtype == np.float32:
        single = map.n_entries > _SMALL
    else:
        single = sparse.issparse(X) and costs.single_pays(map.n_entries, map.shape[0])
        single = single and _is_safe(problem.objective(np.float32))
        max_iter = min(max_iter, _MOST_STEPS) if single else max_iter
    if single:
        tol = max(tol, _ATTAINABLE * float(np.finfo(np.float32).eps))
    dtype = np.dtype(np.float32 if single else np.float64)
    return dtype, {"tol": tol, "max_iter": max_iter}


def _is_safe(objective):
    return objective.certifiable and MetricSchedule(objective).is_diagonal
