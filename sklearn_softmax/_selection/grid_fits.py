"""Fits on a grid of penalties: of all rows, and of the training rows of each fold."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from .._core.many.weightings import Weightings
from .._core.threads import Threads
from .._fitting.path import prepare
from .._inputs.training import Training, in_dtype, of_weight
from .._solvers import SOLVERS, Result, costs
from .._solvers.related.near_path import NearPath
from .at_once import fits_at_once


class Fit(NamedTuple):
    """Coefficients of all classes, how good they are, and the curvature there if it is known."""

    coef: np.ndarray
    intercept: np.ndarray
    result: Result
    kept: Any = None

    def attributes(self, classes, dtype):
        """What is known of a model that is fitted so."""
        return {
            "classes_": classes,
            "coef_": in_dtype(self.coef, dtype),
            "intercept_": in_dtype(self.intercept, dtype),
            "n_iter_": max(1, self.result.n_iter),
            "loss_": float(self.result.value),
            "dual_gap_": float(self.result.gap / self.result.value),
        }


@dataclass(frozen=True)
class Grid:
    """The penalties, and how each fit is made.

    Attributes
    ----------
    Cs : ndarray of shape (n_Cs,)
        Ascending.
    shrinkages : list of Shrinkage
        The other axis of the grid.
    fit_intercept, class_weight, label_smoothing, solver, tol, max_iter
        As in `SoftmaxRegression`.
    """

    Cs: np.ndarray
    shrinkages: list
    fit_intercept: bool
    class_weight: Any
    label_smoothing: float
    solver: str
    tol: float
    max_iter: int

    @property
    def solving(self):
        """Options of each fit."""
        return {"solver": SOLVERS[self.solver], "tol": self.tol, "max_iter": self.max_iter}

    @property
    def options(self):
        """Options of each problem."""
        floor = max(self.tol, np.finfo(np.float64).eps)
        return {"fit_intercept": self.fit_intercept, "floor": floor}

    @property
    def shape(self):
        """Of the grid."""
        return len(self.shrinkages), len(self.Cs)

    def problem(self, rows, numbers=slice(None), number=-1):
        """Some of the rows as what is fitted; `number` is that of a fold."""
        rows = rows.take(numbers)
        options = {"class_weight": self.class_weight, "label_smoothing": self.label_smoothing}
        data = of_weight(rows.X, rows.known, rows.weights, rows.classes, rows.offset, **options)
        return Problem(self, data, numbers, number)


@dataclass(frozen=True)
class Problem:
    """What is fitted at all points of the grid.

    Attributes
    ----------
    grid : Grid
    data : Training
        Those of positive weight.
    numbers : ndarray of int or slice
        The rows among all of them.
    number : int
        Of the fold.
    made : dict
        The last of its `weightings`, whose products of features serve others.
    """

    grid: Grid
    data: Training
    numbers: Any
    number: int
    made: dict = field(default_factory=dict)

    def fits(self, done):
        """Fits at all points of the grid, in its order, each from the one at the C before.

        Parameters
        ----------
        done : callable
            ``done(fit)`` is called after each.

        Returns
        -------
        list of Fit
        """
        found = []
        with Threads() as threads:
            for shrinkage in self.grid.shrinkages:
                for coef, intercept, *rest in self._path(shrinkage, threads):
                    found.append(Fit(*self.data.all_classes(coef, intercept), *rest))
                    done(found[-1])
        return found

    def _path(self, shrinkage, threads):
        """Coefficients, results and kept Hessians at each C."""
        known = [] if shrinkage.has_norm else fits_at_once(self, shrinkage, threads)
        if known and all(result is not None for *_, result in known):
            yield from ((*fit, None) for fit in known)
            return
        prepared, last, solving = self.prepare(shrinkage, threads), None, self.grid.solving
        exact = self.grid.solver in ("auto", "newton")
        small = (lambda map: self.small_weightings(map, threads)) if exact else None
        solving["solver"] = path = NearPath(solving["solver"], small)
        for place, C in enumerate(self.grid.Cs):
            last, result = (known[place][:2], known[place][2]) if known else (last, None)
            if result is None:
                *last, result = prepared.fit(C, last, **solving)
            yield *last, result, path.kept

    def fits_near(self, neighbours):
        """Fits at all points of the grid, from those of other rows.

        Returns
        -------
        list of Fit
        """
        with Threads() as threads:
            return [fit for near in neighbours for fit in near.fits(self, threads)]

    def prepare(self, shrinkage, threads):
        """What fits at any C."""
        options = {"threads": threads, **self.grid.options}
        return prepare(self.data.X, self.data.target, self.data.weights, shrinkage, **options)

    def small_weightings(self, map, threads):
        """The same as one of many problems, or None where it is not so small."""
        pays = costs.together_pays(map.n_rows, *map.shape)
        return self.weightings(map, threads=threads) if pays else None

    def weightings(self, map, others=(), *, threads):
        """The problem in the coordinates of a map, and under other weights of its rows."""
        data = self.data
        own = np.ones(map.n_rows) if data.weights is None else data.weights
        rows, weights, last = map.rows(), np.array([own, *others]), self.made.get("last")
        if last is not None and np.array_equal(last.rows, rows):
            return last.under(weights, threads)
        table = data.known.table()
        found = self.made["last"] = Weightings(rows, table, weights, data.offset, threads=threads)
        return found

    def start(self, fit):
        """Coefficients and intercepts of the classes present, from those of all classes."""
        coef, intercept, present = fit.coef, fit.intercept, self.data.present
        if len(present) == len(self.data.classes):
            return coef, intercept
        coef, intercept = coef[present], intercept[present]
        if len(present) == 2:
            return coef[1:] - coef[:1], intercept[1:] - intercept[:1]
        return coef, intercept
