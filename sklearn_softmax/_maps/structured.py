"""Maps from calibrated log-probabilities z to better ones, each near the identity.

They take features of z, class-major like z itself: shape (n_features, n_rows). Parameters have a
structure, and a penalty for each part of it: what a class says of itself is trusted more than
what it says of others.
"""

import numpy as np

from .design import DenseDesign

_CHANCE = np.sqrt(12.0)  # a uniform chance then has variance 1
_SQUARE = 0.25  # of log-probabilities, which are a few nats
_BLOCK_BYTES = 640_000


def linear(z):
    """z itself."""
    return z


def squares(z):
    """z, the probabilities and z², in units in which they vary alike."""
    return np.concatenate([z, _CHANCE * np.exp(z), _SQUARE * z**2])


def products(z):
    """Those of `squares`, and the products of the log-probabilities of two classes."""
    n_classes, n_rows = z.shape
    scaled, start = _SQUARE * z, 3 * n_classes
    features = np.empty((start + n_classes * (n_classes - 1) // 2, n_rows))
    features[:start] = squares(z)
    for first in range(n_classes - 1):  # without copies of the pairs
        stop = start + n_classes - 1 - first
        np.multiply(scaled[first], z[first + 1 :], out=features[start:stop])
        start = stop
    return features


class SharedSlopes:
    """Logits θ₀ z + θ₁ p + θ₂ z² + θ₃ h z, with p = exp(z) and the entropy h of the row.

    Four slopes that all classes share: temperature that depends on how sure the row is.

    Parameters
    ----------
    z : ndarray of shape (n_classes, n_rows)
        Log-probabilities.
    """

    dtype = np.dtype(np.float64)
    shape = (4,)
    n_features = 4

    def __init__(self, z):
        self.n_outputs, self.n_rows = z.shape
        self._z, self._p = z, np.exp(z)
        self._entropy = -np.einsum("kb,kb->b", z, self._p)

    @property
    def block_rows(self):
        """Rows of a block such that two arrays of logits stay in the cache."""
        return max(64, _BLOCK_BYTES // (8 * self.n_outputs))

    def bind(self, params):
        """What `forward` needs of the parameters."""
        return params

    def forward(self, bound, rows, out):
        """Write the logits of the slice `rows` to `out`, shape (n_classes, n_rows)."""
        slope, chance, square, entropy = bound
        z = self._z[:, rows]
        np.multiply(z, _SQUARE * square, out=out)
        out += slope + entropy * self._entropy[rows]
        out *= z
        out += (_CHANCE * chance) * self._p[:, rows]

    def zeros(self):
        """Totals that `adjoint` adds to."""
        return (np.zeros(4),)

    def adjoint(self, residuals, rows, totals):
        """Add the products of the residuals with the slice `rows` to `totals`."""
        z = self._z[:, rows]
        products = residuals * z
        by_row = np.add.reduce(products, axis=0)
        totals[0][:] += (
            np.add.reduce(by_row),
            _CHANCE * np.vdot(residuals, self._p[:, rows]),
            _SQUARE * np.vdot(products, z),
            np.dot(by_row, self._entropy[rows]),
        )

    def release(self, totals):
        """Gradient with respect to the parameters."""
        return totals[0]


class StructuredMatrix(DenseDesign):
    """Logits W f(z) + b, with features f(z) of all classes.

    Parameters
    ----------
    features : ndarray of shape (n_features, n_rows)
        Class-major.
    n_outputs : int
        The number of classes.
    """

    def __init__(self, features, n_outputs):
        super().__init__(np.ascontiguousarray(features.T), n_outputs)

    def rows(self, rows):
        """The slice `rows` of the features and a column of ones."""
        block = self.X[rows]
        return np.concatenate([block, np.ones((len(block), 1))], axis=1)

    def zero_squares(self):
        """Totals that `add_squares` adds to."""
        return (np.zeros(self.shape),)

    def add_squares(self, weights, rows, totals):
        """Add Σ w x² and Σ w of the slice `rows`, for each output."""
        block = self.X[rows]
        totals[0][:, :-1] += weights @ (block * block)
        totals[0][:, -1] += np.add.reduce(weights, axis=1)

    def release_squares(self, totals):
        """Curvature of each parameter."""
        return totals[0]


class StructuredVector:
    """Logits a ∘ z + W V'z + b: own slopes, and a matrix on few directions V of z.

    Without directions it is vector scaling. Work and memory are linear in the number of classes.

    Parameters
    ----------
    z : ndarray of shape (n_classes, n_rows)
        Log-probabilities.
    directed : ndarray of shape (n_directions, n_rows)
        V'z.
    """

    dtype = np.dtype(np.float64)

    def __init__(self, z, directed):
        self.n_outputs, self.n_rows = z.shape
        self._z, self._directed = z, directed
        self.n_features = 1 + len(directed)
        self.shape = (self.n_outputs, self.n_features + 1)

    @property
    def block_rows(self):
        """Rows of a block such that two arrays of logits stay in the cache."""
        return max(64, _BLOCK_BYTES // (8 * self.n_outputs))

    def bind(self, params):
        """Own slopes, slopes of the directions, and intercepts."""
        params = params.reshape(self.shape)
        return params[:, :1], np.ascontiguousarray(params[:, 1:-1]), params[:, -1:]

    def forward(self, bound, rows, out):
        """Write the logits of the slice `rows` to `out`, shape (n_classes, n_rows)."""
        own, slopes, intercepts = bound
        np.multiply(self._z[:, rows], own, out=out)
        out += intercepts
        if slopes.shape[1]:
            out += slopes @ self._directed[:, rows]

    def zeros(self):
        """Totals that `adjoint` adds to."""
        return (np.zeros(self.shape),)

    def adjoint(self, residuals, rows, totals):
        """Add the products of the residuals with the slice `rows` to `totals`."""
        (total,) = totals
        total[:, 0] += np.einsum("kb,kb->k", residuals, self._z[:, rows])
        total[:, 1:-1] += residuals @ self._directed[:, rows].T
        total[:, -1] += np.add.reduce(residuals, axis=1)

    def release(self, totals):
        """Gradient with respect to the flat parameters."""
        return totals[0].ravel()

    zero_squares = zeros

    def add_squares(self, weights, rows, totals):
        """Add Σ w x² and Σ w of the slice `rows`, for each output."""
        (total,) = totals
        z, directed = self._z[:, rows], self._directed[:, rows]
        total[:, 0] += np.einsum("kb,kb,kb->k", weights, z, z)
        total[:, 1:-1] += weights @ (directed * directed).T
        total[:, -1] += np.add.reduce(weights, axis=1)

    def release_squares(self, totals):
        """Curvature of each parameter."""
        return totals[0]


def matrix_logits(coef, intercept, features):
    """W x + b of class-major features, one column after the other.

    Products of matrices add up in an order that depends on their shape; here a row has the same
    bits in any batch.
    """
    result = np.repeat(intercept[:, None], features.shape[1], axis=1)
    work = np.empty_like(result)
    for slopes, column in zip(coef.T, features, strict=True):
        result += np.multiply(slopes[:, None], column, out=work)
    return result
