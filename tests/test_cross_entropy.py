"""cross_entropy: known answers, laws, and what comes of unusual input.

S1 to S12 are the promised edge cases, as in test_softmax.py.
"""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sklearn_softmax._core import class_blocks as kernels
from sklearn_softmax._core import cross_entropy as module

INF, NAN = np.inf, np.nan
LN2 = math.log(2.0)


def cross_entropy(*args, **kwargs):
    """Every call in this file would raise if it did what NumPy warns of."""
    with np.errstate(all="raise"):
        return module.cross_entropy(*args, **kwargs)


def problem(*rows, n_classes=4, seed=0):
    """Logits with the classes last, labels, soft targets, sample weights, class weights."""
    rng = np.random.default_rng(seed)
    return (
        3.0 * rng.standard_normal((*rows, n_classes)),
        rng.integers(n_classes, size=rows),
        rng.dirichlet(np.ones(n_classes), rows),
        rng.uniform(0.5, 2.0, rows),
        rng.uniform(0.5, 2.0, n_classes),
    )


def by_hand(logits, soft, class_weight=1.0, smoothing=0.0):
    """Losses of rows from the formula, with the classes last."""
    logs = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    soft = (1.0 - smoothing) * soft + smoothing / logits.shape[-1]
    return -(class_weight * soft * logs).sum(axis=-1)


# Known answers: p = (1/8, 2/8, 5/8), so that every number can be checked by hand

EIGHTHS = np.log([[1.0, 2.0, 5.0], [5.0, 1.0, 2.0]])
L1, L2, L5 = math.log(8.0), math.log(4.0), math.log(8.0 / 5.0)
W = np.array([1.0, 2.0, 4.0])


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, (L2 + L5) / 2),
        ({"reduction": "none"}, [L2, L5]),
        ({"reduction": "sum"}, L2 + L5),
        ({"class_weight": W, "reduction": "none"}, [2 * L2, L5]),
        ({"class_weight": W}, (2 * L2 + L5) / 3),
        ({"sample_weight": [3.0, 1.0]}, (3 * L2 + L5) / 4),
        ({"class_weight": W, "sample_weight": [3.0, 1.0]}, (6 * L2 + L5) / 7),
        ({"ignore_index": 1}, L5),
        ({"ignore_index": 1, "reduction": "none"}, [0.0, L5]),
        ({"label_smoothing": 0.3}, (0.7 * (L2 + L5) + 0.2 * (L1 + L2 + L5)) / 2),
        (
            # Smoothing weighs each class; a mean divides by the weights of the labels alone.
            {"label_smoothing": 0.3, "class_weight": W},
            (0.7 * (2 * L2 + L5) + 0.1 * (L1 + 2 * L2 + 4 * L5 + L5 + 2 * L1 + 4 * L2)) / 3,
        ),
        ({"label_smoothing": 0.3, "ignore_index": 1}, 0.7 * L5 + 0.1 * (L1 + L2 + L5)),
    ],
)
def test_labels_by_hand(options, expected):
    loss = cross_entropy(EIGHTHS, [1, 0], **options)
    np.testing.assert_allclose(loss, expected, rtol=1e-14)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, (L2 / 2 + L5 / 2 + L1) / 2),
        ({"reduction": "none"}, [L2 / 2 + L5 / 2, L1]),
        # A mean over soft targets does not divide by class weights.
        ({"class_weight": W}, (L2 + 2 * L5 + 2 * L1) / 2),
        ({"sample_weight": [3.0, 1.0]}, (1.5 * (L2 + L5) + L1) / 4),
        ({"class_weight": W, "sample_weight": [3.0, 1.0]}, (3 * (L2 + 2 * L5) + 2 * L1) / 4),
        (
            {"label_smoothing": 0.3},
            (0.7 * (L2 / 2 + L5 / 2 + L1) + 0.2 * (L1 + L2 + L5)) / 2,
        ),
        (
            {"label_smoothing": 0.3, "class_weight": W, "reduction": "sum"},
            0.7 * (L2 + 2 * L5 + 2 * L1) + 0.1 * (3 * L1 + 6 * L2 + 5 * L5),
        ),
    ],
)
def test_soft_targets_by_hand(options, expected):
    soft = [[0.0, 0.5, 0.5], [0.0, 1.0, 0.0]]
    np.testing.assert_allclose(cross_entropy(EIGHTHS, soft, **options), expected, rtol=1e-14)


