"""softmax and log_softmax: known answers, laws, and what comes of unusual input.

S1 to S12 are the promised edge cases: dtypes, infinities, NaN, shapes and layouts, `where`,
huge logits, and arrays of other libraries.
"""

import decimal
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import special

from sklearn_softmax._core import class_blocks
from sklearn_softmax._core import softmax as kernels

INF, NAN = np.inf, np.nan


def softmax(*args, **kwargs):
    """Every call in this file would raise if it did what NumPy warns of."""
    with np.errstate(all="raise"):
        return kernels.softmax(*args, **kwargs)


def log_softmax(*args, **kwargs):
    with np.errstate(all="raise"):
        return kernels.log_softmax(*args, **kwargs)


BOTH = pytest.mark.parametrize("function", [softmax, log_softmax])


def draw(*shape, scale=3.0, dtype=np.float64):
    return (scale * np.random.default_rng(0).standard_normal(shape)).astype(dtype)


def plain(logits, axis):
    """The formula, for logits that are harmless."""
    exps = np.exp(np.asarray(logits, np.float64))
    return exps / exps.sum(axis=axis, keepdims=True)


def logits_of_rows(low=-1e3, high=1e3):
    shapes = hnp.array_shapes(min_dims=2, max_dims=2, max_side=6)
    return hnp.arrays(np.float64, shapes, elements=st.floats(low, high, allow_subnormal=False))


# Known answers


def test_tutorial():
    np.testing.assert_allclose(softmax([2.0, 1.0, 0.1]), [0.659001, 0.242433, 0.098566], atol=5e-7)


def test_exact_values():
    np.testing.assert_array_equal(softmax([3.0, 3.0, 3.0, 3.0]), [0.25] * 4)
    np.testing.assert_allclose(softmax(np.log([1.0, 2.0, 5.0])), [0.125, 0.25, 0.625], rtol=1e-15)
    np.testing.assert_array_equal(log_softmax([7.0]), [0.0])


@pytest.mark.parametrize("n_classes", [3, 65, 200])
@pytest.mark.parametrize("gap", [0.1, 1.0, 5.0, 40.0, 300.0, 700.0])
def test_logarithm_of_a_probability_near_one_keeps_all_digits(n_classes, gap):
    expected = -math.log1p((n_classes - 1) * math.exp(-gap))
    result = log_softmax([gap] + [0.0] * (n_classes - 1))
    np.testing.assert_allclose(result[0], expected, rtol=4e-15)
    np.testing.assert_allclose(result[1], expected - gap, rtol=4e-15)


def test_exact_to_rounding_against_decimal_arithmetic():
    logits = draw(50, 7, scale=20.0)
    with decimal.localcontext() as context:
        context.prec = 60
        rows = [[decimal.Decimal(z) for z in row] for row in logits.tolist()]
        exact = [[float(z - sum(v.exp() for v in row).ln()) for z in row] for row in rows]
    rounding = 1e-14  # of a difference of logits of this size, which no formula avoids
    np.testing.assert_allclose(log_softmax(logits), exact, rtol=rounding)
    np.testing.assert_allclose(softmax(logits), np.exp(exact), rtol=1e-13)


@pytest.mark.parametrize("shape", [(500, 10), (30, 64), (30, 65), (5, 3000)])
def test_scipy_agrees_on_harmless_logits(shape):
    logits = draw(*shape)
    np.testing.assert_allclose(softmax(logits), special.softmax(logits, axis=-1), rtol=1e-13)
    np.testing.assert_allclose(
        log_softmax(logits), special.log_softmax(logits, axis=-1), atol=1e-13
    )


# Laws


@given(logits_of_rows())
def test_rows_sum_to_one_and_the_logarithm_agrees(logits):
    result = softmax(logits)
    assert np.all(result >= 0.0)
    np.testing.assert_allclose(result.sum(axis=1), 1.0, rtol=1e-14)
    np.testing.assert_allclose(np.exp(log_softmax(logits)), result, rtol=1e-12, atol=1e-300)
    assert np.all(log_softmax(logits) <= 0.0)


