"""Where the optimum goes as a penalty changes: guessed from where it has been."""

import numpy as np

_MOST = 3  # points: those further back tell of other curvature
_REACH = 2.0  # of the last step: further ahead, the last point is the best guess


class Trail:
    """Optima at a sequence of strengths, and a guess of the next.

    On a face the optimum is a smooth function of the strength: a polynomial in its logarithm
    goes through the last points. Parameters that were not zero at the last m of them are given
    one of degree m - 1; those that were zero at the last one stay so.
    """

    def __init__(self):
        self._times, self._points = [], []

    def add(self, strength, params):
        """Remember the optimum at a positive strength."""
        time = np.log(strength)
        if self._times and not self._steps_to(time) > 0.0:  # it turned, or stood
            self._times, self._points = [], []
        self._times = [*self._times[1 - _MOST :], time]
        self._points = [*self._points[1 - _MOST :], params]

    def _steps_to(self, time):
        """How far a time is ahead of the last, in units of the last step."""
        if len(self._times) < 2:
            return float(time != self._times[-1])
        return (time - self._times[-1]) / (self._times[-1] - self._times[-2])

    def ahead(self, strength):
        """A guess of the optimum at another strength."""
        last, time = self._points[-1], np.log(strength)
        if not 0.0 < self._steps_to(time) <= _REACH:
            return last
        guess, on = last.copy(), last != 0.0
        for degree in range(1, len(self._times)):
            on = on & (self._points[-1 - degree] != 0.0)
            nodes, points = self._times[-1 - degree :], self._points[-1 - degree :]
            weights = _lagrange(nodes, time)
            guess = np.where(on, sum(w * x for w, x in zip(weights, points, strict=True)), guess)
        return np.where(guess * last < 0.0, 0.0, guess)


def _lagrange(nodes, time):
    """Weights of values at nodes in the polynomial through them, at a time."""
    return [np.prod([(time - b) / (a - b) for b in nodes if b != a]) for a in nodes]
