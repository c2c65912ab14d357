"""From logits to an objective for each method of calibration, and back to coefficients."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from .._core import scores
from .._core.objective import Objective
from .._core.ray import Ray, succession_loss
from .._inputs.known import labels_target
from .._maps.scalings import BiasCorrected, Matrix, SideBySide, Temperature, Vector
from .._penalties.ridge import Ridge
from .._solvers import Outcome, Result, scalar
from .._solvers.choice import choose
from .._solvers.newton_cg import newton_cg
from .result import Calibration

_LEAST = 1e-6  # slope at which the largest difference of two logits is nearly nothing
_LARGEST = 1e120  # spread of logits whose squares are multiplied
_FARTHEST, _TYPICAL = 1e100, 0.1  # logits beside such a quantile: probabilities are 0 far nearer
_LEAST_SPREAD = 1e-120  # of logits that are not constant
_COARSE, _EVERY = 1 << 15, 16  # logits, and one row of so many, that are enough to start from
_ROUGH, _NEAR = 0.1, 0.05  # last steps in log β before a start is taken: the solver cubes them
_STEPS = 3  # of a start with all rows
_MOST_SINGLE = 1e30  # slope in the unit: float32 holds what few steps make of it
_SUPPORT = 10.0  # times what a prior tells of a parameter: with less it is needed
_ENOUGH = 200  # steps of temperature, which takes ten
_HELD = 1e12  # weight of a slope that must not move


@dataclass(frozen=True)
class Method:
    """A map, the features that it multiplies, and the solver of its parameters.

    `solver` is None where temperature is all there is. `one_per_class` says whether there is a
    column of scores for each class.
    """

    scaling: type
    features: Callable
    solver: Callable | None
    one_per_class: bool = True
    strength: None = None  # by default the rows decide whether there is a prior

    @property
    def takes_strength(self):
        """Whether there is a prior, whose strength can be chosen."""
        return self.solver is not None

    def calibrate(self, problem, *, tol, max_iter, strength):
        """Fit to the rows of a problem.

        Returns
        -------
        Calibration
        """
        return problem.calibrate(self, tol=tol, max_iter=max_iter, strength=strength)


METHODS = {
    "temperature": Method(Temperature, scores.unchanged, None),
    "bias_corrected": Method(BiasCorrected, scores.unchanged, newton_cg),
    "vector": Method(Vector, scores.centred, newton_cg),
    "matrix": Method(Matrix, scores.centred, choose),
    "dirichlet": Method(Matrix, scores.log_probabilities, choose),
}
SIDE_BY_SIDE = Method(
    SideBySide, scores.unchanged, choose, False
)  # any columns, not one for each class


class CalibrationProblem:
    """Logits of the calibration rows, and their labels.

    Parameters
    ----------
    logits : ndarray of shape (n_rows, n_columns), float64
        One column for each class with 0 as the largest of a row; or the log-odds of two
        classes; or other features.
    labels : ndarray of shape (n_rows,)
        Class numbers.
    weights : ndarray of shape (n_rows,) or None
        Positive weights.
    n_classes : int
        Two classes have a single logit, their log-odds.
    threads : Threads
        Runs the blocks.
    """

    def __init__(self, logits, labels, weights, n_classes, threads):
        self._logits, self.labels, self._weights = logits, labels, weights
        self._n_classes, self.threads = n_classes, threads
        self._n_outputs = 1 if n_classes == 2 else n_classes
        self._total = len(labels) if weights is None else np.add.reduce(weights)
        self._spread = max(logits.max(), -logits.min())
        if self._spread < _LEAST_SPREAD:
            self._logits, self._spread = np.zeros_like(logits), 0.0
        spread = min(self._spread, _reach(logits)) if self._spread > _FARTHEST else self._spread
        if spread < self._spread:
            self._logits = np.clip(logits, -spread, spread)
        self._unit = 0.5 ** np.frexp(spread)[1]  # makes all differences less than 1

    def class_logits(self):
        """Logits of all classes, 0 being the largest of a row, for log-odds too."""
        return scores.class_logits(self._logits)

    def row_weights(self):
        """Weights of the rows, ones where there are none."""
        return np.ones(len(self.labels)) if self._weights is None else self._weights

    def calibrate(self, method, *, tol, max_iter, strength=None):
        """Temperature first, where there is one; then what else the method has.

        Parameters
        ----------
        method : Method
            What to fit.
        tol, max_iter : float, int
            For the solver.
        strength : float or None
            Of the prior; None leaves it out where the rows determine the parameters.

        Returns
        -------
        Calibration
        """
        if method.solver is None:
            return self.temperature(max_iter)
        if not self._spread < _LARGEST:
            raise ValueError(
                f"scores must differ by less than {_LARGEST:g}, so that products are finite; "
                f"got {self._spread:g}."
            )
        near = self.temperature(max(max_iter, _ENOUGH)) if method.one_per_class else None
        return self.near(near, method, tol=tol, max_iter=max_iter, strength=strength)

    def temperature(self, max_iter):
        """The best slope of all logits together, to rounding.

        Returns
        -------
        Calibration
        """
        map, result = Temperature(self._logits, self._n_outputs), self._best_slope(max_iter)
        return self._calibration(METHODS["temperature"], map, result)

    def _best_slope(self, max_iter, accuracy=scalar.ROUNDING):
        weights = self.row_weights()
        ray = Ray(self.class_logits(), self.labels, weights, self._unit, self.threads)
        if self._spread == 0.0:
            return Result(np.ones(1), ray.evaluate(1.0)[0], 0.0, 0, Outcome.CONVERGED)
        limit = ray.limit()
        if np.isfinite(limit):
            undecided, *_ = ray.evaluate(_LEAST)
            level = limit + min(succession_loss(self._total), 0.5 * (undecided - limit))
            result = scalar.descend(ray, 1.0, level=level, limit=limit, max_iter=max_iter)
        else:
            bounds = {"lowest": _LEAST, "max_iter": max_iter}
            result = scalar.minimise(ray, self._start(ray), **bounds, accuracy=accuracy)
        return replace(result, params=result.params * self._unit)

    def _start(self, ray):
        """A slope near the best, in the unit; None where logits are few.

        The best of some rows, then of all rows in float32.
        """
        stride = min(_EVERY, self._logits.size // _COARSE)
        if stride < 2:
            return None
        weights = None if self._weights is None else self._weights[::stride]
        rows = self._logits[::stride], self.labels[::stride], weights
        part = CalibrationProblem(*rows, self._n_classes, self.threads)
        start = part._best_slope(_ENOUGH, _ROUGH).params[0] / self._unit
        if start > _MOST_SINGLE:
            return start
        bounds = {"lowest": _LEAST, "max_iter": _STEPS}
        return scalar.minimise(ray.in_single(), start, **bounds, accuracy=_NEAR).params[0]

    def near(self, temperature, method, *, tol, max_iter, strength=None):
        """The best parameters of a method, from those of a temperature.

        Where the rows do not determine them, half a squared distance to the temperature map is
        added to the sum of the losses, in nats: see `prior` of the scalings.

        Parameters
        ----------
        temperature : Calibration or None
            The best temperature, where there is one.
        method : Method
            With a solver.
        tol, max_iter : float, int
            For the solver.
        strength : float or None
            Of the prior.

        Returns
        -------
        Calibration
        """
        map = method.scaling(method.features(self._logits), self._n_outputs, self._weights)
        centre = map.at_temperature(0.0 if temperature is None else temperature.coef[0])
        prior = map.prior() / self._total
        for curvature in self._priors(map, centre, prior, strength):
            found = self._minimise(method, map, curvature, centre, tol, max_iter)
            if found.result.outcome is not Outcome.AT_INFINITY:
                break
        if found.reversed:
            centre = map.at_temperature(_LEAST * self._unit)
            curvature.reshape(map.shape)[..., : map.n_features] = _HELD / self._unit**2
            found = self._minimise(method, map, curvature, centre, tol, max_iter)
        separable = temperature is not None and temperature.separable
        return replace(found, separable=separable)

    def _priors(self, map, centre, prior, strength):
        """Curvatures of the prior to try, until one gives finite parameters."""
        if strength is not None:
            return (strength * prior,)
        none = np.zeros_like(prior)
        return (none, prior) if self._determine(map, centre, prior) else (prior,)

    def _minimise(self, method, map, curvature, centre, tol, max_iter):
        objective = self._objective(map, curvature, centre)
        result = method.solver(objective, centre, tol=tol, max_iter=max_iter)
        return self._calibration(method, map, result)

    def _determine(self, map, centre, prior):
        """Whether every class has rows, and they tell more of each parameter than the prior."""
        if not np.all(map.varying()):
            return False
        seen = np.bincount(self.labels, minlength=self._n_classes) > 0
        objective = self._objective(map, np.zeros_like(prior), centre)
        told = objective.curvature_diagonal(objective.at(centre)).ravel()
        return bool(seen.all() and np.all(told >= _SUPPORT * prior))

    def _calibration(self, method, map, result):
        coef, intercept = map.coefficients(result.params)
        least = 1.5 * _LEAST * self._unit
        return Calibration(
            method=method,
            coef=np.array(coef),
            intercept=intercept - (intercept.mean() if len(intercept) > 1 else 0.0),
            result=result,
            temperature=float(1.0 / coef[0]) if map.one_slope else None,
            separable=result.outcome is Outcome.AT_INFINITY,
            reversed=map.one_slope and self._spread > 0.0 and coef[0] <= least,
        )

    def _objective(self, map, curvature, centre):
        return Objective(
            map,
            labels_target(self.labels, self._n_classes),
            Ridge(curvature, centre),
            self._weights,
            threads=self.threads,
            floor=succession_loss(self._total),
        )


def _reach(logits):
    """How far logits may lie from others for third powers to be finite: masks lie farther."""
    sizes = np.abs(logits[logits != 0.0])
    with np.errstate(over="ignore"):
        return _FARTHEST * np.quantile(sizes, _TYPICAL)
