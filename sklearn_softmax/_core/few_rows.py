"""The loss of few rows, all at once: each symbol of the formula is one call."""

from dataclasses import dataclass

import numpy as np

from .certificates.balance import LEFT, ROUNDING
from .certificates.composite import HOPE, kinks_of, tightest

_MOST = 1 << 15  # logits: above, calls take less time than what they do
_JOINT = 1 << 21  # operations of a Hessian, above which products of other classes are left out
_SAME = 1e-14  # of a share: rounding
_SPARSE = 64  # columns, of which those that are zero are left out


@dataclass(slots=True)
class State:
    """Probabilities and what follows from them at some parameters.

    It may be a stack of states: then there is an axis more after the classes, and `n_rows` here
    are the rows of one after those of the other.

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

    def repeated(self, times):
        """A stack of this state."""
        rows = self.chances, self.excess, self.relative
        if times > 1:
            rows = (np.concatenate([each] * times, axis=1) for each in rows)
        params = np.repeat(self.params[:, None], times, axis=1)
        return State(params, self.value, self.gradient[:, None], *rows)

    def one(self, number):
        """One state of a stack."""
        n_rows = self.chances.shape[1] // self.params.shape[1]
        rows = slice(number * n_rows, (number + 1) * n_rows)
        return State(
            self.params[:, number],
            self.value[number],
            self.gradient[:, number],
            self.chances[:, rows],
            self.excess[:, rows],
            self.relative[:, rows],
        )


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
        self._columns = objective.map.columns
        weights = np.ones(len(self._rows)) if weights is None else weights
        self._weights = objective.scale * weights
        self._weighted = self._rows * self._weights[:, None]
        self._roots = np.sqrt(self._weights)
        self._free, self.n_rows = objective.map.fit_intercept, len(self._rows)
        self._numbers = {self.n_rows: slice(0, self.n_rows)}

    def _all(self, block):
        """Numbers of the rows of a block, which may be those of a stack."""
        n_columns = block.shape[1]
        if n_columns not in self._numbers:
            times = n_columns // self.n_rows
            self._numbers[n_columns] = np.tile(np.arange(self.n_rows), times)
        return self._numbers[n_columns]

    def _apart(self, block, params):
        """A block with an axis more where parameters are a stack."""
        return block.reshape(params.shape[:-1] + (self.n_rows,))

    def _mean(self, terms, params):
        """Weighted mean of what rows have."""
        return terms.reshape(params.shape[1:-1] + (self.n_rows,)) @ self._weights

    def _forward(self, params):
        return (params @ self._columns).reshape(len(params), -1)

    def at(self, params):
        """State at some parameters."""
        if params.shape[-1] > _SPARSE and params.ndim == 2:
            on = params.any(axis=0).nonzero()[0]
            logits = params[:, on] @ self._columns[on]
        else:
            logits = self._forward(params)
        self._target.relate(logits, self._all(logits))
        return self._state(params, logits)

    def margins(self, direction):
        """Logits of a direction, from that of the row's own class."""
        margins = self._forward(direction)
        self._target.anchor(margins, self._all(margins))
        return margins

    def moved(self, state, params, margins):
        """State at parameters whose difference from those of another has these margins."""
        if self.shape[0] == 1:  # the others are measured from the row's own class already
            margins = margins.copy()
            self._target.relate_direction(margins, self._all(margins))
        return self._state(params, margins + state.relative)

    def bend(self, state, margins):
        """Second derivative of P along margins, and the third of the loss, applied twice."""
        bend = margins.copy()
        self._target.bend(state.chances, bend, self._all(bend))
        return bend, self._adjoint(bend, state.params)

    def _adjoint(self, block, params):
        return self._apart(block, params) @ self._weighted

    def _state(self, params, relative):
        """State at parameters whose relative logits are known."""
        target, rows = self._target, self._all(relative)
        losses, chances, excess = target.states(relative, rows)
        value, gradient = self._mean(losses, params), self._adjoint(excess, params)
        return State(params, value, gradient, chances, excess, relative)

    def hessian(self, state, classes, columns):
        """Of the loss in pairs of a class and a column; classes ascend."""
        features = self._columns.take(columns, axis=0)
        chances = state.chances
        spread = np.sqrt(self._weights * chances * (1.0 - chances))
        if self.shape[0] == 1:
            features *= spread
            return features @ features.T
        mixed = features * (self._roots * chances).take(classes, axis=0)
        total = -(mixed @ mixed.T)
        if len(classes) ** 2 * self.n_rows <= _JOINT:
            features *= spread.take(classes, axis=0)
            return np.where(classes[:, None] == classes, features @ features.T, total)
        edges = np.searchsorted(classes, np.arange(self.shape[0] + 1))
        for k in range(self.shape[0]):
            part = slice(edges[k], edges[k + 1])
            own = features[part] * spread[k]
            total[part, part] = own @ own.T
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

    def dual_gap(self, state, penalty, value, excess):
        """The bound at a dual point that is known by its Q - Y.

        inf where that does not balance the intercepts.
        """
        dual = -self._adjoint(excess, state.params)
        change = excess - state.excess
        self._target.balance(change, self._all(change))
        parts = kinks_of(penalty, state.params, dual)
        gap = tightest(parts, lambda share: self._divergence(state, change, share))
        if not self._free:
            return gap
        return np.where(np.abs(dual[..., -1]).max(axis=0) <= ROUNDING * value, gap, np.inf)[()]

    def _divergence(self, state, change, share):
        """Σ s KL(Y + t(Q - Y) ‖ P), t being a share."""
        if change is not None and np.min(share) >= 1.0 - _SAME:
            moved = change
        else:
            share = share[..., None]
            moved = (share - 1.0) * self._apart(state.excess, state.params)
            if change is not None:
                moved += share * self._apart(change, state.params)
            moved = moved.reshape(state.excess.shape)
        terms = self._target.divergence(state.chances, moved, self._all(moved))
        if np.isfinite(np.add.reduce(terms)):
            return self._mean(terms, state.params)
        lost = ~np.isfinite(terms)
        terms[lost] = 0.0
        return np.where(
            self._mean(lost, state.params) > 0.0, np.inf, self._mean(terms, state.params)
        )

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
        self._target.balance(change, self._all(change))
        return change
