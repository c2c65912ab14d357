"""Coefficients as they are stored: in the dtype of the data, with a certificate of their own."""

from dataclasses import replace

import numpy as np

from .._solvers import Outcome

_LITTLE = 1e-3  # of a gap that is no better than asked
_MOST_MOVED, _MOST_UNITS = 32, 4
_VARIANCE = 0.5  # of a logit difference under any probabilities, relative to squared logits


class RoundedFits:
    """Fits to float32 data, whose coefficients are told, and judged, as float32 holds them.

    Parameters
    ----------
    fits : RidgeFits or CompositeFits
        Of float64 coefficients.
    """

    def __init__(self, fits):
        self._fits = fits
        self._last = None, None  # rounded coefficients, and those that were fitted

    def observe(self, observer):
        """Call an observer after each iteration: see `RidgeFits.observe`."""
        self._fits.observe(observer)

    def fit(self, C, start, *, tol, **options):
        """Coefficients at one C: see `RidgeFits.fit`."""
        if start is not None and start[0] is self._last[0]:
            start = self._last[1]
        *fitted, result = self._fits.fit(C, start, tol=tol, **options)
        coef, intercept, result = rounded(self._fits.problem, *fitted, result, tol)
        self._last = coef, fitted
        return coef, intercept, result


def rounded(problem, coef, intercept, result, tol):
    """Coefficients and intercepts in the dtype of X, and the result that holds for these.

    The objective F curves along a change of parameters by no more than B, a bound of what it does
    to logits, however F is sloped there: F(θ) - F* <= gap means a slope of at most √(2 gap B), so
    that the change leaves (√gap + √(B/2))². Intercepts take up what the change does to all rows.

    Parameters
    ----------
    problem : RidgeProblem
        What was fitted.
    coef, intercept : ndarray
        In float64.
    result : Result
        Of these.
    tol : float
        Where that is missed by the rounding alone, products with the data tell by how much.

    Returns
    -------
    coef, intercept : ndarray
        In float64, with numbers of the dtype of X.
    result : Result
    """
    dtype, mean = problem.X.dtype, problem.map.mean
    with np.errstate(over="ignore", invalid="ignore"):
        near = coef.astype(dtype).astype(np.float64)
        constant = (intercept - (near - coef) @ mean).astype(dtype).astype(np.float64)
    if not (np.isfinite(near).all() and np.isfinite(constant).all()):
        return coef, intercept, result
    if result.outcome is Outcome.AT_INFINITY:
        return near, constant, result

    def bound():
        left = constant - intercept + (near - coef) @ mean
        half = 0.5 * _curvature(problem, near - coef, left)
        half += float(np.finfo(dtype).eps) ** 2 * result.value  # of norms, between their kinks
        return (np.sqrt(result.gap) + np.sqrt(half)) ** 2, left

    gap, left = bound()
    enough = max(tol * result.value, result.gap * (1.0 + _LITTLE))
    if gap > enough:
        _take_up(near, left, mean, dtype)
        gap, _ = bound()
    if gap <= enough:
        return near, constant, replace(result, gap=gap)
    value = problem.value_at(problem.from_coefficients(near, constant))
    gap = min(gap, result.gap + max(0.0, value - result.value))
    missed = result.outcome is Outcome.CONVERGED and gap > tol * value
    outcome = Outcome.ROUNDED if missed else result.outcome
    return near, constant, replace(result, value=value, gap=gap, outcome=outcome)


def _take_up(coef, left, mean, dtype):
    """Move coefficients by few units of rounding, in place, against what is left of intercepts.

    Large ones first: each leaves less than its own unit times the mean of its feature.
    """
    for row, rest in zip(coef, left, strict=True):
        units = np.spacing(np.abs(row).astype(dtype)).astype(np.float64) * (row != 0.0)
        steps = units * mean
        for j in np.argsort(-np.abs(steps))[:_MOST_MOVED]:
            if steps[j] != 0.0:
                count = np.clip(np.rint(rest / steps[j]), -_MOST_UNITS, _MOST_UNITS)
                moved = float(dtype.type(row[j] - count * units[j]))
                rest += (moved - row[j]) * mean[j]
                row[j] = moved


def _curvature(problem, coef, intercept):
    """A bound on the second derivative of the objective along a change of the coefficients.

    By the triangle inequality the root mean square of what features add to a logit is at most the
    sum of what each of them adds.
    """
    logits = np.abs(coef) @ problem.map.scale + np.abs(intercept)
    return _VARIANCE * np.dot(logits, logits) + problem.bend(coef)
