"""Fits of all folds of a small problem at once."""

import numpy as np

from .._core.threads import Threads
from .._fitting.problem import alpha_from_C
from .._solvers.many_newton import differences
from .at_once import NUMBERS, results_of


class NearBatch:
    """Newton's method for all folds together, from the fits of all rows.

    Their first step takes the curvature of all rows, less that of the rows held out. Fits that it
    does not certify in a few steps are left to `shared`.

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
        self._shared, self._n_rows, grid = shared, len(rows), shared.whole.grid
        problems = [_usable(grid, rows, train) for train, _ in folds]
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
        weights = [self._weights(fold) for fold in folds]
        found, apart = [], 0.0
        with Threads():
            problems = self._shared.whole.weightings(self._shared.map, weights)
            step = max(1, NUMBERS // (problems.n_curvatures * len(problems)))
            for first in range(0, len(self._shared.params), step):
                results, apart = self._fit_at(problems, slice(first, first + step), apart)
                found += results
        return found

    def _weights(self, fold):
        """Of all rows that have weight: zero for those that a fold holds out."""
        weights = np.zeros(self._n_rows)
        numbers = fold.numbers[fold.data.kept]
        np.add.at(weights, numbers, 1.0 if fold.data.weights is None else fold.data.weights)
        return weights[self._shared.whole.data.kept]

    def _fit_at(self, problems, part, apart):
        """Results at some of the Cs, and how far the last optima lie from those of all rows.

        They are expected to lie, and start, as far `apart` as at the C before.
        """
        shared, Cs = self._shared, self._shared.whole.grid.Cs[part]
        alphas = np.array([[alpha_from_C(C, total) for total in problems.totals] for C in Cs])
        ridge = alphas[:, :, None] * shared.ridge(1.0)
        params = [differences(each.reshape(shared.map.shape)) for each in shared.params[part]]
        near = problems.at(np.zeros(len(Cs), np.intp), np.array(params), ridge[:, 0])
        values = zip(near.value, range(len(shared.params))[part], strict=True)
        self.sound = self.sound and all(shared.same(value, place) for value, place in values)
        others = np.arange(1, len(problems))
        state, metric = problems.spread(near, others, ridge[:, 1:].reshape(-1, ridge.shape[2]))
        if np.any(apart):  # one C after the other
            state = problems.at(state.which, state.params + apart, state.ridge)
        _, results, params = results_of(problems, state, shared.whole.grid, metric)
        results = [results[i : i + len(others)] for i in range(0, len(results), len(others))]
        return results, params[-len(others) :] - near.params[-1]

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
