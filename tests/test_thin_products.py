"""Products in pieces are the products, whatever the shapes, strides and dtypes."""

import numpy as np
import pytest

from sklearn_softmax._maps import thin_products
from sklearn_softmax._maps.thin_products import pieces, transposed

SHAPES = [(1, 3, 5), (4001, 10, 50), (9999, 3, 70), (300, 5, 700), (41, 300, 90), (2500, 1, 2)]
LAYOUTS = {
    "C": lambda X: X,
    "F": np.asfortranarray,
    "every second": lambda X: np.repeat(X, 2, axis=1)[:, ::2],
}


def draw(*shape, dtype=np.float64):
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(dtype)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("of_rows", [np.float32, np.float64])
def test_pieces_add_up_to_the_products(shape, layout, dtype, of_rows):
    n_rows, n_outputs, width = shape
    rows = LAYOUTS[layout](draw(n_rows, width, dtype=of_rows))
    coef = transposed(draw(n_outputs, width), dtype)
    out = np.full((n_outputs, n_rows), np.nan, dtype)
    thin_products.forward(coef, rows, out)
    exact = rows.astype(np.float64)
    atol = 30 * np.sqrt(n_rows + width) * np.finfo(dtype if dtype == of_rows else np.float32).eps
    np.testing.assert_allclose(out, coef.astype(np.float64) @ exact.T, atol=atol)

    residuals, total = draw(n_outputs, n_rows + 1, dtype=dtype)[:, 1:], np.ones((n_outputs, width))
    thin_products.adjoint(residuals, rows, total)
    np.testing.assert_allclose(total, 1.0 + residuals.astype(np.float64) @ exact, atol=atol)


def test_zero_coefficients_have_zero_products():
    out = np.full((2, 7), np.nan)
    thin_products.forward(np.zeros((2, 3)), draw(7, 3), out)
    assert np.array_equal(out, np.zeros((2, 7)))


@pytest.mark.parametrize("n_rows", [0, 1, 39, 40, 2000, 2001])
@pytest.mark.parametrize(("n_outputs", "width"), [(1, 1), (10, 50), (100, 1000), (2, 30_000)])
@pytest.mark.parametrize("cast", [False, True])
def test_pieces_are_all_rows_in_order(n_rows, n_outputs, width, cast):
    found = pieces(n_rows, n_outputs, width, cast)
    numbers = np.concatenate([np.arange(n_rows)[part] for part in found] or [np.arange(0)])
    assert np.array_equal(numbers, np.arange(n_rows))
    if cast:  # what is copied at a time does not grow with the rows
        assert all((part.stop - part.start) * width <= max(1 << 16, 40 * width) for part in found)
