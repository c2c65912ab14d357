"""From data to an objective, and from its parameters back to coefficients."""

import numpy as np
from scipy import sparse

from ._core.blocks import RowBlocks
from ._core.objective import Objective
from ._maps.design import DenseDesign, SparseDesign
from ._maps.row_space import RowSpace
from ._maps.standardised import Standardised, column_scales
from ._penalties.ridge import Ridge

_EXPECTED_PASSES = 50


def alpha_from_C(C, total_weight):
    """Strength of the penalty beside the weighted *mean* of the losses.

    scikit-learn minimises ``C * sum(s * loss) + ||w||² / 2``; solvers see the mean loss, so
    that tolerances mean the same for any number of rows. With two classes there is a single
    row of coefficients, in scikit-learn and here, and nothing else to convert.
    """
    return 0.0 if np.isinf(C) else 1.0 / (C * total_weight)


def row_space_pays(X, n_outputs):
    """Whether the Gram matrix of the rows costs less than the passes that it saves.

    The Gram matrix takes n² p multiplications and its eigenvectors about 10 n³, in large
    products; a pass takes 2 n p K, in thin ones, about three times as slow.
    """
    n_rows, n_features = X.shape
    if sparse.issparse(X) or n_features < n_rows:
        return False
    gram = n_rows**2 * n_features + 10.0 * n_rows**3
    return gram / 3.0 <= _EXPECTED_PASSES * 2.0 * n_rows * n_features * n_outputs


class RidgeProblem:
    """Softmax regression with a ridge on the coefficients and a free intercept.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_rows, n_features)
        float32 or float64.
    target : target
        See `sklearn_softmax._core.targets`.
    weights : ndarray of shape (n_rows,) or None
        Positive weights.
    C : float
        Inverse strength of the penalty; inf for none.
    fit_intercept : bool
        Whether there is an intercept.
    threads : Threads
        Runs the blocks.
    floor : float
        Loss at which separable data count as fitted, where C is inf.
    """

    def __init__(self, X, target, weights, *, C, fit_intercept, threads, floor):
        self._row_space = None
        self._fit_intercept = fit_intercept
        if row_space_pays(X, target.n_outputs):
            self._row_space = RowSpace(X, fit_intercept, weights)
            X = self._row_space.rows
        make = SparseDesign if sparse.issparse(X) else DenseDesign
        design = make(X, target.n_outputs, fit_intercept)
        blocks = RowBlocks(design.n_rows, design.block_rows)
        self._map = Standardised(design, *column_scales(design, weights, blocks, threads))
        total = len(target) if weights is None else np.add.reduce(weights)
        penalty = Ridge(self._map.ridge(alpha_from_C(C, total)))
        self._target, self._weights = target, weights
        self.objective = Objective(
            self._map, target, penalty, weights, threads=threads, floor=floor
        )

    def start(self):
        """Zero coefficients, and the class priors as intercept."""
        return self._map.at_intercept(self._target.prior_logits(self._weights))

    def from_coefficients(self, coef, intercept):
        """Parameters from coefficients, centred over the classes."""
        raw = np.column_stack([coef, intercept]) if self._fit_intercept else np.array(coef)
        raw = raw.astype(np.float64)
        if len(raw) > 1:
            raw -= raw.mean(axis=0)
        if self._row_space is not None:
            raw = self._row_space.from_raw(raw, self._fit_intercept)
        return self._map.from_raw(raw)

    def coefficients(self, params):
        """Coefficients and intercept, shapes (n_outputs, n_features) and (n_outputs,)."""
        raw = self._map.to_raw(params).reshape(self._map.shape)
        if self._row_space is not None:
            raw = self._row_space.to_raw(raw, self._fit_intercept)
        if not self._fit_intercept:
            return raw, np.zeros(len(raw))
        return raw[:, :-1].copy(), raw[:, -1].copy()
