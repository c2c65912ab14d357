"""When to stop: a certified gap where one exists, else the Newton decrement."""

import numpy as np

from .outcome import Outcome


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
        self._refused = np.inf

    def gap(self, point, decrement):
        """Bound on ``value - optimum``; inf while that is not worth a certificate.

        Parameters
        ----------
        point : Point
            Where the objective was evaluated.
        decrement : float
            Half the squared Newton decrement, perhaps approximate.
        """
        bound = self._tol * point.value
        if not self._certifiable:
            return decrement
        estimate = max(decrement, self._objective.residual_gap(point))
        if estimate > min(bound, self._refused):
            return np.inf
        gap = self._objective.duality_gap(point)
        self._refused = 0.5 * estimate
        return gap

    def reached(self, point, gap):
        """Whether the gap is within the tolerance."""
        return gap <= self._tol * point.value

    def outcome(self, direction):
        """The outcome of a converged fit, whose next Newton step would be `direction`."""
        if self._objective.recedes(direction):
            return Outcome.AT_INFINITY
        return Outcome.CONVERGED

    def final(self, point, decrement):
        """The certificate whatever it costs, for a result that is not converged."""
        return self._objective.duality_gap(point) if self._certifiable else decrement