@pytest.mark.parametrize("gap", [1.0, 40.0, 700.0])
def test_tiny_losses_keep_all_digits(gap):
    loss, gradient = cross_entropy([[gap, 0.0, 0.0]], [0], return_gradient=True)
    assert math.isclose(loss, math.log1p(2.0 * math.exp(-gap)), rel_tol=4e-15)
    exact = math.exp(-gap) / (1.0 + 2.0 * math.exp(-gap))
    np.testing.assert_allclose(gradient, [[-2.0 * exact, exact, exact]], rtol=4e-15)


# Laws


@pytest.mark.parametrize("n_classes", [3, 64, 65, 200])
@pytest.mark.parametrize("smoothing", [0.0, 0.2, 1.0])
def test_label_is_its_one_hot_soft_target(n_classes, smoothing):
    logits, labels, _, sample_weight, class_weight = problem(30, n_classes=n_classes)
    options = {"label_smoothing": smoothing, "sample_weight": sample_weight}
    one_hot = np.eye(n_classes, dtype=int)[labels]
    for reduction in ("none", "sum", "mean"):
        loss, gradient = cross_entropy(
            logits, labels, reduction=reduction, return_gradient=True, **options
        )
        soft = cross_entropy(logits, one_hot, reduction=reduction, return_gradient=True, **options)
        np.testing.assert_allclose(soft[0], loss, rtol=1e-12)
        np.testing.assert_allclose(soft[1], gradient, atol=1e-14)
    losses = by_hand(logits, one_hot, class_weight, smoothing)
    result = cross_entropy(
        logits, labels, class_weight=class_weight, label_smoothing=smoothing, reduction="none"
    )
    np.testing.assert_allclose(result, losses, rtol=1e-12)


@given(st.lists(st.integers(0, 3), min_size=5, max_size=5).filter(any), st.booleans())
def test_weights_are_repeats(repeats, soft):
    logits, labels, distributions, _, class_weight = problem(5)
    target = distributions if soft else labels
    for reduction in ("mean", "sum"):
        options = {"class_weight": class_weight, "reduction": reduction}
        weighted = cross_entropy(logits, target, sample_weight=repeats, **options)
        repeated = cross_entropy(
            np.repeat(logits, repeats, axis=0), np.repeat(target, repeats, axis=0), **options
        )
        np.testing.assert_allclose(weighted, repeated, rtol=1e-13)


@given(st.permutations(range(4)), st.floats(-1e6, 1e6), st.integers(0, 99))
def test_shifts_and_permutations(order, shift, seed):
    logits, labels, soft, _, class_weight = problem(6, seed=seed)
    order = np.array(order)
    for target, permuted in ((labels, np.argsort(order)[labels]), (soft, soft[:, order])):
        loss = cross_entropy(logits, target, class_weight=class_weight)
        other = cross_entropy(logits[:, order], permuted, class_weight=class_weight[order])
        np.testing.assert_allclose(other, loss, rtol=1e-13)
        moved = cross_entropy(logits + shift, target, class_weight=class_weight)
        np.testing.assert_allclose(moved, loss, rtol=1e-8)


@pytest.mark.parametrize("n_classes", [4, 70])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_gradient(n_classes, smoothing, soft, reduction):
    logits, labels, distributions, sample_weight, class_weight = problem(3, n_classes=n_classes)
    options = {
        "class_weight": class_weight,
        "sample_weight": sample_weight,
        "label_smoothing": smoothing,
        "ignore_index": None if soft else int(labels[2]),
        "reduction": reduction,
    }
    target = distributions if soft else labels
    gradient = cross_entropy(logits, target, return_gradient=True, **options)[1]
    assert gradient.shape == logits.shape
    np.testing.assert_allclose(gradient.sum(axis=1), 0.0, atol=1e-14)
    numeric, step = np.empty_like(logits), 1e-5
    for place in np.ndindex(logits.shape):
        change = np.zeros_like(logits)
        change[place] = step
        high, low = (
            np.sum(cross_entropy(logits + sign * change, target, **options)) for sign in (1, -1)
        )
        numeric[place] = (high - low) / (2.0 * step)
    np.testing.assert_allclose(gradient, numeric, atol=1e-8)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("axis", [0, 1, 2, -1, -3])
