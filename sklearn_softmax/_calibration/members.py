"""Families of members of a pool: maps near the identity of calibrated log-probabilities z.

A family has a map, a penalty whose parts grow with the number of parameters (structured matrix
scaling), and the curvature of its objective. Log-probabilities are class-major.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

from .._core.curvature import full as full_curvature
from .._maps import structured
from .._penalties.ridge import Ridge
from .._solvers.quasi_newton import FullMetric, ScaledMetric, SharedBlockMetric

_FULL = 256  # parameters whose Hessian costs less than the steps that it saves
_DIRECTIONS = 16


class AdaptiveTemperature:
    """Four slopes that all classes share, and a prior worth one row."""

    name = "adaptive_temperature"

    def map(self, z):
        """The map of log-probabilities."""
        return structured.SharedSlopes(z)

    def penalty(self, n_classes, total, strength):
        """Half the squared distance to the identity, in nats."""
        return Ridge(np.full(4, strength / total), np.array([1.0, 0.0, 0.0, 0.0]))

    def metric(self, objective, point):
        """The Hessian, to which ridges are added."""
        return partial(FullMetric, full_curvature.by_products(objective, point))

    def logits(self, params, z):
        """Calibrated logits, shape of z; a row has the same bits in any batch."""
        map = self.map(z)
        out = np.empty(z.shape)
        map.forward(map.bind(params), slice(0, z.shape[1]), out)
        return out


class StructuredMatrix:
    """Logits W f(z) + b, with W near the identity (structured matrix scaling).

    The penalty of the *sum* of the losses is K for squares of an intercept and of a class's
    weight on its own features, and K (K - 1) for its weights on all others.

    Parameters
    ----------
    name : str
        Of the family.
    features : callable
        f. It starts with groups of K features, one of each class, of which the first is z itself.
    n_groups : int
        The number of these groups.
    """

    def __init__(self, name, features, n_groups=1):
        self.name, self._features, self._n_groups = name, features, n_groups

    def map(self, z):
        """The map of log-probabilities."""
        return structured.StructuredMatrix(self._features(z), len(z))

    def penalty(self, n_classes, total, strength):
        """The structured ridge, centred on the identity."""
        n_features = len(self._features(np.zeros((n_classes, 1))))
        weights = np.full((n_classes, n_features + 1), n_classes - 1.0)
        for group in range(self._n_groups):
            np.fill_diagonal(weights[:, group * n_classes :], 1.0)
        weights[:, -1] = 1.0
        weights *= 2.0 * strength * n_classes / total
        return Ridge(weights.ravel(), np.eye(n_classes, n_features + 1).ravel())

    def metric(self, objective, point):
        """The Hessian, to which ridges are added; near it where parameters are many."""
        if len(point.params) <= _FULL:
            return partial(
                FullMetric, objective.pair_hessian(point, np.ones(objective.map.shape, bool))
            )
        return partial(SharedBlockMetric, *full_curvature.shared_block(objective, point))

    def logits(self, params, z):
        """Calibrated logits, shape of z; a row has the same bits in any batch."""
        params = params.reshape(len(z), -1)
        return structured.matrix_logits(params[:, :-1], params[:, -1], self._features(z))


class StructuredVector:
    """Logits a ∘ z + W V'z + b, with a near 1 and W near 0.

    Parameters
    ----------
    name : str
        Of the family.
    directions : ndarray of shape (n_directions, n_classes)
        V'. Without any it is structured vector scaling.
    centre : ndarray of shape (n_classes,)
        Subtracted from z before V', so that slopes and intercepts have little to do with each
        other.
    """

    def __init__(self, name, directions, centre):
        self.name, self._directions = name, directions
        self._offset = -directions @ centre

    def map(self, z):
        """The map of log-probabilities."""
        return structured.StructuredVector(z, self._directions @ z + self._offset[:, None])

    def penalty(self, n_classes, total, strength):
        """The structured ridge, centred on the identity."""
        weights = np.full((n_classes, 2 + len(self._directions)), n_classes - 1.0)
        weights[:, [0, -1]] = 1.0
        centre = np.zeros(weights.shape)
        centre[:, 0] = 1.0
        return Ridge(2.0 * strength * n_classes / total * weights.ravel(), centre.ravel())

    def metric(self, objective, point):
        """The diagonal of the Hessian, to which ridges are added."""
        return partial(ScaledMetric, objective.curvature_diagonal(point).ravel())

    def logits(self, params, z):
        """Calibrated logits, shape of z; a row has the same bits in any batch."""
        params = params.reshape(len(z), -1)
        directed = structured.matrix_logits(self._directions, self._offset, z)
        result = structured.matrix_logits(params[:, 1:-1], params[:, -1], directed)
        return result + params[:, :1] * z


def main_directions(z, weights):
    """The directions in which log-probabilities vary most, and their mean.

    Returns
    -------
    directions : ndarray of shape (n_directions, n_classes)
    mean : ndarray of shape (n_classes,)
    """
    mean = np.average(z, axis=1, weights=weights)
    centred = z - mean[:, None]
    _, vectors = np.linalg.eigh((centred * weights) @ centred.T)
    return np.ascontiguousarray(vectors[:, : -_DIRECTIONS - 1 : -1].T), mean


@dataclass(frozen=True)
class FittedMember:
    """A family and its parameters: from log-probabilities z to logits."""

    family: object
    params: np.ndarray

    def logits(self, z, logits):
        """Calibrated logits."""
        return self.family.logits(self.params, z)


@dataclass(frozen=True)
class Tempered:
    """Temperature and uniform share themselves."""

    base: object

    def logits(self, z, logits):
        """Calibrated logits."""
        return self.base.log_probabilities(logits)


@dataclass(frozen=True)
class Unchanged:
    """The input."""

    base: object

    def logits(self, z, logits):
        """Calibrated logits."""
        return logits


@dataclass(frozen=True)
class Uniform:
    """Equal probabilities."""

    base: object

    def logits(self, z, logits):
        """Calibrated logits."""
        return np.zeros_like(z)
