"""Fits at a sequence of C on one prepared set of data."""

from dataclasses import replace

from .._inputs.shrinkage import Shrinkage
from .composite import CompositeFits, CompositeProblem
from .problem import canonical
from .ridge_fits import RidgeFits
from .used_columns import UsedColumns, restrict, used_columns

__all__ = ["Shrinkage", "fit_path", "prepare", "smallest_C"]

_STAND_IN = 1e-3  # share of a norm beside a ridge alone: a convention of glmnet


def prepare(X, target, weights, shrinkage, *, Cs=(), **options):
    """What is done once for all fits to the same data.

    `Cs` are those that will be asked for one after the other, if that is known.

    Returns
    -------
    fits : RidgeFits, CompositeFits or UsedColumns
        With ``fit(C, start, solver=, tol=, max_iter=) -> coef, intercept, result``.
    """
    columns = used_columns(X, target.n_outputs)
    if columns is None:
        return _fits(X, target, weights, shrinkage, Cs, options)
    if shrinkage.factors is not None:
        shrinkage = replace(shrinkage, factors=shrinkage.factors[columns])
    part = restrict(canonical(X), columns)
    return UsedColumns(_fits(part, target, weights, shrinkage, Cs, options), columns, X.shape[1])


def _fits(X, target, weights, shrinkage, Cs, options):
    options = options | {"factors": shrinkage.factors}
    if not shrinkage.has_norm:
        return RidgeFits(X, target, weights, **options)
    options |= {"penalty": shrinkage.penalty, "l1_ratio": shrinkage.l1_ratio, "Cs": Cs}
    return CompositeFits(X, target, weights, **options)


def smallest_C(X, target, weights, shrinkage, **options):
    """The largest C at which all penalised coefficients are zero.

    Parameters are those of `fit_path`. For a ridge alone it is that of a `_STAND_IN`.

    Raises
    ------
    ValueError
        If there is no such C.
    """
    if not shrinkage.has_norm:
        shrinkage = replace(shrinkage, l1_ratio=_STAND_IN)
    if not shrinkage.has_norm:
        raise ValueError("penalty_factor must have a positive number; got zeros only.")
    options |= {"penalty": shrinkage.penalty, "l1_ratio": shrinkage.l1_ratio}
    problem = CompositeProblem(canonical(X), target, weights, factors=shrinkage.factors, **options)
    return problem.smallest_C()


def fit_path(X, target, weights, Cs, shrinkage, *, solver, tol, max_iter, start=None, **options):
    """Fit at each C in turn, each from the coefficients of the one before.

    Parameters
    ----------
    X, target, weights
        See `RidgeProblem`, which `options` (fit_intercept, threads, floor) are for, too.
    Cs : iterable of float
        Inverse strengths; ascending ones are fastest.
    shrinkage : Shrinkage
        The penalty.
    solver : callable
        For fits with a ridge: one of `SOLVERS`.
    tol, max_iter : float, int
        For each fit.
    start : tuple (coef, intercept) or None
        Where to start the first fit.

    Yields
    ------
    coef : ndarray of shape (n_outputs, n_features)
    intercept : ndarray of shape (n_outputs,)
    result : Result
        With value, gap, n_iter and outcome.
    """
    fits = prepare(X, target, weights, shrinkage, Cs=Cs, **options)
    for C in Cs:
        coef, intercept, result = fits.fit(C, start, solver=solver, tol=tol, max_iter=max_iter)
        start = coef, intercept
        yield coef, intercept, result
