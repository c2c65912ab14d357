"""Minimising for one ridge after the other, each from the optimum before."""

from dataclasses import replace

import numpy as np

from .. import costs
from ..outcome import Outcome, Result
from .kept_hessian import KeptHessian
from .many_newton import centred, differences, many_newton
from .nearby import nearby

_MOST_PASSES = 15.0  # that a Hessian may cost: about what the next optimum then takes less


class NearPath:
    """A solver for ridges that follow one another, each started at the last optimum.

    Parameters
    ----------
    otherwise : callable
        The solver of the first, of those that are not near, and where Hessians are too dear or
        so cheap that each step has its own.
    weightings : callable, default=None
        ``weightings(map)`` returns the same problem as one of several small ones, or None where
        it is not small: see `many_newton`. None for no such problem.
    """

    def __init__(self, otherwise, weightings=None):
        self._otherwise, self._shape, self._kept = otherwise, None, None
        self._weightings, self._small = weightings, (None, None)

    def __call__(self, objective, start, *, tol, max_iter):
        """Minimise: see `lbfgs`."""
        options = {"tol": tol, "max_iter": max_iter}
        if not objective.certifiable:
            return self._otherwise(objective, start, **options)
        if self._weightings is not None and self._small[0] is not objective.map:
            self._small = objective.map, self._weightings(objective.map)
        if self._small[1] is not None:
            return self._newton(objective, start, **options)
        return self._near(objective, start, **options)

    def _newton(self, objective, start, *, tol, max_iter):
        problems, (n_outputs, width) = self._small[1], objective.map.shape
        params = differences(start.reshape(n_outputs, width))[None]
        ridge = objective.penalty.curvature[:width][None]
        state = problems.at(np.zeros(1, np.intp), params, ridge)
        found = many_newton(problems, state, tol=tol, max_iter=max_iter)
        (params,), (value,), (gap,), (n_iter,) = (each.tolist() for each in found)
        params = centred(np.array(params))
        if gap <= tol * value:
            return Result(params, value, gap, n_iter, Outcome.CONVERGED)
        more = self._otherwise(objective, params, tol=tol, max_iter=max_iter - n_iter)
        return replace(more, n_iter=n_iter + more.n_iter)

    def _near(self, objective, start, **options):
        solver, map, ridge = self._otherwise, objective.map, objective.penalty.curvature
        ratio = costs.newton_ratio(map.n_rows, map.n_entries, *map.shape)
        if costs.newton_pays(ratio) or ratio > _MOST_PASSES:
            return solver(objective, start, **options)
        if self._kept is not None and self._shape == map.shape:
            solver = nearby(self._kept.with_ridge(ridge), solver)
        result = solver(objective, start, **options)
        self._keep(objective, result.params)
        return result

    def _keep(self, objective, params):
        ridge, shape = objective.penalty.curvature, objective.map.shape
        if self._kept is not None and self._shape == shape and self._kept.foresees(params, ridge):
            return
        hessian = objective.hessian(objective.at(params))
        self._kept, self._shape = KeptHessian(hessian, ridge, params, shape), shape
