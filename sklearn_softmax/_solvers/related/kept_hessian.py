"""A Hessian that serves the optima of several ridges, as long as it predicts where they are."""

import numpy as np

from .many_newton import differences
from .nearby import HessianMetric

_ALIKE = 0.03  # part of the way to another optimum that may be foreseen wrongly


class KeptHessian:
    """The Hessian at an optimum, from which metrics at those of other ridges are made.

    Between two optima the gradient of the loss changes by R₁θ₁ - R₂θ₂, R being the ridges: the
    Hessian H of the loss at θ₁ foresees (H + R₁)(θ₂ - θ₁) = (R₁ - R₂)θ₂. Where that is so, the
    curvature has not moved, and no pass over the data is needed to know it. Nor has it where the
    way is short beside the value: curvature changes by as much as logits do.

    Parameters
    ----------
    hessian : ndarray of shape (n * width, n * width), n = max(1, n_outputs - 1)
        In coordinates relative to the last class, the ridge included; kept.
    ridge : ndarray of shape (n_outputs * width,)
        Of the objective.
    optimum : Point or Result
        With its `params` and `value`.
    shape : (n_outputs, width)
        Of the parameters.
    """

    def __init__(self, hessian, ridge, optimum, shape):
        self._hessian, self._ridge, self._params = hessian, ridge, optimum.params
        self.value, self.shape = optimum.value, shape
        self.metric = HessianMetric(hessian.copy(), shape)
        self._made = ridge, self.metric

    def foresees(self, params, ridge):
        """Whether the curvature is the same at the optimum of another ridge."""
        way = params - self._params
        short = differences(way.reshape(self.shape)).ravel()
        if np.dot(short, self._hessian @ short) <= _ALIKE**2 * self.value:
            return True
        foreseen = self.metric.solve((self._ridge - ridge) * params)
        return bool(np.linalg.norm(way - foreseen) <= _ALIKE * np.linalg.norm(way))

    def with_ridge(self, ridge):
        """The metric of the same curvature and another ridge."""
        for known, metric in ((self._ridge, self.metric), self._made):
            if np.array_equal(ridge, known):
                return metric
        n_outputs, width = self.shape
        n = max(1, n_outputs - 1)
        tie = np.eye(n) - (1.0 / n_outputs if n_outputs > 1 else 0.0)
        hessian = self._hessian.reshape(n, width, n, width).copy()
        change = (ridge - self._ridge).reshape(self.shape)[0]
        np.einsum("kjlj->klj", hessian)[:] += tie[:, :, None] * change
        metric = HessianMetric(hessian.reshape(n * width, n * width), self.shape)
        self._made = ridge, metric
        return metric
