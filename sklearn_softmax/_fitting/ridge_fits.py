"""Fits with a ridge, each by what serves its shape."""

from dataclasses import replace

import numpy as np
from scipy import sparse

from .._core.dual_rows import DualRows
from .._kept import kept
from .._maps.row_space import RowSpace
from .._solvers import costs
from .._solvers.choice import choose
from .by_duals import fit_by_duals
from .problem import LARGEST, STRONGEST, RidgeProblem, alpha_from_C, canonical
from .wide import solve_wide


class RidgeFits:
    """Fits with a ridge to one prepared set of data, for any number of C.

    Wide data are solved in their row space first, and certified in the original features: the
    Gram matrix squares the condition number, so that small features may be lost in it.

    Parameters
    ----------
    X, target, weights
        See `RidgeProblem`, which `options` are for, too.
    """

    def __init__(self, X, target, weights, **options):
        self._data, self._options = (canonical(X), target, weights), options
        self._observer = self._space = self._C = None
        n_entries = X.nnz if sparse.issparse(X) else X.size
        wide = costs.row_space_pays(*X.shape, target.n_outputs, n_entries)
        factors = options.get("factors")
        if wide and (factors is None or np.all(factors > 0)):
            self._space = RowSpace(X, options["fit_intercept"], weights, factors)

    @kept
    def _problem(self):
        return RidgeProblem(*self._data, **self._options)

    @property
    def problem(self):
        """In the original features, at the last C."""
        self._problem.set_strength(self._C)
        return self._problem

    @kept
    def _inner(self):
        """The problem in the row space; None where that is no use."""
        if self._space is None or not self._space.rows.size:
            return None
        rows, options = self._space.rows, self._options | {"factors": None}
        return RidgeProblem(rows, *self._data[1:], **options)

    def observe(self, observer):
        """Call ``observer(coefficients) -> stop`` after each iteration.

        ``coefficients()`` returns coef and intercept. None for no observer.
        """
        self._observer = observer

    def fit(self, C, start, *, solver, tol, max_iter):
        """Coefficients at one C.

        Parameters
        ----------
        C : float
            Inverse strength of the penalty.
        start : tuple (coef, intercept) or None
            Where to start; None stands for zero coefficients.
        solver : callable
            ``solver(objective, start, tol, max_iter) -> Result``.
        tol, max_iter : float, int
            For the solver.

        Returns
        -------
        coef : ndarray of shape (n_outputs, n_features)
        intercept : ndarray of shape (n_outputs,)
        result : Result
        """
        self._C = C
        n_iter, dual = 0, self._dual(C) if solver is choose and start is None else None
        if dual is not None:
            limits = {"tol": tol, "max_iter": max_iter}
            *start, result = fit_by_duals(self._space, dual, self._observer, **limits)
            if result.outcome is not None:
                return *start, result
            n_iter = result.n_iter
        problem, inner, space = self._problem, self._inner, self._space
        problem.observer = observer = self._observer
        problem.set_strength(C)
        if inner is not None:
            to_raw = space.to_raw
            inner.observer = observer and (lambda found: observer(lambda: to_raw(*found())))
            inner.set_strength(C)
            options = {"solver": solver, "tol": tol, "max_iter": max_iter - n_iter}
            start, sure, steps = solve_wide(problem, inner, space, start, **options)
            n_iter += steps
            if sure is not None:
                return *start, replace(sure, n_iter=n_iter)
        result = problem.solve(solver, start, tol=tol, max_iter=max_iter - n_iter)
        return *problem.coefficients(result.params), replace(result, n_iter=n_iter + result.n_iter)

    def _dual(self, C):
        """The dual of a fit, where rows are so few that it serves; or None."""
        space, (_, target, weights) = self._space, self._data
        if space is None or not costs.duals_pay(len(target), target.n_outputs):
            return None
        alpha = alpha_from_C(C, len(target) if weights is None else np.add.reduce(weights))
        if not (0.0 < alpha < STRONGEST and space.sizes.max() < LARGEST):
            return None
        return DualRows(space.gram, target, weights, alpha, self._options["fit_intercept"])
