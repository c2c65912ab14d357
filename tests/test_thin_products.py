"""Products with few outputs, which are cut, and exponentials that do not underflow."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sklearn_softmax._core.exponentials import exponentials
from sklearn_softmax._maps import thin_products

SHAPES = [(5, 3, 2), (40_000, 20, 2), (3000, 51, 10), (700, 9, 40), (300, 200, 30), (1, 4, 3)]
SHAPES += [(300, 700, 5), (90, 1100, 2)]
LAYOUTS = {
    "by rows": np.ascontiguousarray,
    "by columns": np.asfortranarray,
    "strided": lambda rows: np.repeat(rows, 2, axis=1)[:, ::2],
}


@pytest.fixture(params=SHAPES, ids=str)
def factors(request):
    n_rows, n_features, n_outputs = request.param
    rng = np.random.default_rng(0)
    shapes = ((n_outputs, n_features), (n_rows, n_features), (n_outputs, n_rows))
    return tuple(rng.standard_normal(shape) for shape in shapes)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("layout", LAYOUTS)
class TestProducts:
    def cast(self, factors, layout, dtype):
        coef, rows, residuals = (each.astype(dtype) for each in factors)
        return coef, LAYOUTS[layout](rows), residuals, 100 * np.finfo(dtype).eps

    def test_logits(self, factors, layout, dtype):
        coef, rows, _, eps = self.cast(factors, layout, dtype)
        out = np.full((len(coef), len(rows)), np.nan, dtype)
        thin_products.logits(coef, rows, out)
        size = np.linalg.norm(coef, axis=1)[:, None] * np.linalg.norm(rows, axis=1)
        assert np.all(np.abs(out - factors[0] @ factors[1].T) <= eps * size)

    def test_added_product(self, factors, layout, dtype):
        coef, rows, residuals, eps = self.cast(factors, layout, dtype)
        total = np.ones(coef.shape)
        thin_products.add_product(residuals, rows, total)
        size = np.linalg.norm(residuals, axis=1)[:, None] * np.linalg.norm(rows, axis=0)
        assert np.all(np.abs(total - 1.0 - factors[2] @ factors[1]) <= eps * (size + 1.0))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_cast_rows_have_the_products_of_float64(factors, layout, monkeypatch):
    """And no more than a piece of them is copied."""
    coef, rows, residuals = factors
    rows = LAYOUTS[layout](rows.astype(np.float32))
    monkeypatch.setattr(thin_products, "_CAST", 4000)
    out, total = np.empty((len(coef), len(rows))), np.zeros(coef.shape)
    thin_products.logits(thin_products.transposed(coef, np.float64), rows, out)
    thin_products.add_product(residuals, rows, total)
    np.testing.assert_allclose(out, coef @ rows.astype(np.float64).T, atol=1e-11)
    np.testing.assert_allclose(total, residuals @ rows.astype(np.float64), atol=1e-10)
    parts = thin_products._parts(rows, len(coef), np.float64)
    longest = max(part.stop - part.start for part in parts)
    assert longest <= max(40, 4000 // rows.shape[1])


def test_zero_coefficients_have_zero_products():
    out = np.full((2, 7), np.nan)
    thin_products.logits(np.zeros((2, 3)), np.ones((7, 3)), out)
    assert np.array_equal(out, np.zeros((2, 7)))


@pytest.mark.parametrize(("n_rows", "width"), [(50, 3), (9000, 20), (400, 47), (900, 60)])
def test_moments(n_rows, width):
    rng = np.random.default_rng(1)
    rows, weights = rng.standard_normal((n_rows, width)), rng.random((3, n_rows))
    totals = np.ones((3, width, width))
    thin_products.add_moments(weights, rows, totals)
    expected = 1.0 + np.einsum("kn,ni,nj->kij", weights, rows, rows, optimize=True)
    np.testing.assert_allclose(totals, expected, rtol=1e-12, atol=1e-12 * n_rows)


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_pieces_are_small_and_cover_all_rows(n_rows, n_each):
    parts = thin_products.pieces(n_rows, n_each)
    assert [part.start for part in parts] == [0, *(part.stop for part in parts[:-1])]
    assert parts[-1].stop == n_rows
    sizes = [part.stop - part.start for part in parts]
    assert len(parts) == 1 or max(sizes) * n_each <= 1_000_000
    assert len(parts) == 1 or min(sizes) >= 20


class TestExponentials:
    def test_are_exact_where_they_matter(self):
        logits = np.linspace(-699.0, 700.0, 1000)
        np.testing.assert_array_equal(exponentials(logits, np.empty(1000)), np.exp(logits))

    def test_tiny_ones_are_normal_numbers(self):
        """Processors take many times as long for others."""
        found = exponentials(np.array([-701.0, -709.0, -745.0, -1e4, -np.inf]), np.empty(5))
        assert np.all((found < 1e-303) & (found >= np.finfo(np.float64).tiny))

    def test_float32_is_left_alone(self):
        logits = np.array([-1e4, -103.0, -1.0, 80.0, np.inf], np.float32)
        np.testing.assert_array_equal(exponentials(logits, np.empty_like(logits)), np.exp(logits))

    def test_nan_stays(self):
        assert np.isnan(exponentials(np.array([np.nan]), np.empty(1)))[0]
