"""A quadratic that stands for losses of rows that are gone, and a ridge."""

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Expansion:
    """Second-order expansion of a sum of losses: value + g'd + ½ d'Hd, d = θ - centre.

    Attributes
    ----------
    value : float
        Sum at the centre.
    gradient : ndarray of shape (n_params,)
        g there.
    form : form
        H: see `sklearn_softmax._penalties.forms`.
    centre : ndarray of shape (n_params,)
        Where.
    """

    value: float
    gradient: object
    form: object
    centre: object

    def at(self, params):
        """Value and gradient at other parameters."""
        offset = params - self.centre
        bent = self.form.product(offset)
        value = self.value + np.dot(self.gradient, offset) + 0.5 * np.dot(bent, offset)
        return value, self.gradient + bent

    def centred(self, centre):
        """The same function, written around another centre."""
        value, gradient = self.at(centre)
        return replace(self, value=value, gradient=gradient, centre=centre)

    def __add__(self, other):
        other = other.centred(self.centre)
        return replace(
            self,
            value=self.value + other.value,
            gradient=self.gradient + other.gradient,
            form=self.form + other.form,
        )


class Quadratic:
    """scale · (expansion(θ) + ½ Σ w θ²).

    Parameters
    ----------
    expansion : Expansion
        Of the losses.
    ridge : ndarray of shape (n_params,)
        w, not negative.
    scale : float
        From a sum of losses to the mean that solvers see.
    """

    def __init__(self, expansion, ridge, scale):
        self._expansion, self._ridge, self._scale = expansion, ridge, scale
        self.curvature = scale * (ridge + expansion.form.diagonal())

    def evaluate(self, params):
        """Value and gradient."""
        value, gradient = self._expansion.at(params)
        slope = self._ridge * params
        return (
            self._scale * (value + 0.5 * np.dot(slope, params)),
            self._scale * (gradient + slope),
        )

    def product(self, vector):
        """The second derivative times a vector."""
        return self._scale * (self._expansion.form.product(vector) + self._ridge * vector)


class Scaled:
    """The inverse of a metric of sums, for solvers that see means."""

    def __init__(self, metric, scale):
        self._metric, self._factor = metric, 1.0 / scale

    def solve(self, gradient):
        """Product of the inverse with a gradient."""
        return self._factor * self._metric.solve(gradient)
