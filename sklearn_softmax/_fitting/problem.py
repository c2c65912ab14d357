"""From data to an objective, and from its parameters back to coefficients."""

from dataclasses import replace

import numpy as np
from scipy import sparse

from .._core.blocks import RowBlocks
from .._maps.design import DenseDesign, SparseDesign
from .._maps.standardised import Standardised, column_scales
from .._penalties.ridge import Ridge
from .._solvers import Outcome, costs
from .._solvers.choice import choose
from .precision import certify, first_precision, objective_in, unfinished
from .starts import better_start, cold_start

LARGEST = 1e120
STRONGEST = 1e50  # penalty beside the mean loss: coefficients are 0 to rounding
_COLUMN_NUMBERS = 1 << 16  # of a block of rows whose moments are taken


def alpha_from_C(C, total_weight):
    """Strength of the penalty beside the weighted *mean* of the losses.

    scikit-learn minimises ``C * sum(s * loss) + ||w||² / 2``; solvers see the mean loss, so
    that tolerances mean the same for any number of rows. With two classes there is a single
    row of coefficients, in scikit-learn and here, and nothing else to convert.
    """
    return 0.0 if np.isinf(C) else 1.0 / max(C * total_weight, 1.0 / STRONGEST)


def canonical(X):
    """X; sparse X with summed duplicates, which scipy sums in memory that blocks share."""
    if sparse.issparse(X) and not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    return X


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
    C : float or None
        Inverse strength of the penalty; inf for none, None where `set_strength` follows.
    factors : ndarray of shape (n_features,) or None
        What multiplies the penalty of each feature.
    columns : tuple (mean, scale, still) or None
        With which to standardise the features; None for those of `column_scales`.
    fit_intercept : bool
        Whether there is an intercept.
    threads : Threads
        Runs the blocks.
    floor : float
        Loss at which separable data count as fitted, where C is inf.

    Attributes
    ----------
    map : Standardised
        Parameters to logits.
    observer : callable or None
        See `RidgeFits.observe`.
    """

    observer = None

    def __init__(
        self,
        X,
        target,
        weights,
        *,
        C=None,
        factors=None,
        columns=None,
        fit_intercept,
        threads,
        floor,
    ):
        self._fit_intercept, self._floor = fit_intercept, floor
        self._factors = 1.0 if factors is None else factors
        self._total = total = len(target) if weights is None else np.add.reduce(weights)
        if weights is not None:  # of size 1, in steps that round nothing
            weights = weights * 0.5 ** np.frexp(total / len(weights))[1]
        self.X, self.target, self._weights, self._threads = X, target, weights, threads
        design = self._design(X.dtype)
        numbers = max(_COLUMN_NUMBERS, 2 * design.n_features)
        rows = max(1, numbers * design.n_rows // max(1, design.n_entries))
        blocks = RowBlocks(design.n_rows, rows)
        self.columns = columns or column_scales(design, weights, blocks, threads)
        too_large = np.flatnonzero(~(np.hypot(*self.columns[:2]) < LARGEST))
        if len(too_large):
            raise ValueError(
                f"X must have columns whose root mean square is below {LARGEST:g}, so that "
                f"products are finite; column {too_large[0]} has more."
            )
        self.map = Standardised(design, *self.columns)
        self._objectives, self.cold_value = {}, None
        if C is not None:
            self.set_strength(C)

    def set_strength(self, C):
        """Set C; what is known of the data is kept."""
        self._penalise(Ridge(self.map.ridge(alpha_from_C(C, self._total) * self._factors)))

    def _penalise(self, penalty):
        self._penalty = penalty
        for objective in self._objectives.values():
            objective.penalty = self._penalty

    def _design(self, dtype):
        make = SparseDesign if sparse.issparse(self.X) else DenseDesign
        return make(self.X, self.target.n_outputs, self._fit_intercept, dtype)

    def objective(self, dtype):
        """The objective, with products in a dtype; the last one made is kept."""
        dtype = np.dtype(dtype)
        if dtype not in self._objectives:
            self._objectives = {}  # first: two would not be in memory together
            self._objectives[dtype] = self._new_objective(dtype)
        objective, told = self._objectives[dtype], self.observer
        objective.observer = told and (lambda params: told(lambda: self.coefficients(params)))
        return objective

    def _new_objective(self, dtype):
        data = self.target, self._penalty, self._weights
        options = {"threads": self._threads, "floor": self._floor}
        return objective_in(dtype, self._map_in, self._keeps_logits, *data, **options)

    def _map_in(self, dtype):
        same = dtype == self.map.dtype
        return self.map if same else Standardised(self._design(dtype), *self.columns)

    @staticmethod
    def _keeps_logits(map):
        return costs.margins_pay(map.n_rows, map.n_entries, map.shape[0], map.dtype.itemsize)

    def solve(self, solver, start, *, tol, max_iter):
        """Minimise, and certify in float64; go on there if need be: see `first_precision`.

        Returns
        -------
        Result
        """
        params = self._better_start(start)
        dtype, limits = first_precision(self, tol=tol, max_iter=max_iter)
        objective = self.objective(dtype)
        if dtype == np.float32:
            objective.tol = tol if limits["tol"] == tol else None
        result = solver(objective, params, **limits)
        left, sure = max_iter - result.n_iter, objective.exact and objective.certifiable
        done = left == 0 or result.outcome in (Outcome.CONVERGED, Outcome.INTERRUPTED)
        if dtype == np.float64 or (done and sure):
            spent = result.outcome is Outcome.SPENT
            return replace(result, outcome=Outcome.MAX_ITER) if spent else result
        if sure and result.outcome in (Outcome.SPENT, Outcome.STALLED):
            result = replace(result, outcome=Outcome.CONVERGED)  # perhaps: float64 tells
        if result.outcome is not Outcome.MAX_ITER or left == 0:
            found = certify(self, result.params, result, tol)
            if found is None and left == 0:
                found = unfinished(self, result.params, result.n_iter, tol)
            if found is not None:
                return found
        more = solver(self.objective(np.float64), result.params, tol=tol, max_iter=left)
        return replace(more, n_iter=result.n_iter + more.n_iter)

    def value_at(self, params):
        """The objective, by products in float64."""
        return self.objective(np.float64).at(params).value

    def slack(self, errors):
        """What gradients of features, off by so much in one class, add to a gap."""
        return np.dot(self._penalty.half_inverse[: self.map.n_features], errors**2)

    def bend(self, coef):
        """The second derivative of the ridge along a change of the coefficients."""
        weights = self._penalty.curvature.reshape(self.map.shape)[:, : self.map.n_features]
        return np.vdot(weights, (coef * self.map.scale) ** 2)

    def _better_start(self, start):
        return better_start(self, start)

    def start(self):
        """See `cold_start`."""
        return cold_start(self)

    def priors(self):
        """Zero coefficients, and the class priors as intercept."""
        return self.map.at_intercept(self.target.prior_logits(self._weights))

    def warm(self, objective, temperature, params, **limits):
        """Minimise at a temperature: see `cooled`."""
        penalty = Ridge(temperature * objective.penalty.curvature)
        return choose(objective.tempered(temperature, penalty), params, **limits)

    def stilled(self, params):
        """Parameters whose penalised coefficients of features that do not vary are zero."""
        coef = params.reshape(self.map.shape)[:, : self.map.n_features]
        held = self._penalty.curvature.reshape(self.map.shape)[:, : self.map.n_features] > 0.0
        coef[held & self.map.still] = 0.0
        return params

    def from_coefficients(self, coef, intercept):
        """Parameters from coefficients, centred over the classes."""
        raw = np.column_stack([coef, intercept]) if self._fit_intercept else np.array(coef)
        raw = raw.astype(np.float64)
        if len(raw) > 1:
            raw -= raw.mean(axis=0)
        return self.map.from_raw(raw)

    def coefficients(self, params):
        """Coefficients and intercept, shapes (n_outputs, n_features) and (n_outputs,)."""
        raw = self.map.to_raw(params).reshape(self.map.shape)
        if not self._fit_intercept:
            return raw, np.zeros(len(raw))
        return raw[:, :-1].copy(), raw[:, -1].copy()
