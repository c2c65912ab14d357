"""Wide data: the optimum lies in the row space of X, so the problem has n columns, not p.

With centred rows Xc = B Q, Q having orthonormal rows, coefficients W = V Q give the logits
V B' and the same ridge ‖W‖² = ‖V‖²; what W has outside of the row space is zero at the
optimum (Hastie & Tibshirani, 2004, Biostatistics 5, "Efficient quadratic regularization for
expression arrays").
"""

import numpy as np
from scipy import sparse

from .._kept import kept

_RANK = 1e-13  # eigenvalues below this share of the largest are rounding
_NUMBERS = 1 << 19  # of a block of columns


class RowSpace:
    """Rows of X in an orthonormal basis of their centred row space.

    Parameters
    ----------
    X : ndarray or sparse matrix of shape (n_rows, n_features)
        Wide: n_features >= n_rows. It is read by blocks of columns, made dense where it is sparse;
        X that is no larger than a block is kept centred, other X is never copied whole.
    centre : bool
        Whether an intercept takes up the mean.
    weights : ndarray of shape (n_rows,) or None
        Weights of the mean.
    factors : ndarray of shape (n_features,) or None
        Positive factors of the penalty of each feature: Σ_j f_j W_:j² is a plain ridge on the
        coefficients of the features x_j / √f_j.

    Attributes
    ----------
    gram : ndarray of shape (n_rows, n_rows), float64
        Products of the centred rows.
    mean : ndarray of shape (n_features,)
        Zero where not centred.
    """

    def __init__(self, X, centre, weights, factors=None):
        self._X = X.tocsc() if sparse.issparse(X) else X
        self._roots_of_factors = None if factors is None else np.sqrt(factors)
        n_rows, n_features = X.shape
        step = max(1, _NUMBERS // n_rows)
        self._slices = [slice(a, a + step) for a in range(0, n_features, step)]
        self.mean, self._centred = np.zeros(n_features), None
        if centre:
            for columns in self._slices:
                self.mean[columns] = np.average(self._dense(columns), axis=0, weights=weights)
        self.gram = np.zeros((n_rows, n_rows))
        for columns in self._slices:
            block = self._block(columns)
            self.gram += block @ block.T

    @kept
    def _basis(self):
        """Roots of the eigenvalues of the products, and their vectors."""
        values, vectors = np.linalg.eigh(self.gram)
        large = values > _RANK * max(values[-1], np.finfo(np.float64).tiny)
        return np.sqrt(values[large]), vectors[:, large]

    @property
    def rows(self):
        """B, the coordinates of the centred rows, shape (n_rows, rank)."""
        roots, vectors = self._basis
        return vectors * roots

    def _dense(self, columns):
        block = self._X[:, columns]
        return block.toarray() if sparse.issparse(block) else block

    def _block(self, columns):
        """Centred columns, each of them divided by the root of its factor."""
        if self._centred is not None:
            return self._centred
        block = self._dense(columns) - self.mean[columns]
        if self._roots_of_factors is not None:
            block /= self._roots_of_factors[columns]
        if len(self._slices) == 1:
            self._centred = block
        return block

    def to_raw(self, coef, intercept):
        """Coefficients of X from those of `rows`: W = V Q with Q = roots⁻¹ vectors' Xc."""
        roots, vectors = self._basis
        raw, *_ = self.combined((coef / roots) @ vectors.T, products=False)
        return raw, intercept - raw @ self.mean

    def combined(self, shares, products=True):
        """Coefficients of X that are sums of its centred rows, in one pass.

        Parameters
        ----------
        shares : ndarray of shape (n_outputs, n_rows)
            What they are multiplied with.
        products : bool
            Whether the products of rows and coefficients are wanted.

        Returns
        -------
        coef : ndarray of shape (n_outputs, n_features)
        scores : ndarray of shape (n_outputs, n_rows)
            The products.
        square : float
            Σ f_j W_:j², what a ridge sees.
        """
        coef, scores = np.empty((len(shares), self._X.shape[1])), np.zeros(shares.shape)
        for columns in self._slices:
            block = self._block(columns)
            coef[:, columns] = part = shares @ block
            if products:
                scores += part @ block.T
        square = np.vdot(coef, coef)
        if self._roots_of_factors is not None:
            coef /= self._roots_of_factors
        return coef, scores, square

    @property
    def sizes(self):
        """Norms of the rows before they were centred, or more, shape (n_rows,)."""
        roots = 1.0 if self._roots_of_factors is None else self._roots_of_factors
        return np.sqrt(np.diagonal(self.gram)) + np.linalg.norm(self.mean / roots)

    def from_raw(self, coef, intercept):
        """Coefficients of `rows` nearest to those of X: V = W Q'."""
        product, (roots, vectors) = np.zeros((len(coef), len(self.gram))), self._basis
        factors = 1.0 if self._roots_of_factors is None else self._roots_of_factors
        scaled = coef * factors
        for columns in self._slices:
            product += scaled[:, columns] @ self._block(columns).T
        return (product @ vectors) / roots, intercept + coef @ self.mean
