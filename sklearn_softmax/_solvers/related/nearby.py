"""Minimising near the optimum of a problem that is almost the same, in the metric found there."""

from dataclasses import replace

import numpy as np
from scipy.linalg import blas, lapack

from ..._kept import kept
from ..lbfgs import lbfgs
from ..outcome import Outcome
from ..steps.metric import cholesky

FEW = 15  # steps: where the curvature is another, other solvers find it


class HessianMetric:
    """The Hessian of all classes at some point, inverted once: it solves for many gradients.

    Parameters
    ----------
    hessian : ndarray of shape (n * width, n * width), n = max(1, n_outputs - 1)
        In coordinates relative to the last class; overwritten.
    shape : (n_outputs, width)
        The shape of the parameters.
    """

    def __init__(self, hessian, shape):
        self._shape = shape
        self._inverse = lapack.dpotri(cholesky(hessian), lower=1)[0]

    @kept
    def inverse(self):
        """The inverse metric, both triangles."""
        return np.tril(self._inverse) + np.tril(self._inverse, -1).T

    def solve(self, gradient):
        """Product of the inverse metric with a flat gradient of class sum zero."""
        n_outputs, width = self._shape
        if n_outputs == 1:
            return blas.dsymv(1.0, self._inverse, gradient, lower=1)
        gradient = gradient.reshape(self._shape)
        right = gradient[:-1] - gradient.mean(axis=0)
        solution = np.zeros(self._shape)
        solution[:-1] = blas.dsymv(1.0, self._inverse, right.ravel(), lower=1).reshape(-1, width)
        solution -= solution.mean(axis=0)
        return solution.ravel()


class _Fixed:
    """The schedule of a metric that stays."""

    def __init__(self, metric):
        self._metric = metric

    def first(self, point):
        """The metric."""
        return self._metric

    renew = first

    def after(self, point, step, metric):
        """The metric."""
        return metric


def nearby(metric, otherwise):
    """A solver for starts that lie near the optimum.

    Parameters
    ----------
    metric : metric
        About the Hessian there.
    otherwise : callable
        The solver that goes on where a few steps do not do.

    Returns
    -------
    callable
        ``solver(objective, start, tol, max_iter) -> Result``.
    """

    def solve(objective, start, *, tol, max_iter):
        few = {"tol": tol, "max_iter": min(FEW, max_iter)}
        first = lbfgs(objective, start, metrics=_Fixed(metric), **few)
        left = max_iter - first.n_iter
        if first.outcome is Outcome.CONVERGED or left == 0:
            return first
        more = otherwise(objective, first.params, tol=tol, max_iter=left)
        return replace(more, n_iter=first.n_iter + more.n_iter)

    return solve