@given(logits_of_rows(-1000, 1000).map(np.round), st.integers(-(2**40), 2**40))
def test_a_constant_added_to_a_row_changes_no_bit(logits, constant):
    np.testing.assert_array_equal(softmax(logits + constant), softmax(logits))
    np.testing.assert_array_equal(log_softmax(logits + constant), log_softmax(logits))


@given(logits_of_rows(), st.randoms(use_true_random=False))
def test_permuted_classes_permute(logits, random):
    order = list(range(logits.shape[1]))
    random.shuffle(order)
    np.testing.assert_allclose(softmax(logits[:, order]), softmax(logits)[:, order], rtol=1e-14)


@BOTH
@pytest.mark.parametrize("shape", [(40, 6), (40, 100), (3, 4, 5, 6), (7, 80, 9)])
def test_blocks_change_no_bit(function, shape, monkeypatch):
    for axis in range(len(shape)):
        whole = function(draw(*shape), axis=axis)
        with monkeypatch.context() as patch:
            patch.setattr(class_blocks, "_BLOCK_BYTES", 1000)
            np.testing.assert_array_equal(function(draw(*shape), axis=axis), whole)


@BOTH
@pytest.mark.parametrize("n_classes", [10, 64, 65, 300])
@pytest.mark.parametrize("scale", [1.0, 20.0])
def test_a_row_alone_has_the_same_bits(function, n_classes, scale):
    logits = draw(9, n_classes, scale=scale)
    np.testing.assert_array_equal([function(row) for row in logits], function(logits))


# S1, S2: dtypes


@BOTH
@pytest.mark.parametrize("dtype", ["bool", *np.typecodes["AllInteger"]])
def test_integers_are_promoted_before_anything_is_subtracted(function, dtype):
    limits = (False, True) if dtype == "bool" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    logits = np.array([[limits[0], limits[1]], [limits[1], limits[1]]], dtype=dtype)
    result = function(logits)
    assert result.dtype == np.float64
    np.testing.assert_array_equal(result, function(logits.astype(np.float64)))


@BOTH
def test_lists_and_scalars(function):
    assert function([1, 2]).dtype == np.float64
    one = 0.0 if function is log_softmax else 1.0
    for scalar in (3, 3.0, True, np.float64(3), np.array(3)):
        assert function(scalar) == one
        assert function(scalar, axis=None) == one
    assert isinstance(function(3), np.float64)


@BOTH
@pytest.mark.parametrize("dtype", ["float16", "float32", ">f4", "longdouble"])
@pytest.mark.parametrize("n_classes", [5, 500])
def test_floats_keep_their_dtype(function, dtype, n_classes):
    logits = draw(20, n_classes).astype(dtype)
    result = function(logits)
    assert result.dtype == np.dtype(dtype).newbyteorder("=")
    eps = max(float(np.finfo(result.dtype).eps), 1e-15)
    np.testing.assert_allclose(result, function(logits.astype(np.float64)), rtol=4 * eps, atol=6e-8)


def test_half_precision_is_summed_in_single():
    np.testing.assert_allclose(softmax(np.zeros(100_000, np.float16)), 1e-5, rtol=5e-3)


@BOTH
def test_dtype_and_out(function):
    logits = draw(6, 4)
    assert function(logits, dtype="float32").dtype == np.float32
    for out in (np.empty((6, 4)), np.empty((4, 6), np.float32).T, np.empty((6, 8))[:, ::2]):
        assert function(logits, out=out) is out
        np.testing.assert_allclose(out, function(logits), rtol=1e-6)
    expected = function(logits)
    for view in (logits, logits[::-1]):  # out may be logits, and may overlap them
        copy = logits.copy()
        out = copy if view is logits else copy[::-1]
        np.testing.assert_array_equal(function(copy, out=out), expected)


# S3, S4, S5: infinities and NaN


@pytest.mark.parametrize("padding", [0, 100])
@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ([0.0, INF], [0.0, 1.0]),
        ([INF, INF, 0.0, -INF], [0.5, 0.5, 0.0, 0.0]),
        ([-INF, 0.0, 0.0], [0.0, 0.5, 0.5]),
        ([-INF, -INF], [NAN, NAN]),
        ([NAN, INF, 1.0], [NAN, NAN, NAN]),
        ([NAN, -INF], [NAN, NAN]),
    ],
)
def test_infinities_and_nan(row, expected, padding):
    expected = np.array(expected)
    filler = NAN if np.isnan(expected[0]) else 0.0
    logits = np.array([row + [-INF] * padding, [1.0] * (len(row) + padding)])
    expected = np.concatenate([expected, np.full(padding, filler)])
    result = softmax(logits)
    np.testing.assert_array_equal(result[0], expected)
    np.testing.assert_allclose(result[1], 1.0 / logits.shape[1], rtol=1e-15)
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose(log_softmax(logits)[0], np.log(expected), rtol=1e-15)


