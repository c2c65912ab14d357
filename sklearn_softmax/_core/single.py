"""Objectives with products in float32, whose certificates have products in float64."""

import numpy as np

from .certificates.balance import LEFT, free_parameters, intercepts, solve
from .objective import Objective

_MOST = 0.1  # change of intercepts: more is no end of a fit


class SingleObjective(Objective):
    """An objective in float32 that asks one in float64 how good a point is.

    Parameters
    ----------
    double : Objective
        The same with products in float64.
    args, options
        See `Objective`.

    Attributes
    ----------
    tol : float or None
        Gap, relative to the value, that is good enough. None where float32 leads to none that is:
        gaps are estimates then.
    """

    tol = None

    def __init__(self, double, *args, **options):
        self.double = double
        super().__init__(*args, **options)

    @property
    def exact(self):
        """Whether gaps may be certificates."""
        return self.tol is not None

    @exact.setter
    def exact(self, _):
        """Products alone do not tell."""

    def duality_gap(self, point):
        """Bound on the objective minus its optimum, in one pass; `point` learns its value.

        With v a Newton step in the intercepts, Q is P(θ + v), where the gradient is r. What that
        leaves out of balance a much smaller step w balances, whose effect on r is bounded without
        a pass. A step v changes variances, such as D(P) of any vector, by factors of at most
        exp(max v - min v): with H the Hessian of the intercepts, KL(Q ‖ P) is no more than
        ½ v'Hv times that. Changes of probabilities have a mean square of at most ½ w'Hw times
        that, and features one of 1: no element of r changes by more than the root of both.
        """
        self.rest()
        free = free_parameters(self)
        hessian = self._intercept_hessian(point, free)
        shift = self._step(hessian, point.gradient[free])
        there = self._double_at(point, free, 0.0 if shift is None else shift)
        left = self._step(hessian, there.gradient[free])
        if shift is None or left is None:
            return self.double.duality_gap(self._double_at(point, free, 0.0))
        growth = np.exp(4.0 * (_size(shift) + _size(left)))
        moved, more = (growth * each @ hessian @ each for each in (shift, left))
        point.value = there.value + 0.5 * moved / growth
        gap = 0.5 * (np.sqrt(moved) + np.sqrt(more)) ** 2 + self._with_change(there, 0.5 * more)
        if self.tol is None or gap <= self.tol * point.value:
            return gap
        return self.double.duality_gap(there) + 0.5 * moved + np.sqrt(moved * more)

    def _double_at(self, point, free, shift):
        params, double = point.params.copy(), self.double
        params[free] += shift
        double.target, double.penalty = self.target, self.penalty  # which may have changed
        there = double.at(params)
        point.value = there.value
        return there

    def _with_change(self, point, squares):
        """½ Σ r²/α where class vectors of r change by no more than the root of `squares`."""
        half_inverse = self.penalty.half_inverse
        gap = np.dot(point.gradient**2, half_inverse)
        most = squares * np.add.reduce(half_inverse.reshape(self.map.shape).max(axis=0))
        return (np.sqrt(gap) + np.sqrt(most)) ** 2

    def _intercept_hessian(self, point, free):
        """Empty where nothing is free, None where a feature is."""
        columns = np.flatnonzero(free.reshape(self.map.shape)[0])
        if not len(columns):
            return np.empty((0, 0))
        return intercepts(self, point) if columns[0] == self.map.n_features else None

    def _step(self, hessian, gradient):
        """Newton's in the intercepts; None where there is none, or it is long."""
        if hessian is None or not len(hessian):
            return None if hessian is None else np.empty(0)
        n_outputs = self.target.n_outputs
        if n_outputs > 1:
            gradient = gradient - gradient.mean()  # 0, but for rounding
        step = solve(hessian, -gradient, n_outputs)
        left = _size(hessian @ step + gradient)
        return step if _size(step) <= _MOST and left <= LEFT * _size(gradient) else None


def _size(step):
    return np.abs(step).max(initial=0.0)
