"""Paths of members: one family under penalties from strong to weak."""

from dataclasses import dataclass

import numpy as np

from .._core import mixture
from .._core.objective import Objective
from .._core.targets.labels import Labels
from .._core.threads import Threads
from .._solvers.quasi_newton import quasi_newton

_PER_PARAMETER = 5e-3  # nats of the sum of the losses that may be left to gain for each parameter


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
        return Objective(
            map, Labels(self.labels, len(self.z)), penalty, weights, threads=self.threads
        )

    def chance(self, logits):
        """Probabilities of the labels, for class-major logits."""
        return mixture.label_chances(logits, self.labels)