# S6: shapes and layouts


@BOTH
@pytest.mark.parametrize(
    ("shape", "axis"), [((0, 3), -1), ((3, 0), 1), ((0,), None), ((0, 3), 0), ((2, 0, 3), (0, 2))]
)
def test_empty_arrays(function, shape, axis):
    assert function(np.empty(shape), axis=axis).shape == shape


@BOTH
@pytest.mark.parametrize("shape", [(6, 4, 5), (3, 70, 2), (2, 3, 90)])
@pytest.mark.parametrize("axis", [0, 1, 2, -1, -3, (0, 2), (2, 1), (-1, 0), (0, 1, 2), None, ()])
def test_axes_and_layouts(function, shape, axis):
    expected = plain(draw(*shape), axis)
    expected = np.log(expected) if function is log_softmax else expected
    wide = np.repeat(draw(*shape), 2, axis=1)[:, ::2]
    flipped = np.ascontiguousarray(draw(*shape)[::-1])[::-1]
    for logits in (draw(*shape), np.asfortranarray(draw(*shape)), wide, flipped):
        logits.flags.writeable = False
        before = logits.copy()
        np.testing.assert_allclose(function(logits, axis=axis), expected, rtol=1e-12, atol=1e-13)
        np.testing.assert_array_equal(logits, before)


# S7: where


@pytest.mark.parametrize("n_classes", [4, 80])
def test_where_leaves_entries_out(n_classes):
    logits = draw(30, n_classes)
    where = np.random.default_rng(1).random(logits.shape) < 0.6
    where[0] = False
    logits[1][~where[1]] = NAN
    result, logs = softmax(logits, where=where), log_softmax(logits, where=where)
    assert np.all(result[~where] == 0.0)
    assert np.all(logs[~where] == -INF)
    for row in range(1, 30):
        np.testing.assert_allclose(
            result[row][where[row]], softmax(logits[row][where[row]]), rtol=1e-14
        )
    masked = np.ma.array(logits, mask=~where)
    np.testing.assert_array_equal(softmax(masked), result)
    first = np.arange(n_classes) < 2
    np.testing.assert_array_equal(
        softmax(masked, where=first), softmax(logits, where=where & first)
    )


def test_where_is_broadcast_along_any_axis():
    result = softmax(draw(2, 3, 4), axis=(0, 2), where=[[True], [False], [True]])
    np.testing.assert_array_equal(result[:, 1], np.zeros((2, 4)))
    np.testing.assert_allclose(result.sum(axis=(0, 2)), [1.0, 0.0, 1.0], rtol=1e-15)
    assert softmax(NAN, where=False) == 0.0


@BOTH
def test_where_acts_on_nan_rows_too(function):
    result = function([[NAN, 1.0, 2.0]], where=[True, True, False])
    np.testing.assert_array_equal(result, [[NAN, NAN, -INF if function is log_softmax else 0.0]])


# S8: huge logits


@pytest.mark.parametrize("shift", [1e4, -1e4, 1e8, -1e15])
def test_large_logits_lose_nothing(shift):
    np.testing.assert_array_equal(softmax([shift, shift + 1.0]), softmax([0.0, 1.0]))
    np.testing.assert_array_equal(log_softmax([shift, shift + 1.0]), log_softmax([0.0, 1.0]))


def test_no_overflow():
    np.testing.assert_array_equal(softmax([1e300, -1e300, 1e300]), [0.5, 0.0, 0.5])
    np.testing.assert_array_equal(log_softmax([1e300, 0.0]), [0.0, -1e300])
    np.testing.assert_array_equal(softmax([1.7e308, -1.7e308]), [1.0, 0.0])
    np.testing.assert_array_equal(softmax(np.array([6e4, -6e4], np.float16)), [1.0, 0.0])


