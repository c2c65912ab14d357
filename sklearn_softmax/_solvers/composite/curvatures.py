"""Which model of curvature a composite problem is given, and when it is renewed."""

import numpy as np

from .. import costs
from .class_hessians import KeptBlocks
from .models import ClassModel, FullModel

_PRODUCTS = 60.0  # passes that Newton steps by conjugate gradients take instead
_FACES = 20.0  # cubes of the number of parameters that the minimum of a model takes
_IMPATIENCE = 1.15  # growth of what the whole Hessian may cost, with each step without it
_SPARSE_PRODUCT = 60.0  # time of an operation in products of sparse matrices
_MAX_PAIRS = 6000
_SHORT, _DAMPING, _DAMPING_FACTOR = 0.6, 0.01, 6.0
_LEAST_DAMPING, _MOST_DAMPING = 1e-5, 1e3
_NEW, _GROWTH = 100, 0.5  # parameters that may leave zero in a step
_SETTLED = 1e-2  # what a model promises, over what the last one did: then it may serve again
_STILL = 1e-16  # curvature, over the largest of a free parameter
_SHARE, _NEEDED = 0.8, 0.95  # of its bound, from which a zero parameter may, or should, move


class LastHessian:
    """The last Hessian of the loss in some parameters, which may serve other penalties, too."""

    def __init__(self):
        self.mask = self.matrix = None

    def put(self, mask, matrix):
        """Keep another."""
        self.mask, self.matrix = mask, matrix


class Curvatures:
    """Models at the points of one composite problem.

    Parameters
    ----------
    objective : Objective
        Loss and ridge.
    penalty : Composite
        The norm.
    kept : LastHessian
        Of this loss, perhaps from a fit with another penalty.
    """

    def __init__(self, objective, penalty, kept):
        self._objective, self._penalty, self._kept = objective, penalty, kept
        self._shape = n_outputs, width = objective.map.shape
        self._n_rows = objective.map.n_rows
        self._pass = costs.pass_cost(objective.map.n_entries, n_outputs)
        self._pins = np.zeros(self._shape, bool)
        self._pins[-1] = penalty.free & (n_outputs > 1)
        self._every, self._blocks = None, KeptBlocks(objective)
        self._patience = 1.0
        self._promises, self._damping = (np.inf, np.inf), _DAMPING

    def mask(self, params, gradient):
        """Parameters that may move in the next step.

        They are those that are not zero, and those that press hardest against their bounds:
        those of the last Hessian where it serves, and all where that costs next to nothing.
        """
        if params.size <= _NEW and self._full_cost(params.size) < self._pass:
            self._every = np.ones(self._shape, bool) if self._every is None else self._every
            return self._every
        pressure = self._penalty.pressure(params, gradient)
        n_on, n_near = np.count_nonzero(pressure == np.inf), np.count_nonzero(pressure >= _SHARE)
        most, least = n_on + max(_NEW, int(_GROWTH * n_on)), _SHARE
        if n_near > most:
            least = np.partition(pressure, pressure.size - most, axis=None)[pressure.size - most]
        mask = pressure >= least
        last = self._kept.mask
        if self._settled and last is not None and not np.any((pressure >= _NEEDED) & ~last):
            return last
        return mask

    def model(self, point, mask, shape):
        """The whole Hessian of the parameters in a mask where that pays, else by classes."""
        if self._full_pays(np.count_nonzero(mask)):
            return self._whole(point, mask, shape)
        return self._by_classes(point, mask, shape)

    def _full_pays(self, n_pairs):
        cost = self._full_cost(n_pairs) + costs.LARGE_PRODUCT * _FACES * n_pairs**3
        return n_pairs <= _MAX_PAIRS and cost <= max(
            self._patience * _PRODUCTS * self._pass, costs.CALLS
        )

    def _full_cost(self, n_pairs):
        map = self._objective.map
        entries = n_pairs * (map.n_entries / self._n_rows / self._shape[1] if map.sparse else 1.0)
        factor = _SPARSE_PRODUCT if map.sparse else 1.0
        return costs.LARGE_PRODUCT * factor * self._n_rows * entries**2

    def _whole(self, point, mask, shape):
        kept = self._kept
        if mask is self._every or not (self._settled and np.array_equal(mask, kept.mask)):
            kept.put(mask, self._objective.loss_hessian(point, mask))
        matrix = kept.matrix.copy()
        ridge = self._objective.penalty.curvature.reshape(self._shape)[mask]
        np.einsum("ii->i", matrix)[:] += ridge
        pins = self._pins[mask] | self._still(matrix, mask)
        value = point.value + self._penalty.value(point.params.reshape(self._shape))
        return FullModel(matrix, shape, pins.reshape(shape), value)

    def _still(self, matrix, mask):
        """Free parameters of features that do not vary: their gradient is rounding."""
        free, diagonal = np.tile(self._penalty.free, (len(mask), 1))[mask], np.diagonal(matrix)
        return free & (diagonal <= _STILL * np.max(diagonal[free], initial=0.0))

    @property
    def _settled(self):
        """Whether the last Hessian still serves, though it is of another point."""
        last, promise = self._promises
        return promise <= _SETTLED * last

    def promised(self, decrease):
        """Tell what the model in use promises."""
        self._promises = self._promises[1], decrease

    def _by_classes(self, point, mask, shape):
        matrices = self._blocks.at(point, mask)
        return ClassModel(matrices, shape, mask, self._damping, self._objective.threads.for_each)

    def stepped(self, step):
        """Learn from a step along the way to the minimum of a model by classes."""
        self._patience *= _IMPATIENCE
        self._blocks.stepped(step)
        if step < _SHORT:
            self._damping = min(_DAMPING_FACTOR * self._damping, _MOST_DAMPING)
        elif step >= 1.0:
            self._damping = max(self._damping / _DAMPING_FACTOR, _LEAST_DAMPING)
