"""When to stop: a certified gap where one exists, else the Newton decrement.

All solvers ask here at every point: this is where an observer of the objective is told.
"""

import numpy as np

from . import costs
from .outcome import Outcome, Result
from .weak import WeakFeatures

_NEAR = 100.0  # times the tolerance: below, the next point may be the last
_TINY = 1e-3  # share of the tolerance that decrements have where only rounding is left
_WRONG = 2.0  # times what float32 makes of a gap
_CLOSE = 0.1  # share of the tolerance: below, distributions need not be moved for a tight bound


class Stopping:
    """Cheap tests first; the certificate, which costs a product with the data, last.

    Parameters
    ----------
    objective : Objective
        Gives the certificate.
    tol : float
        Bound on the gap relative to the value.
    """

    def __init__(self, objective, tol):
        self._objective, self._tol = objective, tol
        self._certifiable = objective.certifiable
        self._weak, self._refused = WeakFeatures(objective), np.inf
        self._last, self._interrupted = None, False
        self._single, self._refusals, self._spent = objective.map.dtype == np.float32, 0, False
        self._balances = self._moments_pay()

    def _moments_pay(self):
        """Whether points that may be the last should come with the moments of `duality_gap`."""
        objective, map = self._objective, self._objective.map
        if not (self._certifiable and objective.exact and getattr(map, "knows_features", False)):
            return False
        cheap = costs.moments_pay(map.n_rows, map.n_entries, map.shape[0])
        return cheap and bool(np.any(objective.penalty.curvature == 0.0))

    def gap(self, point, decrement, newton_step=None):
        """Bound on ``value - optimum``; inf while that is not worth a certificate.

        In float32 it may be an estimate: products in float64 are to certify what is found.

        Parameters
        ----------
        point : Point
            Where the objective was evaluated.
        decrement : float
            Half the squared Newton decrement, perhaps approximate.
        newton_step : ndarray of shape (n_params,), default=None
            The step of this decrement, where it is exact: the certificate is tighter then.
        """
        if self._stopped_by_observer(point):
            return self._last_gap(point, decrement)
        bound = self._tol * point.value
        if not self._certifiable:
            return max(0.0, decrement)  # a sum of squares, but for rounding
        gaps = self._objective.residual_gaps(point)
        residual_gap = np.add.reduce(gaps)
        self._weak.observe(residual_gap)
        near = max(decrement, residual_gap) <= _NEAR * bound
        self._objective.near = self._balances and near
        weak = residual_gap > bound > 0.0 and 2.0 * decrement <= min(bound, self._refused)
        if self._single:
            known = newton_step is not None or (
                weak and self._weak.columns(gaps, bound) is not None
            )
            return self._single_gap(point, decrement, residual_gap, weak, weak and known)
        if weak and newton_step is None:
            newton_step = self._weak.step(point, gaps, bound)
        tight = newton_step is not None and residual_gap > _CLOSE * bound
        estimate = decrement if tight else max(decrement, residual_gap)
        if estimate > min(bound, self._refused):
            return np.inf
        if tight:
            gap = self._objective.newton_gap(point, newton_step)
        else:
            gap = self._objective.duality_gap(point)
        return self._seen(point, gap, estimate)

    def _single_gap(self, point, decrement, residual_gap, weak, tight):
        """The gap in float32, whose certificates take a pass in float64: few are to be refused.

        Where steps in weak features make it tight it is left to float64, which takes them; where
        its larger part falls no more although steps are tiny, that may be rounding.
        """
        estimate = decrement if tight else decrement + residual_gap
        if tight or not self._objective.exact:
            self._spent = self._objective.exact
            return estimate
        bound = self._tol * point.value
        hidden = weak and decrement <= _TINY * bound and not self._weak.falls
        if estimate > min(bound, self._refused) and not hidden:
            return np.inf
        return self._seen(point, self._objective.duality_gap(point), estimate, hidden)

    def _seen(self, point, gap, estimate, last=False):
        """A certificate, after which one that is as good is asked for no more.

        One that was refused is the last of float32 if its estimate was wrong, or the second one.
        """
        self._refused = 0.5 * estimate
        if self._single and not self.reached(point, gap):
            self._spent = last or gap > _WRONG * estimate or self._refusals > 0
            self._refusals += 1
        return gap

    def early_gap(self, point):
        """The gap where the gradient alone shows that it is small; inf elsewhere.

        It spares the last of Newton's steps, which would only be taken to know its decrement.
        """
        if self._stopped_by_observer(point):
            return self._last_gap(point, np.inf)
        if not self._certifiable:
            return np.inf
        residual_gap = self._objective.residual_gap(point)
        if residual_gap > min(_CLOSE * self._tol * point.value, self._refused):
            return np.inf
        if not self._objective.exact:
            return residual_gap
        return self._seen(point, self._objective.duality_gap(point), residual_gap)

    def _stopped_by_observer(self, point):
        """Whether the observer, told once of all points but the first, wants no more."""
        last, self._last = self._last, point
        if self._objective.observer is not None and last is not None and point is not last:
            self._interrupted = self._objective.observer(point.params)
        return self._interrupted

    def reached(self, point, gap):
        """Whether the gap is within the tolerance, or the fit to be stopped."""
        return self._interrupted or self._spent or gap <= self._tol * point.value

    def end(self, point, gap, n_iter, direction=None):
        """The result of a fit that has ended, whose next Newton step would be `direction`.

        Where the optimum is at infinity the gap is an estimate of what is left above the infimum.
        """
        outcome = Outcome.CONVERGED
        if self._interrupted:
            outcome = Outcome.INTERRUPTED
        elif self._spent:
            outcome = Outcome.SPENT
        elif direction is not None and self._objective.recedes(direction):
            outcome = Outcome.AT_INFINITY
            gap = min(point.value, gap + self._objective.vanishing(point, direction))
        return Result(point.params, point.value, max(0.0, gap), n_iter, outcome)

    def final(self, point, decrement, n_iter, outcome=Outcome.MAX_ITER):
        """The result of a fit that found no way on, with its certificate whatever that costs.

        Losses are not negative: the value is a bound of the gap, too.
        """
        gap = self._last_gap(point, decrement)
        if self._certifiable and self.reached(point, gap):
            outcome = Outcome.CONVERGED
        return Result(point.params, point.value, max(0.0, gap), n_iter, outcome)

    def _last_gap(self, point, decrement):
        gap = self._objective.duality_gap(point) if self._certifiable else max(0.0, decrement)
        return gap if gap <= point.value else point.value
