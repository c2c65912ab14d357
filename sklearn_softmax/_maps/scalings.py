"""Scalings: linear maps from few parameters to calibrated logits.

A scaling has slopes for the columns of a matrix of features, made of the scores, and an
intercept for each logit. Parameters that several classes share are summed in the adjoint: that
is all that tells the tied scalings apart.
"""

import numpy as np

from .design import DenseDesign
from .standardised import Standardised

_CONSTANT = 1e-20  # relative variance of a column that is constant but for rounding
_BLOCK_BYTES = 640_000  # a block of logits and its exponentials share the L2 cache


class _Tied:
    """Logits a ∘ x + b, with a and b linear in the parameters.

    Parameters
    ----------
    features : ndarray of shape (n_rows, n_outputs), float64
        x, a column for each logit; never written.
    n_outputs : int
        The number of logits of a row.
    weights : ndarray of shape (n_rows,) or None
        Weights of the rows.

    Attributes
    ----------
    shape : tuple of int
        Of the parameters. Along the last axis the first `n_features` are slopes, the others
        intercepts.
    one_slope : bool
        Whether all classes share a slope: without intercepts their order is then kept.
    """

    dtype = np.dtype(np.float64)
    n_features = 1
    one_slope = False

    def __init__(self, features, n_outputs, weights=None):
        self.features, self.n_outputs, self._weights = features, n_outputs, weights
        self.n_rows = len(features)

    @property
    def block_rows(self):
        """Rows of a block such that two arrays of logits stay in the cache."""
        return max(64, _BLOCK_BYTES // (8 * self.n_outputs))

    def bind(self, params):
        """What `forward` needs of the parameters: slopes and intercepts as columns."""
        slopes, intercepts = self.coefficients(params)
        return slopes.reshape(-1, 1), intercepts[:, None] if np.any(intercepts) else None

    def forward(self, bound, rows, out):
        """Write the logits of the slice `rows` to `out`, shape (n_outputs, n_rows).

        Elementwise: a row has the same bits in any batch.
        """
        slopes, intercepts = bound
        np.copyto(out, self.features[rows].T)  # faster than to multiply across the layout
        out *= slopes
        if intercepts is not None:
            out += intercepts

    def zeros(self):
        """Totals that `adjoint` adds to: those of slopes and of intercepts."""
        return np.zeros(self.n_outputs), np.zeros(self.n_outputs)

    def adjoint(self, residuals, rows, totals):
        """Add the products of the residuals with the slice `rows` to `totals`."""
        slopes, intercepts = totals
        slopes += np.einsum("kb,bk->k", residuals, self.features[rows])
        intercepts += np.add.reduce(residuals, axis=1)

    def varying(self):
        """For each column whether it varies, which its intercept cannot do for it."""
        mean = np.average(self.features, axis=0, weights=self._weights)
        variance = np.average((self.features - mean) ** 2, axis=0, weights=self._weights)
        return variance > _CONSTANT * mean**2

    def zero_squares(self):
        """Totals that `add_squares` adds to."""
        return self.zeros()

    def add_squares(self, weights, rows, totals):
        """Add Σ w x² and Σ w of the slice `rows`, for each output."""
        block = self.features[rows]
        slopes, intercepts = totals
        slopes += np.einsum("kb,bk,bk->k", weights, block, block)
        intercepts += np.add.reduce(weights, axis=1)

    def release_squares(self, totals):
        """Curvature of each parameter, as if ties had no cross terms."""
        return self.release(totals).reshape(self.shape)

    def prior(self):
        """Weights of a ridge: the inverse variances of slopes and intercepts.

        A priori slopes and intercepts change a logit by one nat each (root mean square).
        """
        square = np.average(np.mean(self.features**2, axis=1), weights=self._weights)
        ties = self.n_outputs // len(self.coefficients(self.at_temperature(1.0))[0])
        ones = np.ones(self.n_outputs)
        return self.release((square / ties * ones, ones))

    @staticmethod
    def fitted(features, coef, intercept):
        """Map and parameters that give the calibrated logits of new features."""
        map = Vector(features, len(intercept))
        return map, np.column_stack([np.broadcast_to(coef, len(intercept)), intercept])


class Temperature(_Tied):
    """Logits β x: one inverse temperature (Guo, Pleiss, Sun & Weinberger, 2017, ICML)."""

    shape = (1,)
    one_slope = True

    def coefficients(self, params):
        """Slope, shape (1,), and intercepts, shape (n_outputs,)."""
        return params, np.zeros(self.n_outputs)

    def release(self, totals):
        """Gradient with respect to the flat parameters."""
        return np.array([totals[0].sum()])

    def at_temperature(self, slope):
        """Parameters whose logits are those of `Temperature` with this slope."""
        return np.array([slope])


class BiasCorrected(_Tied):
    """Logits β x + b (Alexandari, Kundaje & Shrikumar, 2020, ICML)."""

    one_slope = True

    @property
    def shape(self):
        """Of the parameters: β, then b."""
        return (1 + self.n_outputs,)

    def coefficients(self, params):
        """Slope, shape (1,), and intercepts, shape (n_outputs,)."""
        return params[:1], params[1:]

    def release(self, totals):
        """Gradient with respect to the flat parameters."""
        return np.append(totals[0].sum(), totals[1])

    def at_temperature(self, slope):
        """Parameters whose logits are those of `Temperature` with this slope."""
        return np.append(slope, np.zeros(self.n_outputs))

    def varying(self):
        """Whether any column varies: all have one slope."""
        return np.any(super().varying())


class Vector(_Tied):
    """Logits a ∘ x + b: a slope and an intercept for each class (Guo et al., 2017)."""

    @property
    def shape(self):
        """Of the parameters: a row (a_k, b_k) for each output."""
        return (self.n_outputs, 2)

    def coefficients(self, params):
        """Slopes and intercepts, shape (n_outputs,)."""
        slopes, intercepts = params.reshape(self.shape).T
        return slopes, intercepts

    def release(self, totals):
        """Gradient with respect to the flat parameters."""
        return np.column_stack(totals).ravel()

    def at_temperature(self, slope):
        """Parameters whose logits are those of `Temperature` with this slope."""
        return np.column_stack([np.full(self.n_outputs, slope), np.zeros(self.n_outputs)]).ravel()


class Matrix(Standardised):
    """Logits W x + b: in standardised coordinates, a design (Guo et al., 2017).

    On log-probabilities it is Dirichlet calibration (Kull et al., 2019, NeurIPS).

    Parameters
    ----------
    features, n_outputs, weights
        As of a tied scaling, but for any number of columns.
    """

    one_slope = False

    def __init__(self, features, n_outputs, weights=None):
        design = DenseDesign(features, n_outputs)
        mean = np.average(features, axis=0, weights=weights)
        variance = np.average((features - mean) ** 2, axis=0, weights=weights)
        varies = variance > design.resolution * (variance + mean**2)
        self._variance = np.where(varies, variance, 0.0)
        super().__init__(design, mean, np.sqrt(np.where(varies, variance, 1.0)))

    def coefficients(self, params):
        """W, shape (n_outputs, n_features), and b, shape (n_outputs,)."""
        raw = self.to_raw(params).reshape(self.shape)
        return raw[:, :-1], raw[:, -1]

    def at_temperature(self, slope):
        """Parameters whose logits are those of temperature scaling, up to a row's constant.

        Of several classes the columns of W sum to zero; a single logit is the log-odds, whose
        features are itself or the log-probabilities of both classes.
        """
        n_outputs, n_features = self.shape[0], self.n_features
        if n_outputs == 1:
            contrasts = np.array([*np.zeros(n_features), -1.0, 1.0])[-n_features:]
        else:
            contrasts = np.eye(n_outputs, n_features) - 1.0 / n_outputs
        raw = np.zeros(self.shape)
        raw[:, :n_features] = slope * contrasts
        return self.from_raw(raw)

    def prior(self):
        """Weights of a ridge: the inverse variances of slopes and intercepts.

        A priori both change a logit by one nat (root mean square). Columns have one unit, so
        that their slopes have the same variance.
        """
        weights = np.ones(self.shape)
        weights[:, : self.n_features] = self.n_features * self._mean_square() / self.scale**2
        return weights.ravel()

    def varying(self):
        """For each column whether it varies."""
        return self._variance > 0.0

    def _mean_square(self):
        return np.mean(self._variance) or 1.0

    @staticmethod
    def fitted(features, coef, intercept):
        """Map and parameters that give the calibrated logits of new features."""
        return _Rowwise(features, len(coef)), np.column_stack([coef, intercept])


class SideBySide(Matrix):
    """Logits W x + b of columns that have their own units."""

    def _mean_square(self):
        return self.scale**2


class _Rowwise(DenseDesign):
    """A dense design whose rows have the same bits in any batch.

    Products of matrices add up in an order that depends on their shape; here columns are added
    one after the other.
    """

    def forward(self, bound, rows, out):
        """Write the logits of the slice `rows` to `out`, shape (n_outputs, n_rows)."""
        coef, intercept = bound
        out[:] = intercept
        work = np.empty_like(out)
        for slopes, column in zip(coef.T, self.X[rows].T, strict=True):
            out += np.multiply(slopes[:, None], column, out=work)
