"""Refits without a row, for those rows whose loss one Newton step does not tell."""

import numpy as np
from scipy.special import entr

from .._fitting.problem import alpha_from_C
from .._solvers import costs
from .._solvers.related.many_near import inverse_of, many_near
from .._solvers.related.many_newton import differences, many_newton

FAR = 1.0  # nats by which a step may move the logits of the row that is left out
_ENOUGH = 1e-6  # gap of a refit, relative to what may become less: see `_tolerance`
_MOST_STEPS = 30
_NUMBERS = 1 << 18  # of the largest array, which should stay in the cache
_OPERATIONS = 1 << 29  # at each C: a few hundredths of a second


class Refits:
    """Refits with a ridge, each without one row, from the fit of all rows.

    Parameters
    ----------
    whole : Problem
        All rows of positive weight.
    problem : RidgeProblem
        The same, in the coordinates of the refits.
    factors : ndarray of shape (n_features,) or None
        Of the penalty in these coordinates.
    threads : Threads
        Run blocks of rows.
    """

    def __init__(self, whole, problem, factors, threads):
        self._grid, self._map = whole.grid, problem.map
        self._ridge = self._map.ridge(1.0 if factors is None else factors)[: self._map.shape[1]]
        self._problems = whole.small_weightings(self._map, threads)
        if self._problems is not None:
            self._weights = self._problems.totals[0] * self._problems.weights[0]
            table = whole.data.known.table()
            self._vital = _last_of_a_class(table, self._weights)
            self._entropy = self._problems.weights[0] @ entr(table).sum(axis=1)

    def losses(self, C, params, moves, target):
        """Losses of the rows that move far; as many of them, the farthest first, as can be had.

        Parameters
        ----------
        C : float
            Inverse strength of the penalty.
        params : ndarray of shape (n_params,)
            The fit of all rows.
        moves : ndarray of shape (n_rows,)
            Changes of logits that a Newton step without the row makes.
        target : ndarray of shape (n_rows, K)
            What logits of rows left out are compared with: distributions.

        Returns
        -------
        numbers : ndarray of int
            The rows.
        losses : ndarray
            In nats.
        """
        if self._problems is None or not np.any(moves > FAR):
            return np.zeros(0, np.intp), np.zeros(0)
        far = np.flatnonzero((moves > FAR) & ~self._vital)
        most = costs.refits(*self._map.shape, self._map.n_rows, _OPERATIONS)
        far = far[np.argsort(-moves[far], kind="stable")][:most]
        relative = differences(params.reshape(self._map.shape))[None]
        zero, ridge = np.zeros(1, np.intp), self._penalty(C, self._weights.sum())
        near, inverse, largest = self._problems.at(zero, relative, ridge[None]), None, None
        if costs.hessian_pays(*self._map.shape):
            largest = self._problems.n_curvatures
        else:
            inverse, largest = inverse_of(self._problems.hessian(near)[0]), near.chances[0].size
        step, tol = max(1, _NUMBERS // largest), self._tolerance(near.value[0])
        parts = [far[first : first + step] for first in range(0, len(far), step)]
        found = [self._without(part, C, relative, inverse, target, tol) for part in parts]
        numbers, losses = (np.concatenate(each) for each in zip(*found, strict=True))
        return numbers, losses

    def _penalty(self, C, total):
        return alpha_from_C(C, total) * self._ridge

    def _tolerance(self, value):
        """Relative gap of a refit: the entropy of soft targets is no loss that it could spare.

        Beside that, a weak penalty would be nothing, and the fit of all rows good enough.
        """
        return _ENOUGH * max(0.0, 1.0 - self._entropy / value)

    def _without(self, rows, C, relative, inverse, target, tol):
        """Those rows whose refits are certified, and their losses."""
        weights = np.repeat(self._weights[None], len(rows), axis=0)
        weights[np.arange(len(rows)), rows] = 0.0
        problems = self._problems.under(weights, self._problems.threads)
        ridge = np.array([self._penalty(C, total) for total in problems.totals])
        start = problems.at(np.arange(len(rows)), np.repeat(relative, len(rows), axis=0), ridge)
        options = {"tol": tol, "max_iter": _MOST_STEPS}
        if inverse is None:
            params, value, gap, _ = many_newton(problems, start, last=True, **options)
        else:
            params, value, gap, _ = many_near(problems, start, inverse, **options)
        sure = gap <= tol * value
        rows = rows[sure]
        return rows, problems.row_losses(params[sure], rows, target[rows])


def _last_of_a_class(table, weights):
    """Rows without which a class has no weight: no penalty holds its intercept."""
    mass = weights[:, None] * table
    total = mass.sum(axis=0)
    return np.any(total - mass <= 1e-9 * total, axis=1)
