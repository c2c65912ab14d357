"""Laws of the maps of regression: forward and adjoint belong together, in any coordinates."""

import numpy as np
import pytest
from scipy import sparse

from sklearn_softmax._core.blocks import RowBlocks
from sklearn_softmax._core.threads import Threads
from sklearn_softmax._maps.design import DenseDesign, SparseDesign
from sklearn_softmax._maps.kept_rows import KeptRows
from sklearn_softmax._maps.row_space import RowSpace
from sklearn_softmax._maps.shifted import Shifted
from sklearn_softmax._maps.standardised import Standardised, column_scales

N_ROWS, N_OUTPUTS = 130, 3
EVERYTHING = slice(0, N_ROWS)


def draw_X(p=5, n=N_ROWS, dtype=np.float64):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, p)) * np.logspace(-2, 2, p) + np.linspace(0, 30, p)
    X[rng.random(X.shape) < 0.4] = 0.0
    return X.astype(dtype)


def draw(*shape, seed=1):
    return np.random.default_rng(seed).standard_normal(shape)


def moments(X):
    return X.mean(axis=0), X.std(axis=0)


def forward(map, params, rows=EVERYTHING):
    out = np.empty((map.shape[0], rows.stop - rows.start), map.dtype)
    map.forward(map.bind(params), rows, out)
    return out


def adjoint(map, residuals, rows=EVERYTHING):
    totals = map.zeros()
    map.adjoint(residuals, rows, totals)
    return map.release(totals)


@pytest.mark.parametrize("fit_intercept", [True, False])
class MapContract:
    """What every map from parameters to logits must obey.

    A subclass makes the map, and says what its logits are by plain arithmetic.
    """

    rtol = 1e-12

    def make(self, fit_intercept):
        raise NotImplementedError

    def plain(self, map, params):
        params, X = params.reshape(map.shape), draw_X()
        logits = params[:, : X.shape[1]] @ X.T
        return logits + params[:, X.shape[1] :] if map.fit_intercept else logits

    def test_logits(self, fit_intercept):
        map = self.make(fit_intercept)
        params = draw(np.prod(map.shape))
        expected = self.plain(map, params)
        size = np.abs(expected).max()
        np.testing.assert_allclose(forward(map, params), expected, atol=self.rtol * size)

    def test_adjoint(self, fit_intercept):
        """<L θ, G> = <θ, L* G>"""
        map = self.make(fit_intercept)
        params = draw(np.prod(map.shape))
        residuals = draw(map.shape[0], N_ROWS, seed=2).astype(map.dtype)
        found = params @ adjoint(map, residuals)
        terms = forward(map, params).astype(float) * residuals
        assert abs(found - terms.sum()) <= self.rtol * np.abs(terms).sum()

    def test_adjoint_of_every_unit(self, fit_intercept):
        map = self.make(fit_intercept)
        units = np.eye(np.prod(map.shape))
        matrix = np.array([forward(map, unit).ravel() for unit in units], dtype=float)
        residuals = draw(map.shape[0], N_ROWS, seed=2).astype(map.dtype)
        sizes = np.abs(matrix) @ np.abs(residuals.ravel())
        error = np.abs(adjoint(map, residuals) - matrix @ residuals.ravel())
        assert np.all(error <= 10 * self.rtol * (sizes + 1))

    @pytest.mark.parametrize("cuts", [[0, 60, 130], [0, 7, 64, 130], [0, 1, 2, 129, 130]], ids=str)
    def test_any_cut_of_the_rows_gives_the_same(self, fit_intercept, cuts):
        """On one map, one after the other: nothing that is kept may stand for other rows."""
        map = self.make(fit_intercept)
        params = draw(np.prod(map.shape))
        residuals = draw(map.shape[0], N_ROWS, seed=2).astype(map.dtype)
        logits, gradient = forward(map, params), adjoint(map, residuals)
        slices = [slice(a, b) for a, b in zip(cuts[:-1], cuts[1:], strict=True)]
        parts = np.hstack([forward(map, params, rows) for rows in slices])
        np.testing.assert_allclose(parts, logits, atol=self.rtol * np.abs(logits).max())
        total = map.zeros()
        for rows in slices:
            map.adjoint(residuals[:, rows], rows, total)
        size = np.abs(gradient).max()
        np.testing.assert_allclose(map.release(total), gradient, atol=10 * self.rtol * size)

    def test_nothing_is_written_to(self, fit_intercept):
        map = self.make(fit_intercept)
        params, residuals = draw(np.prod(map.shape)), draw(N_OUTPUTS, N_ROWS).astype(map.dtype)
        params.flags.writeable = residuals.flags.writeable = False
        forward(map, params)
        adjoint(map, residuals)

    def test_costs_are_positive(self, fit_intercept):
        map = self.make(fit_intercept)
        assert map.n_entries > 0
        assert map.block_rows >= 1
        assert map.n_rows == N_ROWS


