"""Proximal Newton steps for a smooth objective and a penalty with a kink."""

import numpy as np

from .curvatures import Curvatures
from .face import face_step
from .line import advance
from .models import FullModel
from .quadratic import Quadratic

# Accuracy of the minimum of a model, and Newton steps at a time: if it is exact, or not.
_EXACT, _ROUGH = (1e-3, 20), (0.1, 4)
_FORCING, _PRODUCTS = 0.3, 40
_IDLE = 3


class ProxNewton:
    """Minimises by steps to the minimum of a model: see `curvatures`.

    With the whole Hessian that is Newton's method (Lee, Sun & Saunders, 2014, SIAM J. Optim.
    24). A cheaper model finds the face, on which truncated Newton steps follow.

    Parameters
    ----------
    objective : Objective
        Loss and ridge.
    penalty : Composite
        The norm.
    kept : LastHessian
        See `Curvatures`.
    """

    def __init__(self, objective, penalty, kept):
        self._objective, self._penalty = objective, penalty
        self._shape = objective.map.shape
        self._curvatures = Curvatures(objective, penalty, kept)
        self.n_iter, self.stalled, self.interrupted, self.gap = 0, False, False, None
        self.at_infinity, self._free = False, np.tile(penalty.free, self._shape[0])

    def value(self, point):
        """The objective, the norm included."""
        return point.value + self._penalty.value(point.params.reshape(self._shape))

    def minimise(self, point, *, goal, max_iter, little=0.0):
        """Descend until the gap is at most `goal`; it is looked at after each step.

        Or until a step gains no more than a `little` share of what all steps did.

        Returns
        -------
        point : Point
        """
        idle, begin = 0, self.value(point)
        while self.n_iter < max_iter:
            target, model = self._target(point)
            last = self.value(point)
            self.n_iter += 1
            new, step = advance(self._objective, self._penalty, point, target)
            point = point if new is None else self.centred(new)
            if model is not None:
                self._curvatures.stepped(step)
                point = self._face(point, model, last)
            observer = self._objective.observer
            if observer is not None and observer(point.params):
                self.interrupted = True
                break
            self.gap = self._objective.composite_gap(self._penalty, point, goal)
            if self.gap <= goal:
                break
            small = point.value <= self._objective.floor
            self.at_infinity = small and self._objective.at_infinity(point, self._free)
            if self.at_infinity:
                break
            value = self.value(point)
            if last - value < little * (begin - value):
                break
            idle = idle + 1 if last - value <= self._objective.noise * value else 0
            if idle == _IDLE:
                self.stalled = True
                break
        return point

    def centred(self, point):
        """The same logits from parameters of the least penalty."""
        params = self._penalty.centred(point.params.reshape(self._shape))
        return self._objective.moved(point, params.ravel())

    def _target(self, point):
        """The minimum of the model, and the model if it is not exact."""
        params, gradient = (each.reshape(self._shape) for each in (point.params, point.gradient))
        mask = self._curvatures.mask(params, gradient)
        penalty, shape = self._penalty.part(mask)
        model = self._curvatures.model(point, mask, shape)
        start, slopes = params[mask].reshape(shape), gradient[mask].reshape(shape)
        found = self._pivoted(model, start, slopes, penalty, mask)
        if found is None:
            found = self._minimum(model, start, slopes, penalty, mask)
        exact = isinstance(model, FullModel)
        self._curvatures.promised(found[1] if exact else np.inf)
        target = np.zeros(self._shape)
        target[mask] = found[0].ravel()
        return target, None if exact else model

    def _pivoted(self, model, start, slopes, penalty, mask):
        """The minimum of an exact model, and its decrease, where it is found so."""
        if not (penalty.straight and isinstance(model, FullModel)):
            return None
        centre = centring(self._penalty, mask, (start.size,))
        return model.pivoted(start, slopes, penalty.norm, centre)

    def _minimum(self, model, start, slopes, penalty, mask):
        """The same by small steps."""
        exact = isinstance(model, FullModel)
        centre = centring(self._penalty, mask, start.shape) if exact else None
        problem = Quadratic(model, start, slopes, penalty, centre)
        return problem.minimise(*(_EXACT if exact else _ROUGH))

    def _face(self, point, model, last):
        value = self.value(point)
        share = max(last - value, 0.0) / max(abs(value), np.finfo(float).tiny)
        accuracy = min(_FORCING, np.sqrt(share))
        new, _ = face_step(
            self._objective,
            self._penalty,
            point,
            model,
            accuracy=accuracy,
            max_products=_PRODUCTS,
        )
        return point if new is None else self.centred(new)


def centring(penalty, mask, shape):
    """What centres the columns none of whose classes is zero, or None where there can be none.

    It takes and returns the parameters of a mask, in a shape.
    """
    whole = mask.all(axis=0) & ~penalty.free
    if len(mask) == 1 or not np.any(whole):
        return None

    def centre(x):
        params = np.zeros(mask.shape)
        params[mask] = x.ravel()
        columns = np.flatnonzero(whole & np.all(params != 0.0, axis=0))
        if not len(columns):
            return x
        part = penalty.restricted(columns)
        params[:, columns] = part.centred(params[:, columns])
        return params[mask].reshape(shape)

    return centre
