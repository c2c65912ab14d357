"""Truncated Newton steps on a face, where a penalty with a kink is smooth."""

import numpy as np

from ..steps.conjugate import newton_step
from .line import advance

_LENGTHS = 1.0, 0.25, 0.0625


class _Face:
    """The objective in the parameters of a face: what `newton_step` asks for."""

    def __init__(self, objective, penalty, point, damping):
        self._objective, self._point = objective, point
        params = point.params.reshape(objective.map.shape)
        self.mask = penalty.smooth_at(params)
        self.value = point.value + penalty.value(params)
        self.bend, self.vector = penalty.bend(params)
        self._bend = self.bend + damping
        slope = point.gradient.reshape(params.shape) + penalty.slope(params)
        self.gradient = np.where(self.mask, slope, 0.0).ravel()

    def hessian_product(self, _, vector):
        """Product of the Hessian on the face with a vector that is zero elsewhere."""
        product = self._objective.hessian_product(self._point, vector).reshape(self.mask.shape)
        vector = vector.reshape(self.mask.shape)
        product = product + self._bend * vector
        if self.vector is not None:
            product -= self.vector * np.einsum("kj,kj->j", self.vector, vector)
        return np.where(self.mask, product, 0.0).ravel()


class _Metric:
    def __init__(self, solve, shape):
        self._solve, self._shape = solve, shape

    def solve(self, gradient):
        """Product of the inverse metric with a flat gradient."""
        return self._solve(gradient.reshape(self._shape)).ravel()


def face_step(objective, penalty, point, model, *, accuracy, max_products):
    """Go along a Newton step by conjugate gradients, in the metric of a model.

    Returns
    -------
    Point or None
        None where nothing is gained.
    decrement : float
        Half the squared Newton decrement on the face.
    """
    face, shape = _Face(objective, penalty, point, model.damping), objective.map.shape
    metric = _Metric(model.metric(face.mask, face.bend, face.vector), shape)
    step, decrement, _ = newton_step(face, face, metric, accuracy=accuracy, max_iter=max_products)
    params = point.params.reshape(shape)
    for length in _LENGTHS:
        target = penalty.stopped(params + length * step.reshape(shape), params)
        new, _ = advance(objective, penalty, point, target)
        if new is not None:
            return new, decrement
    return None, decrement