class TestDense(MapContract):
    def make(self, fit_intercept):
        return DenseDesign(draw_X(), N_OUTPUTS, fit_intercept)


class TestDenseFloat32(MapContract):
    rtol = 1e-6

    def make(self, fit_intercept):
        return DenseDesign(draw_X(dtype=np.float32), N_OUTPUTS, fit_intercept)


class TestDenseFloat32InFloat64(MapContract):
    def make(self, fit_intercept):
        X = draw_X(dtype=np.float32)
        return DenseDesign(X, N_OUTPUTS, fit_intercept, np.float64)

    def plain(self, map, params):
        X = draw_X(dtype=np.float32).astype(float)
        params = params.reshape(map.shape)
        logits = params[:, : X.shape[1]] @ X.T
        return logits + params[:, X.shape[1] :] if map.fit_intercept else logits


class TestDenseOfAnyStrides(MapContract):
    def make(self, fit_intercept):
        X = np.repeat(np.repeat(draw_X(), 2, axis=0), 3, axis=1)[::2, ::3]
        X.flags.writeable = False
        return DenseDesign(X, N_OUTPUTS, fit_intercept)


class TestSparse(MapContract):
    def make(self, fit_intercept):
        return SparseDesign(sparse.csr_matrix(draw_X()), N_OUTPUTS, fit_intercept)


class TestSparseFloat32(MapContract):
    rtol = 1e-6

    def make(self, fit_intercept):
        X = sparse.csr_matrix(draw_X(dtype=np.float32))
        return SparseDesign(X, N_OUTPUTS, fit_intercept)


@pytest.mark.skipif(not hasattr(sparse, "csr_array"), reason="scipy has no sparse arrays")
class TestSparseArray(MapContract):
    def make(self, fit_intercept):
        return SparseDesign(sparse.csr_array(draw_X()), N_OUTPUTS, fit_intercept)


