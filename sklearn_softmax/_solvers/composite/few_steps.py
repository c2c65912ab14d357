"""Newton's method for small problems whose penalty has a kink, in as few calls as it takes.

Newton's step d to the minimum of the model is a dual point, too: v = -L*s(Q - Y) with
Q = P + D(P) Ld is the model's own, and fits its norm. So the gap where the step ends is
KL(Q ‖ P(θ + d)), of fourth order; and of sixth where the step and Q know the third derivative.
One Hessian so serves several norms that follow each other, whose steps are taken all at once.
"""

import numpy as np

from ..outcome import Outcome, Result
from .few_ahead import FewAhead
from .few_model import End, FewHessians

_STEPS = 15
_LENGTHS, _ENOUGH = (1.0, 0.5, 0.25, 0.1), 1e-3  # of steps; of what a model promises
_STAGE = 8.0
_MOST_PROMISED = 2.0  # of the value, by a model that is to be trusted
_MOST_WRONG, _SMALL, _RATE = 2, 150, 10.0  # models, and their size, to damp, by how much more
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
        self.objective, self._loss, self._hessians = objective, loss, FewHessians(loss)
        self._ahead, self._state, self._last = FewAhead(self._hessians), None, None
        self._n_wrong, self._damping = 0, 0.0

    def minimise(self, penalty, start, *, tol, max_iter, following, guess=None):
        """Descend from some parameters.

        Parameters
        ----------
        penalty : Composite
            Norm and ridge.
        start : ndarray of shape (n_params,)
            If it is what the last result had, what is known of it is not computed again.
        tol, max_iter : float, int
            Bound on the gap relative to the value, and the largest number of steps.
        following : callable
            ``following(n)`` gives up to n penalties that will be asked for next, each weaker
            than the last.
        guess : ndarray of shape (n_params,) or None
            Where the optimum may be, for a norm that bends.

        Returns
        -------
        Result
            Its outcome is None where the solver gave up.
        """
        known, observer = start is self._last, self.objective.observer
        if known and observer is None and penalty.straight:
            end = self._ahead.find(penalty, self._state, following, tol)
            if end is not None and end.value > _LEAST and end.gap <= tol * end.value:
                return self._result(end, 1, Outcome.CONVERGED)
        else:
            self._ahead.forget()
        end = self._begin(penalty, self._state if known else start, guess, tol)
        n_iter, outcome, self._n_wrong, self._damping = 0, None, 0, 0.0
        self._hessians.begin()
        stages = self._stages(end)
        most = min(_STEPS + len(stages), max_iter)
        while end.value > _LEAST and outcome is None:
            if end.gap <= tol * end.value:
                outcome = Outcome.CONVERGED
            elif n_iter == most:
                break
            else:
                new = self._stage(end, stages.pop(0), tol) if stages else self._step(end, tol)
                if new is None:
                    break
                n_iter, end = n_iter + (new.state is not end.state), new
                if observer is not None and observer(end.state.params.ravel()):
                    outcome = Outcome.INTERRUPTED
                    end.gap = self._loss.gap(end.state, penalty, end.value, np.inf)
        return self._result(end, n_iter, outcome)

    def _begin(self, penalty, start, guess, tol):
        """At a state, or at parameters that may be optimal; or at a guess that is better."""
        if isinstance(start, np.ndarray):
            return self._end(penalty, start.reshape(self._loss.shape), tol)
        end = self._at(penalty, start)
        if guess is None:
            return end
        guessed = self._end(penalty, guess.reshape(self._loss.shape), tol)
        return guessed if guessed.value <= end.value else end

    @staticmethod
    def _at(penalty, state):
        return End(penalty, state, state.value + penalty.whole(state.params), np.inf)

    @staticmethod
    def _stages(end):
        """Multiples of the norm on the way from where all is zero."""
        penalty, state = end.penalty, end.state
        if np.any(state.params[:, penalty.norm > 0.0]):
            return []
        gradient = state.gradient + penalty.ridge * state.params
        pressure = penalty.pressure(state.params, gradient)
        largest = np.max(pressure, where=pressure < np.inf, initial=1.0)
        number = int(np.log(largest) / np.log(_STAGE))
        return list(largest ** (np.arange(number, 0, -1) / (number + 1)))

    def _result(self, end, n_iter, outcome):
        self._state, self._last = end.state, end.state.params.ravel()
        value, gap = float(end.value), float(min(end.gap, end.value))
        return Result(self._last, value, gap, n_iter, outcome)

    def _end(self, penalty, params, tol):
        """State and value at parameters, and the bound there, if it can be what is wanted."""
        state = self._loss.at(penalty.centred(params))
        value = state.value + penalty.whole(state.params)
        return End(penalty, state, value, self._loss.gap(state, penalty, value, tol * value))

    def _stage(self, begin, factor, tol):
        """Where a step for a stronger norm ends; at the beginning where it ends nowhere."""
        new = self._step(self._at(begin.penalty.scaled(factor), begin.state), tol)
        return self._at(begin.penalty, begin.state if new is None else new.state)

    def _step(self, begin, tol):
        """Where a step ends that lowers the value, perhaps where it begins, or None."""
        model = self._hessians.at(begin.state, begin.penalty)
        if model is None:
            return None
        least, added = begin.value / begin.state.params.size, 0.0
        while True:
            if self._damping > 0.0:
                model.damp(self._damping - added)
                added = self._damping
            end = self._try(model, begin, tol)
            if end is not None:
                self._damping = self._damping / _RATE if self._damping > least else 0.0
                return end
            self._n_wrong += 1
            if self._n_wrong > _MOST_WRONG or model.size > _SMALL:
                return None
            self._damping = max(least, _RATE * self._damping)

    def _try(self, model, begin, tol):
        """The same with a model; None where it promises more than there is."""
        penalty, state, value = begin.penalty, begin.state, begin.value
        faces = model.faces(penalty.stack([penalty])) if penalty.straight else ()
        if faces:
            decrease = faces[0].decrease
        else:
            target, decrease = model.minimum(penalty)
        if not decrease <= _MOST_PROMISED * value:
            return None
        self._hessians.promised(decrease)
        if not faces:
            return self._toward(target, begin, decrease, tol)
        if decrease <= tol * value:
            gap = model.gap_before(penalty, value, faces[0])
            if gap <= tol * value:
                return End(penalty, state, value, gap)
        (end,) = model.ends([penalty], faces)
        if end.gap <= tol * end.value:
            return end
        if end.value < value - _ENOUGH * decrease:
            end.gap = min(end.gap, self._loss.gap(end.state, penalty, end.value, tol * end.value))
            return end
        return self._toward(end.state.params, begin, decrease, tol)

    def _toward(self, target, begin, decrease, tol):
        params, decrease = begin.state.params, min(decrease, begin.value)
        for length in _LENGTHS:
            goal = target if length == 1.0 else params + length * (target - params)
            end = self._end(begin.penalty, goal, tol)
            if end.value < begin.value - _ENOUGH * length * decrease:
                return end
        return None
