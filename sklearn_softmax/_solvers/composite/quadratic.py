"""A quadratic model beside a penalty with a kink, minimised on small matrices alone."""

import numpy as np

_ROUNDS, _BURST = 30, 12
_STEPS = 20
_ENOUGH = 0.03
_CLOSE = 0.01
_SURE = 1.02


class Quadratic:
    """g'(x - x₀) + ½ (x - x₀)'H(x - x₀) + Σ a ‖x‖.

    Parameters
    ----------
    model : curvature model
        H: its diagonal, products, and solutions on a face.
    start, gradient : ndarray of the model's shape
        x₀ and g.
    penalty : Composite
        a.
    centre : callable or None
        Takes x to the point of the least norm among those that the model does not tell apart.
    """

    def __init__(self, model, start, gradient, penalty, centre=None):
        self.model, self.penalty, self.centre = model, penalty, centre
        self.start, self.gradient = start, gradient
        self.metric = penalty.metric(model.diagonal)
        self._bound = 1.0

    def product(self, x):
        """H (x - x₀)."""
        return self.model.product(x - self.start)

    def value(self, x, product):
        """The function at x."""
        smooth = np.vdot(self.gradient + 0.5 * product, x - self.start)
        return smooth + self.penalty.value(x)

    def step(self, x, product, metric):
        """A proximal gradient step."""
        return self.penalty.shrink(x - (self.gradient + product) / metric, metric)

    def residual(self, x, product):
        """Squared length of a proximal gradient step, in the metric; 0 at the minimum alone."""
        return np.vdot(self.metric, (x - self.step(x, product, self.metric)) ** 2)

    def minimise(self, accuracy, steps=_STEPS):
        """Newton steps on the face of x, and bursts of accelerated proximal gradient steps.

        A burst finds which parameters are zero, a Newton step what the others are.

        Parameters
        ----------
        accuracy : float
            Residual at which to stop, relative to the first.
        steps : int
            The largest number of Newton steps between bursts.

        Returns
        -------
        x : ndarray
        decrease : float
            Of the function, from x₀.
        """
        x, product = self.start, np.zeros_like(self.start)
        first = self.residual(x, product)
        begin = value = self.penalty.value(x)
        for number in range(_ROUNDS):
            last = value
            x, product, value = self.newton(x, product, value, steps, accuracy**2)
            left = self.residual(x, product)
            if left <= accuracy**2 * first:
                break
            little = last - value <= _ENOUGH * (begin - value)
            if number and little and left <= _CLOSE * first:
                break
            if number < _ROUNDS - 1:
                x, product, value = self.burst(x, product, value)
        return x, begin - value

    def burst(self, x, product, value):
        """Accelerated proximal gradient steps that start anew where they turn back.

        O'Donoghue & Candès (2015), Found. Comput. Math. 15.
        """
        ahead, ahead_product, momentum = x, product, 1.0
        for _ in range(_BURST):
            new, new_product = self._majorised(ahead, ahead_product)
            if np.vdot(self.metric, (ahead - new) * (new - x)) > 0.0:
                momentum = 1.0
            following = 0.5 * (1.0 + np.sqrt(1.0 + 4.0 * momentum**2))
            share, momentum = (momentum - 1.0) / following, following
            ahead = new + share * (new - x)
            ahead_product = new_product + share * (new_product - product)
            x, product = new, new_product
        return self._centred(x, product)

    def _majorised(self, x, product):
        """A proximal gradient step in a metric that bounds the curvature along it."""
        while True:
            new = self.step(x, product, self._bound * self.metric)
            new_product = self.product(new)
            change = new - x
            size = np.vdot(self.metric, change**2)
            bent = np.vdot(change, new_product - product)
            if not bent > _SURE * self._bound * size:
                return new, new_product
            self._bound = bent / size

    def _centred(self, x, product):
        centred = x if self.centre is None else self.centre(x)
        if centred is not x:  # the ridge, if not the loss, sees the change
            x, product = centred, self.product(centred)
        return x, product, self.value(x, product)

    def newton(self, x, product, value, steps, little):
        """Newton steps on the face of x, while they lead to kinks or the norm bends.

        Of the latter the last one gains no more than a `little` share of what all did.
        """
        begin = value
        for _ in range(steps):
            mask = self.model.pinned(self.penalty.smooth_at(x), self.penalty)
            slope = self.gradient + product + self.penalty.slope(x)
            bend = self.penalty.bend(x)
            step = self.model.solve(mask, slope, *bend)
            found, whole = self._toward(x, product, value, step)
            gain = value - found[2]
            if not gain > 0.0:
                break
            x, product, value = found
            if whole and (bend[1] is None or gain <= little * (begin - value)):
                break
        return x, product, value

    def _toward(self, x, product, value, step):
        """The whole step, where no kink is in its way; else the best of two points.

        They are where the way is stopped at all kinks, and the minimum along it.
        """
        whole = x + step
        new = self.penalty.stopped(whole, x)
        stopped = self._centred(new, self.product(new))
        if np.array_equal(new, whole) and stopped[2] < value:
            return stopped, True
        slope = np.vdot(self.gradient + product, step)
        curvature = np.vdot(step, self.model.product(step))
        found = self.penalty.along(x, step, slope, curvature)
        found = [self._centred(new, self.product(new)) for new in found]
        return min(stopped, *found, key=lambda each: each[2]), False
