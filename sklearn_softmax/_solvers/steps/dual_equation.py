"""The Newton equation of few rows, in their duals.

Newton's step solves T = g + D (v - u) for each class, where T are the new duals, g the residuals
s (P - Y), D the curvature s p, and v = b - KT - z the change of the logits; the mean u of v over
the classes of a row is what makes duals of a row sum to zero, and b what makes those of a class
do so (Rasmussen & Williams, 2006, "Gaussian processes for machine learning", algorithm 3.3; here
with intercepts that are free). A single output has no u.
"""

import numpy as np
from scipy.linalg import lapack


class DualEquation:
    """Solves (D_k⁻¹ + K) T_k = h_k - u + b_k for all classes.

    Parameters
    ----------
    kernel : ndarray of shape (n_rows, n_rows)
        K, positive semi-definite.
    curvature : ndarray of shape (n_outputs, n_rows)
        D, positive.
    free : bool
        Whether there are intercepts b.

    Attributes
    ----------
    failed : bool
        Whether rounding left no solution.
    """

    def __init__(self, kernel, curvature, free):
        self._halves, self.failed = self._inverses(kernel, np.sqrt(curvature))
        self._sums = self._total = None
        if free and not self.failed:
            sums = np.add.reduce(self._halves, axis=2)
            sums /= np.sqrt(np.add.reduce(sums * sums, axis=1))[:, None]
            self._sums = (sums[:, None] @ self._halves)[:, 0]
        if len(curvature) > 1 and not self.failed:
            self._add_up()

    @staticmethod
    def _inverses(kernel, roots):
        """V with V'V = (D⁻¹ + K)⁻¹, for each class."""
        halves, failed = np.empty((len(roots), *kernel.shape)), 0
        for half, root in zip(halves, roots, strict=True):
            matrix = kernel * root
            matrix *= root[:, None]
            matrix.reshape(-1)[:: len(root) + 1] += 1.0
            factor, singular = lapack.dpotrf(matrix.T, lower=1, clean=1, overwrite_a=1)
            inverse, lost = lapack.dtrtri(factor, lower=1, overwrite_c=1)
            np.multiply(inverse, root, out=half)
            failed = failed or singular or lost
        return halves, bool(failed)

    def _add_up(self):
        """The matrix of u; with intercepts it does not see a constant."""
        flat = self._halves.reshape(-1, self._halves.shape[2])
        total = flat.T @ flat
        if self._sums is not None:
            total -= self._sums.T @ self._sums
            total += np.trace(total) / len(total) ** 2
        self._total, failed = lapack.dpotrf(total.T, lower=1, overwrite_a=1)
        self.failed = bool(failed)

    def _apply(self, right):
        """(D⁻¹ + K)⁻¹ h, and b, which takes out its sums."""
        product = self._halves @ right[..., None]
        duals = (self._halves.transpose(0, 2, 1) @ product)[..., 0]
        if self._sums is None:
            return duals, np.zeros(len(right))
        along = np.add.reduce(self._sums * right, axis=1)
        duals -= self._sums * along[:, None]
        return duals, -along / np.add.reduce(self._sums, axis=1)

    def solve(self, right):
        """Duals T and intercepts b for h, shape (n_outputs, n_rows)."""
        if self._total is not None:
            sums = np.add.reduce(self._apply(right)[0], axis=0)
            right = right - lapack.dpotrs(self._total, sums, lower=1)[0]
        duals, shift = self._apply(right)
        return duals, shift if len(shift) == 1 else shift - np.add.reduce(shift) / len(shift)