class StandardisedContract(MapContract):
    """Standardised features are the same logits in other coordinates."""

    def design(self, fit_intercept):
        raise NotImplementedError

    def make(self, fit_intercept):
        return Standardised(self.design(fit_intercept), *moments(draw_X()))

    def standard_rows(self, map):
        mean, scale = moments(draw_X())
        rows = (draw_X() - mean * map.fit_intercept) / scale
        return np.column_stack([rows, np.ones(N_ROWS)]) if map.fit_intercept else rows

    def plain(self, map, params):
        return params.reshape(map.shape) @ self.standard_rows(map).T

    def test_raw_and_standardised_parameters_are_inverse(self, fit_intercept):
        map = self.make(fit_intercept)
        params = draw(np.prod(map.shape))
        there, back = map.to_raw(params), map.from_raw(params)
        np.testing.assert_allclose(map.from_raw(there), params, rtol=1e-10, atol=1e-10)
        size = np.abs(back).max()
        np.testing.assert_allclose(map.to_raw(back), params, atol=1e-13 * size * 1e3)

    def test_raw_matrix_is_the_change_of_coordinates(self, fit_intercept):
        map = self.make(fit_intercept)
        params = draw(np.prod(map.shape))
        found = params.reshape(map.shape) @ map.raw_matrix().T
        np.testing.assert_allclose(found.ravel(), map.to_raw(params), atol=1e-9, rtol=1e-12)

    def test_raw_parameters_have_the_same_logits(self, fit_intercept):
        map = self.make(fit_intercept)
        params = draw(np.prod(map.shape))
        logits = forward(map, params)
        raw = forward(self.design(fit_intercept), map.to_raw(params))
        np.testing.assert_allclose(raw, logits, atol=self.rtol * np.abs(logits).max())

    def test_ridge_is_that_of_the_raw_coefficients(self, fit_intercept):
        map = self.make(fit_intercept)
        params = draw(np.prod(map.shape))
        coef = map.to_raw(params).reshape(map.shape)[:, : map.n_features]
        np.testing.assert_allclose(map.ridge(0.3) @ params**2, 0.3 * np.sum(coef**2), rtol=1e-12)

    def test_rows(self, fit_intercept):
        map = self.make(fit_intercept)
        width = map.shape[1]
        expected = self.standard_rows(map)
        tolerance = 10 * self.rtol * np.abs(expected).max()
        chosen = np.array([5, 0, 100, 5])
        np.testing.assert_allclose(map.rows(chosen)[:, :width], expected[chosen], atol=tolerance)
        np.testing.assert_allclose(map.rows()[:, :width], expected, atol=tolerance)
        np.testing.assert_allclose(map.rows(chosen)[:, :width], expected[chosen], atol=tolerance)

    def test_norms_of_rows(self, fit_intercept):
        map = self.make(fit_intercept)
        expected = np.sum(self.standard_rows(map)[:, : map.n_features] ** 2, axis=1)
        found = np.concatenate([map.row_norms(slice(0, 70)), map.row_norms(slice(70, N_ROWS))])
        np.testing.assert_allclose(found, expected, atol=100 * self.rtol * expected.max())

    def test_weighted_squares(self, fit_intercept):
        map = self.make(fit_intercept)
        weights = np.abs(draw(N_OUTPUTS, N_ROWS)).astype(map.dtype)
        totals = map.zero_squares()
        for rows in (slice(0, 70), slice(70, N_ROWS)):
            map.add_squares(weights[:, rows].copy(), rows, totals)
        expected = weights @ self.standard_rows(map) ** 2
        np.testing.assert_allclose(
            map.release_squares(totals), expected, rtol=1e3 * self.rtol, atol=0
        )

    def test_intercept_alone_gives_every_row_the_same_logits(self, fit_intercept):
        map = self.make(fit_intercept)
        found = forward(map, map.at_intercept([1.0, -2.0, 0.5]))
        expected = np.outer([1.0, -2.0, 0.5], np.ones(N_ROWS)) * fit_intercept
        np.testing.assert_allclose(found, expected, atol=1e-12)


class TestStandardisedDense(StandardisedContract):
    def design(self, fit_intercept):
        return DenseDesign(draw_X(), N_OUTPUTS, fit_intercept)


class TestStandardisedSparse(StandardisedContract):
    def design(self, fit_intercept):
        return SparseDesign(sparse.csr_matrix(draw_X()), N_OUTPUTS, fit_intercept)


class TestKeptRows(MapContract):
    """Nor are the logits others where the standardised rows themselves are multiplied."""

    def make(self, fit_intercept):
        design = DenseDesign(draw_X(), N_OUTPUTS, fit_intercept)
        map = KeptRows.of(Standardised(design, *moments(draw_X())))
        assert isinstance(map, KeptRows)
        return map

    def plain(self, map, params):
        return params.reshape(map.shape) @ self.standard_rows(map).T

    standard_rows = StandardisedContract.standard_rows
    test_rows = StandardisedContract.test_rows
    test_norms_of_rows = StandardisedContract.test_norms_of_rows
    test_weighted_squares = StandardisedContract.test_weighted_squares

    def test_only_small_dense_rows_in_float64_are_kept(self, fit_intercept):
        X = draw_X()
        large = np.ones((2**17, 5))
        for design in (
            DenseDesign(X.astype(np.float32), N_OUTPUTS, fit_intercept),
            SparseDesign(sparse.csr_matrix(X * (X.max() == X)), N_OUTPUTS, fit_intercept),
            DenseDesign(large, N_OUTPUTS, fit_intercept),
        ):
            map = Standardised(design, np.zeros(design.n_features), np.ones(design.n_features))
            assert KeptRows.of(map) is map


