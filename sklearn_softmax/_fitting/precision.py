"""In which precision a fit begins: float32 where that is faster, and float64 certifies it."""

import numpy as np
from scipy import sparse

from .._solvers import costs

_SMALL = 1 << 18  # numbers: below, float32 saves nothing
_ATTAINABLE = 8.0  # units of rounding


def first_precision(problem, tol):
    """dtype of the first products, and the tolerance to which they are good.

    Parameters
    ----------
    problem : RidgeProblem
        What is fitted.
    tol : float
        The tolerance that is wanted.

    Returns
    -------
    dtype : dtype
        float32 for large data that are so, and for sparse data with many classes: these take a
        copy of their numbers, and only where a gap in float64 will tell how good that was.
    tol : float
        What is tighter is left to float64.
    """
    map, X = problem.map, problem.X
    if sparse.issparse(X) and costs.single_pays(map.n_entries, map.shape[0]):
        single = X.dtype == np.float32 or problem.objective(np.float32).certifiable
    else:
        single = X.dtype == np.float32 and map.n_entries > _SMALL
    if not single:
        return np.dtype(np.float64), tol
    return np.dtype(np.float32), max(tol, _ATTAINABLE * float(np.finfo(np.float32).eps))
