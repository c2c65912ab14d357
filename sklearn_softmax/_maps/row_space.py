"""Wide data: the optimum lies in the row space of X, so the problem has n columns, not p.

With centred rows Xc = B Q, Q having orthonormal rows, coefficients W = V Q give the logits
V B' and the same ridge ‖W‖² = ‖V‖²; what W has outside of the row space is zero at the
optimum (Hastie & Tibshirani, 2004, Biostatistics 5, "Efficient quadratic regularization for
expression arrays").
"""

import numpy as np
from scipy import sparse

_RANK = 1e-13  # eigenvalues below this share of the largest are rounding
_COLUMNS = 1 << 20  # numbers of a block of columns


class RowSpace:
    """Rows of X in an orthonormal basis of their centred row space.

    Parameters
    ----------
    X : ndarray or sparse matrix of shape (n_rows, n_features)
        Wide: n_features >= n_rows. It is read by blocks of columns: dense X is never copied, and
        sparse X never a dense array as a whole.
    centre : bool
        Whether an intercept takes up the mean.
    weights : ndarray of shape (n_rows,) or None
        Weights of the mean.
    factors : ndarray of shape (n_features,) or None
        Positive factors of the penalty of each feature: Σ_j f_j W_:j² is a plain ridge on the
        coefficients of the features x_j / √f_j.

    Attributes
    ----------
    rows : ndarray of shape (n_rows, rank), float64
        B, the coordinates of the centred rows.
    mean : ndarray of shape (n_features,)
        Zero where not centred.
    """

    def __init__(self, X, centre, weights, factors=None):
        self._X = X.tocsc() if sparse.issparse(X) else X
        self._roots_of_factors = None if factors is None else np.sqrt(factors)
        n_rows, n_features = X.shape
        step = max(1, _COLUMNS // n_rows)
        self._slices = [slice(a, a + step) for a in range(0, n_features, step)]
        self.mean = np.zeros(n_features)
        if centre:
            for columns in self._slices:
                self.mean[columns] = np.average(self._dense(columns), axis=0, weights=weights)
        gram = np.zeros((n_rows, n_rows))
        for columns in self._slices:
            block = self._block(columns)
            gram += block @ block.T
        values, vectors = np.linalg.eigh(gram)
        keep = values > _RANK * max(values[-1], np.finfo(np.float64).tiny)
        self._roots, self._vectors = np.sqrt(values[keep]), vectors[:, keep]
        self.rows = self._vectors * self._roots

    def _dense(self, columns):
        block = self._X[:, columns]
        return block.toarray() if sparse.issparse(block) else block

    def _block(self, columns):
        """Centred columns, each of them divided by the root of its factor."""
        block = self._dense(columns) - self.mean[columns]
        if self._roots_of_factors is not None:
            block /= self._roots_of_factors[columns]
        return block

    def to_raw(self, coef, intercept):
        """Coefficients of X from those of `rows`: W = V Q with Q = roots⁻¹ vectors' Xc."""
        combination = (coef / self._roots) @ self._vectors.T
        raw = np.empty((len(coef), self._X.shape[1]))
        for columns in self._slices:
            raw[:, columns] = combination @ self._block(columns)
        if self._roots_of_factors is not None:
            raw /= self._roots_of_factors
        return raw, intercept - raw @ self.mean

    def from_raw(self, coef, intercept):
        """Coefficients of `rows` nearest to those of X: V = W Q'."""
        product = np.zeros((len(coef), len(self._vectors)))
        roots = 1.0 if self._roots_of_factors is None else self._roots_of_factors
        scaled = coef * roots
        for columns in self._slices:
            product += scaled[:, columns] @ self._block(columns).T
        return (product @ self._vectors) / self._roots, intercept + coef @ self.mean
