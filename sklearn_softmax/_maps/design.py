"""Design matrices as linear maps: coefficients and intercepts to logits."""

import numpy as np

from . import thin_products

_LOGITS_BYTES = 640_000  # a block of logits and its exponentials share the L2 cache
_ENTRIES = 16  # of each feature in a block of rows: its product is an array of all features
_MULTIPLICATIONS = 1 << 19  # fewer are not worth the calls of a second block
_COUNTED = 1 << 20  # stored numbers at a time
_SPARSE = 0.05  # density, below which products of sparse columns pay
_ROWS_BYTES = 8_000_000  # shorter blocks would be cached, but threads wait for Python there


class _Design:
    """What dense and sparse designs share: the layout of the parameters.

    Parameters are ``[W, b]``, an array of shape (n_outputs, n_features + 1) in memory order C,
    flat; without intercept the last column is missing.

    Parameters
    ----------
    X : ndarray or CSR array of shape (n_rows, n_features), float32 or float64
        Never copied whole and never written.
    n_outputs : int
        The number of logits of a row.
    fit_intercept : bool
        Whether b exists.
    dtype : dtype or None
        In which products are computed, block by block; None stands for that of X.
    """

    resolution = 1e-24  # relative variance below which a column counts as constant

    def __init__(self, X, n_outputs, fit_intercept=True, dtype=None):
        self.X = X
        self.n_rows, self.n_features = X.shape
        self.fit_intercept = fit_intercept
        self.shape = (n_outputs, self.n_features + fit_intercept)
        self.dtype = np.dtype(dtype or X.dtype)

    @property
    def n_entries(self):
        """Stored numbers: multiplications of a product with one vector."""
        return self.n_rows * self.n_features

    def restricted(self, features):
        """The design of some features: their columns are copied."""
        columns = self.X[:, features]
        return type(self)(columns, self.shape[0], self.fit_intercept, self.dtype)

    def bind(self, params, scale=1.0, mean=None):
        """What `forward` needs of the parameters, made once for all blocks: zeros need no product.

        With `scale` and `mean` these are the parameters of features (x - mean) / scale.
        """
        params, bound = params.reshape(self.shape), None
        coef = params[:, : self.n_features]
        if np.any(coef):
            bound = np.empty((self.n_features, self.shape[0]), self.dtype).T
            np.divide(coef, scale, out=bound, casting="same_kind")
        if not self.fit_intercept:
            return bound, None
        intercept = params[:, self.n_features :]
        if mean is not None:
            intercept = intercept - (coef @ (mean / scale))[:, None]
        return bound, intercept.astype(self.dtype)

    def forward(self, bound, rows, out):
        """Write the logits of the slice `rows` to `out`, shape (n_outputs, n_rows)."""
        coef, intercept = bound
        if coef is None:
            out[:] = 0.0
        else:
            self._multiply(coef, rows, out)
        if intercept is not None:
            out += intercept

    def zeros(self):
        """Totals that `adjoint` adds to."""
        return (np.zeros(self.shape),)

    def release(self, totals):
        """Gradient with respect to the flat parameters."""
        return totals[0].ravel()

    def zero_squares(self):
        """Totals that `add_squares` adds to: weights, first and second moments."""
        n_outputs = self.shape[0]
        moments = (n_outputs, self.n_features)
        return np.zeros(n_outputs), np.zeros(moments), np.zeros(moments)


class DenseDesign(_Design):
    """Logits W X' + b of a dense matrix with any strides."""

    sparse = False  # whether products of columns gain from zeros

    @property
    def block_rows(self):
        """Rows of a block such that logits and rows stay in the cache between products."""
        n_outputs, n_features = self.shape[0], max(1, self.n_features)
        bytes_of_logits = _LOGITS_BYTES if self.dtype == self.X.dtype else _LOGITS_BYTES // 2
        by_logits = bytes_of_logits // (n_outputs * self.dtype.itemsize)
        by_rows = _ROWS_BYTES // (n_features * self.dtype.itemsize)
        return max(8, min(by_logits, by_rows))

    def _multiply(self, coef, rows, out):
        thin_products.logits(coef, thin_products.gather(self.X, rows), out)

    def adjoint(self, residuals, rows, totals):
        """Add the products of the residuals with the slice `rows` to `totals`."""
        total = totals[0]
        thin_products.add_product(residuals, self.X[rows], total[:, : self.n_features])
        if self.fit_intercept:
            total[:, self.n_features] += np.add.reduce(residuals, axis=1, dtype=np.float64)

    def raw_rows(self, indices):
        """The rows with these indices."""
        return thin_products.gather(self.X, indices)

    def quadratic_forms(self, rows, square, linear):
        """Σ_j square_j x_j² + linear_j x_j of each row of the slice."""
        block = self.X[rows].astype(np.float64, copy=False)
        return (block * block) @ square + block @ linear

    def add_squares(self, weights, rows, totals):
        """Add Σ w, Σ w x and Σ w x² of the slice `rows`, for each output."""
        block = self.X[rows].astype(np.float64, copy=False)
        total, first, second = totals
        total += np.add.reduce(weights, axis=1, dtype=np.float64)
        first += weights @ block
        second += weights @ (block * block)

    def column_moments(self, rows, weights, shift):
        """Weighted Σ (x - shift) and Σ (x - shift)² of the slice `rows`, in float64."""
        block = self.X[rows] - shift
        weights = np.ones(len(block)) if weights is None else weights
        first = weights @ block
        return first, weights @ np.multiply(block, block, out=block)

    def shift(self):
        """A point near the data, from which moments are taken without cancellation."""
        few = self.X[:16]
        return np.add.reduce(few, axis=0, dtype=np.float64) / len(few)


