"""Few rows and a ridge, all at once: what Newton's method asks for, and where it may stop."""

from functools import lru_cache

import numpy as np

from .certificates.balance import ROUNDING
from .certificates.smooth import LEAST_WEIGHT, UNSOLVED, divergences
from .few_rows import FewRows, at_once

_LARGEST = 1 << 18  # numbers of a table that is kept
_LEAST = 2.0**-52  # of a class prior


@lru_cache(maxsize=16)
def _classes(n_outputs):
    """What K classes are to their differences from the last one.

    Returns
    -------
    first, second : ndarray of intp
        The pairs k < l of classes.
    laplacian : ndarray of shape (n * n, n_pairs), n = K - 1, or None
        From Σ w p_k p_l x x' of the pairs to the blocks of diag(p) - pp'; None where it is large.
    tie : ndarray of shape (n, n)
        δ_kl - 1/K: a ridge on parameters of class sum zero.
    centring : ndarray of shape (K, n)
        From differences to parameters of class sum zero.
    """
    first, second = np.triu_indices(n_outputs, 1)
    n, laplacian = n_outputs - 1, None
    if n * n * len(first) <= _LARGEST:
        laplacian = _laplacian(n_outputs, np.eye(len(first)))
    centring = np.eye(n_outputs)[:, :n] - 1.0 / n_outputs
    return first, second, laplacian, centring[:n], centring


def _laplacian(n_outputs, moments):
    """Blocks of diag(p) - pp' for all classes but the last, shape (n * n, ...), from pairs."""
    first, second = np.triu_indices(n_outputs, 1)
    blocks = np.zeros((n_outputs, n_outputs, moments.shape[1]))
    blocks[first, second] = blocks[second, first] = -moments
    np.einsum("kkm->km", blocks)[:] = -np.add.reduce(blocks, axis=0)
    n = n_outputs - 1
    return blocks[:n, :n].reshape(n * n, -1)


class FewRidge(FewRows):
    """The loss of few rows, and a ridge that leaves no more than intercepts free.

    States know the value and the gradient of both. Of the Hessian only products of different
    probabilities are summed: no block is a difference of nearly equal numbers.

    Parameters
    ----------
    objective : Objective
        See `fits`.
    """

    @staticmethod
    def fits(objective):
        """Whether an objective has few rows, which are kept, and a penalty on all features."""
        if not at_once(objective):
            return False
        map = objective.map
        held = objective.penalty.curvature.reshape(map.shape)[0, : map.n_features]
        return held.min(initial=np.inf) > LEAST_WEIGHT

    def __init__(self, objective):
        super().__init__(objective)
        self._objective, self._penalty, self.noise = objective, objective.penalty, objective.noise
        n_outputs, width = self.shape
        alpha = self._penalty.curvature.reshape(self.shape)[0]
        if n_outputs > 1:
            *_, tie, _ = _classes(n_outputs)
            alpha = tie[:, :, None] * alpha
        self._ridge = alpha.reshape(max(1, n_outputs - 1), -1, width)

    def start(self, params):
        """State at parameters of class sum zero, shape (n_params,)."""
        self._objective.n_passes += 1.0
        return self._with_penalty(self.at(params.reshape(self.shape)))

    def classes(self, state):
        """What discriminant analysis asks for, where `state` has no coefficients; else None.

        Returns
        -------
        scatter, sums, priors, ridge : ndarray
            See `steps.discriminant`.
        """
        if not self._free or state.params[:, :-1].any():
            return None
        sums, ridge = -state.gradient[:, :-1], self._penalty.curvature[: self.shape[1] - 1]
        if len(sums) == 1:
            sums, ridge = np.concatenate([-sums, sums]), 2.0 * ridge
        priors = self._target.frequencies(self._objective.weights)
        return self._columns[:-1] @ self._weighted[:, :-1], sums, np.maximum(priors, _LEAST), ridge

    def of_classes(self, params):
        """Parameters of class sum zero from those of each class."""
        if self.shape[0] == 1:
            return params[1:] - params[:1]
        return params - np.add.reduce(params, axis=0) / len(params)

    def moved(self, state, step, direction, margins):
        """State at ``params + step * direction``, for the margins of the direction."""
        self._objective.n_passes += 0.5
        moved = super().moved(state, state.params + step * direction, step * margins)
        return self._with_penalty(moved)

    def _with_penalty(self, state):
        value, slope = self._penalty.evaluate(state.params.ravel())
        state.value += value
        state.gradient += slope.reshape(self.shape)
        return state

    def margins(self, direction):
        """Logits of a direction, from that of the row's own class."""
        self._objective.n_passes += 0.5
        return super().margins(direction)

    def derivatives(self, state, margins):
        """First and second derivative of P along margins, and the third of the loss, twice."""
        rows = self._all(margins)
        first, second = self._target.derivatives(state.chances, margins, rows)
        return first, second, second @ self._weighted

    def third(self, state, margins, more):
        """Third Taylor coefficient of P along t u + t² v, and that of the gradient of the loss."""
        rest = self._target.third(state.chances, margins, more, self._all(margins))
        return rest, rest @ self._weighted

    def hessian(self, state):
        """In differences from the last class, where there are several: see `curvature.matrices`."""
        chances = state.chances
        if len(chances) == 1:
            pairs = chances.copy()
            self._target.variances(pairs)
            blocks = self._moments(pairs)[None]
        else:
            first, second, laplacian, *_ = _classes(len(chances))
            moments = self._moments(chances[first] * chances[second]).reshape(len(first), -1)
            blocks = _laplacian(len(chances), moments) if laplacian is None else laplacian @ moments
        n, _, width = self._ridge.shape
        blocks.reshape(n, n, -1)[:, :, :: width + 1] += self._ridge
        blocks = blocks.reshape(n, n, width, width)
        return blocks.transpose(0, 2, 1, 3).reshape(n * width, n * width)

    def _moments(self, weights):
        """Σ w x x' for each row of weights; from products that are kept where those are many."""
        moments = self._objective.moments
        if not (moments.kept and len(weights) > self.shape[1]):
            return (weights[:, None] * self._columns).reshape(-1, self.n_rows) @ self._weighted
        totals = moments.zeros(len(weights))
        moments.add(weights * self._weights, slice(0, self.n_rows), totals)
        return moments.matrices(totals)

    def reduced(self, gradient):
        """A gradient of class sum zero, in coordinates of the Hessian."""
        return gradient[: len(self._ridge)].ravel()

    def centred(self, differences):
        """Parameters of class sum zero, from coordinates of the Hessian."""
        n_outputs, width = self.shape
        if n_outputs == 1:
            return differences.reshape(self.shape)
        return _classes(n_outputs)[-1] @ differences.reshape(-1, width)

    def gap(self, state, change):
        """Bound on the value minus the optimum, from Q - P; inf where Q is not balanced."""
        terms = divergences(self._target, state.chances, change, self._all(change))
        self._objective.n_passes += 0.5
        residual = state.gradient + change @ self._weighted
        if self._free:
            left = np.abs(residual[:, -1]).max()
            rounding = left <= ROUNDING * state.value
            if not (rounding or left <= UNSOLVED * np.abs(state.gradient).max()):
                return np.inf
        residual *= residual
        rest = np.vdot(residual, self._penalty.half_inverse)
        return max(0.0, np.dot(terms, self._weights) + rest)  # it may be rounding
