"""Fits of all folds of a small problem at once."""

from dataclasses import replace

import numpy as np

from .._core.threads import Threads
from .._fitting.problem import alpha_from_C
from .._solvers import costs
from .._solvers.related.many_near import inexact, inverse_of, many_near
from .._solvers.related.many_newton import differences, many_newton
from .at_once import NUMBERS, results_of


def together_pays(map):
    """Whether the folds of a problem are so small that they may have their own Hessians."""
    return costs.together_pays(map.n_rows, *map.shape)


def batch_pays(shared, n_folds):
    """Whether folds are best fitted together: those that share a metric, if they are not small."""
    map = shared.map
    if together_pays(map):
        return True
    stack = map.n_entries >= map.n_rows * map.n_features // 2  # rows that are nearly dense
    return stack and costs.stack_pays(map.n_rows, *map.shape, n_folds) and shared.has_metrics


class NearBatch:
    """Newton's method for all folds together, from the fits of all rows.

    Fits that are not certified in a few steps are left to `shared`.

    Parameters
    ----------
    shared : NearRidge
        Coordinates and starts.
    rows : Rows
        All of them.
    folds : list of (train, test)
        Row numbers.

    Attributes
    ----------
    sound : bool
        See `NearRidge`.
    """

    def __init__(self, shared, rows, folds):
        self._shared, self._n_rows, self._grid = shared, len(rows), shared.whole.grid
        self._options = {"tol": self._grid.tol, "max_iter": self._grid.max_iter}
        bare = replace(rows, X=rows.X[:, :0])  # folds see the features of all rows: no copies
        problems = [_usable(self._grid, bare, train) for train, _ in folds]
        n_present = len(shared.whole.data.present)
        self._place, same = {}, []
        for number, problem in enumerate(problems):
            if problem is not None and len(problem.data.present) == n_present:
                self._place[number] = len(same)
                same.append(problem)
        self.sound = True
        self._found = self._fit(same) if same else []
        if any(None in results for results in self._found):
            self.sound = self.sound and shared.sound

    def _fit(self, folds):
        """Results of all folds at each C, None where they are not certified."""
        shared, weights = self._shared, [self._weights(fold) for fold in folds]
        with Threads() as threads:
            problems = shared.whole.weightings(shared.map, weights, threads=threads)
            alphas = [[alpha_from_C(C, total) for total in problems.totals] for C in self._grid.Cs]
            ridge = np.array(alphas)[:, :, None] * shared.ridge(1.0)
            params = [differences(each.reshape(shared.map.shape)) for each in shared.params]
            if not together_pays(shared.map):
                self.sound = shared.sound
                inverses = (shared.metric(place).inverse for place in range(len(params)))
                return self._in_turn(inexact, problems, params, inverses, ridge[:, 1:])
            near = problems.at(np.zeros(len(params), np.intp), np.array(params), ridge[:, 0])
            self.sound = all(shared.same(value, place) for place, value in enumerate(near.value))
            parts = [near.take([place]) for place in range(len(params))]
            if not costs.hessian_pays(*shared.map.shape):
                inverses = (self._inverse(problems, *part) for part in enumerate(parts))
                return self._in_turn(many_near, problems, params, inverses, ridge[:, 1:])
            step = max(1, NUMBERS // (len(folds) * problems.n_curvatures))
            parts = [slice(first, first + step) for first in range(0, len(near), step)]
            found = (self._together(problems, near.take(p), ridge[p, 1:]) for p in parts)
            return [results for part in found for results in part]

    def _together(self, problems, near, ridge):
        """Some C at once. The first step takes the curvature of all rows, less those held out."""
        others = np.arange(1, len(problems))
        state, metric = problems.spread(near, others, ridge.reshape(-1, ridge.shape[2]))
        found = many_newton(problems, state, metric, last=True, **self._options)
        _, results = results_of(found, self._grid.tol)
        return [results[i : i + len(others)] for i in range(0, len(results), len(others))]

    def _in_turn(self, solve, problems, params, inverses, ridge):
        """One C after the other, in the metric of all rows.

        Optima are expected to lie, and start, as far from that of all rows as at the C before.
        Folds whose optimum was not near are left to their own fits from there on.
        """
        n_folds, results = len(problems) - 1, []
        near, apart = np.arange(n_folds), np.zeros((n_folds, *params[0].shape))
        for whole, inverse, weights in zip(params, inverses, ridge, strict=True):
            results.append([None] * n_folds)
            if not len(near):
                continue
            state = problems.at(1 + near, whole + apart[near], weights[near])
            found = solve(problems, state, inverse, **self._options)
            apart[near] = found[0] - whole
            for fold, result in zip(near, results_of(found, self._grid.tol)[1], strict=True):
                results[-1][fold] = result
            near = np.array([fold for fold in near if results[-1][fold] is not None], np.intp)
        return results

    def _inverse(self, problems, place, whole):
        """Inverse of the metric of all rows."""
        kept = self._shared.kept(place)
        if kept is None:
            return inverse_of(problems.hessian(whole)[0])
        return kept.with_ridge(np.tile(whole.ridge[0], kept.shape[0])).inverse

    def _weights(self, fold):
        """Of all rows that have weight: zero for those that a fold holds out."""
        weights = np.zeros(self._n_rows)
        numbers = fold.numbers[fold.data.kept]
        np.add.at(weights, numbers, 1.0 if fold.data.weights is None else fold.data.weights)
        return weights[self._shared.whole.data.kept]

    def fits(self, fold, threads):
        """Fits of a fold, one for each C."""
        place = self._place.get(fold.number)
        known = None if place is None else [results[place] for results in self._found]
        return self._shared.fits(fold, threads, known)


def _usable(grid, rows, train):
    """The problem of a fold, or None where its rows cannot be used: their own fit says so."""
    try:
        return grid.problem(rows, train)
    except ValueError:
        return None
