"""Linear pools of calibration maps, whose weights are learned from rows held out."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .._core import mixture
from .._core.folds import count_cards, held_out
from .._core.scores import class_logits
from .._core.uniform_share import ShareProblem, UniformShare
from .._maps.pooled import Pooled
from .._solvers import Outcome
from .members import FittedMember
from .paths import Data

_FOLDS = ((2000, 5), (4000, 3), (np.inf, 2))  # number of folds below a number of rows


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
        n_cards = count_cards(self._weights)
        return min(next(n_folds for limit, n_folds in _FOLDS if n_cards < limit), n_cards)

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