class TestStandardisedFloat32(StandardisedContract):
    rtol = 1e-5

    def design(self, fit_intercept):
        return DenseDesign(draw_X(dtype=np.float32), N_OUTPUTS, fit_intercept)


class TestOneOutput(TestStandardisedDense):
    """Two classes: one row of parameters."""

    def design(self, fit_intercept):
        return DenseDesign(draw_X(), 1, fit_intercept)

    def test_intercept_alone_gives_every_row_the_same_logits(self, fit_intercept):
        map = self.make(fit_intercept)
        found = forward(map, map.at_intercept([0.7]))
        np.testing.assert_allclose(found, 0.7 * fit_intercept, atol=1e-12)

    def test_weighted_squares(self, fit_intercept):
        map = self.make(fit_intercept)
        weights, totals = np.abs(draw(1, N_ROWS)), map.zero_squares()
        map.add_squares(weights.copy(), EVERYTHING, totals)
        expected = weights @ self.standard_rows(map) ** 2
        np.testing.assert_allclose(map.release_squares(totals), expected, rtol=1e-9)

    def test_nothing_is_written_to(self, fit_intercept):
        map = self.make(fit_intercept)
        params, residuals = draw(np.prod(map.shape)), draw(1, N_ROWS)
        params.flags.writeable = residuals.flags.writeable = False
        forward(map, params)
        adjoint(map, residuals)


# Means and scales of the columns.


@pytest.mark.parametrize("make", [DenseDesign, SparseDesign])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_column_scales_are_standard_deviations(make, weighted, fit_intercept, dtype):
    X = draw_X(dtype=dtype)
    weights = np.abs(draw(N_ROWS)) if weighted else None
    data = sparse.csr_matrix(X) if make is SparseDesign else X
    design = make(data, N_OUTPUTS, fit_intercept)
    mean, scale, still = column_scales(design, weights, RowBlocks(N_ROWS, 30), Threads())
    expected = np.average(X.astype(float), axis=0, weights=weights)
    centre = expected if fit_intercept else 0.0
    spread = np.sqrt(np.average((X - centre) ** 2.0, axis=0, weights=weights))
    rtol = 1e-10 if dtype is np.float64 else 1e-5
    np.testing.assert_allclose(mean, expected, rtol=rtol)
    np.testing.assert_allclose(scale, spread, rtol=rtol)
    assert mean.dtype == scale.dtype == np.float64
    assert not np.any(still)


@pytest.mark.parametrize("offset", [1e6, 1e9, -1e12])
def test_scale_survives_a_large_mean(offset):
    """R1: condition numbers of 1e9 and more."""
    column = 16.0 * draw(N_ROWS, 1)
    X = column.round() + offset  # exact
    mean, scale, still = column_scales(DenseDesign(X, 2), None, RowBlocks(N_ROWS, 30), Threads())
    np.testing.assert_allclose(scale, column.round().std(axis=0), rtol=1e-10)
    np.testing.assert_allclose(mean - offset, column.round().mean(axis=0), atol=1e-12 * abs(offset))


@pytest.mark.parametrize("make", [DenseDesign, SparseDesign])
@pytest.mark.parametrize("value", [0.0, 3.7, -1e9, 0.1])
def test_scale_of_a_constant_column_is_its_size(make, value):
    X = np.full((N_ROWS, 1), value)
    design = make(sparse.csr_matrix(X) if make is SparseDesign else X, 2)
    mean, scale, still = column_scales(design, None, RowBlocks(N_ROWS, 30), Threads())
    np.testing.assert_allclose(mean, value, rtol=1e-14)
    np.testing.assert_allclose(scale, abs(value) or 1.0)
    assert np.all(still)