def test_axis_layout_and_blocks(axis, soft, smoothing, monkeypatch):
    logits, labels, distributions, weight, class_weight = problem(40, 7, n_classes=90)
    options = {
        "class_weight": class_weight,
        "sample_weight": weight,
        "label_smoothing": smoothing,
        "reduction": "none",
        "return_gradient": True,
    }
    expected = cross_entropy(logits, distributions if soft else labels, **options)
    target = np.moveaxis(distributions, -1, axis) if soft else labels
    moved = np.moveaxis(logits, -1, axis)
    copies = (moved, moved.copy(), np.asfortranarray(moved), np.repeat(moved, 2, axis=0)[::2])
    monkeypatch.setattr(kernels, "_BLOCK_BYTES", 20_000)
    for copy in copies:
        copy.flags.writeable = target.flags.writeable = False
        loss, gradient = cross_entropy(copy, target, axis=axis, **options)
        np.testing.assert_allclose(loss, expected[0], rtol=1e-12)
        np.testing.assert_allclose(np.moveaxis(gradient, axis, -1), expected[1], atol=1e-14)


# S1 to S8: dtypes, infinities, huge logits


@pytest.mark.parametrize("dtype", ["int8", "float16", "float32", "float64"])
@pytest.mark.parametrize("soft", [False, True])
def test_dtypes(dtype, soft):
    logits = np.array([[100, -100, 0], [0, 1, 2]], dtype=dtype)
    target = np.array([[0.5, 0.25, 0.25], [0, 0, 1]], "f4") if soft else np.array([2, 2], "u1")
    kind = np.float64 if dtype == "int8" else np.dtype(dtype)
    for reduction in ("none", "mean", "sum"):
        loss, gradient = cross_entropy(logits, target, reduction=reduction, return_gradient=True)
        exact = cross_entropy(logits.astype(float), target, reduction=reduction)
        assert loss.dtype == gradient.dtype == kind
        np.testing.assert_allclose(loss, exact, rtol=2 * np.finfo(kind).eps)
    assert isinstance(cross_entropy(logits, target), np.generic)


def test_float32_logits_near_10000_lose_nothing():
    logits = np.array([[10000.0, 9997.0]], np.float32)
    np.testing.assert_allclose(cross_entropy(logits, [0]), math.log1p(math.exp(-3.0)), rtol=1e-7)


def test_half_precision_sums_do_not_overflow():
    losses = cross_entropy(np.zeros((200_000, 2), np.float16), np.zeros(200_000, int))
    np.testing.assert_allclose(losses, LN2, rtol=1e-3)


@pytest.mark.parametrize("target", [[0, 1], [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]])
def test_infinite_logits(target):
    def losses(*rows):
        return cross_entropy(rows, target, reduction="none").tolist()

    assert losses([INF, 0.0, 1.0], [0.0, INF, INF]) == [0.0, LN2]
    assert losses([0.0, 0.0, -INF], [0.0, -INF, 0.0]) == [LN2, INF]
    assert losses([1e300, -1e300, 0.0], [1e300, -1e300, 0.0]) == [0.0, 2e300]
    result = losses([-INF, -INF, -INF], [NAN, 0.0, 0.0])
    assert np.isnan(result).all()
    loss, gradient = cross_entropy(
        [[NAN, 0.0, 0.0], [0.0, 0.0, -INF]], target, reduction="none", return_gradient=True
    )
    assert np.isnan(gradient[0]).all()
    np.testing.assert_array_equal(gradient[1], [0.5, -0.5, 0.0])
    np.testing.assert_array_equal(loss, [NAN, LN2])


def test_masked_logits_are_left_out():
    masked = np.ma.array([[0.0, 0.0, 9.0]], mask=[[False, False, True]])
    assert cross_entropy(masked, [0]) == LN2


# S9 to S11: targets and weights


