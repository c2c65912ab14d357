"""Rows to fit and to score, and what is known of their classes."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .._fitting.problem import canonical
from .._inputs.known import KnownLabels
from .._inputs.labels import read_rows
from .._inputs.offset import read_offset
from .._inputs.training import among, products, target_of
from .._inputs.validation import check_weights


@dataclass(frozen=True)
class Rows:
    """Data that have been checked.

    Attributes
    ----------
    X : ndarray or CSR matrix of shape (n_rows, n_features)
    known : KnownLabels or KnownMass
        What is known of the class of each row.
    weights : ndarray of shape (n_rows,) or None
        Row totals of tables are not among them.
    classes : ndarray of shape (n_classes,)
    offset : ndarray of shape (1 or n_classes, n_rows) or None
    """

    X: Any
    known: Any
    weights: np.ndarray | None
    classes: np.ndarray
    offset: np.ndarray | None = None

    def __len__(self):
        return len(self.known)

    @property
    def are_tables(self):
        """Whether rows may have several classes."""
        return not isinstance(self.known, KnownLabels)

    def labels(self):
        """The class of each row, or the most probable one."""
        return self.classes[self.known.most_probable()]

    def take(self, numbers):
        """Some of the rows; all of them are not copied."""
        if isinstance(numbers, slice):
            return self
        weights = None if self.weights is None else self.weights[numbers]
        offset = None if self.offset is None else self.offset[:, numbers]
        return Rows(self.X[numbers], self.known.take(numbers), weights, self.classes, offset)

    def seen(self, present):
        """Distributions over some of the classes, as if counts of all others were zero.

        Returns
        -------
        Rows
            Of rows that sum to 1; weights are multiplied with what they summed to.
        """
        factors = None
        if len(present) < len(self.classes):
            factors = np.isin(np.arange(len(self.classes)), present).astype(np.float64)
        known, totals = self.known.weigh(factors, 0.0)
        return replace(self, known=known, weights=_multiplied(self.weights, totals))

    def weighted(self):
        """Numbers of the rows that have any weight."""
        return np.arange(len(self)) if self.weights is None else np.flatnonzero(self.weights > 0)

    def target(self, present):
        """What logits of some classes are compared with."""
        return target_of(*among(self.known, self.offset, present, len(self.classes)))


def _multiplied(weights, totals):
    if weights is None or totals is None:
        return totals if weights is None else weights
    return products(weights, totals) if np.any((weights > 0) & (totals > 0)) else weights * totals


def read(model, X, y, sample_weight, offset):
    """Rows that a model is handed in, for its parameter `classes`.

    Raises
    ------
    ValueError, TypeError
        If they are not as required.
    """
    X, classes, known = read_rows(X, y, model.classes, model)
    weights = check_weights(sample_weight, len(known))
    return Rows(canonical(X), known, weights, classes, read_offset(offset, len(known), classes))
