"""Newton's method for small problems whose penalty has a kink, in as few calls as it takes."""

import numpy as np

from ..outcome import Outcome, Result
from .models import FullModel
from .prox_newton import centring
from .quadratic import Quadratic

_SHARE = 0.8  # of its bound, from which a parameter that is zero may move
_EVERY, _MOST = 60, 1000  # parameters that all may move; that are solved for at once
_NEW = 100  # that may leave zero in a step
_STEPS = 10
_LENGTHS, _ENOUGH = (1.0, 0.5, 0.25, 0.1), 1e-3  # of steps; of what a model promises
_ACCURACY = 1e-2  # of the minimum of a model
_SETTLED, _NEEDED = 1e-2, 0.95  # see `curvatures`
_CHEAP = 1 << 23  # operations of a Hessian that is made anew
_LEAST = 1e-7  # value: below, rounding of probabilities near 1 matters


class FewSteps:
    """Minimises at one penalty after the other, with whole Hessians.

    It is sure of nothing but what it certifies: else a solver that takes more care goes on.

    Parameters
    ----------
    objective : Objective
        Whose observer is told of each step.
    loss : FewRows
        The same loss, its Hessians and certificates.
    """

    def __init__(self, objective, loss):
        self.objective, self._loss, self._shape = objective, loss, loss.shape
        self._mask = self._matrix = None
        self._every = np.ones(self._shape, bool)

    def minimise(self, penalty, starts, *, tol, max_iter):
        """Descend from the first of some parameters that is better than a bound.

        Parameters
        ----------
        penalty : Composite
            Norm and ridge.
        starts : sequence of (params, bound)
            The last one is taken if need be.
        tol, max_iter : float, int
            Bound on the gap relative to the value, and the largest number of steps.

        Returns
        -------
        Result
            Its outcome is None where the solver gave up.
        """
        self._penalty, self._promises = penalty, (np.inf, np.inf)
        for start, bound in starts:
            state = self._loss.at(start.reshape(self._shape))
            value = self._value(state)
            if value <= bound:
                break
        n_iter, outcome, gap = 0, None, np.inf
        observer = self.objective.observer
        while value > _LEAST:
            gap = self._loss.gap(state, penalty, value, tol * value)
            if gap <= tol * value:
                outcome = Outcome.CONVERGED
            if outcome is not None or n_iter == min(_STEPS, max_iter):
                break
            new, new_value = self._step(state, value)
            if new is None:
                break
            state, value, n_iter = new, new_value, n_iter + 1
            if observer is not None and observer(state.params.ravel()):
                gap = min(value, self._loss.gap(state, penalty, value, np.inf))
                outcome = Outcome.INTERRUPTED
                break
        return Result(state.params.ravel(), value, gap, n_iter, outcome)

    def _value(self, state):
        """Loss, norm and ridge."""
        params, ridge = state.params, self._penalty.ridge
        return state.value + self._penalty.value(params) + 0.5 * np.sum(params * params @ ridge)

    def _step(self, state, value):
        """The state on the way to the minimum of a model, and its value, or None."""
        params, penalty = state.params, self._penalty
        gradient = state.gradient + penalty.ridge * params
        mask = self._every
        if mask.size > _EVERY:
            mask = self._moving(penalty.pressure(params, gradient))
        classes, columns = mask.nonzero()
        if len(classes) > _MOST:
            return None, value
        part, shape = penalty.part(mask)
        matrix = self._hessian(state, mask, classes, columns)
        np.einsum("ii->i", matrix)[:] += penalty.ridge[columns]
        pins = (penalty.free[columns] & (classes == self._shape[0] - 1)).reshape(shape)
        model = FullModel(matrix, shape, pins if self._shape[0] > 1 else np.zeros(shape, bool))
        start, slopes = params[mask].reshape(shape), gradient[mask].reshape(shape)
        quadratic = Quadratic(model, start, slopes, part, centring(penalty, mask, shape))
        found, decrease = quadratic.minimise(_ACCURACY)
        self._promises = self._promises[1], decrease
        target = np.zeros(self._shape)
        target[mask] = found.ravel()
        return self._toward(target, state, value, decrease)

    def _toward(self, target, state, value, decrease):
        for length in _LENGTHS:
            params = target if length == 1.0 else state.params + length * (target - state.params)
            new = self._loss.at(self._penalty.centred(params))
            new_value = self._value(new)
            if new_value < value - _ENOUGH * length * decrease:
                return new, new_value
        return None, value

    def _moving(self, pressure):
        """Mask of what may move: that of the last Hessian, where it serves."""
        last = self._mask
        if last is not None and self._settled and not np.any((pressure >= _NEEDED) & ~last):
            return last
        n_on = np.count_nonzero(pressure == np.inf)
        most, least = n_on + max(_NEW, n_on // 2), _SHARE
        if np.count_nonzero(pressure >= _SHARE) > most:
            least = np.partition(pressure, pressure.size - most, axis=None)[pressure.size - most]
        return pressure >= least

    @property
    def _settled(self):
        last, promise = self._promises
        return promise <= _SETTLED * last

    def _hessian(self, state, mask, classes, columns):
        if len(classes) ** 2 * self._loss.n_rows <= _CHEAP:
            return self._loss.hessian(state, classes, columns)
        if mask is not self._mask or not self._settled:
            self._mask, self._matrix = mask, self._loss.hessian(state, classes, columns)
        return self._matrix.copy()
