"""Small data, standardised once: products take one call each."""

import numpy as np

from . import thin_products
from .standardised import KEPT

_LOGITS, _MOST_LOGITS = 80_000, 320_000  # of a block: fewer share the cache, more spare calls
_SHARES = 4  # of the rows that threads take


class KeptRows:
    """Logits θ x̃' of rows (x - mean) / scale that are kept, with a column of ones: `Standardised`.

    A dozen calls for each product are spared, which is what small data cost, and nothing cancels
    where means are large.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, width)
        In float64.
    n_outputs : int
        The number of logits of a row.
    n_features : int
        Columns that are features; one more is the intercept.

    Attributes
    ----------
    columns : ndarray of shape (width, n_rows)
        The same numbers in columns, which products read faster.
    """

    knows_features, sparse, kept = True, False, True
    dtype = np.dtype(np.float64)

    def __init__(self, rows, n_outputs, n_features):
        self._rows, (self.n_rows, width) = rows, rows.shape
        self.columns = np.ascontiguousarray(rows.T)
        both = thin_products.columns_serve(n_outputs, width)
        self._summed = self.columns.T if both else rows
        self.shape, self.n_features = (n_outputs, width), n_features
        self.fit_intercept = width > n_features
        share = min(self.n_rows // _SHARES, _MOST_LOGITS // n_outputs)
        self.block_rows = max(8, share, _LOGITS // n_outputs)
        self.n_entries = rows.size

    @classmethod
    def of(cls, map):
        """The map of a `Standardised` one, or that itself: float32, sparse or not small."""
        kept = map.n_rows * map.shape[1] <= KEPT and not map.sparse
        if not kept or map.dtype != np.float64:
            return map
        return cls(map.rows(), map.shape[0], map.n_features)

    def restricted(self, features):
        """The map of some features, the others having no coefficients."""
        columns = np.append(features, np.arange(self.n_features, self.shape[1]))
        return KeptRows(self._rows[:, columns], self.shape[0], len(features))

    def rows(self, indices=slice(None)):
        """Standardised rows; those of a slice must not be written to."""
        return thin_products.gather(self._rows, indices)

    def add_moments(self, weights, rows, totals, columns=None):
        """Add Σ w x̃x̃' of the slice `rows` and some columns: see `thin_products`."""
        thin_products.add_moments(weights, self._rows[rows], totals, columns)

    def gram(self, indices, roots=None):
        """Σ x̃x̃' of the rows with these indices, each row multiplied with its root, if any."""
        rows = self.rows(indices)
        rows = rows if roots is None else rows * roots[:, None]
        return rows.T @ rows

    def bind(self, params):
        """What `forward` needs of the parameters."""
        return params.reshape(self.shape)

    def forward(self, bound, rows, out):
        """Write the logits of the slice `rows` to `out`, shape (n_outputs, n_rows)."""
        thin_products.logits(bound, self.columns[:, rows].T, out)

    def zeros(self):
        """Totals that `adjoint` adds to."""
        return (np.zeros(self.shape),)

    def adjoint(self, residuals, rows, totals):
        """Add the products of the residuals with the slice `rows` to `totals`."""
        thin_products.add_product(residuals, self._summed[rows], totals[0])

    def release(self, totals):
        """Gradient with respect to the flat parameters."""
        return totals[0].ravel()

    def row_norms(self, rows):
        """Squared norms of the rows of a slice, without the intercept's."""
        features = self._rows[rows, : self.n_features]
        return np.einsum("bj,bj->b", features, features)

    def zero_squares(self):
        """Totals that `add_squares` adds to."""
        return self.zeros()

    def add_squares(self, weights, rows, totals):
        """Add Σ w x̃² of the slice `rows`, for each output."""
        total = totals[0]
        total += weights @ self._rows[rows] ** 2

    def release_squares(self, totals):
        """Σ_i w_ki x̃_ij², shape (n_outputs, width)."""
        return totals[0]
