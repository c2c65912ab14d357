"""Minimising for one ridge after the other, in the metric of the optimum before."""

from . import costs
from .kept_hessian import KeptHessian
from .nearby import nearby

_MOST_PASSES = 15.0  # that a Hessian may cost: about what the next optimum then takes less


class NearPath:
    """A solver for ridges that follow one another, each started at the last optimum.

    Parameters
    ----------
    otherwise : callable
        The solver of the first, of those that are not near, and where Hessians are too dear or
        so cheap that each step has its own.
    """

    def __init__(self, otherwise):
        self._otherwise, self._shape, self._kept = otherwise, None, None

    def __call__(self, objective, start, *, tol, max_iter):
        """Minimise: see `lbfgs`."""
        solver, map, ridge = self._otherwise, objective.map, objective.penalty.curvature
        options = {"tol": tol, "max_iter": max_iter}
        ratio = costs.newton_ratio(map.n_rows, map.n_entries, *map.shape)
        if costs.newton_pays(ratio) or ratio > _MOST_PASSES or not objective.certifiable:
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
