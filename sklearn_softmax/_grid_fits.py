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
    def options(self):
        """Options of each problem."""
        floor = max(self.tol, np.finfo(np.float64).eps)
        return {"fit_intercept": self.fit_intercept, "floor": floor}

    @property
    def shape(self):
        """Of the grid."""
        return len(self.shrinkages), len(self.Cs)

    def problem(self, rows, numbers=None):
        """Rows of positive weight as what is fitted; `numbers` are theirs among others."""
        numbers = np.arange(len(rows.labels)) if numbers is None else numbers
        weights = apply_class_weight(self.class_weight, rows.classes, rows.labels, rows.weights)
        if weights is not None:
            numbers = numbers[weights > 0]
        X, labels, weights, present = _with_weight(rows.X, rows.labels, weights, rows.classes)
        n_outputs = 1 if len(present) == 2 else len(present)
        target = labels_target(labels, len(present), n_outputs)
        return Problem(self, X, target, weights, present, len(rows.classes), numbers)


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
    numbers : ndarray of shape (n_rows,)
        Of the rows among all, ascending where those are.
    """

    grid: Grid
    X: Any
    target: Any
    weights: np.ndarray | None
    present: np.ndarray
    n_classes: int
    numbers: np.ndarray

    def fits(self):
        """Fits at all points of the grid, in its order, each from the one at the C before.

        Returns
        -------
        list of Fit
        """
        found = []
        with Threads() as threads:
            for shrinkage in self.grid.shrinkages:
                prepared, last = self.prepare(shrinkage, threads), None
                for C in self.grid.Cs:
                    *last, result = prepared.fit(C, last, **self.grid.solving)
                    found.append(Fit(*self.everywhere(*last), result))
        return found

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
        return prepare(self.X, self.target, self.weights, shrinkage, **options)

    def everywhere(self, coef, intercept):
        """Coefficients and intercepts of all classes, from those of the classes present."""
        return _all_classes(coef, intercept, self.present, self.n_classes)

    def start(self, fit):
        """Coefficients and intercepts of the classes present, from those of all classes."""
        coef, intercept = fit.coef, fit.intercept
        if len(self.present) == self.n_classes:
            return coef, intercept
        coef, intercept = coef[self.present], intercept[self.present]
        if len(self.present) == 2:
            return coef[1:] - coef[:1], intercept[1:] - intercept[:1]
        return coef, intercept
