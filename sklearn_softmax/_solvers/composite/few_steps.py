"""Newton's method for small problems whose penalty has a kink, in as few calls as it takes.

Newton's step d to the minimum of the model is a dual point, too: v = -L*s(Q - Y) with
Q = P + D(P) Ld is the model's own, and fits its norm. So the gap where the step ends is
KL(Q ‖ P(θ + d)), of fourth order; and of sixth where the step and Q know the third derivative.
"""

import numpy as np

from ..outcome import Outcome, Result
from .models import FullModel
from .pivots import pivoted
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
        self._mask = self._matrix = self._state = self._last = None
        self._every = np.ones(self._shape, bool)

    def minimise(self, penalty, start, *, tol, max_iter):
        """Descend from some parameters.

        Parameters
        ----------
        penalty : Composite
            Norm and ridge.
        start : ndarray of shape (n_params,)
            If it is what the last result had, what is known of it is not computed again.
        tol, max_iter : float, int
            Bound on the gap relative to the value, and the largest number of steps.

        Returns
        -------
        Result
            Its outcome is None where the solver gave up.
        """
        self._penalty, self._promises = penalty, (np.inf, np.inf)
        known = start is self._last
        state = self._state if known else self._loss.at(penalty.centred(self._shaped(start)))
        value, n_iter, outcome, gap = self._value(state), 0, None, np.inf
        if not known:
            gap = self._loss.gap(state, penalty, value, tol * value)
        observer = self.objective.observer
        while value > _LEAST:
            if gap <= tol * value:
                outcome = Outcome.CONVERGED
                break
            if n_iter == min(_STEPS, max_iter):
                break
            new, new_value, excess = self._step(state, value)
            if new is None:
                break
            state, value, n_iter = new, new_value, n_iter + 1
            gap = self._gap(state, value, excess, tol * value)
            if observer is not None and observer(state.params.ravel()):
                gap = min(value, self._loss.gap(state, penalty, value, np.inf))
                outcome = Outcome.INTERRUPTED
                break
        self._state, self._last = state, state.params.ravel()
        return Result(self._last, value, gap, n_iter, outcome)

    def _shaped(self, params):
        return params.reshape(self._shape)

    def _value(self, state):
        """Loss, norm and ridge."""
        params, penalty = state.params, self._penalty
        value = state.value + penalty.value(params)
        return value + 0.5 * np.sum(params * params @ penalty.ridge) if penalty.has_ridge else value

    def _gap(self, state, value, excess, enough):
        """The bound that a step made, if that is enough; else the one at this state alone."""
        if excess is not None:
            gap = self._loss.dual_gap(state, self._penalty, value, excess)
            if gap <= enough:
                return gap
        return self._loss.gap(state, self._penalty, value, enough)

    def _step(self, state, value):
        """The state on the way to the minimum of a model, its value, and Q - Y of a dual point.

        The state is None where there is no way; Q is, where the way was not gone to its end.
        """
        params, penalty = state.params, self._penalty
        gradient = state.gradient + penalty.ridge * params
        mask = self._every
        if mask.size > _EVERY:
            mask = self._moving(penalty.pressure(params, gradient))
        classes, columns = mask.nonzero()
        if len(classes) > _MOST:
            return None, value, None
        matrix = self._hessian(state, mask, classes, columns)
        np.einsum("ii->i", matrix)[:] += penalty.ridge[columns]
        pins = penalty.free[columns] & (classes == self._shape[0] - 1) & (self._shape[0] > 1)
        pivots = self._pivots(matrix, params[mask], gradient[mask], columns, pins)
        if pivots is not None:
            return self._along(state, value, mask, pivots)
        found, decrease = self._found(matrix, params, gradient, mask, pins)
        self._promises = self._promises[1], decrease
        target = self._whole(mask, found.ravel())
        return self._toward(target, state, value, decrease)

    def _pivots(self, matrix, params, gradient, columns, pins):
        if not self._penalty.straight:
            return None
        return pivoted(matrix, params, gradient, self._penalty.norm[columns], pins)

    def _found(self, matrix, params, gradient, mask, pins):
        """The minimum of the model, if need be by small steps."""
        penalty = self._penalty
        part, shape = penalty.part(mask)
        model = FullModel(matrix, shape, pins.reshape(shape))
        start, slopes = params[mask].reshape(shape), gradient[mask].reshape(shape)
        quadratic = Quadratic(model, start, slopes, part, centring(penalty, mask, shape))
        return quadratic.minimise(_ACCURACY)

    def _whole(self, mask, found):
        whole = np.zeros(self._shape)
        whole[mask] = found
        return whole

    def _along(self, state, value, mask, pivots):
        """Go to the end of a step on a face, and beyond it as the third derivative says."""
        loss, penalty = self._loss, self._penalty
        self._promises = self._promises[1], pivots.decrease
        step = self._whole(mask, pivots.change)
        margins = loss.margins(step)
        bend, third = loss.bend(state, margins)
        correction = pivots.corrected(third[mask])
        if correction is None:
            excess = 0.0
        else:
            correction, excess = self._whole(mask, correction), 0.5 * bend
            step += correction
            margins += loss.margins(correction)
        params = self._level(state.params + step)
        new = loss.moved(state, params, margins)
        new_value = self._value(new)
        if not new_value < value - _ENOUGH * pivots.decrease:
            return self._toward(params, state, value, pivots.decrease)
        excess += state.excess + loss.curved(state, margins)
        return new, new_value, excess

    def _level(self, params):
        """Free parameters of mean zero, in place."""
        if len(params) > 1:
            free = self._penalty.free
            params[:, free] -= np.add.reduce(params[:, free], axis=0) / len(params)
        return params

    def _toward(self, target, state, value, decrease):
        for length in _LENGTHS:
            params = target if length == 1.0 else state.params + length * (target - state.params)
            new = self._loss.at(self._penalty.centred(params))
            new_value = self._value(new)
            if new_value < value - _ENOUGH * length * decrease:
                return new, new_value, None
        return None, value, None

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
