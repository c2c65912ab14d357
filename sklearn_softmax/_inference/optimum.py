"""The curvature at the optimum of softmax regression, and the errors that follow from it."""

import numpy as np
from scipy import linalg, special

from .._core.curvature.information import (
    change_of_reference,
    contrasts,
    penalty_matrix,
    score_products,
)
from .._core.threads import Threads
from .._fitting.problem import RidgeProblem, alpha_from_C, canonical
from .._inputs.validation import check_factors
from .._sparse_coef import dense
from .table import StandardErrors

_SINGULAR = 1e-10  # least eigenvalue of the information, scaled to a unit diagonal
_LARGEST_SHARE = 0.01  # of the curvature in any direction may come from the penalty
_FARTHEST = 0.1  # from the optimum, in standard errors
_ROUNDING = 1e-13  # eigenvalues of it, too
_TINY = 1e-300


def table_of_errors(model, data, kind, level, reference):
    """Table of a fitted model.

    Parameters
    ----------
    model : SoftmaxRegression
        Fitted.
    data : Training
        What it was fitted to.
    kind, level, reference
        See `SoftmaxRegression.standard_errors`.

    Returns
    -------
    StandardErrors
    """
    with Threads() as threads:
        optimum = Optimum(model, data, threads)
        optimum.check_finite()
        optimum.check_regular(feature_names(model))
        optimum.check_penalty(model.C)
        optimum.check_distance()
        covariance = optimum.covariance() if kind == "observed" else optimum.sandwich()
    coef, covariance = optimum.relative_to(covariance, reference)
    width, n_rows = optimum.map.shape[1], len(coef)
    errors = np.sqrt(np.diagonal(covariance)).reshape(n_rows, width)
    half = special.ndtri(0.5 + 0.5 * level) * errors
    z = coef / errors
    return StandardErrors(
        classes=np.delete(data.classes, reference),
        reference=data.classes[reference],
        names=feature_names(model),
        coef=coef,
        error=errors,
        z=z,
        p_value=2.0 * special.ndtr(-np.abs(z)),
        lower=coef - half,
        upper=coef + half,
        covariance=covariance.reshape(n_rows, width, n_rows, width),
        kind=kind,
        level=level,
    )


def feature_names(model):
    """Names of the columns of a table of coefficients, the intercept last."""
    names = getattr(model, "feature_names_in_", None)
    if names is None:
        names = [f"x{number}" for number in range(model.n_features_in_)]
    return [*names, "intercept"] if model.fit_intercept else list(names)


class Optimum:
    """Information about the coefficients of a model, in standardised coordinates.

    Parameters
    ----------
    model : SoftmaxRegression
        Fitted.
    data : Training
        What it was fitted to.
    threads : Threads
        Runs the blocks.
    """

    def __init__(self, model, data, threads):
        problem = RidgeProblem(
            canonical(data.X),
            data.target,
            data.weights,
            C=np.inf,
            fit_intercept=model.fit_intercept,
            threads=threads,
            floor=np.inf,
        )
        self._data, self._objective = data, problem.objective(np.float64)
        self.map = problem.map
        coef, intercept = dense(model.coef_).astype(np.float64), model.intercept_.astype(np.float64)
        self._point = self._objective.at(problem.from_coefficients(coef, intercept))
        self._weights = np.ones(len(data.target)) if data.weights is None else data.weights
        self._total = np.add.reduce(self._weights)
        n_outputs = self.map.shape[0]
        factors = check_factors("penalty_factor", model.penalty_factor, self.map.n_features)
        alpha = alpha_from_C(model.C, self._total) * (1.0 if factors is None else factors)
        ridge = self.map.ridge(alpha).reshape(self.map.shape)
        self._penalty = penalty_matrix(ridge[0], n_outputs)
        slope = self._point.gradient + ridge.ravel() * self._point.params
        self._slope = contrasts(slope.reshape(self.map.shape)).ravel()
        information = self._objective.hessian(self._point)
        self._scale = np.sqrt(np.maximum(np.diagonal(information), _TINY))
        self._values, self._vectors = np.linalg.eigh(self._scaled(information))

    def _scaled(self, matrix):
        """In units in which the information has a unit diagonal."""
        return matrix / np.outer(self._scale, self._scale)

    def check_finite(self):
        """Raise where the optimum is at infinity."""
        n_outputs, width = self.map.shape
        kept = self._values > _ROUNDING
        gradient = contrasts(self._point.gradient.reshape(self.map.shape)).ravel()
        rotated = (self._vectors.T @ (gradient / self._scale))[kept] / self._values[kept]
        step = np.zeros((n_outputs, width))
        contrasts(step)[:] = -(self._vectors[:, kept] @ rotated / self._scale).reshape(-1, width)
        if n_outputs > 1:
            step -= step.mean(axis=0)
        if self._objective.at_infinity(self._point) or self._objective.recedes(step.ravel()):
            raise ValueError(
                "standard_errors needs an optimum that is finite without a penalty; the classes "
                "are separable, at least in part."
            )

    def check_regular(self, names):
        """Raise where the data do not determine all coefficients."""
        if self._values[0] <= _SINGULAR:
            worst = np.argmax(np.abs(self._vectors[:, 0])) % self.map.shape[1]
            raise ValueError(
                "standard_errors needs features of which none is a combination of others, or "
                f"constant; got a singular information matrix, first of all for {names[worst]!r}."
            )

    def check_penalty(self, C):
        """Raise where the penalty has a share in the curvature."""
        root = self._vectors / np.sqrt(self._values)
        ratio = linalg.eigvalsh(root.T @ self._scaled(self._penalty) @ root)[-1]
        if ratio > _LARGEST_SHARE / (1.0 - _LARGEST_SHARE):
            raise ValueError(
                "standard_errors needs a penalty that is at most "
                f"{_LARGEST_SHARE:.0%} of the curvature in any direction; got "
                f"{ratio / (1.0 + ratio):.1%} for C={C:g}. Fit with a larger C, or C=inf."
            )

    def check_distance(self):
        """Raise where the coefficients are not those of the optimum."""
        rotated = self._vectors.T @ (self._slope / self._scale)
        distance = np.sqrt(self._total * np.sum(rotated**2 / self._values))
        if not distance <= _FARTHEST:
            raise ValueError(
                "standard_errors needs the data of the fit, and coefficients within "
                f"{_FARTHEST} standard errors of the optimum; got {distance:.2g}. With the data "
                "of the fit, use a smaller tol."
            )

    def _inverse(self):
        root = self._vectors / (np.sqrt(self._values) * self._scale[:, None])
        return root @ root.T

    def covariance(self):
        """Inverse of the observed information."""
        return self._inverse() / self._total

    def sandwich(self):
        """Inverse information around the products of the scores of rows."""
        weights = self._weights
        if self._data.totals is not None:
            weights = weights * self._data.totals
        products = score_products(self._objective, self._point.params, weights)
        inverse = self._inverse() / self._total
        return inverse @ products @ inverse

    def relative_to(self, covariance, reference):
        """Raw coefficients relative to a class, and their covariance."""
        n_outputs, width = self.map.shape
        raw = self.map.to_raw(self._point.params).reshape(n_outputs, width)
        if n_outputs == 1:
            change = np.array([[1.0 - 2.0 * reference]])
            coef = change @ raw
        else:
            change = change_of_reference(n_outputs - 1, reference)
            coef = np.delete(raw - raw[reference], reference, axis=0)
        transform = np.kron(change, self.map.raw_matrix())
        return coef, transform @ covariance @ transform.T