class SparseDesign(_Design):
    """Logits W X' + b of a CSR matrix, in row blocks that share its memory.

    Blocks are few: each product of a block writes an array of the size of the coefficients.
    """

    @property
    def sparse(self):
        """Whether products of columns gain from zeros."""
        return self.X.nnz <= _SPARSE * self.n_rows * self.n_features

    def __init__(self, X, n_outputs, fit_intercept=True, dtype=None):
        super().__init__(X, n_outputs, fit_intercept, dtype)
        self._blocks = {}

    @property
    def n_entries(self):
        """Stored numbers: multiplications of a product with one vector."""
        return self.X.nnz

    @property
    def block_rows(self):
        """Rows of a block with enough entries to pay for a coefficient array, and for calls."""
        per_row = max(1.0, self.X.nnz / max(1, self.n_rows))
        by_logits = _LOGITS_BYTES // (self.shape[0] * self.dtype.itemsize)
        by_entries = int(_ENTRIES * self.n_features / per_row)
        if self.X.nnz * self.shape[0] < _MULTIPLICATIONS:
            return max(1, self.n_rows)
        return max(64, min(max(by_logits, by_entries), -(-self.n_rows // 2)))

    def _rows(self, rows):
        if isinstance(rows, np.ndarray):
            block = self.X[rows].astype(self.dtype, copy=False)
            return block, block.T
        block = self._blocks.get((rows.start, rows.stop))
        if block is None:
            X, indptr = self.X, self.X.indptr
            entries = slice(indptr[rows.start], indptr[rows.stop])
            data = X.data[entries].astype(self.dtype, copy=False)
            starts = indptr[rows.start : rows.stop + 1] - indptr[rows.start]
            shape = (rows.stop - rows.start, self.n_features)
            block = type(X)(shape, dtype=data.dtype)  # a constructor with data would copy it
            block = block, block.T
            if self.dtype.itemsize <= X.dtype.itemsize:  # larger copies of X are not kept
                self._blocks[rows.start, rows.stop] = block
            for matrix in block:
                matrix.data, matrix.indices, matrix.indptr = data, X.indices[entries], starts
        return block

    def zeros(self):
        """Totals that `adjoint` adds to: feature-major, as its products come."""
        return np.zeros((self.n_features, self.shape[0])), np.zeros(self.shape[0])

    def release(self, totals):
        """Gradient with respect to the flat parameters."""
        coef, intercept = totals
        gradient = np.empty(self.shape)
        gradient[:, : self.n_features] = coef.T
        if self.fit_intercept:
            gradient[:, self.n_features] = intercept
        return gradient.ravel()

    def _multiply(self, coef, rows, out):
        out[:] = (self._rows(rows)[0] @ coef.T).T

    def adjoint(self, residuals, rows, totals):
        """Add the products of the residuals with the slice `rows` to `totals`."""
        coef, intercept = totals
        coef += self._rows(rows)[1] @ residuals.T
        if self.fit_intercept:
            intercept += np.add.reduce(residuals, axis=1, dtype=np.float64)

    def raw_rows(self, indices):
        """The rows with these indices, dense."""
        return self.X[indices].toarray()

    def quadratic_forms(self, rows, square, linear):
        """Σ_j square_j x_j² + linear_j x_j of each row of the slice."""
        block, _ = self._rows(rows)
        return _squares(block) @ square + block @ linear

    def add_squares(self, weights, rows, totals):
        """Add Σ w, Σ w x and Σ w x² of the slice `rows`, for each output."""
        _, block = self._rows(rows)
        weights_by_row = np.ascontiguousarray(weights.T)
        total, first, second = totals
        total += np.add.reduce(weights, axis=1, dtype=np.float64)
        first += (block @ weights_by_row).T
        second += (_squares(block) @ weights_by_row).T

    def column_moments(self, rows, weights, shift):
        """Weighted Σ (x - shift) and Σ (x - shift)² of the slice `rows`, in float64."""
        _, block = self._rows(rows)
        if weights is None:
            weights = np.ones(rows.stop - rows.start)
        if np.any(shift):
            data = block.data - shift[block.indices]
            block = type(block)((data, block.indices, block.indptr), shape=block.shape)
        return block @ weights, _squares(block) @ weights

    def shift(self):
        """A point near the data of columns without a zero, and zero for others.

        A single zero lets a column vary so much that nothing cancels.
        """
        stored = np.zeros(self.n_features, np.intp)
        for start in range(0, self.X.nnz, _COUNTED):
            part = self.X.indices[start : start + _COUNTED]
            stored += np.bincount(part, minlength=self.n_features)
        full, point = np.flatnonzero(stored == self.n_rows), np.zeros(self.n_features)
        if len(full):
            few = self.X[: min(16, self.n_rows)][:, full]
            point[full] = few.toarray().mean(axis=0, dtype=np.float64)
        return point


def _squares(block):
    """Squared entries, in float64: those of float32 may overflow."""
    return block.astype(np.float64, copy=False).power(2)
