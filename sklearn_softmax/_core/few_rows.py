"""The loss of few rows, all at once: each symbol of the formula is one call."""

from dataclasses import dataclass

import numpy as np

from .certificates.balance import LEFT, ROUNDING
from .certificates.composite import HOPE, kinks_of, tightest

_MOST = 1 << 15  # logits: above, calls take less time than what they do
_JOINT = 1 << 21  # operations of a Hessian, above which products of other classes are left out
_SPARSE = 64  # columns, of which those that are zero are left out


@dataclass(slots=True)
class State:
    """Probabilities and what follows from them at some parameters.

    Attributes
    ----------
    params, gradient : ndarray of shape (n_outputs, width)
        Parameters and the gradient of the loss.
    value : float
        Mean loss.
    chances, excess : ndarray of shape (n_outputs, n_rows)
        P and P - Y, class-major.
    relative : ndarray of shape (n_outputs, n_rows)
        Relative logits.
    """

    params: np.ndarray
    value: float
    gradient: np.ndarray
    chances: np.ndarray
    excess: np.ndarray
    relative: np.ndarray


class FewRows:
    """The weighted mean loss of an objective whose map keeps its rows.

    Parameters
    ----------
    objective : Objective
        See `fits`.
    """

    @staticmethod
    def fits(objective):
        """Whether an objective has rows that are kept, and few of them."""
        map = objective.map
        kept = getattr(map, "kept", False)
        return kept and len(objective.blocks.chunks) == 1 and map.n_rows * map.shape[0] <= _MOST

    def __init__(self, objective):
        self._target, self.shape = objective.target, objective.map.shape
        self._rows, weights = objective.map.rows(), objective.weights
        self._columns, self._all = objective.map.columns, slice(0, len(self._rows))
        weights = np.ones(len(self._rows)) if weights is None else weights
        self._weights = objective.scale * weights
        self._weighted = self._rows * self._weights[:, None]
        self._free, self.n_rows = objective.map.fit_intercept, len(self._rows)

    def at(self, params):
        """State at some parameters."""
        if params.shape[1] > _SPARSE:
            on = params.any(axis=0).nonzero()[0]
            logits = params[:, on] @ self._columns[on]
        else:
            logits = params @ self._columns
        self._target.relate(logits, self._all)
        return self._state(params, logits)

    def _state(self, params, relative):
        """State at parameters whose relative logits are known."""
        target, rows = self._target, self._all
        chances = np.empty_like(relative)
        losses, inverse = target.loss_rows(relative, rows, chances)
        target.probabilities(chances, inverse, rows)
        excess = target.excess(chances, rows)
        value = np.dot(losses, self._weights)
        return State(params, value, excess @ self._weighted, chances, excess, relative)

    def hessian(self, state, classes, columns):
        """Of the loss in pairs of a class and a column; classes ascend."""
        features = self._rows.take(columns, axis=1)
        weights = self._weights[:, None]
        chances = state.chances.T
        spread = np.sqrt(weights * chances * (1.0 - chances))
        if self.shape[0] == 1:
            own = features * spread
            return own.T @ own
        mixed = features * (np.sqrt(weights) * chances).take(classes, axis=1)
        total = -(mixed.T @ mixed)
        if len(classes) ** 2 * len(features) <= _JOINT:
            own = features * spread.take(classes, axis=1)
            return np.where(classes[:, None] == classes, own.T @ own, total)
        edges = np.searchsorted(classes, np.arange(self.shape[0] + 1))
        for k in range(self.shape[0]):
            part = slice(edges[k], edges[k + 1])
            own = features[:, part] * spread[:, k, None]
            total[part, part] = own.T @ own
        return total

    def curved(self, state, margins):
        """D(P) Lv for the margins Lv, D(P) = diag(p) - pp'."""
        change = margins.copy()
        self._target.curve(state.chances, change)
        return change

    def gap(self, state, penalty, value, enough):
        """Bound on `value` minus the optimum: see `composite_gap`."""
        params, dual, change = state.params, -state.gradient, None
        parts = kinks_of(penalty, params, dual)
        least = min(parts)[0]
        if least > HOPE * enough:
            return least
        left = np.abs(dual[:, -1]).max() if self._free else 0.0
        if left > ROUNDING * value:
            change = self._balance(state)
            if change is None:
                return np.inf
            dual = dual - change @ self._weighted
            if not np.abs(dual[:, -1]).max() <= max(LEFT * left, ROUNDING * value):
                return np.inf
            parts = kinks_of(penalty, params, dual)
        return tightest(parts, lambda share: self._divergence(state, change, share))

    def _divergence(self, state, change, share):
        """Σ s KL(Y + t(Q - Y) ‖ P), t being a share."""
        moved = (share - 1.0) * state.excess
        if change is not None:
            moved += share * change
        terms = self._target.divergence(state.chances, moved, self._all)
        return np.dot(terms, self._weights) if np.isfinite(terms).all() else np.inf

    def _balance(self, state):
        """Q - P of a shift of the intercepts that balances them, or None."""
        chances, weights = state.chances, self._weights
        if len(chances) == 1:
            hessian = np.add.reduce(weights * chances * (1.0 - chances), axis=1)[:, None]
        else:
            hessian = -((chances * weights) @ chances.T)
            hessian -= np.diag(np.add.reduce(hessian, axis=0))
            hessian += np.trace(hessian)  # it does not see sums over classes
        try:
            shift = np.linalg.solve(hessian, -state.gradient[:, -1])
        except np.linalg.LinAlgError:
            return None
        change = self.curved(state, np.repeat(shift[:, None], chances.shape[1], axis=1))
        self._target.balance(change, self._all)
        return change
