"""Fits of a small problem at all C at once."""

import numpy as np
from scipy import sparse

from .._fitting.problem import RidgeProblem, alpha_from_C
from .._fitting.rounding import rounded
from .._solvers import Outcome, Result, costs
from .._solvers.related.many_newton import centred, differences, many_newton

NUMBERS = 1 << 18  # of the largest array, which should stay in the cache


def fits_at_once(problem, shrinkage, threads):
    """Fits with a ridge, all from the class priors.

    Newton's method takes more steps than from C to C, but they are steps of all fits together.

    Parameters
    ----------
    problem : Problem
        What is fitted.
    shrinkage : Shrinkage
        A ridge.
    threads : Threads
        Runs what is done once.

    Returns
    -------
    list of (coef, intercept, Result)
        For each C; the result is None where the fit is not certified. Empty where the problem is
        so large that it is faster to go from C to C.
    """
    data, grid = problem.data, problem.grid
    (n_rows, n_features), n_outputs = data.X.shape, data.target.n_outputs
    small = costs.at_once_pays(n_rows, n_outputs, n_features + grid.fit_intercept)
    wide = not sparse.issparse(data.X) and costs.row_space_pays(n_rows, n_features, n_outputs)
    if not small or wide or grid.solver not in ("auto", "newton"):
        return []
    options = {"factors": shrinkage.factors, "threads": threads, **grid.options}
    fitted = RidgeProblem(data.X, data.target, data.weights, **options)
    map = fitted.map
    problems = problem.weightings(map, threads=threads)
    if problems.n_curvatures * len(grid.Cs) > NUMBERS:
        return []
    alphas = np.array([alpha_from_C(C, problems.totals[0]) for C in grid.Cs])
    factors = 1.0 if shrinkage.factors is None else shrinkage.factors
    ridge = alphas[:, None] * map.ridge(factors)[: map.shape[1]]
    start = differences(fitted.priors().reshape(map.shape))
    first = problems.at(np.zeros(len(ridge), np.intp), np.array([start] * len(ridge)), ridge)
    found = many_newton(problems, first, tol=grid.tol, max_iter=grid.max_iter)
    found = zip(*results_of(found, grid.tol), strict=True)
    return [_fit(fitted, C, *each, grid.tol) for C, each in zip(grid.Cs, found, strict=True)]


def _fit(problem, C, params, result, tol):
    fit = *problem.coefficients(params), result
    if result is None or problem.X.dtype == np.float64:
        return fit
    problem.set_strength(C)
    return rounded(problem, *fit, tol)


def results_of(found, tol):
    """Results of several problems.

    Parameters
    ----------
    found : tuple
        See `many_newton`.
    tol : float
        Bound on the gap relative to the value.

    Returns
    -------
    params : list of ndarray of shape (n_params,)
        The last of each problem, of class sum zero.
    results : list of Result or None
        None where they are not certified.
    """
    params, results = [centred(each) for each in found[0]], []
    for each, *numbers in zip(params, *(part.tolist() for part in found[1:]), strict=True):
        value, gap, n_iter = numbers
        sure = gap <= tol * value
        results.append(Result(each, value, gap, n_iter, Outcome.CONVERGED) if sure else None)
    return params, results
