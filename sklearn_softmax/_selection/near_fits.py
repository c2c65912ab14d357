"""Fits of folds from those of all rows, which lie near: shared coordinates, starts and metrics."""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from .._core.threads import Threads
from .._fitting.problem import RidgeProblem
from .._kept import kept
from .._maps.row_space import RowSpace
from .._solvers import SOLVERS, Outcome, costs
from .._solvers.cooling import may_be_far
from .._solvers.related.kept_hessian import KeptHessian
from .._solvers.related.nearby import FEW, nearby
from .grid_fits import Fit

_METRICS_BYTES = 256 << 20  # of all C together
_CHEAP = 3.0  # Hessians of the time of so many calls are best made anew at each step


class NearStarts:
    """Starts alone: for penalties with a kink, and for folds that lack a class."""

    def __init__(self, shrinkage, whole_fits):
        self.shrinkage, self.whole_fits = shrinkage, whole_fits

    def fits(self, fold, threads):
        """Fits of a fold, one for each C."""
        prepared = fold.prepare(self.shrinkage, threads)
        for C, near in zip(fold.grid.Cs, self.whole_fits, strict=True):
            coef, intercept, result = prepared.fit(C, fold.start(near), **fold.grid.solving)
            yield Fit(*fold.data.all_classes(coef, intercept), result)


class _Start(NamedTuple):
    """Parameters of all rows at one C, and the metric there or None."""

    params: np.ndarray
    metric: Any


class _NearProblem(RidgeProblem):
    """A ridge problem that takes parameters to start from as they are."""

    def _better_start(self, start):
        return start


