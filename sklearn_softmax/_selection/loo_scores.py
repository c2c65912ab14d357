"""Approximate leave-one-out scores of the fits of all rows, on a grid of penalties."""

import numpy as np
from scipy import sparse

from .._core.leave_one_out import leave_one_out_losses
from .._core.threads import Threads
from .._fitting.problem import RidgeProblem
from .._inputs.training import among, target_of
from .._maps.row_space import RowSpace
from .loo_refits import Refits

_MOST = 4096  # parameters of a Hessian: 128 MiB


def score_rows(whole, rows, fits):
    """Minus the approximate leave-one-out loss of each row.

    Parameters
    ----------
    whole : Problem
        All rows of positive weight.
    rows : Rows
        The same, and those of none.
    fits : list of Fit
        At all points of the grid.

    Returns
    -------
    scores : ndarray of shape (n_rows, n_shrinkages, n_Cs)
    weights : ndarray of shape (n_rows,)
        Of the rows in the mean.

    Raises
    ------
    ValueError
        If the Hessian of the coefficients that are not zero is too large.
    """
    grid, scores, place = whole.grid, np.empty((len(whole.data.target), len(fits))), 0
    held = rows.take(whole.data.kept).seen(whole.data.present)
    known, offset = among(held.known, held.offset, whole.data.present, len(held.classes))
    held_target, kept = (target_of(known, offset), known.table()), held.weighted()
    with Threads() as threads:
        for shrinkage in grid.shrinkages:
            make = _ActiveRows if shrinkage.has_norm else _RidgeRows
            left_out = make(whole, shrinkage, threads)
            for C in grid.Cs:
                scores[:, place] = -left_out.losses(C, *whole.start(fits[place]), *held_target)
                place += 1
    weights = np.ones(len(held)) if held.weights is None else held.weights
    return scores.reshape(len(scores), *grid.shape)[kept], weights[kept]


def check_ridge(whole):
    """Raise where the Hessians of fits with a ridge are too large, which is known beforehand."""
    if not all(shrinkage.has_norm for shrinkage in whole.grid.shrinkages):
        X, target = whole.data.X, whole.data.target
        width = X.shape[1] if sparse.issparse(X) else min(X.shape)
        _check_size(target.n_outputs * (width + whole.grid.fit_intercept))


def _check_size(size):
    if size > _MOST:
        raise ValueError(
            f"cv='loo' needs the Hessian of at most {_MOST} coefficients and intercepts that are "
            f"not zero; got {size}. Use folds, as in cv=5."
        )


class _RidgeRows:
    """Leave-one-out losses of fits with a ridge; wide data in their row space.

    Rows that the Newton step moves far are refitted.
    """

    def __init__(self, whole, shrinkage, threads):
        data, factors, grid = whole.data, shrinkage.factors, whole.grid
        X = data.X
        free = factors is not None and not np.all(factors > 0)
        self._space = None
        if not (sparse.issparse(X) or free or X.shape[1] < X.shape[0]):
            space = RowSpace(X, grid.fit_intercept, data.weights, factors)
            if space.rows.size:
                self._space, X, factors = space, space.rows, None
        options = {"factors": factors, "threads": threads, **grid.options}
        self._problem = RidgeProblem(X, data.target, data.weights, **options)
        self._refits = Refits(whole, self._problem, factors, threads)

    def losses(self, C, coef, intercept, target, table):
        """Loss of each row without itself, compared with a target: a table of distributions."""
        if self._space is not None:
            coef, intercept = self._space.from_raw(coef, intercept)
        self._problem.set_strength(C)
        objective = self._problem.objective(np.float64)
        params = self._problem.from_coefficients(coef, intercept)
        losses, moves = leave_one_out_losses(objective, params, target)
        numbers, exact = self._refits.losses(C, params, moves, table)
        losses[numbers] = exact
        return losses


class _ActiveRows:
    """Leave-one-out losses of fits whose penalty has a kink: coefficients at it stay there."""

    def __init__(self, whole, shrinkage, threads):
        self._whole, self._shrinkage, self._threads = whole, shrinkage, threads

    def losses(self, C, coef, intercept, target, table):
        """Loss of each row without itself, compared with a target: a table of distributions."""
        columns = np.flatnonzero(coef.any(axis=0))
        columns = columns if len(columns) else np.arange(1)
        coef = coef[:, columns]
        problem = self._problem(C, columns)
        objective = problem.objective(np.float64)
        active = np.ones(objective.map.shape, dtype=bool)
        active[:, : len(columns)] = coef != 0
        _check_size(np.count_nonzero(active))
        curvature = self._curvature(objective.penalty.curvature.reshape(active.shape)[0], coef)
        params = problem.from_coefficients(coef, intercept)
        return leave_one_out_losses(objective, params, target, curvature, active)[0]

    def _problem(self, C, columns):
        data, factors = self._whole.data, self._shrinkage.factors
        factors = None if factors is None else factors[columns]
        options = {"factors": factors, "threads": self._threads, **self._whole.grid.options}
        return RidgeProblem(data.X[:, columns], data.target, data.weights, C=C, **options)

    def _curvature(self, strengths, coef):
        """Second derivative of the penalty between the classes of each feature."""
        share, n_outputs = self._shrinkage.l1_ratio, len(coef)
        curvature = np.tile((1.0 - share) * np.eye(n_outputs), (len(strengths), 1, 1))
        if self._shrinkage.penalty == "group":
            norms = np.linalg.norm(coef, axis=0)
            norms = np.where(norms > 0, norms, np.inf)
            unit = (coef / norms).T
            bend = np.eye(n_outputs) - unit[:, :, None] * unit[:, None, :]
            curvature[: len(unit)] += share * bend / norms[:, None, None]
        return strengths[:, None, None] * curvature