# The row space of wide data.


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
class TestRowSpace:
    def make(self, fit_intercept, weighted, dtype):
        X = draw(12, 40, seed=3).astype(dtype) + 2
        weights = np.abs(draw(12)) if weighted else None
        return X.astype(float), RowSpace(X, fit_intercept, weights)

    def test_logits_and_norms_are_kept(self, fit_intercept, weighted, dtype):
        X, space = self.make(fit_intercept, weighted, dtype)
        coef, intercept = draw(3, space.rows.shape[1]), fit_intercept * draw(3, seed=2)
        raw, raw_intercept = space.to_raw(coef, intercept)
        logits = coef @ space.rows.T + intercept[:, None]
        np.testing.assert_allclose(raw @ X.T + raw_intercept[:, None], logits, atol=1e-11)
        np.testing.assert_allclose(np.sum(raw**2), np.sum(coef**2), rtol=1e-11)

    def test_raw_and_reduced_are_inverse(self, fit_intercept, weighted, dtype):
        _, space = self.make(fit_intercept, weighted, dtype)
        reduced = draw(3, space.rows.shape[1]), fit_intercept * draw(3, seed=2)
        found = space.from_raw(*space.to_raw(*reduced))
        np.testing.assert_allclose(found[0], reduced[0], atol=1e-11)
        np.testing.assert_allclose(found[1], reduced[1], atol=1e-11)

    def test_rank(self, fit_intercept, weighted, dtype):
        _, space = self.make(fit_intercept, weighted, dtype)
        assert space.rows.shape == (12, 12 - fit_intercept)


@pytest.mark.parametrize("factor", [1e-4, 1e2, 1e4])
def test_row_space_keeps_directions_of_small_features(factor):
    """A feature in small units makes no other feature disappear."""
    X = draw(12, 40, seed=3)
    X[:, 0] *= factor
    space = RowSpace(X, True, None)
    coef = np.hstack([np.zeros((1, 1)), draw(1, 39, seed=4)])
    reduced, intercept = space.from_raw(coef, np.zeros(1))
    np.testing.assert_allclose(reduced @ space.rows.T + intercept, coef @ X.T, atol=1e-5)


@pytest.mark.parametrize("rows", [EVERYTHING, slice(7, 60)])
def test_shifted_logits_have_a_constant_of_each_class_or_of_each_row_added(rows):
    design = DenseDesign(draw_X(), N_OUTPUTS)
    params = draw(np.prod(design.shape))
    logits, each = forward(design, params, rows), draw(N_OUTPUTS, N_ROWS, seed=2)
    found = forward(Shifted(design, each[:, 0]), params, rows)
    np.testing.assert_allclose(found, logits + each[:, :1], rtol=1e-14)
    found = forward(Shifted(design, each), params, rows)
    np.testing.assert_allclose(found, logits + each[:, rows], rtol=1e-14)


@pytest.mark.parametrize("design", [DenseDesign, SparseDesign])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_zero_coefficients_take_no_product(design, fit_intercept):
    X = draw_X() if design is DenseDesign else sparse.csr_matrix(draw_X())
    map = Standardised(design(X, N_OUTPUTS, fit_intercept), *moments(draw_X()))
    map.design._multiply = None  # what a product would call
    logits = forward(map, map.at_intercept([1.0, 2.0, 3.0]))
    expected = [[1.0], [2.0], [3.0]] if fit_intercept else np.zeros((3, 1))
    np.testing.assert_array_equal(logits, np.broadcast_to(expected, logits.shape))


def test_copies_of_sparse_X_are_not_larger_than_it():
    X = sparse.csr_matrix(draw_X(dtype=np.float32))
    for dtype, kept in ((np.float32, 1), (np.float64, 0)):
        design = SparseDesign(X, N_OUTPUTS, True, dtype)
        forward(design, draw(*design.shape).ravel())
        assert len(design._blocks) == kept
