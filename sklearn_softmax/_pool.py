"""Linear pools of calibration maps, whose weights are learned from rows held out."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ._core import mixture
from ._core.folds import held_out
from ._core.scores import class_logits
from ._core.objective import Objective
from ._core.targets import Labels
from ._core.threads import Threads
from ._core.uniform_share import ShareProblem, UniformShare
from ._maps.pooled import Pooled
from ._maps.structured import linear, quadratic
from ._members import (
    AdaptiveTemperature,
    FittedMember,
    StructuredMatrix,
    StructuredVector,
    Tempered,
    Unchanged,
    Uniform,
    main_directions,
)
from ._solvers import Outcome
from ._solvers.quasi_newton import quasi_newton

_PER_PARAMETER = 5e-3  # nats of the sum of the losses that may be left to gain for each parameter
_FEW, _MANY = 32, 256  # classes up to which features are quadratic, or linear in all classes
_MOST_FOLDS, _LEAST_FOLDS, _ROWS = 5, 3, 2000


@dataclass(frozen=True)
class Path:
    """A family, and the strengths of its penalty from strong to weak: each starts the next."""

    family: object
    strengths: tuple

    def names(self):
        """Names of the members."""
        if len(self.strengths) == 1:
            return [self.family.name]
        return [f"{self.family.name}({strength:g})" for strength in self.strengths]

    def penalties(self, data, weights):
        """One for each strength."""
        total = np.add.reduce(weights)
        return [self.family.penalty(len(data.z), total, strength) for strength in self.strengths]

    def metrics(self, data, weights):
        """The Hessian at the identity, for each strength: near enough for a part of the rows."""
        penalties = self.penalties(data, weights)
        free = self.family.penalty(len(data.z), 1.0, 0.0)
        objective = data.objective(self.family.map(data.z), free, weights)
        metric = self.family.metric(objective, objective.at(free.centre))
        return [metric(penalty.curvature) for penalty in penalties]

    def fit(self, data, weights, metrics, max_iter):
        """Results for each strength, to a statistical accuracy."""
        map, total, results = self.family.map(data.z), np.add.reduce(weights), []
        for penalty, metric in zip(self.penalties(data, weights), metrics, strict=True):
            result = quasi_newton(
                data.objective(map, penalty, weights),
                results[-1].params if results else penalty.centre,
                metric,
                decrement=_PER_PARAMETER * len(penalty.centre) / total,
                max_iter=max_iter,
            )
            results.append(result)
        return results


@dataclass(frozen=True)
class Data:
    """Rows: logits, calibrated log-probabilities z (class-major), and labels."""

    logits: np.ndarray
    z: np.ndarray
    labels: np.ndarray
    threads: Threads

    def __getitem__(self, rows):
        """Some of the rows."""
        return Data(self.logits[rows], self.z[:, rows], self.labels[rows], self.threads)

    def objective(self, map, penalty, weights):
        """The objective of a map."""
        return Objective(map, Labels(self.labels, len(self.z)), penalty, weights, threads=self.threads)

    def chance(self, logits):
        """Probabilities of the labels, for class-major logits."""
        return mixture.label_chances(logits, self.labels)


@dataclass(frozen=True)
class PooledCalibration:
    """What was learned: the members of a pool and their weights.

    Attributes
    ----------
    base : UniformShare
        Temperature and uniform share, on which the others build.
    names, members : list
        Of the members.
    weights, losses : ndarray of shape (n_members,)
        Shares in the pool, and mean losses in nats: of rows held out where there are several
        members that must be fitted.
    loss : float
        That of the pool.
    temperature : Calibration
        Plain temperature scaling.
    n_iter : int
        Steps of the member that took most.
    finished : bool
        Whether all members reached their accuracy.
    """

    base: UniformShare
    names: list
    members: list
    weights: np.ndarray
    losses: np.ndarray
    loss: float
    temperature: object
    n_iter: int
    finished: bool

    def attributes(self):
        """Fitted attributes of the estimator."""
        return {
            "temperature_": 1.0 / self.base.slope,
            "uniform_share_": self.base.share,
            "members_": self.names,
            "member_weights_": self.weights,
            "member_losses_": self.losses,
            "separable_": self.temperature.separable,
            "loss_": self.loss,
            "n_iter_": self.n_iter,
        }

    def remarks(self):
        """Sentences for the user, where there is no optimum or it was not reached."""
        yield from self.temperature.remarks()
        if not self.finished:
            yield (
                "The limit of iterations was reached before all members of the pool were fitted "
                f"to their accuracy, after {self.n_iter} iterations. Increase max_iter."
            )

    def predictor(self, logits):
        """Map and parameters that give the calibrated logits of new ones."""
        return Pooled(class_logits(logits), self.base, self.members, self.weights), None


@dataclass(frozen=True)
class PoolMethod:
    """A recipe of a pool.

    Parameters
    ----------
    paths : callable
        ``paths(z, weights, strength)`` gives the families to fit.
    simple : dict
        Names of members without parameters of their own: ``make(base)``.
    shared : bool
        Whether the base has a uniform share.
    cross_fitted : bool
        Whether weights are learned from rows held out.
    strength : float or None
        Of the prior by default; None where it cannot be chosen.
    """

    paths: Callable
    simple: dict
    shared: bool = True
    cross_fitted: bool = False
    strength: float | None = None

    @property
    def takes_strength(self):
        """Whether the strength of a prior can be chosen."""
        return self.strength is not None

    def calibrate(self, problem, *, tol, max_iter, strength):
        """Fit the members, and the weights of the pool.

        Returns
        -------
        PooledCalibration
        """
        temperature = problem.temperature(max_iter)
        fit = _PoolFit(self, problem, temperature, max_iter, strength)
        return fit.calibration()


class _PoolFit:
    """One fit of a recipe."""

    def __init__(self, method, problem, temperature, max_iter, strength):
        self._method, self._temperature, self._max_iter = method, temperature, max_iter
        logits, self._weights = problem.class_logits(), problem.row_weights()
        slope, held = temperature.coef[0], temperature.separable or temperature.reversed
        self._problem = ShareProblem(logits, problem.labels, slope, held, problem.threads)
        self._base = self._fit_base(self._weights)
        z = self._base.log_probabilities(np.ascontiguousarray(logits.T))
        self._data = Data(logits, z, problem.labels, problem.threads)
        self._paths = method.paths(z, self._weights, strength)
        self._metrics = [path.metrics(self._data, self._weights) for path in self._paths]

    def calibration(self):
        """Members fitted to all rows, with the weights of those fitted to some of them."""
        names = [*self._method.simple, *(name for path in self._paths for name in path.names())]
        fitted = [self._fit_path(number, self._data, self._weights) for number in self._numbers()]
        results = [result for path in fitted for result in path]
        members = [make(self._base) for make in self._method.simple.values()]
        for path, found in zip(self._paths, fitted, strict=True):
            members += [FittedMember(path.family, result.params) for result in found]
        chances, counts = self._chances(fitted)
        weights = mixture.pool_weights(chances, counts)
        return PooledCalibration(
            base=self._base,
            names=names,
            members=members,
            weights=weights,
            losses=mixture.mean_loss(chances, counts),
            loss=float(mixture.mean_loss(weights @ chances, counts)),
            temperature=self._temperature,
            n_iter=max([self._temperature.result.n_iter, *(r.n_iter for r in results)]),
            finished=all(r.outcome is Outcome.CONVERGED for r in results),
        )

    def _numbers(self):
        return range(len(self._paths))

    def _fit_base(self, weights, start=None):
        if not self._method.shared:
            return UniformShare(float(self._temperature.coef[0]), 0.0)
        return self._problem.minimise(weights, start)

    def _fit_path(self, number, data, weights):
        path, metrics = self._paths[number], self._metrics[number]
        return path.fit(data, weights, metrics, self._max_iter)

    def _chances(self, fitted):
        """Probabilities of the labels in each member, and weights of the rows they stand for."""
        n_folds = self._n_folds() if self._method.cross_fitted else 1
        if n_folds < 2:
            return self._chances_at(self._data, self._base, fitted), self._weights
        logits, labels = self._data.logits, self._data.labels
        parts, counts = [], []
        for held in held_out(labels, logits, self._weights, n_folds):
            weights = self._weights - held
            rows, others = np.flatnonzero(held), np.flatnonzero(weights > 0.0)
            base, train = self._fit_base(weights, self._base), self._data[others]
            found = [self._fit_path(number, train, weights[others]) for number in self._numbers()]
            parts.append(self._chances_at(self._data[rows], base, found))
            counts.append(held[rows])
        return np.concatenate(parts, axis=1), np.concatenate(counts)

    def _n_folds(self):
        total = np.add.reduce(self._weights)
        most = _MOST_FOLDS if total < _ROWS else _LEAST_FOLDS
        return int(min(most, total, len(self._weights)))

    def _chances_at(self, data, base, fitted):
        logits = data.logits.T
        chances = [
            data.chance(make(base).logits(data.z, logits)) for make in self._method.simple.values()
        ]
        for path, found in zip(self._paths, fitted, strict=True):
            map, out = path.family.map(data.z), np.empty(data.z.shape)
            for result in found:
                map.forward(map.bind(result.params), slice(0, len(data.labels)), out)
                chances.append(data.chance(out))
        return np.array(chances)


def _pool_paths(z, weights, strength):
    """The widest families that many classes allow."""
    paths, n_classes = [Path(AdaptiveTemperature(), (1.0,))], len(z)
    if n_classes <= _MANY:
        paths.append(Path(StructuredMatrix("matrix", linear), (1.0, 0.01, 0.0001)))
    else:
        family = StructuredVector("low_rank", main_directions(z, weights))
        paths.append(Path(family, (1.0, 0.01)))
    if n_classes <= _FEW:
        paths.append(Path(StructuredMatrix("quadratic", quadratic), (0.1, 0.001)))
    return paths


def _matrix_path(z, weights, strength):
    return [Path(StructuredMatrix("structured_matrix", linear), (strength,))]


def _vector_path(z, weights, strength):
    none = np.zeros((0, len(z)))
    return [Path(StructuredVector("structured_vector", none), (strength,))]


def _no_paths(z, weights, strength):
    return []


POOLS = {
    "auto": PoolMethod(
        _pool_paths, {"temperature": Tempered, "input": Unchanged}, cross_fitted=True
    ),
    "structured_vector": PoolMethod(_vector_path, {}, strength=1.0),
    "structured_matrix": PoolMethod(_matrix_path, {}, strength=1.0),
    "ensemble_temperature": PoolMethod(
        _no_paths,
        {"temperature": Tempered, "input": Unchanged, "uniform": Uniform},
        shared=False,
    ),
}