@pytest.mark.parametrize("soft", [False, True])
def test_rows_without_weight_are_left_out_whatever_they_hold(soft):
    logits = np.array([[0.0, 0.0], [NAN, 1.0], [INF, -INF]])
    target = np.eye(2)[[0, 1, 1]] if soft else [0, 1, 1]
    loss, gradient = cross_entropy(logits, target, sample_weight=[2, 0, 0], return_gradient=True)
    assert loss == LN2
    np.testing.assert_array_equal(gradient, [[-0.5, 0.5], [0.0, 0.0], [0.0, 0.0]])


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize(
    "options",
    [{"ignore_index": 1}, {"sample_weight": [0, 0]}, {"class_weight": [1, 0, 1]}],
)
def test_nothing_left(options, smoothing):
    options = {"label_smoothing": smoothing, **options}
    with pytest.raises(ValueError, match="reduction='mean' must have a row of positive weight"):
        cross_entropy(np.zeros((2, 3)), [1, 1], **options)
    if "class_weight" not in options or not smoothing:
        np.testing.assert_array_equal(
            cross_entropy(np.zeros((2, 3)), [1, 1], reduction="none", **options), [0.0, 0.0]
        )
        assert cross_entropy(np.zeros((2, 3)), [1, 1], reduction="sum", **options) == 0.0


def test_no_rows():
    for target in (np.empty(0, int), np.empty((0, 3))):
        assert cross_entropy(np.empty((0, 3)), target, reduction="sum") == 0.0
        assert cross_entropy(np.empty((0, 3)), target, reduction="none").shape == (0,)
        with pytest.raises(ValueError, match="must have a row of positive weight"):
            cross_entropy(np.empty((0, 3)), target)


def test_one_row_without_a_row_axis():
    loss, gradient = cross_entropy([0.0, 0.0], 1, return_gradient=True)
    assert loss == LN2
    np.testing.assert_array_equal(gradient, [0.5, -0.5])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"target": [0, 3]}, ValueError, "target must hold labels from 0 to 2; got 3 in row 1."),
        ({"target": [-1, 0]}, ValueError, "target must hold labels from 0 to 2; got -1 in row 0."),
        ({"target": [0, -9], "ignore_index": -1}, ValueError, "got -9 in row 1."),
        ({"target": [0.0, NAN]}, TypeError, "target must hold integers"),
        ({"target": ["a", "b"]}, TypeError, "target must (hold integers|be real numbers)"),
        ({"target": [0]}, ValueError, r"target must have shape \(2,\) for labels or \(2, 3\)"),
        ({"target": [[0, 1]]}, ValueError, "target must have shape"),
        ({"target": [[0, 1, 0], [2, -1, 0]]}, ValueError, "got the entry -1.0 in row 1."),
        ({"target": [[0, 1, 0], [0.5, 0.4, 0]]}, ValueError, "got the sum 0.9 in row 1."),
        ({"target": [[NAN, 1, 0], [0, 1, 0]]}, ValueError, "got the sum nan in row 0."),
        ({"target": np.full((2, 3), 1j)}, TypeError, "target must be real numbers"),
        ({"target": np.eye(3)[:2], "ignore_index": 0}, ValueError, "ignore_index must be None"),
        ({"class_weight": [1, 2]}, ValueError, r"class_weight must have shape \(3,\); got \(2,\)."),
        ({"class_weight": [1, -2, 1]}, ValueError, "got -2.0 at index 1."),
        ({"sample_weight": [1, NAN]}, ValueError, "sample_weight must be non-negative and finite"),
        ({"sample_weight": 1.0}, ValueError, r"sample_weight must have shape \(2,\)"),
        ({"sample_weight": ["a", "b"]}, TypeError, "sample_weight must be real numbers"),
        ({"axis": None}, TypeError, "axis must be an integer; got None."),
        ({"axis": 2}, ValueError, "axis must be from -2 to 1; got 2."),
        ({"label_smoothing": 1.5}, ValueError, "label_smoothing must be a number from 0 to 1"),
        ({"label_smoothing": "a"}, ValueError, "label_smoothing must be a number from 0 to 1"),
        ({"ignore_index": 0.5}, TypeError, "ignore_index must be an integer or None; got 0.5."),
        ({"reduction": "max"}, ValueError, "reduction must be 'none', 'mean' or 'sum'"),
        ({"logits": 1.0}, ValueError, "logits must have a class axis; got a scalar."),
        ({"logits": np.empty((2, 0))}, ValueError, "logits must have at least one class"),
        ({"logits": [[1j]]}, TypeError, "logits must be real numbers; got dtype .*complex128."),
    ],
)
@pytest.mark.parametrize("library", ["numpy", "array_api_strict"])
def test_errors(arguments, error, message, library):
    xp = pytest.importorskip(library)
    arguments = {"logits": np.zeros((2, 3)), "target": [0, 1], **arguments}
    arguments["logits"] = xp.asarray(np.asarray(arguments["logits"]))
    with pytest.raises(error, match=message):
        cross_entropy(**arguments)


