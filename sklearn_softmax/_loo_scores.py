"""Approximate leave-one-out scores of the fits of all rows, on a grid of penalties."""

import numpy as np
from scipy import sparse

from ._core.leave_one_out import leave_one_out_losses
from ._core.threads import Threads
from ._maps.row_space import RowSpace
from ._problem import RidgeProblem

_MOST = 4096  # parameters of a Hessian: 128 MiB, and some 10 s of products for each C


def score_rows(problem, fits):
    """Minus the approximate leave-one-out loss of each row.

    Parameters
    ----------
    problem : Problem
        Of all rows of positive weight.
    fits : list of Fit
        Its fits.

    Returns
    -------
    ndarray of shape (n_rows, n_shrinkages, n_Cs)

    Raises
    ------
    ValueError
        If the Hessian of the parameters that the penalty leaves free is too large.
    """
    grid, scores = problem.grid, np.empty((len(problem.target), len(fits)))
    for number, shrinkage in enumerate(grid.shrinkages):
        places = range(number * len(grid.Cs), (number + 1) * len(grid.Cs))
        with Threads() as threads:
            rows = _RidgeRows(problem, shrinkage, threads)
            for place, C in zip(places, grid.Cs, strict=True):
                scores[:, place] = -rows.losses(C, fits[place])
    return scores.reshape(len(scores), *grid.shape)


class _RidgeRows:
    """Leave-one-out losses of fits with a ridge; wide data in their row space."""

    def __init__(self, problem, shrinkage, threads):
        X, target, weights = problem.X, problem.target, problem.weights
        self._start, self._space = problem.start, None
        if not sparse.issparse(X) and X.shape[1] >= X.shape[0]:
            space = RowSpace(X, problem.grid.fit_intercept, weights, shrinkage.factors)
            if space.rows.size:
                self._space, X = space, space.rows
        size = target.n_outputs * (X.shape[1] + problem.grid.fit_intercept)
        if size > _MOST:
            raise ValueError(
                f"cv='loo' needs a Hessian of at most {_MOST} parameters that the penalty leaves "
                f"free, n_classes times (n_features + 1), or (n_samples + 1) where that is less; "
                f"got {size}. Use folds, as in cv=5."
            )
        options = {"fit_intercept": problem.grid.fit_intercept, "threads": threads, "floor": 0.0}
        self._problem = RidgeProblem(X, target, weights, **options)

    def losses(self, C, fit):
        """Loss of each row without itself."""
        coef, intercept = self._start(fit)
        if self._space is not None:
            coef, intercept = self._space.from_raw(coef, intercept)
        self._problem.set_strength(C)
        objective = self._problem.objective(np.float64)
        return leave_one_out_losses(objective, self._problem.from_coefficients(coef, intercept))
