"""The pairs of L-BFGS, in compact form: a direction is four products with thin matrices."""

import numpy as np
from scipy.linalg import lapack


class Pairs:
    """The last pairs of steps s and gradient changes y.

    With the pairs as rows of S and Y, D = diag(SY') and R the upper triangle of SY', the
    two-loop recursion from H0 (Nocedal & Wright, 2006, algorithm 7.4) is

        a = R⁻¹ S v,   z = H0 (v - Y'a),   H v = z + S' R⁻ᵀ (D a - Y z):

    its loops are substitutions in a triangular system (Byrd, Nocedal & Schnabel, 1994,
    "Representations of quasi-Newton matrices", Math. Programming 63).

    Parameters
    ----------
    n_params : int
        Length of the vectors.
    most : int
        The largest number of pairs; the oldest give way.
    dtype : dtype, default=float64
        Of the pairs: they need not be more precise than the gradients.
    """

    def __init__(self, n_params, most, dtype=np.float64):
        self._steps, self._changes = np.empty((2, most, n_params), dtype)
        self._products = np.zeros((most, most))  # SY', rows and columns in order of memory
        self._order = []  # places of the pairs, the oldest first

    def __len__(self):
        return len(self._order)

    def add(self, step, change):
        """Keep a pair whose curvature is positive beyond rounding."""
        curvature = np.dot(step, change)
        if not curvature > 1e-14 * np.linalg.norm(step) * np.linalg.norm(change):
            return
        most = len(self._steps)
        place = self._order.pop(0) if len(self) == most else self._free()
        self._order.append(place)
        self._steps[place], self._changes[place] = step, change
        used = max(self._order) + 1
        self._products[:used, place] = self._steps[:used] @ self._changes[place]

    def _free(self):
        return min(set(range(len(self._steps))) - set(self._order))

    def keep(self, number):
        """Forget all but the latest `number` of pairs."""
        self._order = self._order[len(self) - min(number, len(self)) :]

    def direction(self, gradient, metric):
        """Minus the approximate inverse Hessian times the gradient."""
        vector = -gradient
        if not self._order:
            return metric.solve(vector)
        dtype = self._steps.dtype
        order = self._order
        used = max(order) + 1
        steps, changes = self._steps[:used], self._changes[:used]
        upper = np.asfortranarray(self._products[np.ix_(order, order)])
        spread = np.zeros((2, used), dtype)
        shares = lapack.dtrtrs(upper, (steps @ vector.astype(dtype, copy=False))[order])[0]
        spread[0, order] = shares
        vector -= spread[0] @ changes
        solved = metric.solve(vector)
        solved *= self._scale(metric)
        rest = upper.diagonal() * shares - (changes @ solved.astype(dtype, copy=False))[order]
        spread[1, order] = lapack.dtrtrs(upper, rest, trans=1)[0]
        solved += spread[1] @ steps
        return solved

    def _scale(self, metric):
        place = self._order[-1]
        change = self._changes[place]
        curvature, known = self._products[place, place], np.dot(change, metric.solve(change))
        return min(max(curvature, 0.5 * known), 2.0 * known) / known if known > 0.0 else 2.0
