"""The same rows under several weightings, as in folds: one ridge problem for each, at once.

Small problems take the time of calls, not of operations: here a call serves all folds. Logits are
relative to a reference, which is class 0 of two classes and else the last: parameters are the
differences u to it, of shape (n_weightings, n, width) with n = max(1, K - 1). With the class sum
of all parameters held at zero, the ridge of each feature is ½ r u'Tu, T = I - 11'/K (for two
classes T = 1); its conjugate has T⁻¹ = I + 11'.
"""

from typing import NamedTuple

import numpy as np

_UNSOLVED, _ROUNDING = 1e-9, 1e-13  # of gradients, and of values, left in free parameters


class State(NamedTuple):
    """The objectives at some parameters.

    Attributes
    ----------
    params, gradient : ndarray of shape (n_weightings, n, width)
    value : ndarray of shape (n_weightings,)
    chances : ndarray of shape (n_weightings, n + 1, n_rows)
        Probabilities, the reference last.
    """

    params: np.ndarray
    gradient: np.ndarray
    value: np.ndarray
    chances: np.ndarray


class Weightings:
    """Softmax regression with a ridge under several weightings of the rows.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, width)
        Features, and a column of ones where there is an intercept.
    labels : ndarray of shape (n_rows,)
        Class numbers.
    n_classes : int
        K.
    weights : ndarray of shape (n_weightings, n_rows)
        Each sums to 1.
    """

    def __init__(self, rows, labels, n_classes, weights):
        self._rows, self._weights = rows, weights
        self.n_free = n = n_classes - 1
        places = labels - 1 if n == 1 else labels
        places = np.where(places == -1, n, places)
        self._onehot = (np.arange(n + 1)[:, None] == places).astype(np.float64)
        self._tie = np.eye(n) - (0.0 if n == 1 else 1.0 / n_classes)
        self._pairs = np.tril_indices(n)
        first, second = np.tril_indices(rows.shape[1])
        self._products = rows[:, first] * rows[:, second]
        self._place = np.empty((rows.shape[1],) * 2, np.intp)
        self._place[first, second] = self._place[second, first] = np.arange(len(first))

    def at(self, params, ridge):
        """Evaluate all objectives; `ridge` has shape (n_weightings, width)."""
        n_weightings, n, width = params.shape
        logits = np.zeros((n_weightings, n + 1, len(self._rows)))
        np.matmul(params, self._rows.T, out=logits[:, :n])
        logits -= logits.max(axis=1, keepdims=True)
        own = np.einsum("fkb,kb->fb", logits, self._onehot)
        chances = np.exp(logits)
        sums = np.add.reduce(chances, axis=1)
        chances /= sums[:, None]
        tied = ridge[:, None] * (self._tie @ params)
        value = np.einsum("fb,fb->f", self._weights, np.log(sums) - own)
        value += 0.5 * np.einsum("fkj,fkj->f", params, tied)
        residuals = (chances[:, :n] - self._onehot[:n]) * self._weights[:, None]
        return State(params, residuals @ self._rows + tied, value, chances)

    def hessian(self, state, ridge):
        """The Hessians, shape (n_weightings, n * width, n * width)."""
        n_weightings, n, width = state.params.shape
        first, second = self._pairs
        chances = state.chances[:, :n]
        pairs = -chances[:, first] * chances[:, second]
        pairs[:, first == second] += chances
        pairs *= self._weights[:, None]
        moments = (pairs @ self._products)[:, :, self._place]
        blocks = np.empty((n_weightings, n, width, n, width))
        blocks[:, first, :, second] = blocks[:, second, :, first] = moments.transpose(1, 0, 2, 3)
        np.einsum("fkjlj->fklj", blocks)[:] += self._tie[:, :, None] * ridge[:, None, None]
        return blocks.reshape(n_weightings, n * width, n * width)

    def newton_gap(self, state, step, hessian, ridge):
        """Bound on value minus optimum at Q = P + D(P) Ld for Newton steps d.

        See `certificate`: here the residual is what the linear solver left, minus the ridge.
        """
        left = (hessian @ step.reshape(len(step), -1, 1)).reshape(step.shape) + state.gradient
        residual = left - ridge[:, None] * (self._tie @ step)
        free = ridge == 0
        imbalance = np.where(free[:, None], np.abs(residual), 0.0).max(axis=(1, 2))
        size = np.abs(state.gradient).max(axis=(1, 2))
        allowed = np.maximum(_UNSOLVED * size, _ROUNDING * state.value)
        squares = np.add.reduce(residual**2, axis=1)
        if self.n_free > 1:
            squares += np.add.reduce(residual, axis=1) ** 2
        inverse = np.divide(0.5, ridge, out=np.zeros(ridge.shape), where=~free)
        gap = self._divergence(state.chances, step) + np.einsum("fj,fj->f", squares, inverse)
        return np.where(imbalance <= allowed, gap, np.inf)

    def _divergence(self, chances, step):
        """Weighted mean of KL(Q ‖ P); inf where Q is no distribution."""
        moved = np.zeros(chances.shape)
        np.matmul(step, self._rows.T, out=moved[:, :-1])
        moved -= np.einsum("fkb,fkb->fb", chances, moved)[:, None]
        proper = moved > -1.0
        counts = np.all(proper.all(axis=1) | (self._weights == 0), axis=1)
        moved = np.where(proper, moved, 0.0)
        terms = chances * ((1.0 + moved) * np.log1p(moved) - moved)
        divergence = np.einsum("fkb,fb->f", terms, self._weights)
        return np.where(counts, divergence, np.inf)
