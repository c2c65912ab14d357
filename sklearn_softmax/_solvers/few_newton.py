"""Newton's method for few rows, in as few calls as it takes; it certifies where a step ends.

Newton's step d solves L*s(P + D(P) Ld - Y) + ∇R(θ + d) = 0: with Q = P + D(P) Ld that is a dual
point, at which the residual of θ + d is zero. With the third derivative, c = -½ H⁻¹ F‴[d, d],
the same holds for θ + d + c and Q = P + D(P) L(d + c) + ½ D²P[Ld, Ld]. So the gap there is
KL(Q ‖ P(θ + d + c)) alone, which is of sixth order in d, and asks for no Hessian there.
"""

import numpy as np
from scipy.linalg import lapack

from .outcome import Outcome, Result
from .steps.discriminant import discriminant
from .steps.line_search import search
from .steps.newton_equation import small_correction

_ACCURATE = 0.1  # slope left by a line search: a trial costs less than a Hessian
_IDLE = 2  # steps without a decrease above rounding: gradients may still fall
_NEAR = 0.05  # decrement relative to the value: from farther off no step ends close enough


def few_newton(few, start, observer, *, tol, max_iter):
    """Minimise the loss of few rows, and a ridge.

    It is sure of nothing but what it certifies: else a solver that takes more care goes on.

    Parameters
    ----------
    few : FewRidge
        What is minimised.
    start : ndarray of shape (n_params,)
        First parameters, of class sum zero.
    observer : callable or None
        ``observer(params) -> stop``, called after each step.
    tol, max_iter : float, int
        Bound on the gap relative to the value, and the largest number of steps.

    Returns
    -------
    Result
        Its outcome is None where the solver gave up.
    """
    state, gap, n_iter, idle = _first(few, start), np.inf, 0, 0
    while not gap <= tol * state.value:
        step = _Step(few, state)
        if step.decrement <= tol * state.value:
            gap = few.gap(state, few.curved(state, step.margins))
            if gap <= tol * state.value:
                break
        if idle == _IDLE or n_iter == max_iter or not step.decrement > 0.0:
            return _result(state, gap, n_iter, None)
        found, gap = step.take()
        if found is None:
            return _result(state, gap, n_iter, None)
        idle = idle + 1 if state.value - found.value <= few.noise * found.value else 0
        state, n_iter = found, n_iter + 1
        if observer is not None and observer(state.params.ravel()):
            return _result(state, gap, n_iter, Outcome.INTERRUPTED)
    return _result(state, gap, n_iter, Outcome.CONVERGED)


def _first(few, start):
    """The state to start from: that of discriminant analysis, where it is better than none."""
    state = few.start(start)
    classes = few.classes(state)
    found = None if classes is None else discriminant(*classes)
    if found is None:
        return state
    other = few.start(few.of_classes(found))
    return other if other.value < state.value else state


def _result(state, gap, n_iter, outcome):
    return Result(state.params.ravel(), state.value, min(gap, state.value), n_iter, outcome)


class _Step:
    """Newton's step at a state, and the one that knows of the third derivative, too.

    Attributes
    ----------
    decrement : float
        Half the squared Newton decrement; nan where the Hessian is singular.
    margins : ndarray of shape (n_outputs, n_rows)
        Of Newton's step.
    """

    def __init__(self, few, state):
        self._few, self.state, self._seen = few, state, {}
        right = -few.reduced(state.gradient)
        hessian = few.hessian(state).T  # it is symmetric: LAPACK takes it without a copy
        self._factor, solution, failed = lapack.dposv(hessian, right, lower=1, overwrite_a=1)
        self._direction = few.centred(solution)
        self.margins = few.margins(self._direction)
        self._slope = np.vdot(state.gradient, self._direction)
        self.decrement = np.nan if failed else -0.5 * self._slope

    def take(self):
        """The state that a line search finds, and the gap there; None where it finds none."""
        few, state = self._few, self.state
        change = self._corrected()
        length = search(self, state.value, self._slope, _ACCURATE, few.noise)
        found = self._seen.get(length)
        if length != 1.0 or self.decrement > _NEAR * state.value:
            return found, np.inf
        change += state.excess
        change -= found.excess
        return found, few.gap(found, change)

    def _corrected(self):
        """Add the correction, unless it is large; returns Q - P."""
        few, state = self._few, self.state
        change, second, third = few.derivatives(state, self.margins)
        right = -0.5 * few.reduced(third)
        correction = small_correction(self._factor, right, self._slope, lower=1)
        if correction is None:
            return change
        correction = few.centred(correction)
        corrected = self._direction + correction
        slope = np.vdot(state.gradient, corrected)
        if slope < 0.0:
            more = few.margins(correction)
            self._direction, self._slope = corrected, slope
            self.margins = self.margins + more
            second *= 0.5
            change += second
            change += few.curved(state, more)
        return change

    def evaluate(self, step):
        """Value and slope at a length of the step."""
        found = self._few.moved(self.state, step, self._direction, self.margins)
        self._seen[step] = found
        return found.value, np.vdot(found.gradient, self._direction)
