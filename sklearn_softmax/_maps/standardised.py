"""Standardised features as a reparametrisation: the data are never touched."""

import numpy as np

from .._kept import kept
from .class_products import class_grams
from .pair_products import pair_gram
from .thin_products import add_moments

_LEAST_VARIANCE = 1e-280  # columns below are constant
_MOST_MEAN, _MOST_SCALE = 100.0, 1e12  # in scales, and of them: for squares in float32
_LEAST_ROOT = 1e-150
_GRAM_NUMBERS = 25_000  # of rows that are copied at a time
KEPT = 1 << 19  # numbers: rows of small data are standardised once
_TOGETHER = 1 << 16  # numbers of a gradient that stay in the cache between operations


class Standardised:
    """A design in the coordinates of features (x - mean) / scale.

    The logits V x̃ + c equal W x + b with W = V / scale and b = c - W mean, so only arrays of
    the size of the parameters are transformed; sparse data stay sparse.

    Parameters
    ----------
    design : DenseDesign or SparseDesign
        The map in raw features.
    mean, scale : ndarray of shape (n_features,)
        `mean` is ignored without an intercept; `scale` is positive.
    still : ndarray of bool, shape (n_features,) or None
        Features that do not vary: see `ridge`. None for none.
    """

    knows_features = True  # parameters have a column for each, and perhaps one for the intercept

    def __init__(self, design, mean, scale, still=None):
        self.design, self.scale = design, scale
        self.still = still if still is not None and still.any() else None
        self.mean = mean if design.fit_intercept else np.zeros_like(mean)
        self.shape, self.dtype = design.shape, design.dtype
        self.n_rows, self.n_features = design.n_rows, design.n_features
        self.fit_intercept = design.fit_intercept
        self.block_rows, self.n_entries = design.block_rows, design.n_entries
        self.sparse = design.sparse
        self._kept = None

    @kept
    def _columns(self):
        """Means and scales for curvature: in float32 where products are and little is lost."""
        columns, sizes = (self.mean, self.scale), np.abs(self.mean) / self.scale
        least, most = self.scale.min(initial=1.0), self.scale.max(initial=1.0)
        near = sizes.max(initial=0.0) <= _MOST_MEAN and least >= 1.0 / _MOST_SCALE
        if self.dtype == np.float32 and near and most <= _MOST_SCALE:
            return tuple(each.astype(np.float32) for each in columns)
        return columns

    def restricted(self, features):
        """The map of some features, the others having no coefficients."""
        design = self.design.restricted(features)
        still = None if self.still is None else self.still[features]
        return Standardised(design, self.mean[features], self.scale[features], still)

    def at_intercept(self, logits):
        """Parameters whose logits are the same for all rows; zero without intercept."""
        params = np.zeros(self.shape)
        params[:, self.n_features :] = np.asarray(logits)[:, None]
        return params.ravel()

    def ridge(self, alpha):
        """Weights of the penalty ½ Σ alpha_j W_kj² on raw coefficients, intercept free.

        Under any weight the best coefficient of a feature that does not vary is 0: a weight of 1
        holds it there against rounding. `alpha` is a number or an array of shape (n_features,).
        """
        weights = np.zeros(self.shape)
        weights[:, : self.n_features] = self.held(alpha / self.scale**2, alpha)
        return weights.ravel()

    def held(self, weights, alpha):
        """Weights of a ridge, and 1 for penalised features that do not vary."""
        return weights if self.still is None else np.where(self.still & (alpha > 0), 1.0, weights)

    def to_raw(self, params):
        """Parameters of the raw design that give the same logits."""
        raw = np.array(params, dtype=np.float64).reshape(self.shape)
        coef = raw[:, : self.n_features]
        coef /= self.scale
        if self.fit_intercept:
            raw[:, self.n_features] -= coef @ self.mean
        return raw.ravel()

    def raw_matrix(self):
        """The matrix of `to_raw` for the parameters of one output."""
        width = self.shape[1]
        matrix = np.zeros((width, width))
        np.fill_diagonal(matrix, np.append(1.0 / self.scale, np.ones(width - self.n_features)))
        matrix[self.n_features :, : self.n_features] = -self.mean / self.scale
        return matrix

    def from_raw(self, raw):
        """The inverse of `to_raw`."""
        params = np.array(raw, dtype=np.float64).reshape(self.shape)
        coef = params[:, : self.n_features]
        if self.fit_intercept:
            params[:, self.n_features] += coef @ self.mean
        coef *= self.scale
        return params.ravel()

    def bind(self, params):
        """What `forward` needs of the parameters, made once for all blocks."""
        return self.design.bind(params, self.scale, self.mean)

    def forward(self, bound, rows, out):
        """Write the logits of the slice `rows` to `out`, shape (n_outputs, n_rows)."""
        self.design.forward(bound, rows, out)

    def zeros(self):
        """Totals that `adjoint` adds to."""
        return self.design.zeros()

    def adjoint(self, residuals, rows, totals):
        """Add the products of the residuals with the slice `rows` to `totals`."""
        self.design.adjoint(residuals, rows, totals)

    def release(self, totals):
        """Gradient with respect to the flat parameters: the transpose of `to_raw`."""
        gradient = self.design.release(totals).reshape(self.shape)
        step = max(1, _TOGETHER // self.shape[1])
        for rows in np.split(gradient, range(step, len(gradient), step)):
            coef = rows[:, : self.n_features]
            if self.fit_intercept:
                coef -= np.outer(rows[:, self.n_features], self.mean)
            coef /= self.scale
        return gradient.ravel()

    def rows(self, indices=slice(None)):
        """Standardised rows, dense float64, with a last column of ones for the intercept.

        Parameters
        ----------
        indices : slice or ndarray of int
            The rows of a slice must not be written to, those of an array may be.
        """
        if self._kept is None and self.n_rows * self.shape[1] <= KEPT:
            self._kept = self._standardise(slice(None))
        return self._standardise(indices) if self._kept is None else self._kept[indices]

    def _standardise(self, indices):
        raw = self.design.raw_rows(indices)
        rows = np.ones((len(raw), self.shape[1]))
        features = rows[:, : self.n_features]
        np.subtract(raw, self.mean, out=features)
        features /= self.scale
        return rows

    def gram(self, indices, roots=None):
        """Σ x̃x̃' of the rows with these indices, each row multiplied with its root, if any."""
        width, n = self.shape[1], self.n_features
        total, (mean, _) = np.zeros((width, width)), self._columns
        largest = 1.0 if roots is None or not len(roots) else max(roots.max(), _LEAST_ROOT)
        for part, own in _parts(indices, max(256, _GRAM_NUMBERS // width, 2 * width)):
            rows = self.design.raw_rows(own) - mean
            factors = np.ones(len(rows), rows.dtype)
            if roots is not None:
                np.divide(roots[part], largest, out=factors, casting="same_kind")
                rows *= factors[:, None]
            product = rows.T @ rows
            total[:n, :n] = product + total[:n, :n] if part.start else product
            total[n:, :n] += factors @ rows
            total[n:, n:] += np.dot(factors, factors)
        total *= largest**2
        total[:n, n:] = total[n:, :n].T
        total[:n] /= self.scale[:, None]
        total[:, :n] /= self.scale
        return total

    def add_moments(self, weights, rows, totals, columns=None):
        """Add Σ w x̃x̃' of the slice `rows` and some columns: see `thin_products`."""
        add_moments(weights, self.rows(rows), totals, columns)

    def pair_gram(self, columns, classes, table):
        """Products of columns, each scaled by a column of a table, and the number of its class.

        For sparse designs: see `pair_products`.
        """
        return pair_gram(self.design.X, self.mean, self.scale, columns, classes, table)

    def class_grams(self, columns, table):
        """Σ w x̃x̃' of some columns, for each column of a table of weights.

        For sparse designs: see `class_products`.
        """
        return class_grams(self.design.X, self.mean, self.scale, columns, table)

    def row_norms(self, rows):
        """Squared norms of the standardised rows of a slice, for choosing rows."""
        mean, scale = self._columns
        inverse = 1.0 / scale**2
        norms = self.design.quadratic_forms(rows, inverse, -2.0 * mean * inverse)
        return norms + np.sum(mean**2 * inverse)

    def add_squares(self, weights, rows, totals):
        """Add weighted moments of the slice `rows`: what `release_squares` needs."""
        self.design.add_squares(weights, rows, totals)

    def zero_squares(self):
        """Totals that `add_squares` adds to."""
        return self.design.zero_squares()

    def release_squares(self, totals):
        """Σ_i w_ki x̃_ij², shape (n_outputs, width), from the moments of the raw columns."""
        total, first, second = totals
        squares = np.empty(self.shape)
        features = squares[:, : self.n_features]
        np.multiply(first, -2.0 * self.mean, out=features)
        features += second
        features += total[:, None] * self.mean**2
        features /= self.scale**2
        squares[:, self.n_features :] = total[:, None]
        return np.maximum(squares, 0.0, out=squares)


def _parts(indices, step):
    """Parts of a slice or an array of indices, and where they are in it."""
    first = indices.start if isinstance(indices, slice) else None
    n_rows = len(indices) if first is None else indices.stop - first
    for start in range(0, n_rows, step):
        part = slice(start, min(start + step, n_rows))
        yield part, indices[part] if first is None else slice(first + start, first + part.stop)


def column_scales(design, weights, blocks, threads):
    """Weighted means and scales of the columns, in one pass.

    Returns
    -------
    mean, scale : ndarray of shape (n_features,), float64
        `scale` is the standard deviation, or without intercept the root mean square. Of columns
        that do not vary it is the root mean square, or 1 where that is 0, too.
    still : ndarray of bool, shape (n_features,)
        Which columns do not vary.
    """
    shift = design.shift()

    def visit(rows, totals):
        part = None if weights is None else weights[rows]
        moments = design.column_moments(rows, part, shift)
        for total, moment in zip(totals, moments, strict=True):
            total += moment

    def zeros():
        return np.zeros(design.n_features), np.zeros(design.n_features)

    total = design.n_rows if weights is None else np.add.reduce(weights)
    with np.errstate(over="ignore", invalid="ignore"):
        first, second = blocks.sum(visit, zeros, threads)
        first, second = first / total, second / total
        mean = shift + first
        variance = np.maximum(second - first**2, 0.0)
        level = variance + mean**2
    if not design.fit_intercept:
        variance = level
    still = ~(variance > np.maximum(design.resolution * level, _LEAST_VARIANCE))
    level = np.where(level > _LEAST_VARIANCE, level, 1.0)
    return mean, np.sqrt(np.where(still, level, variance)), still
