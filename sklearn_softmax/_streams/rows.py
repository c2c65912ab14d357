"""Rows of a stream, the coordinates in which they are seen, and expansions of their losses."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from .._core.anchored import AnchoredObjective
from .._core.blocks import RowBlocks
from .._core.curvature import rows as row_curvature
from .._core.objective import Objective
from .._inputs.known import KnownLabels
from .._maps.design import DenseDesign, SparseDesign
from .._maps.standardised import Standardised, column_scales
from .._penalties.expansion import Expansion, Quadratic
from .._penalties.forms import BlockForm, DenseForm, DiagonalForm
from .._penalties.ridge import Ridge
from .._solvers import costs, stream_costs

_COLUMN_NUMBERS = 1 << 18  # of a block of rows whose moments are taken
_FORMS = {
    stream_costs.DENSE: (row_curvature.dense, DenseForm),
    stream_costs.BLOCKS: (row_curvature.blocks, BlockForm),
    stream_costs.DIAGONAL: (row_curvature.diagonal, DiagonalForm),
}


@dataclass(frozen=True)
class Rows:
    """Rows that are never written to.

    Attributes
    ----------
    X : ndarray or CSR matrix of shape (n_rows, n_features)
    known : KnownLabels or KnownMass
        Of the class of each row.
    weights : ndarray of shape (n_rows,), float64
        Positive.
    """

    X: object
    known: object
    weights: object

    def __len__(self):
        return len(self.known)

    def __getitem__(self, which):
        return Rows(self.X[which], self.known.take(which), self.weights[which])

    def __add__(self, other):
        if sparse.issparse(self.X):
            X = sparse.vstack([self.X, sparse.csr_matrix(other.X)], "csr")
        else:
            X = other.X.toarray() if sparse.issparse(other.X) else other.X
            X = np.concatenate([self.X, X])
        return Rows(
            X,
            self.known.joined(other.known),
            np.concatenate([self.weights, other.weights]),
        )

    @property
    def n_numbers(self):
        """Stored numbers of X."""
        return self.X.nnz if sparse.issparse(self.X) else self.X.size

    def masses(self):
        """Total weight of each class, shape (n_classes,)."""
        return self.known.masses(self.weights)

    def pseudo_rows(self, classes, share):
        """A row at the mean of the features for each of `classes`, of a share of a row's weight."""
        mean = np.asarray(self.X.mean(axis=0), dtype=self.X.dtype).reshape(1, -1)
        X = np.repeat(mean, len(classes), axis=0)
        X = type(self.X)(X) if sparse.issparse(self.X) else X
        known = KnownLabels(classes, len(self.masses()))
        return Rows(X, known, np.full(len(classes), share * self.weights.mean()))


@dataclass(frozen=True)
class Coordinates:
    """Standardised features, and parameters of their logits.

    Attributes
    ----------
    n_classes : int
    fit_intercept : bool
    mean, scale : ndarray of shape (n_features,) or None
        See `sklearn_softmax._maps.standardised`; None for raw features.
    """

    n_classes: int
    fit_intercept: bool
    mean: object = None
    scale: object = None

    @property
    def n_outputs(self):
        """Two classes have a single output."""
        return 1 if self.n_classes == 2 else self.n_classes

    def _design(self, X):
        make = SparseDesign if sparse.issparse(X) else DenseDesign
        return make(X, self.n_outputs, self.fit_intercept, np.float64)

    def shape(self, X):
        """Shape (n_outputs, width) of the parameters."""
        return self.n_outputs, X.shape[1] + self.fit_intercept

    def of(self, rows, threads):
        """Coordinates in which these rows have mean 0 and variance 1."""
        design = self._design(rows.X)
        blocks = RowBlocks(len(rows), max(1, _COLUMN_NUMBERS // max(1, design.n_features)))
        mean, scale, still = column_scales(design, rows.weights, blocks, threads)
        scale = np.where(still, 1.0, scale)  # it may vary in later rows
        mean = mean if self.fit_intercept else np.zeros_like(mean)
        return Coordinates(self.n_classes, self.fit_intercept, mean, scale)

    def near(self, other):
        """Whether scales are within a factor of two, and means within a scale."""
        ratio = self.scale / other.scale
        close = np.abs(self.mean - other.mean) <= np.minimum(self.scale, other.scale)
        return np.all(close & (ratio < 2.0) & (ratio > 0.5))

    def map(self, X):
        """The map from parameters to logits of rows X."""
        return Standardised(self._design(X), self.mean, self.scale)

    def _empty_map(self):
        return self.map(np.empty((0, len(self.mean))))

    def ridge(self, alpha):
        """Weights of the penalty ½ alpha ‖W‖² on raw coefficients."""
        return self._empty_map().ridge(alpha)

    def to_raw(self, params):
        """Coefficients, shape (n_outputs, n_features), and intercept, shape (n_outputs,)."""
        map = self._empty_map()
        raw = map.to_raw(params).reshape(map.shape)
        intercept = raw[:, -1].copy() if self.fit_intercept else np.zeros(len(raw))
        return raw[:, : map.n_features].copy(), intercept

    def from_raw(self, coef, intercept):
        """Parameters from coefficients and intercept."""
        raw = np.column_stack([coef, intercept]) if self.fit_intercept else coef
        return self._empty_map().from_raw(raw.ravel())

    def move(self, expansion, after):
        """An expansion in these coordinates, written in those of `after`: x̃ there is x̃T."""
        n_features, width = len(self.mean), len(self.mean) + self.fit_intercept
        change = np.zeros((width, width))
        places = np.arange(n_features)
        change[places, places] = self.scale / after.scale
        if self.fit_intercept:
            change[-1, :-1] = (self.mean - after.mean) / after.scale
            change[-1, -1] = 1.0
        gradient = expansion.gradient.reshape(self.n_outputs, width) @ change
        centre = after.from_raw(*self.to_raw(expansion.centre))
        return Expansion(expansion.value, gradient.ravel(), expansion.form.moved(change), centre)

    def expansion(self, rows, params, threads):
        """Second-order expansion of the sum of the losses of rows."""
        map, total = self.map(rows.X), np.add.reduce(rows.weights)
        free = Ridge(np.zeros(len(params)))
        objective = Objective(map, rows.known.target(), free, rows.weights, threads=threads)
        point = objective.at(params)
        curvature, form = _FORMS[stream_costs.form_kind(*map.shape)]
        return Expansion(
            point.value * total,
            point.gradient * total,
            form(curvature(objective, point)),
            params,
        )

    def objective(self, rows, expansion, alpha, threads):
        """Mean loss of rows beside an expansion of others and a ridge, per weight of the rows."""
        map, total = self.map(rows.X), np.add.reduce(rows.weights)
        penalty = Quadratic(expansion, map.ridge(alpha), 1.0 / total)
        return AnchoredObjective(
            map,
            rows.known.target(),
            penalty,
            rows.weights,
            threads=threads,
            cached=costs.margins_pay(map.n_rows, map.n_entries, self.n_outputs, 8),
        )
