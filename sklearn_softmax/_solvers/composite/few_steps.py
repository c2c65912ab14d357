"""Newton's method for small problems whose penalty has a kink, in as few calls as it takes.

Newton's step d to the minimum of the model is a dual point, too: v = -L*s(Q - Y) with
Q = P + D(P) Ld is the model's own, and fits its norm. So the gap where the step ends is
KL(Q ‖ P(θ + d)), of fourth order; and of sixth where the step and Q know the third derivative.
One Hessian so serves several norms that follow each other, whose steps are taken all at once.
"""

from dataclasses import dataclass

import numpy as np

from ..outcome import Outcome, Result
from .few_model import FewHessians

_STEPS = 10
_LENGTHS, _ENOUGH = (1.0, 0.5, 0.25, 0.1), 1e-3  # of steps; of what a model promises
_LEAST = 1e-7  # value: below, rounding of probabilities near 1 matters
_AHEAD, _GROWTH, _ORDER = 8, 2.0, 6.0  # penalties at a time; of their number; of their gaps
_SAFE, _TINY = 0.5, 1e-300  # of the tolerance, where so many steps are tried at once
_NUMBERS = 1 << 17  # logits of these


@dataclass(slots=True)
class _Ahead:
    """Where the step to the minimum beside a penalty ends."""

    penalty: object
    state: object
    value: float
    gap: float


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
        self._state = self._last = None
        self._ready, self._many = [], 1

    def minimise(self, penalty, start, *, tol, max_iter, following=None):
        """Descend from some parameters.

        Parameters
        ----------
        penalty : Composite
            Norm and ridge.
        start : ndarray of shape (n_params,)
            If it is what the last result had, what is known of it is not computed again.
        tol, max_iter : float, int
            Bound on the gap relative to the value, and the largest number of steps.
        following : callable or None
            ``following(n)`` gives up to n penalties that will be asked for next, each weaker
            than the last.

        Returns
        -------
        Result
            Its outcome is None where the solver gave up.
        """
        known = start is self._last
        found = self._found_ahead(penalty, known)
        if found is not None and found.gap <= tol * found.value:
            return self._result(found.state, found.value, found.gap, 1, Outcome.CONVERGED)
        self._hessians.begin()
        state = self._state if known else self._at(start, penalty)
        value, n_iter, outcome, gap = state.value + penalty.whole(state.params), 0, None, np.inf
        if not known:
            gap = self._loss.gap(state, penalty, value, tol * value)
        observer = self.objective.observer
        near = known and observer is None and following is not None and not self._ready
        ahead = following(self._room()) if near else ()
        while value > _LEAST and outcome is None:
            if gap <= tol * value:
                outcome = Outcome.CONVERGED
            elif n_iter == min(_STEPS, max_iter):
                break
            else:
                new = self._step(state, value, [penalty, *ahead], tol)
                if new is None:
                    break
                n_iter += new.state is not state
                state, value, gap, ahead = new.state, new.value, new.gap, ()
                if observer is not None and observer(state.params.ravel()):
                    outcome = Outcome.INTERRUPTED
        return self._result(state, value, gap, n_iter, outcome)

    def _found_ahead(self, penalty, known):
        """Where an earlier step for this penalty ended, if one did and nothing came between."""
        numbers = [one.penalty is penalty for one in self._ready]
        if not (known and any(numbers)):
            self._ready = self._ready if known else []
            return None
        number = numbers.index(True)
        found, self._ready = self._ready[number], self._ready[number + 1 :]
        return found

    def _room(self):
        size = self._loss.n_rows * self._loss.shape[0]
        return min(self._many, _AHEAD, max(1, _NUMBERS // size)) - 1

    def _at(self, params, penalty):
        return self._loss.at(penalty.centred(params.reshape(self._loss.shape)))

    def _result(self, state, value, gap, n_iter, outcome):
        self._state, self._last = state, state.params.ravel()
        return Result(self._last, float(value), float(min(gap, value)), n_iter, outcome)

    def _step(self, state, value, penalties, tol):
        """Where steps end that are made for some penalties, of which the first one is asked for.

        None where no step leads there. What is certified of the others is kept.
        """
        penalty = penalties[0]
        model = self._hessians.at(state, penalties[-1])
        if model is None:
            return None
        stack = penalty.stack(penalties)
        faces = model.faces(stack) if penalty.straight else ()
        if not faces:
            target, decrease = model.minimum(penalty)
            self._hessians.promised(decrease)
            return self._toward(target, state, value, penalty, decrease, tol)
        decrease = faces[0].decrease
        self._hessians.promised(decrease)
        if decrease <= tol * value:
            gap = self._gap_before(model, state, value, penalty, faces[0])
            if gap <= tol * value:
                return _Ahead(penalty, state, value, gap)
        number = sum(map(len, faces))
        ends = self._ends(model, state, penalties[:number], stack, faces)
        sure = [end for end in ends if end.gap <= tol * end.value]
        self._learn(sure, number, tol)
        first = ends[0]
        if number > 1:
            self._ready = [end for end in sure if end is not first]
        if sure and sure[0] is first:
            return first
        if first.value < value - _ENOUGH * decrease:
            return self._certified(first, tol)
        return self._toward(first.state.params, state, value, penalty, decrease, tol)

    def _gap_before(self, model, state, value, penalty, face):
        """The bound where a step begins, at the dual point that it is."""
        margins = self._loss.margins(model.whole(face.changes[:1])[:, 0])
        excess = state.excess + self._loss.curved(state, margins)
        return self._loss.dual_gap(state, penalty, value, excess)

    def _learn(self, sure, number, tol):
        """How many penalties the next Hessian may serve, from the last that this one did."""
        if len(sure) < number:
            self._many = max(1, len(sure))
            return
        growth = (_SAFE * tol * sure[-1].value / max(sure[-1].gap, _TINY)) ** (1.0 / _ORDER)
        self._many = max(1, int(number * min(growth, _GROWTH)))

    def _ends(self, model, state, penalties, stack, faces):
        """Where steps on faces end, which go beyond those as the third derivative says."""
        loss, number = self._loss, len(penalties)
        if number < len(stack.norm):
            stack = penalties[0].stack(penalties)
        begin = state.repeated(number)
        steps = model.whole(np.concatenate([face.changes for face in faces]))
        margins = loss.margins(steps)
        bend, third = loss.bend(begin, margins)
        corrections, small = _corrections(faces, model.part(third))
        if small.any():
            corrections = model.whole(corrections)
            steps += corrections
            margins += loss.margins(corrections)
            bend *= np.repeat(0.5 * small, loss.n_rows)
        else:
            bend[:] = 0.0
        params = _level(begin.params + steps, penalties[0].free)
        new = loss.moved(begin, params, margins)
        values = new.value + stack.whole(params)
        excess = bend + loss.curved(begin, margins)
        excess += begin.excess
        gaps = loss.dual_gap(new, stack, values, excess)
        return [
            _Ahead(penalty, new.one(number), values[number], gaps[number])
            for number, penalty in enumerate(penalties)
        ]

    def _toward(self, target, state, value, penalty, decrease, tol):
        for length in _LENGTHS:
            params = target if length == 1.0 else state.params + length * (target - state.params)
            new = self._loss.at(penalty.centred(params))
            new_value = new.value + penalty.whole(new.params)
            if new_value < value - _ENOUGH * length * decrease:
                return self._certified(_Ahead(penalty, new, new_value, np.inf), tol)
        return None

    def _certified(self, end, tol):
        """With the bound at this state alone, if that can be less."""
        gap = self._loss.gap(end.state, end.penalty, end.value, tol * end.value)
        end.gap = min(end.gap, gap)
        return end


def _corrections(faces, third):
    """Of all steps, and whether there are any: see `Face.corrections`."""
    found, start = [], 0
    for face in faces:
        found.append(face.corrections(third[start : start + len(face)]))
        start += len(face)
    corrections, small = zip(*found, strict=True)
    return np.concatenate(corrections), np.concatenate(small)


def _level(params, free):
    """Free parameters of mean zero, in place."""
    if len(params) > 1:
        params[..., free] -= np.add.reduce(params[..., free], axis=0) / len(params)
    return params