# S12 and errors


def test_array_api_strict():
    xp = pytest.importorskip("array_api_strict")
    rows, where = [[2, 1, 0], [30, -30, 5]], [True, True, False]
    for dtype in (xp.float32, xp.float64, xp.int64):
        for function in (softmax, log_softmax):
            result = function(xp.asarray(rows, dtype=dtype), where=xp.asarray(where))
            assert type(result).__module__.startswith("array_api_strict")
            assert result.dtype == (xp.float64 if dtype == xp.int64 else dtype)
            values = [[float(result[i, j]) for j in range(3)] for i in range(2)]
            np.testing.assert_allclose(values, function(rows, where=where), rtol=1e-6)


def test_torch():
    torch = pytest.importorskip("torch")
    rows = [[INF, 0.0, INF], [-INF, 1.0, 1.0], [1e4, 1e4 - 3, 0.0], [50.0, 0.0, 0.0]]
    for function in (kernels.softmax, kernels.log_softmax):
        for dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
            assert function(torch.tensor(rows[:2], dtype=dtype)).dtype == dtype
        result = function(torch.tensor(rows, dtype=torch.float64))
        assert isinstance(result, torch.Tensor)
        np.testing.assert_allclose(result.numpy(), function(rows), rtol=1e-14)


def test_torch_derivatives():
    torch = pytest.importorskip("torch")
    tied = [[0.0, 0.0, -1.0], [1.0, 2.0, 3.0], [4.0, 4.0, 4.0]]
    tied = torch.tensor(tied, dtype=torch.float64, requires_grad=True)
    where = torch.tensor([True, False, True])
    for function in (kernels.softmax, kernels.log_softmax):
        assert torch.autograd.gradcheck(function, tied)
        assert torch.autograd.gradgradcheck(function, tied)
    assert torch.autograd.gradcheck(lambda z: kernels.softmax(z, where=where), tied)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            {"axis": "x"},
            TypeError,
            "axis must be an integer, a tuple of integers or None; got 'x'.",
        ),
        ({"axis": True}, TypeError, "axis must be an integer"),
        ({"axis": 1.0}, TypeError, "axis must be an integer"),
        ({"axis": 2}, ValueError, "axis must be from -2 to 1; got 2."),
        ({"axis": (0, -2)}, ValueError, "axis must name each axis once"),
        ({"logits": [1j]}, TypeError, "logits must be real numbers; got dtype complex128."),
        ({"logits": [None]}, TypeError, "logits must be real numbers; got dtype object."),
        ({"logits": ["a"]}, TypeError, "logits must be real numbers"),
        ({"where": [1, 0]}, TypeError, "where must be an array of bool"),
        ({"where": [True] * 3}, ValueError, "where must be broadcastable to the shape"),
        ({"dtype": int}, TypeError, "dtype must be a floating dtype; got int64."),
        ({"out": [0.0]}, TypeError, "out must be a NumPy array of floats; got list."),
        ({"out": np.empty((2, 2), int)}, TypeError, "out must be a NumPy array of floats"),
        ({"out": np.empty(2)}, ValueError, r"out must have the shape \(2, 2\) of logits"),
        ({"out": np.empty((2, 2)), "dtype": "f4"}, ValueError, "out must have the dtype float32"),
        ({"out": np.broadcast_to(0.0, (2, 2))}, ValueError, "out must be writeable"),
    ],
)
def test_errors(arguments, error, message):
    with pytest.raises(error, match=message):
        softmax(**{"logits": np.zeros((2, 2)), **arguments})


def test_errors_for_other_libraries(monkeypatch):
    xp = pytest.importorskip("array_api_strict")
    logits = xp.asarray([1.0, 2.0])
    with pytest.raises(TypeError, match="out must be None unless logits is a NumPy array"):
        softmax(logits, out=np.empty(2))
    with pytest.raises(ValueError, match="where must be broadcastable"):
        softmax(logits, where=[True] * 3)
    with pytest.raises(TypeError, match="logits must be real numbers"):
        softmax(xp.asarray([1j]))
    monkeypatch.setitem(__import__("sys").modules, "array_api_compat", None)
    with pytest.raises(ImportError, match=r"sklearn_softmax\[array-api\]"):
        softmax(logits)
