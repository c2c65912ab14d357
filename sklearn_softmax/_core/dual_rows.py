"""Few rows of many features, by their dual: what Newton's method asks for, and where it may stop.

For any T = s (Q - Y), s being the weights of the rows, coefficients W = -T'X / α leave no
residual: αW + L*s(Q - Y) = 0. Where Q balances the intercepts, too, the duality gap at W is
KL(Q ‖ P), and nothing else. Logits are -XX'T / α + b: the features are not needed on the way.
"""

from dataclasses import dataclass

import numpy as np

from .certificates.balance import ROUNDING
from .certificates.smooth import divergences

_LEAST = 1e-60  # probability: a dual is one whatever curvature its step had


@dataclass(slots=True)
class DualState:
    """Duals, intercepts, and what follows from them.

    Attributes
    ----------
    duals : ndarray of shape (n_outputs, n_rows)
        T, class-major.
    intercept : ndarray of shape (n_outputs,)
    scores : ndarray of shape (n_outputs, n_rows)
        Logits without intercept.
    value : float
        Mean loss and penalty.
    chances, excess : ndarray of shape (n_outputs, n_rows)
        P and s (P - Y).
    """

    duals: np.ndarray
    intercept: np.ndarray
    scores: np.ndarray
    value: float
    chances: np.ndarray
    excess: np.ndarray


class DualRows:
    """Mean loss of centred rows, known by their products, and a ridge.

    Parameters
    ----------
    gram : ndarray of shape (n_rows, n_rows)
        XX'.
    target, weights
        See `Objective`.
    alpha : float
        Positive: the penalty is ½ α ‖W‖².
    free : bool
        Whether there are intercepts.

    Attributes
    ----------
    kernel : ndarray of shape (n_rows, n_rows)
        XX' / α.
    noise : float
        Changes of the value below this share of it are rounding.
    """

    noise = 0.25 * 2.0**-52

    def __init__(self, gram, target, weights, alpha, free):
        self.target, self.alpha, self.free, self.kernel = target, alpha, free, gram / alpha
        self._given, self.rows = weights, slice(0, len(gram))
        weights = np.ones(len(gram)) if weights is None else weights
        self.weights = weights / np.add.reduce(weights)

    def start(self):
        """No coefficients, and the class priors."""
        n_outputs = self.target.n_outputs
        prior = self.target.prior_logits(self._given) if self.free else np.zeros(n_outputs)
        nothing = np.zeros((n_outputs, len(self.kernel)))
        return self.state(nothing, prior, nothing, 0.0)

    def shares(self, state):
        """What rows are multiplied with to give coefficients."""
        return state.duals / -self.alpha

    def scores(self, duals):
        """Logits without intercept."""
        return -(duals @ self.kernel)

    def state(self, duals, intercept, scores, penalty=None):
        """State where scores are known, and perhaps the penalty."""
        relative = scores + intercept[:, None]
        self.target.relate(relative, self.rows)
        losses, chances, excess = self.target.states(relative, self.rows)
        penalty = -0.5 * np.vdot(duals, scores) if penalty is None else penalty
        value = np.dot(losses, self.weights) + penalty
        excess *= self.weights
        return DualState(duals, intercept, scores, value, chances, excess)

    def curvature(self, state):
        """Weights that the rows of each class have in the Newton equation, positive."""
        curvature = state.chances.copy()
        if len(curvature) == 1:
            self.target.variances(curvature)
        np.maximum(curvature, _LEAST, out=curvature)
        curvature *= self.weights
        return curvature

    def bend(self, state, margins):
        """Half the second derivative of s P along margins."""
        bend = self.target.derivatives(state.chances, margins, self.rows)[1]
        bend *= 0.5 * self.weights
        return bend

    def gap(self, state):
        """KL(Q ‖ P) for the Q of its duals; inf where these are none."""
        change = (state.duals - state.excess) / self.weights
        self.target.balance(change, self.rows)
        gap = np.dot(self.target.divergence(state.chances, change, self.rows), self.weights)
        return gap if self._balances(state.duals, state.value) else np.inf

    def _balances(self, duals, value):
        sums = np.add.reduce(duals, axis=1)
        return not self.free or np.abs(sums).max() <= ROUNDING * value

    def certified(self, state):
        """Duals that are distributions, next to those of a state, and KL(Q ‖ P) there.

        inf where they are none, or do not balance the intercepts.
        """
        change = (state.duals - state.excess) / self.weights
        terms = divergences(self.target, state.chances, change, self.rows)
        change *= self.weights
        change += state.excess
        gap = np.dot(terms, self.weights)
        return change, gap if self._balances(change, state.value) else np.inf
