"""Fits on a grid of penalties: of all rows, and of the training rows of each fold."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ._core.threads import Threads
from ._path import prepare
from ._probabilistic import labels_target
from ._regression import _all_classes, _with_weight
from ._solvers import SOLVERS, Result
from ._validation import apply_class_weight


class Fit(NamedTuple):
    """Coefficients of all classes, and how good they are."""

    coef: np.ndarray
    intercept: np.ndarray
    result: Result


@dataclass(frozen=True)
class Rows:
    """Data that have been checked.

    Attributes
    ----------
    X : ndarray or CSR matrix of shape (n_rows, n_features)
    labels : ndarray of shape (n_rows,)
        Numbers in `classes`.
    weights : ndarray of shape (n_rows,) or None
    classes : ndarray of shape (n_classes,)
    """

    X: Any
    labels: np.ndarray
    weights: np.ndarray | None
    classes: np.ndarray

    def take(self, numbers):
        """Some of the rows."""
        weights = None if self.weights is None else self.weights[numbers]
        return Rows(self.X[numbers], self.labels[numbers], weights, self.classes)

    def positive(self):
        """Whether each row has any weight."""
        return np.ones(len(self.labels), dtype=bool) if self.weights is None else self.weights > 0


@dataclass(frozen=True)
class Grid:
    """The penalties, and how each fit is made.

    Attributes
    ----------
    Cs : ndarray of shape (n_Cs,)
        Ascending.
    shrinkages : list of Shrinkage
        The other axis of the grid.
    fit_intercept, class_weight, solver, tol, max_iter
        As in `SoftmaxRegression`.
    """

    Cs: np.ndarray
    shrinkages: list
    fit_intercept: bool
    class_weight: Any
    solver: str
    tol: float
    max_iter: int

    @property
    def solving(self):
        """Options of each fit."""
        return {"solver": SOLVERS[self.solver], "tol": self.tol, "max_iter": self.max_iter}

    @property
    def shape(self):
        """Of the grid."""
        return len(self.shrinkages), len(self.Cs)

    def problem(self, rows):
        """Rows of positive weight as what is fitted."""
        weights = apply_class_weight(self.class_weight, rows.classes, rows.labels, rows.weights)
        X, labels, weights, present = _with_weight(rows.X, rows.labels, weights, rows.classes)
        n_outputs = 1 if len(present) == 2 else len(present)
        target = labels_target(labels, len(present), n_outputs)
        return Problem(self, X, target, weights, present, len(rows.classes))


@dataclass(frozen=True)
class Problem:
    """What is fitted at all points of the grid.

    Attributes
    ----------
    grid : Grid
    X, target, weights
        Rows of positive weight: see `prepare`.
    present : ndarray of shape (n_present,)
        Numbers of the classes that these rows have.
    n_classes : int
        Of all rows.
    """

    grid: Grid
    X: Any
    target: Any
    weights: np.ndarray | None
    present: np.ndarray
    n_classes: int

    def fits(self, starts=None):
        """Fits at all points of the grid, in its order.

        Parameters
        ----------
        starts : list of Fit, default=None
            Fits of other rows at the same points. By default each fit starts from the one at
            the C before.

        Returns
        -------
        list of Fit
            With coefficients of all classes.
        """
        grid, found = self.grid, []
        with Threads() as threads:
            for shrinkage in grid.shrinkages:
                fits, last = self._prepare(shrinkage, threads), None
                for C in grid.Cs:
                    start = last if starts is None else self.start(starts[len(found)])
                    coef, intercept, result = fits.fit(C, start, **grid.solving)
                    last = coef, intercept
                    found.append(Fit(*self._everywhere(*last), result))
        return found

    def _prepare(self, shrinkage, threads):
        return prepare(
            self.X,
            self.target,
            self.weights,
            shrinkage,
            fit_intercept=self.grid.fit_intercept,
            threads=threads,
            floor=max(self.grid.tol, np.finfo(np.float64).eps),
        )

    def _everywhere(self, coef, intercept):
        return _all_classes(coef, intercept, self.present, self.n_classes)

    def start(self, fit):
        """Coefficients for the classes that are present, from those of all classes."""
        coef, intercept = fit.coef, fit.intercept
        if len(self.present) == self.n_classes:
            return coef, intercept
        coef, intercept = coef[self.present], intercept[self.present]
        if len(self.present) == 2:
            return coef[1:] - coef[:1], intercept[1:] - intercept[:1]
        return coef, intercept