class NearRidge:
    """Coordinates, starts and Hessians of fits with a ridge.

    All folds see the features as all rows do, standardised or in the row space: then the
    Hessian of all rows is almost their own.

    Attributes
    ----------
    params : list of ndarray of shape (n_params,)
        Those of all rows in these coordinates, at each C.
    sound : bool
        Whether the fits of all rows, which are certified in the original features, are the same
        in these coordinates.
    """

    def __init__(self, rows, whole, starts):
        self.whole, self._near, self._columns, self._kept = whole, starts, None, None
        with Threads() as threads:
            self._space = self._row_space(rows)
            self._rows = None if self._space is None else replace(rows, X=self._space.rows)
            self._problem = self.problem(whole, threads)
            self._columns = self._problem.columns
        self.params = [self._params(fit) for fit in starts.whole_fits]

    @property
    def sound(self):
        """See the class."""
        return None not in self._starts

    @kept
    def _starts(self):
        """Where folds start at each C; None where these coordinates lose something."""
        return [self._start(place) for place in range(len(self.params))]

    def _row_space(self, rows):
        whole, factors = self.whole, self._near.shrinkage.factors
        free = factors is not None and not np.all(factors > 0)
        shape = *whole.data.X.shape, whole.data.target.n_outputs
        if sparse.issparse(rows.X) or free or not costs.row_space_pays(*shape):
            return None
        space = RowSpace(rows.X, whole.grid.fit_intercept, rows.weights, factors)
        return space if space.rows.size else None

    @property
    def map(self):
        """The map of all rows in these coordinates."""
        return self._problem.map

    def problem(self, fold, threads):
        """A fold's problem in these coordinates."""
        grid, data, factors = fold.grid, fold.data, self._near.shrinkage.factors
        if self._space is not None:
            data, factors = grid.problem(self._rows, fold.numbers).data, None
        options = {"factors": factors, "columns": self._columns, "threads": threads}
        return _NearProblem(data.X, data.target, data.weights, **options, **grid.options)

    def _params(self, fit):
        coefficients = self.whole.start(fit)
        if self._space is not None:
            coefficients = self._space.from_raw(*coefficients)
        return self._problem.from_coefficients(*coefficients)

    @property
    def has_metrics(self):
        """Whether folds have a metric at each C: a Hessian that is not too dear."""
        return self.sound and all(start.metric is not None for start in self._starts)

    def metric(self, place):
        """The metric at the C of this place."""
        return self._starts[place].metric

    def same(self, value, place):
        """Whether this is the objective of all rows at the C of this place."""
        known = self._near.whole_fits[place].result.value
        return abs(value - known) <= max(self.whole.grid.tol, 1e-12) * value

    def _start(self, place):
        """Where folds start at one C; None where these coordinates lose something."""
        with Threads() as threads:
            self._problem.set_strength(self.whole.grid.Cs[place])
            objective = self._problem.objective(np.float64)
            objective.threads = threads
            point = objective.at(self.params[place])
            if not self.same(point.value, place):
                return None
            return _Start(point.params, self._metric(objective, point, self.kept(place)))

    def kept(self, place):
        """What the fit of all rows kept of the curvature there; None where that was nothing.

        Nor is there any where these coordinates are others than its own.
        """
        kept = self._near.whole_fits[place].kept
        return kept if self._space is None and kept and kept.shape == self.map.shape else None

    def _metric(self, objective, point, kept):
        map, (n_outputs, width) = objective.map, objective.map.shape
        passes = costs.newton_ratio(map.n_rows, map.n_entries, n_outputs, width)
        size = 8 * (max(1, n_outputs - 1) * width) ** 2 * len(self.whole.grid.Cs)
        if not costs.kept_hessian_pays(passes) or size > _METRICS_BYTES:
            return None
        ridge = objective.penalty.curvature
        if kept is None and (self._kept is None or not self._kept.foresees(point.params, ridge)):
            self._kept = KeptHessian(objective.hessian(point), ridge, point, map.shape)
        return (kept or self._kept).with_ridge(ridge)

    @property
    def _cheap(self):
        """Whether a Hessian takes the time of a few calls."""
        n_outputs, width = self.map.shape
        cost = costs.blocks_cost(1, self.map.n_rows / 2.0, max(1, n_outputs - 1) * width)
        return cost <= _CHEAP * costs.CALLS

    def ridge(self, alpha):
        """Weights of the penalty on the parameters of one class."""
        factors = self._near.shrinkage.factors
        factors = 1.0 if factors is None or self._space is not None else factors
        return self.map.ridge(alpha * factors)[: self.map.shape[1]]

    def fit(self, fold, result):
        """The fit of a fold, from parameters in these coordinates."""
        coefficients = self._problem.coefficients(result.params)
        if self._space is not None:
            coefficients = self._space.to_raw(*coefficients)
        return Fit(*fold.data.all_classes(*coefficients), result)

    def _otherwise(self, grid):
        """The solver that goes on where the optimum is not near."""
        map = self.map
        ratio = costs.newton_ratio(map.n_rows, map.n_entries, *map.shape)
        newton = grid.solver == "auto" and (self._cheap or costs.newton_pays_late(ratio))
        return SOLVERS["newton" if newton else grid.solver]

    def fits(self, fold, threads, known=None):
        """Fits of a fold, one for each C; those are made whose results are not `known`.

        They start where the optimum lies if it is as far from that of all rows as at the C before.
        """
        if known is not None and None not in known:
            yield from (self.fit(fold, result) for result in known)
            return
        if len(fold.data.present) < len(self.whole.data.present):
            yield from self._near.fits(fold, threads)
            return
        problem, solving = self.problem(fold, threads), fold.grid.solving
        solving.pop("solver")
        otherwise, far, apart = self._otherwise(fold.grid), False, 0.0
        known = known or [None] * len(self._starts)
        for C, start, result in zip(fold.grid.Cs, self._starts, known, strict=True):
            if result is None:
                near = None if far or self._cheap else start.metric
                solver = otherwise if near is None else nearby(near, otherwise)
                problem.set_strength(C)
                result = problem.solve(solver, start.params + apart, **solving)
                if result.outcome is Outcome.STALLED and may_be_far(problem.target):
                    result = problem.solve(otherwise, problem.start(), **solving)
                far = far or result.n_iter > FEW
            apart = result.params - start.params
            yield self.fit(fold, result)
