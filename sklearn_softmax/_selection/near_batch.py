"""Fits of all folds of a small problem at once."""

import numpy as np

from .._core.threads import Threads
from .._core.weightings import Weightings
from .._fitting.problem import alpha_from_C
from .._solvers import Outcome, Result
from .._solvers.many_newton import many_newton

_NUMBERS = 1 << 23  # multiplications of the Hessians of all folds: a few milliseconds


def batch_pays(map, n_folds):
    """Whether calls of separate fits would take longer than the operations of all."""
    n_outputs, width = map.shape
    n = max(1, n_outputs - 1)
    products = map.n_rows * width * (width + 1) // 2
    return n_folds * (n * (n + 1) // 2 * products + (n * width) ** 3) <= _NUMBERS


class NearBatch:
    """Newton's method for all folds together, from the fits of all rows.

    Folds that it does not certify in a few steps at some C are left to `shared`.

    Parameters
    ----------
    shared : NearRidge
        Coordinates and starts.
    rows : Rows
        All of them.
    folds : list of (train, test)
        Row numbers.
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
        with Threads():
            self._found = self._fit(rows, same) if same else []

    def _fit(self, rows, folds):
        """State, gaps and steps at each C."""
        whole, map = self._shared.whole, self._shared.map
        labels = rows.known.take(whole.data.kept).keep(whole.data.present).labels
        weights = np.array([self._weights(rows, fold) for fold in folds])
        totals, found = weights.sum(axis=1), []
        shares = weights / totals[:, None]
        problems = Weightings(map.rows(), labels, len(whole.data.present), shares)
        options = {"tol": whole.grid.tol, "max_iter": whole.grid.max_iter}
        for C, start in zip(whole.grid.Cs, self._shared.starts, strict=True):
            ridge = [self._shared.ridge(alpha_from_C(C, total)) for total in totals]
            first = _differences(start.params.reshape(map.shape))
            first = np.repeat(first[None], len(folds), axis=0)
            found.append(many_newton(problems, first, np.array(ridge), **options))
        return found

    def _weights(self, rows, fold):
        """Of all rows that have weight: zero for those that a fold holds out."""
        weights = np.zeros(self._n_rows)
        numbers = fold.numbers[fold.data.kept]
        np.add.at(weights, numbers, 1.0 if fold.data.weights is None else fold.data.weights)
        return weights[self._shared.whole.data.kept]

    def fits(self, fold, threads):
        """Fits of a fold, one for each C."""
        place = self._place.get(fold.number)
        results = [] if place is None else [self._result(place, *found) for found in self._found]
        if not results or None in results:
            yield from self._shared.fits(fold, threads)
            return
        for result in results:
            yield self._shared.fit(fold, result)

    def _result(self, place, state, gap, n_iter):
        """Of one fold at one C; None where it is not certified."""
        value, gap, n_iter = float(state.value[place]), float(gap[place]), int(n_iter[place])
        if gap > self._shared.whole.grid.tol * value:
            return None
        return Result(_centred(state.params[place]), value, gap, n_iter, Outcome.CONVERGED)


def _usable(grid, rows, train):
    """The problem of a fold, or None where its rows cannot be used: their own fit says so."""
    try:
        return grid.problem(rows, train)
    except ValueError:
        return None


def _differences(params):
    """Parameters relative to the last class; those of a single output as they are."""
    return params if len(params) == 1 else params[:-1] - params[-1]


def _centred(differences):
    """Flat parameters of class sum zero."""
    if len(differences) == 1:
        return differences.ravel()
    params = np.concatenate([differences, np.zeros((1, differences.shape[1]))])
    return (params - params.mean(axis=0)).ravel()
