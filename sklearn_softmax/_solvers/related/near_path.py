"""Minimising for one ridge after the other, each from the optimum before."""

from dataclasses import replace

import numpy as np

from .. import costs
from ..outcome import Outcome, Result
from .kept_hessian import KeptHessian
from .many_near import many_near
from .many_newton import centred, differences, many_newton
from .nearby import nearby

_SAME = 1e-6  # of parameters: a start that is the last optimum, but for rounding
_REACH = 0.2  # of the value that the quadratic model may promise


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

    Attributes
    ----------
    kept : KeptHessian or None
        The curvature at the last optimum, where it pays to know it.
    """

    def __init__(self, otherwise, weightings=None):
        self._otherwise, self.kept, self._last = otherwise, None, None
        self._weightings, self._small = weightings, (None, None)

    def __call__(self, objective, start, *, tol, max_iter):
        """Minimise: see `lbfgs`."""
        options = {"tol": tol, "max_iter": max_iter}
        if not objective.certifiable:
            return self._otherwise(objective, start, **options)
        if self._weightings is not None and self._small[0] is not objective.map:
            self._small = objective.map, self._weightings(objective.map)
        solve = self._near if self._small[1] is None else self._newton
        result = solve(objective, self._ahead(objective, start), **options)
        self._last = result.params, objective.penalty.curvature
        return result

    def _ahead(self, objective, start):
        """Where the optimum lies if the curvature is what was kept; the start where that is far.

        At the last optimum the gradient of the loss is minus that of its ridge.
        """
        if not self._serves(objective.map.shape) or self._last[0].shape != start.shape:
            return start
        (params, before), ridge = self._last, objective.penalty.curvature
        if not np.allclose(start, params, rtol=0.0, atol=_SAME * np.abs(params).max()):
            return start
        right = (before - ridge) * start
        way = self.kept.with_ridge(ridge).solve(right)
        return start + way if np.dot(way, right) <= _REACH * self.kept.value else start

    def _newton(self, objective, start, *, tol, max_iter):
        problems, shape = self._small[1], objective.map.shape
        params, ridge = differences(start.reshape(shape))[None], objective.penalty.curvature
        state = problems.at(np.zeros(1, np.intp), params, ridge[None, : shape[1]])
        keeps = not costs.at_once_pays(objective.map.n_rows, *shape)
        if keeps and self._serves(shape):
            inverse = self.kept.with_ridge(ridge).inverse
            found = many_near(problems, state, inverse, tol=tol, max_iter=max_iter)
        else:
            found = many_newton(problems, state, tol=tol, max_iter=max_iter)
        (params,), (value,), (gap,), (n_iter,) = (each.tolist() for each in found)
        params = centred(np.array(params))
        if not gap <= tol * value:
            more = self._otherwise(objective, params, tol=tol, max_iter=max_iter - n_iter)
            return replace(more, n_iter=n_iter + more.n_iter)
        result = Result(params, value, gap, n_iter, Outcome.CONVERGED)
        if keeps and not self._foreseen(params, ridge, shape):
            state = problems.at(state.which, found[0], state.ridge)
            self.kept = KeptHessian(problems.hessian(state)[0], ridge, result, shape)
        return result

    def _near(self, objective, start, **options):
        solver, map, ridge = self._otherwise, objective.map, objective.penalty.curvature
        ratio = costs.newton_ratio(map.n_rows, map.n_entries, *map.shape)
        if costs.newton_pays(ratio) or not costs.kept_hessian_pays(ratio):
            return solver(objective, start, **options)
        if self._serves(map.shape):
            solver = nearby(self.kept.with_ridge(ridge), solver)
        result = solver(objective, start, **options)
        if not self._foreseen(result.params, ridge, map.shape):
            hessian = objective.hessian(objective.at(result.params))
            self.kept = KeptHessian(hessian, ridge, result, map.shape)
        return result

    def _serves(self, shape):
        """Whether what is kept is of parameters of this shape."""
        return self.kept is not None and self.kept.shape == shape

    def _foreseen(self, params, ridge, shape):
        return self._serves(shape) and self.kept.foresees(params, ridge)
