"""Newton's method for few rows of many features, by their duals: a step certifies where it ends."""

from dataclasses import replace

import numpy as np

from .outcome import Outcome
from .steps.dual_equation import DualEquation
from .steps.line_search import search
from .steps.newton_equation import MOST_CORRECTION

_ACCURATE = 0.1  # slope left by a line search: a trial costs far less than a step
_MOST_STEPS = 20


def dual_newton(dual, observer, *, tol, max_iter):
    """Minimise by Newton's steps that know of the third derivative.

    Parameters
    ----------
    dual : DualRows
        What is minimised.
    observer : callable or None
        ``observer(state) -> stop``, called after each step.
    tol, max_iter : float, int
        Bound on the gap relative to the value, and the largest number of steps.

    Returns
    -------
    state : DualState
        Where it is certified, its duals are those of the certificate.
    n_iter : int
    outcome : Outcome or None
        None where the method gave up.
    """
    state, n_iter = dual.start(), 0
    while n_iter < min(max_iter, _MOST_STEPS):
        step = _Step(dual, state)
        if step.failed or not step.slope < 0.0:
            break
        length = search(step, state.value, step.slope, _ACCURATE, dual.noise)
        if length is None:
            break
        state, n_iter = step.seen[length], n_iter + 1
        if observer is not None and observer(state):
            return state, n_iter, Outcome.INTERRUPTED
        if length == 1.0:
            duals, gap = dual.certified(state)
            if gap <= tol * state.value:
                return replace(state, duals=duals), n_iter, Outcome.CONVERGED
    return state, n_iter, None


class _Step:
    """The step at a state, and the objective along it.

    Attributes
    ----------
    slope : float
        Of the objective, at its beginning.
    seen : dict
        States at the lengths that were tried.
    """

    def __init__(self, dual, state):
        self._dual, self._state, self.seen = dual, state, {}
        curvature = dual.curvature(state)
        equation = DualEquation(dual.kernel, curvature, dual.free)
        self.failed = equation.failed
        if self.failed:
            return
        duals, self._shift = equation.solve(state.excess / curvature - state.scores)
        self._duals = duals - state.duals
        self._scores = dual.scores(duals) - state.scores
        self.slope = self._along(state)
        bend = dual.bend(state, self._margins())
        self._correct(bend, *equation.solve(bend / curvature))

    def _margins(self):
        return self._scores + self._shift[:, None]

    def _along(self, state):
        return np.vdot(state.excess, self._margins()) - np.vdot(self._duals, state.scores)

    def _correct(self, bend, duals, shift):
        """Add what the third derivative says, unless that is large beside Newton's step."""
        plain, scores = (self._duals, self._scores, self._shift), self._dual.scores(duals)
        size = -np.vdot(bend, scores + shift[:, None])
        if not size <= -(MOST_CORRECTION**2) * self.slope:
            return
        self._duals, self._scores = self._duals + duals, self._scores + scores
        self._shift = self._shift + shift
        slope = self._along(self._state)
        if slope < 0.0:
            self.slope = slope
        else:
            self._duals, self._scores, self._shift = plain

    def evaluate(self, step):
        """Value and slope at a length of the step."""
        state = self._state
        found = self._dual.state(
            state.duals + step * self._duals,
            state.intercept + step * self._shift,
            state.scores + step * self._scores,
        )
        self.seen[step] = found
        return found.value, self._along(found)