# S12: other libraries


def grid(*rows, n_classes):
    """Every combination of options, with what it applies to; the class axis is the second."""
    logits, labels, soft, _, class_weight = problem(*rows, n_classes=n_classes)
    logits = np.moveaxis(logits, -1, 1)
    for target in (labels, np.moveaxis(soft, -1, 1)):
        for weight in (None, class_weight):
            for smoothing in (0.0, 0.3):
                for ignored in (None, int(labels.flat[0])) if target is labels else (None,):
                    for reduction in ("none", "mean", "sum"):
                        options = {"label_smoothing": smoothing, "reduction": reduction}
                        yield logits, target, weight, ignored, options


@pytest.mark.parametrize("shape", [(6,), (3, 2, 5)])
@pytest.mark.parametrize("n_classes", [4, 70])
def test_torch_gives_the_same_numbers(shape, n_classes):
    torch = pytest.importorskip("torch")
    for logits, target, weight, ignored, options in grid(*shape, n_classes=n_classes):
        theirs = torch.tensor(logits, requires_grad=True)
        ours = torch.tensor(logits, requires_grad=True)
        target_, weight_ = (None if v is None else torch.tensor(v) for v in (target, weight))
        expected = torch.nn.functional.cross_entropy(
            theirs, target_, weight_, ignore_index=-100 if ignored is None else ignored, **options
        )
        expected.sum().backward()
        options.update(axis=1, ignore_index=ignored, return_gradient=True)
        loss, gradient = cross_entropy(logits, target, class_weight=weight, **options)
        np.testing.assert_allclose(loss, expected.detach(), rtol=1e-12)
        np.testing.assert_allclose(gradient, theirs.grad, atol=1e-13)
        loss, gradient = cross_entropy(ours, target_, class_weight=weight_, **options)
        loss.sum().backward()
        np.testing.assert_allclose(loss.detach(), expected.detach(), rtol=1e-12)
        np.testing.assert_allclose(ours.grad, theirs.grad, atol=1e-13)
        np.testing.assert_allclose(gradient.detach(), theirs.grad, atol=1e-13)


def test_torch_ignored_rows_leave_no_nan_in_gradients():
    torch = pytest.importorskip("torch")
    logits = torch.tensor([[NAN, 1.0], [0.0, 0.0]], requires_grad=True)
    cross_entropy(logits, [-100, 0], ignore_index=-100).backward()
    np.testing.assert_array_equal(logits.grad, [[0.0, 0.0], [-0.5, 0.5]])


@pytest.mark.parametrize(
    ("library", "dtype"),
    [("numpy", "float16"), ("numpy", "float32"), ("torch", "float16"), ("torch", "bfloat16")]
    + [("array_api_strict", "float32")],
)
def test_rounded_soft_targets_are_accepted(library, dtype):
    xp = pytest.importorskip(library)
    logits, _, soft, _, _ = problem(50, n_classes=1000)
    rounded = xp.asarray(soft, dtype=getattr(xp, dtype))
    loss = float(cross_entropy(xp.asarray(logits), rounded))
    np.testing.assert_allclose(loss, cross_entropy(logits, soft), rtol=1e-2)
    with pytest.raises(ValueError, match="target must be non-negative and sum to 1"):
        cross_entropy(xp.asarray(logits), rounded * 0.5)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_array_api_strict(dtype):
    xp = pytest.importorskip("array_api_strict")
    for logits, target, weight, ignored, options in grid(3, 2, n_classes=4):
        logits = logits.astype(dtype)
        options.update(axis=1, class_weight=weight, ignore_index=ignored, return_gradient=True)
        expected = cross_entropy(logits, target, **options)
        result = cross_entropy(xp.asarray(logits), xp.asarray(target), **options)
        for ours, theirs in zip(result, expected, strict=True):
            assert ours.dtype == getattr(xp, theirs.dtype.name)
            flat = [float(xp.reshape(ours, (-1,))[i]) for i in range(theirs.size)]
            np.testing.assert_allclose(flat, np.ravel(theirs), rtol=2e-5, atol=1e-6)
