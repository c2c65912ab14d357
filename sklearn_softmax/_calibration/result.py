"""What a fit of a linear method found."""

from dataclasses import dataclass

import numpy as np

from .._solvers import Outcome, Result

_SEPARABLE = (
    "The largest scores are those of the labels: the best slope is infinite. A finite one was "
    "chosen, with a mean loss of {loss:.2g} nats; more rows would make it steeper."
)
_REVERSED = (
    "The scores rank the classes no better than chance: the best slope is not positive. A tiny "
    "positive one was chosen, which keeps the order of the classes."
)
_UNFINISHED = (
    "{reason} The loss is about {result.gap:.1e} nats above the optimum after {result.n_iter} "
    "iterations. Increase max_iter or tol."
)


@dataclass(frozen=True)
class Calibration:
    """What a fit found.

    Attributes
    ----------
    method : Method
        What was fitted.
    coef, intercept : ndarray
        Slopes of the features, and intercepts of the logits.
    result : Result
        Of the solver.
    temperature : float or None
        The inverse of the slope, where all classes share one.
    separable : bool
        Whether the best slope is infinite.
    reversed : bool
        Whether the best slope is not positive.
    """

    method: object
    coef: np.ndarray
    intercept: np.ndarray
    result: Result
    temperature: float | None
    separable: bool
    reversed: bool

    def attributes(self):
        """Fitted attributes of the estimator."""
        found = {
            "coef_": self.coef,
            "intercept_": self.intercept,
            "separable_": self.separable,
            "loss_": float(self.result.value),
            "n_iter_": max(1, self.result.n_iter),
        }
        return found if self.temperature is None else {**found, "temperature_": self.temperature}

    def predictor(self, logits):
        """Map and parameters that give the calibrated logits of new ones."""
        features = self.method.features(logits)
        return self.method.scaling.fitted(features, self.coef, self.intercept)

    def remarks(self):
        """Sentences for the user, where there is no optimum or it was not reached."""
        if self.separable:
            yield _SEPARABLE.format(loss=self.result.value)
        if self.reversed:
            yield _REVERSED
        if self.result.outcome in (Outcome.MAX_ITER, Outcome.STALLED):
            yield _UNFINISHED.format(reason=self.result.outcome.value, result=self.result)
