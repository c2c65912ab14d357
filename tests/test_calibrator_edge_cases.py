"""What a calibrator does with unusual scores, labels and weights: one test for each case."""

import pickle
import tracemalloc
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.special import log_softmax, softmax
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning, NotFittedError
from test_calibrator import LINEAR, METHODS, draw, mean_loss

from sklearn_softmax import SoftmaxCalibrator


@pytest.fixture(params=METHODS)
def method(request):
    return request.param


def probabilities_of(method, logits, labels, new=None, **options):
    model = SoftmaxCalibrator(method, **options).fit(logits, labels)
    return model.predict_proba(logits if new is None else new)


def same(found, expected, tolerance=1e-9):
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


def one_hot(labels, n_classes=3):
    return np.eye(n_classes)[labels]


# C1


def test_zeros_and_one_hot_rows_give_finite_losses_in_any_dtype(method):
    """Rows of which some are wrong, with a probability of 0 at the label."""
    _, labels = draw(200)
    claimed = np.where(np.random.default_rng(0).random(200) < 0.2, (labels + 1) % 3, labels)
    found = []
    for dtype in (np.float64, np.float32, np.float16):
        model = SoftmaxCalibrator(method).fit(one_hot(claimed).astype(dtype), labels)
        assert model.input_ == "proba"
        assert np.isfinite(model.log_loss(one_hot(claimed), labels))
        assert np.isfinite(model.predict_log_proba(one_hot(np.arange(3)))).all()
        found.append(model.predict_proba(one_hot(np.arange(3))))
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


def test_one_hot_rows_are_calibrated_to_their_accuracy():
    labels = np.arange(300) % 3
    claimed = np.where(np.arange(300) < 60, (labels + 1) % 3, labels)
    model = SoftmaxCalibrator("temperature").fit(one_hot(claimed), labels)
    same(model.predict_proba(one_hot([0]))[0, 0], 0.8)


# C2


def test_infinite_logits(method):
    logits, labels = draw(300)
    logits[:10] = np.where(one_hot(labels[:10]) == 1, logits[:10], -np.inf)
    logits[10:20] = np.where(one_hot(labels[10:20]) == 1, np.inf, logits[10:20])
    model = SoftmaxCalibrator(method).fit(logits, labels)
    floor = np.logaddexp(0.0, 1.0) + np.log(2.0**-24)
    rows = np.array([[0.0, 1.0, -np.inf], [0.0, 1.0, floor], [np.inf, np.inf, 0.0]])
    found = model.predict_proba(rows)
    same(found[0], found[1])
    assert np.isfinite(found).all()
    assert found[2, 2] < (1e-3 if method in LINEAR else 0.02)  # a uniform share
    if method == "temperature":
        assert found[2, 0] == found[2, 1]


def test_a_row_of_minus_infinity_is_an_error():
    logits, labels = draw(30)
    logits[7] = -np.inf
    with pytest.raises(ValueError, match="above -inf in each row; got -inf in row 7"):
        SoftmaxCalibrator().fit(logits, labels)


# C3


def test_nan_is_an_error_that_names_the_row(method):
    logits, labels = draw(30)
    model = SoftmaxCalibrator(method).fit(logits, labels)
    logits[5, 1] = np.nan
    for call in (model.predict_proba, lambda scores: clone(model).fit(scores, labels)):
        with pytest.raises(ValueError, match="scores must be numbers; got NaN in row 5"):
            call(logits)


# C4


def test_a_class_without_rows_stays_a_column(method):
    logits, labels = draw(600, 4)
    seen = labels != 2
    model = SoftmaxCalibrator(method, classes=[0, 1, 2, 3]).fit(logits[seen], labels[seen])
    found = model.predict_proba(logits)
    assert found.shape == (600, 4)
    assert np.isfinite(np.log(found)).all()
    assert np.isfinite(model.log_loss(logits, labels))
    np.testing.assert_array_equal(model.classes_, [0, 1, 2, 3])


def test_a_class_whose_rows_have_no_weight_is_one_without_rows(method):
    logits, labels = draw(600, 4)
    seen = labels != 2
    expected = SoftmaxCalibrator(method, classes=[0, 1, 2, 3]).fit(logits[seen], labels[seen])
    found = SoftmaxCalibrator(method).fit(logits, labels, seen.astype(float))
    np.testing.assert_array_equal(found.predict_proba(logits), expected.predict_proba(logits))


# C5


def test_a_label_outside_of_classes_is_named():
    logits, labels = draw(30)
    with pytest.raises(ValueError, match="only the classes .* got .*2"):
        SoftmaxCalibrator(classes=[0, 1, 5]).fit(logits, np.sort(labels))


@pytest.mark.parametrize("strict", [name for name in METHODS if name not in ("matrix", "auto")])
def test_more_labels_than_columns_names_the_label(strict):
    logits, _ = draw(30)
    with pytest.raises(ValueError, match="4 classes; got 3 columns.*label without a column is 'd'"):
        SoftmaxCalibrator(strict).fit(logits, np.array(list("abcd"))[np.arange(30) % 4])


@pytest.mark.parametrize("strict", [name for name in METHODS if name not in ("matrix", "auto")])
def test_more_columns_than_labels_says_what_to_do(strict):
    logits, labels = draw(30)
    with pytest.raises(ValueError, match="Name classes without rows with classes="):
        SoftmaxCalibrator(strict).fit(logits, labels % 2)


def test_scores_side_by_side_are_calibrated_by_a_matrix():
    logits, labels = draw()
    other = 2.0 * draw(seed=0)[0] + np.random.default_rng(5).standard_normal(logits.shape)
    model = SoftmaxCalibrator().fit(np.hstack([logits, other]), labels)
    assert (model.method_, model.coef_.shape) == ("matrix", (3, 6))
    assert model.loss_ < SoftmaxCalibrator("matrix").fit(other, labels).loss_


# C6


def test_one_class_is_an_error_unless_the_others_are_named(method):
    logits = draw(30)[0] + [0.0, 1.0, 0.0]
    with pytest.raises(ValueError, match="at least two classes; got one class, 'b'"):
        SoftmaxCalibrator(method).fit(logits, ["b"] * 30)
    found = probabilities_of(method, logits, ["b"] * 30, classes=["a", "b", "c"])
    assert np.isfinite(np.log(found)).all()
    assert found[:, 1].mean() > 1 / 3


# C7


def test_forms_of_binary_scores_agree(method):
    logits, labels = draw(400, 2)
    odds = logits[:, 1] - logits[:, 0]
    share = softmax(logits, axis=1)
    expected = probabilities_of(method, logits, labels)
    same(probabilities_of(method, odds, labels), expected)
    same(probabilities_of(method, odds[:, None], labels), expected)
    same(probabilities_of(method, share, labels), expected)
    same(probabilities_of(method, share[:, 1], labels), expected)
    same(probabilities_of(method, share[:, 1:], labels, input="proba"), expected)


def test_one_dimension_is_for_two_classes():
    with pytest.raises(ValueError, match="one dimension must be those of two classes; got 3"):
        SoftmaxCalibrator().fit(np.arange(6.0), [0, 1, 2, 0, 1, 2])


# C8


@pytest.mark.parametrize(
    "names",
    [[1, 2, 3], [-1, 0, 1], [10, 20, 30], ["a", "b", "c"], [0.0, 1.0, 2.0]],
    ids=str,
)
@pytest.mark.parametrize("kind", [np.asarray, pd.Series, pd.Categorical, list])
def test_labels_are_what_they_are_called(names, kind):
    logits, labels = draw(200)
    model = SoftmaxCalibrator("temperature").fit(logits, kind(np.array(names)[labels]))
    np.testing.assert_array_equal(model.classes_, names)
    np.testing.assert_array_equal(
        model.predict_proba(logits), probabilities_of("temperature", logits, labels)
    )
    np.testing.assert_array_equal(model.predict(logits), np.array(names)[logits.argmax(axis=1)])


@pytest.mark.parametrize("names", [[-1, 1], [False, True], [np.False_, np.True_]], ids=str)
def test_binary_labels_are_what_they_are_called(names):
    logits, labels = draw(200, 2)
    found = probabilities_of("auto", logits, np.array(names)[labels])
    np.testing.assert_array_equal(found, probabilities_of("auto", logits, labels))


# C9


def test_pandas_and_polars_are_as_numpy(method):
    logits, labels = draw(200)
    expected = probabilities_of(method, logits, labels)
    order = np.random.default_rng(0).permutation(200)
    frame = pd.DataFrame(logits, index=order, columns=list("abc"))
    series = pd.Series(labels, index=order[::-1])
    np.testing.assert_array_equal(probabilities_of(method, frame, series), expected)
    found = probabilities_of(method, pl.DataFrame(logits), pl.Series(labels))
    np.testing.assert_array_equal(found, expected)


# C10


@pytest.mark.parametrize("n_rows", [1, 10, 1000])
@pytest.mark.parametrize("n_classes", [2, 5])
def test_separable_scores_stop_at_the_rule_of_succession(n_rows, n_classes):
    logits, _ = draw(n_rows, n_classes)
    model = SoftmaxCalibrator("temperature", classes=np.arange(n_classes))
    with pytest.warns(ConvergenceWarning, match="the best slope is infinite"):
        model.fit(logits, logits.argmax(axis=1))
    assert model.separable_
    assert np.isfinite(model.temperature_)
    if n_rows > 1:
        same(model.loss_, np.log1p(1 / (n_rows + 1)), 1e-10)
    assert model.loss_ <= np.log1p(1 / (n_rows + 1)) * (1 + 1e-9)


def test_ties_with_the_largest_score_are_separable_too():
    """The loss can fall to log 2 in the first row, and to 0 in the others."""
    logits = np.array([[1.0, 1.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 3.0]])
    with pytest.warns(ConvergenceWarning, match="infinite"):
        model = SoftmaxCalibrator("temperature").fit(logits, [0, 1, 2])
    same(model.loss_, np.log(2) / 3 + np.log1p(1 / 4))


@pytest.mark.parametrize("other", METHODS[1:])
def test_separable_scores_are_flagged_by_every_method(other):
    logits, _ = draw(100)
    with pytest.warns(ConvergenceWarning, match="infinite"):
        model = SoftmaxCalibrator(other).fit(logits, logits.argmax(axis=1))
    assert model.separable_
    assert np.abs(getattr(model, "coef_", 0.0)).max() < 100
    assert np.isfinite(model.predict_log_proba(logits)).all()


def test_features_that_separate_the_classes_give_a_finite_matrix():
    features = np.repeat([[0.0, 1, 2, 3], [3, 2, 1, 0]], 50, axis=0)
    model = SoftmaxCalibrator().fit(features, np.repeat([0, 1], 50))
    assert np.isfinite(model.coef_).all()
    assert 0.95 < model.predict_proba(features)[:50, 0].min() < 1


# C11


@pytest.mark.parametrize("keeping", ["temperature", "bias_corrected"])
@pytest.mark.parametrize("n_classes", [2, 4])
def test_reversed_scores_keep_their_order(keeping, n_classes):
    logits, labels = draw(500, n_classes)
    with pytest.warns(ConvergenceWarning, match="no better than chance"):
        model = SoftmaxCalibrator(keeping).fit(-logits, labels)
    assert model.coef_[0] > 0
    found = model.decision_function(-logits)
    if n_classes > 2:
        found = found - model.intercept_
        np.testing.assert_array_equal(found.argmax(axis=1), logits.argmin(axis=1))
    expected = np.full(n_classes, 1 / n_classes)
    if keeping == "bias_corrected":
        expected = np.bincount(labels) / len(labels)
    same(model.predict_proba(-logits).mean(axis=0), expected, 1e-5)


# C12


@pytest.mark.parametrize("constant", [0.0, 3.0, -1e9])
@pytest.mark.parametrize("n_columns", [1, 2, 4])
def test_constant_logits_give_a_neutral_map(constant, n_columns):
    n_classes = max(2, n_columns)
    logits = np.full((20, n_columns), constant if n_columns > 1 else 0.0)
    model = SoftmaxCalibrator("temperature").fit(logits, np.arange(20) % n_classes)
    same(model.temperature_, 1.0)
    same(model.predict_proba(logits), 1 / n_classes)


@pytest.mark.parametrize("with_intercept", LINEAR[1:])
def test_constant_logits_leave_class_frequencies(with_intercept):
    """But for the prior, which counts for one row."""
    labels = np.repeat([0, 1, 2], [50, 100, 250])
    found = probabilities_of(with_intercept, np.zeros((400, 3)), labels)
    same(found, np.tile([0.125, 0.25, 0.625], (400, 1)), 5e-3)


# C13


def test_a_thousand_classes_need_memory_of_a_few_copies():
    logits, labels = draw(400, 1000)
    tracemalloc.start()
    SoftmaxCalibrator("temperature", classes=np.arange(1000)).fit(logits, labels)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * logits.nbytes


@pytest.mark.parametrize("n_rows", [1, 5])
def test_fewer_rows_than_classes(method, n_rows):
    """The prior keeps probabilities near those of temperature."""
    logits, _ = draw(n_rows, 8)
    labels = (logits.argmax(axis=1) + (np.arange(n_rows) % 2)) % 8
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        found, temperature = (
            probabilities_of(name, logits, labels, classes=np.arange(8))
            for name in (method, "temperature")
        )
    assert np.isfinite(np.log(found)).all()
    if method in LINEAR or n_rows > 1:
        assert mean_loss(np.log(temperature), labels) >= mean_loss(np.log(found), labels) - 1e-9
    assert found.max() < 0.99


def test_a_column_that_hardly_varies_is_not_trusted():
    """Without a prior its slope could be anything, and other values of it would cost nats."""
    logits, labels = draw(2000)
    rare = np.where(np.arange(2000) == labels.argmax(), 1e-7, 2e-7)[:, None]
    probabilities = np.hstack([softmax(logits, axis=1), rare])
    labels[::100] = 3
    model = SoftmaxCalibrator("dirichlet", input="proba").fit(probabilities, labels)
    assert np.abs(model.coef_).max() < 3.0


# C14


def test_integer_weights_are_repeated_rows(method):
    logits, labels = draw(300)
    counts = np.random.default_rng(0).integers(0, 4, size=300)
    weighted = SoftmaxCalibrator(method).fit(logits, labels, counts)
    repeated = SoftmaxCalibrator(method).fit(logits.repeat(counts, axis=0), labels.repeat(counts))
    same(weighted.predict_proba(logits), repeated.predict_proba(logits), 1e-6)
    same(weighted.loss_, repeated.loss_, 1e-9)


def test_rows_of_zero_weight_do_not_exist(method):
    logits, labels = draw(300)
    keep = np.random.default_rng(0).random(300) < 0.7
    weighted = SoftmaxCalibrator(method).fit(logits, labels, np.where(keep, 2.0, 0.0))
    fewer = SoftmaxCalibrator(method).fit(logits[keep], labels[keep], np.full(keep.sum(), 2.0))
    np.testing.assert_array_equal(weighted.predict_proba(logits), fewer.predict_proba(logits))


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(("scale", "same_as"), [(1e-300, 1e-16), (1e300, 1e12)])
def test_weights_may_be_of_any_size(method, n_classes, scale, same_as):
    """A total is a number of rows, up to what a single row of a prior is nothing beside."""
    logits, labels = draw(300, n_classes)
    weights = np.random.default_rng(1).exponential(size=300)
    found, expected = (
        SoftmaxCalibrator(method).fit(logits, labels, factor * weights).predict_proba(logits)
        for factor in (scale, same_as)
    )
    same(found, expected, 1e-9)
    unweighted = np.bincount(labels, weights) / weights.sum()
    assert mean_loss(np.log(found), labels, weights) < -np.log(unweighted) @ unweighted


@pytest.mark.parametrize("scale", [1e-300, 1e-3, 1e300])
def test_temperature_knows_no_scale_of_weights(scale):
    logits, labels = draw(300)
    weights = np.random.default_rng(1).exponential(size=300)
    found = SoftmaxCalibrator("temperature").fit(logits, labels, scale * weights)
    expected = SoftmaxCalibrator("temperature").fit(logits, labels, weights)
    same(found.temperature_, expected.temperature_, 1e-14)
    same(found.loss_, expected.loss_, 1e-14)


def test_temperature_starts_well_beside_a_mask_of_float32():
    """Slopes in units of the mask are no numbers in float32: 87 steps up from zero."""
    logits, labels = draw(40_000, slope=2.0)
    logits[7, (labels[7] + 1) % 3] = np.finfo(np.float32).min
    masked = SoftmaxCalibrator("temperature").fit(logits, labels)
    logits[7, (labels[7] + 1) % 3] = -1e4
    expected = SoftmaxCalibrator("temperature").fit(logits, labels)
    assert masked.n_iter_ < 10
    same(masked.temperature_, expected.temperature_, 1e-9)


def test_zero_weights_only_are_an_error():
    logits, labels = draw(30)
    with pytest.raises(ValueError, match="sample_weight must have a positive sum"):
        SoftmaxCalibrator().fit(logits, labels, np.zeros(30))


# C15


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("convert", [np.asarray, lambda z: softmax(z, axis=1)])
def test_short_floats_are_computed_in_float64(method, dtype, convert):
    logits, labels = draw(300)
    short = convert(logits).astype(dtype)
    expected = probabilities_of(method, short.astype(np.float64), labels)
    found = probabilities_of(method, short, labels)
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("n_classes", [2, 10, 1000])
def test_rounded_probabilities_are_recognised(dtype, n_classes):
    logits, labels = draw(50, n_classes)
    model = SoftmaxCalibrator(classes=np.arange(n_classes))
    assert model.fit(softmax(logits, axis=1).astype(dtype), labels).input_ == "proba"
    assert model.fit(log_softmax(logits, axis=1).astype(dtype), labels).input_ == "logits"


def test_probabilities_that_do_not_sum_to_one_are_an_error():
    logits, labels = draw(30)
    probabilities = softmax(logits, axis=1)
    probabilities[4] *= 0.9
    assert SoftmaxCalibrator().fit(probabilities, labels).input_ == "logits"
    with pytest.raises(ValueError, match=r"sum to 1 in each row; got 0\.9 in row 4"):
        SoftmaxCalibrator(input="proba").fit(probabilities, labels)
    probabilities[2] -= 0.5
    with pytest.raises(ValueError, match="be probabilities, not negative; got .* in row 2"):
        SoftmaxCalibrator(input="proba").fit(probabilities, labels)


# C16


@pytest.mark.parametrize("scale", [1e-8, 1e-3, 7.0, 1e8, 1e200])
@pytest.mark.parametrize("n_classes", [2, 5])
def test_temperature_has_no_scale(scale, n_classes):
    logits, labels = draw(500, n_classes)
    found = SoftmaxCalibrator("temperature", input="logits").fit(scale * logits, labels)
    expected = SoftmaxCalibrator("temperature").fit(logits, labels)
    same(found.coef_ * scale, expected.coef_, 1e-12)


@pytest.mark.parametrize("scale", [1e-100, 1.0, 1e200])
def test_temperature_of_many_logits_is_that_of_newton(scale):
    """A start in float32 leaves no trace."""
    logits, labels = draw(8000, 12, slope=0.9)
    weights = np.random.default_rng(3).exponential(size=len(labels))
    model = SoftmaxCalibrator("temperature", input="logits").fit(scale * logits, labels, weights)
    slope, own = 1.0, logits[np.arange(len(labels)), labels]
    for _ in range(12):
        p = softmax(slope * logits, axis=1)
        mean = np.sum(p * logits, axis=1)
        variance = np.sum(p * (logits - mean[:, None]) ** 2, axis=1)
        slope -= np.dot(weights, mean - own) / np.dot(weights, variance)
    same(model.coef_ * scale, [slope], 2e-13)


@pytest.mark.parametrize("scale", [1e-8, 1e8])
@pytest.mark.parametrize("linear", ["bias_corrected", "vector", "matrix"])
def test_linear_methods_have_no_scale(linear, scale):
    """Unlike log-probabilities, which have that of probabilities."""
    logits, labels = draw(500)
    expected = probabilities_of(linear, logits, labels)
    same(probabilities_of(linear, scale * logits, labels), expected, 1e-6)


# C17


def test_a_constant_added_to_a_row_changes_nothing(method):
    """Exactly: logits and constants are multiples of 1/64, so that sums are not rounded."""
    logits, labels = draw(200)
    logits = np.round(64 * logits) / 64
    constants = np.random.default_rng(0).integers(-1000, 1000, size=(200, 1))
    np.testing.assert_array_equal(
        probabilities_of(method, logits + constants, labels),
        probabilities_of(method, logits, labels),
    )


# C18


def test_probabilities_their_logarithms_and_logits_are_one(method):
    logits, labels = draw(400)
    logits *= 20  # some probabilities are below 1e-80
    expected = probabilities_of(method, logits, labels)
    same(probabilities_of(method, log_softmax(logits, axis=1), labels), expected, 1e-6)
    same(probabilities_of(method, softmax(logits, axis=1), labels), expected, 1e-6)


# C19


@pytest.mark.parametrize("n_classes", [2, 3, 9, 70])
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_row_has_the_same_bits_alone_and_in_any_batch(method, n_classes, order):
    logits, labels = draw(90, n_classes)
    model = SoftmaxCalibrator(method, classes=np.arange(n_classes)).fit(logits, labels)
    new = np.asarray(draw(130, n_classes, seed=3)[0], order=order)
    for call in (model.predict_proba, model.predict_log_proba, model.decision_function):
        batch = call(new)
        for size in (1, 2, 7):
            for start in range(0, 120, 20):
                rows = slice(start, start + size)
                np.testing.assert_array_equal(call(new[rows]), batch[rows])


def test_the_kind_of_scores_is_settled_by_fit():
    logits, labels = draw(300)
    model = SoftmaxCalibrator("temperature").fit(logits, labels)
    looks_like_probabilities = np.array([[0.2, 0.3, 0.5]])
    expected = softmax(model.coef_ * looks_like_probabilities, axis=1)
    same(model.predict_proba(looks_like_probabilities), expected)
    trained_on_probabilities = SoftmaxCalibrator().fit(softmax(logits, axis=1), labels)
    with pytest.raises(ValueError, match="sum to 1 in each row"):
        trained_on_probabilities.predict_proba(np.array([[3.0, 0.0, 0.0]]) / 3.1)


# C20


@settings(max_examples=30)
@given(st.lists(st.integers(-3, 3), min_size=12, max_size=12), st.sampled_from([1.0, 1e-8, 1e8]))
def test_temperature_keeps_the_largest_score_and_its_ties(values, scale):
    logits, labels = draw(100, 4)
    model = SoftmaxCalibrator("temperature", input="logits").fit(scale * logits, labels)
    rows = scale * np.reshape(values, (3, 4))
    found = model.predict_proba(rows)
    np.testing.assert_array_equal(
        found == found.max(axis=1, keepdims=True), rows == rows.max(axis=1, keepdims=True)
    )
    np.testing.assert_array_equal(model.predict(rows), rows.argmax(axis=1))


# C21


def test_permuted_classes_give_permuted_answers(method):
    logits, labels = draw(400, 4)
    order = np.array([2, 0, 3, 1])
    found = probabilities_of(method, logits[:, order], np.argsort(order)[labels])
    same(found, probabilities_of(method, logits, labels)[:, order], 1e-6)


# C22


@pytest.mark.parametrize("slope", [0.2, 1.0, 3.0])
def test_held_out_loss_is_not_worse_than_uncalibrated(method, slope):
    logits, labels = draw(1000, 5, slope)
    others, truth = draw(1000, 5, slope, seed=1)
    model = SoftmaxCalibrator(method).fit(logits, labels)
    assert model.log_loss(others, truth) < mean_loss(others, truth) + 0.02


# C23


def test_stopping_early_is_said(method):
    logits, labels = draw(500, 4, slope=0.1)
    with pytest.warns(ConvergenceWarning, match="limit of iterations was reached.*Increase max_it"):
        model = SoftmaxCalibrator(method, max_iter=1, tol=0.0).fit(logits, labels)
    assert model.n_iter_ == 1
    assert not np.allclose(model.predict_proba(logits), softmax(logits, axis=1), atol=0.01)


# C24


def test_clone_pickle_and_output(method):
    logits, labels = draw(100)
    logits.setflags(write=False)
    before = logits.copy()
    model = SoftmaxCalibrator(method).fit(logits, np.array(list("xyz"))[labels])
    np.testing.assert_array_equal(logits, before)
    expected = model.predict_proba(logits)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).transform(logits), expected)
    assert clone(model).get_params() == model.get_params()
    for library in ("pandas", "polars"):
        frame = clone(model).set_output(transform=library).fit(logits, model.classes_[labels])
        output = frame.transform(logits)
        assert list(output.columns) == [f"softmaxcalibrator_{name}" for name in "xyz"]
        np.testing.assert_array_equal(output.to_numpy(), expected)


def test_names_of_the_columns():
    logits, labels = draw(100)
    frame = pd.DataFrame(logits, columns=list("abc"))
    model = SoftmaxCalibrator().fit(frame, labels)
    np.testing.assert_array_equal(model.feature_names_in_, list("abc"))
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame[list("acb")])
    with pytest.raises(ValueError, match="expecting 3 features"):
        SoftmaxCalibrator().fit(logits, labels).predict(logits[:, :2])


def test_memmap(tmp_path):
    logits, labels = draw(100)
    np.save(tmp_path / "scores.npy", logits)
    mapped = np.load(tmp_path / "scores.npy", mmap_mode="r")
    np.testing.assert_array_equal(
        probabilities_of("auto", mapped, labels), probabilities_of("auto", logits, labels)
    )


def test_predicting_before_fit():
    with pytest.raises(NotFittedError):
        SoftmaxCalibrator().predict_proba(np.zeros((1, 3)))
    with pytest.raises(NotFittedError):
        SoftmaxCalibrator().get_feature_names_out()


def test_a_failed_fit_leaves_the_last_one():
    logits, labels = draw(100)
    model = SoftmaxCalibrator().fit(logits, labels)
    expected = model.predict_proba(logits)
    for scores, y in ((logits[:, :2], labels - 0.5), (np.full((100, 5), np.nan), labels)):
        with pytest.raises(ValueError, match="."):
            model.fit(scores, y)
    np.testing.assert_array_equal(model.predict_proba(logits), expected)


# C25


def test_labels_that_are_no_classes_are_an_error():
    logits, labels = draw(30)
    with pytest.raises(ValueError, match="continuous"):
        SoftmaxCalibrator().fit(logits, np.linspace(0, 1, 30))
    with pytest.raises(ValueError, match="1d array"):
        SoftmaxCalibrator().fit(logits, one_hot(labels))
    with pytest.raises(ValueError, match="only the classes"):
        SoftmaxCalibrator(classes=[0, 1, 2]).fit(logits, labels + 0.25)
    with pytest.warns(DataConversionWarning):
        SoftmaxCalibrator().fit(logits, labels[:, None])


def test_sparse_scores_are_an_error():
    logits, labels = draw(30)
    with pytest.raises(TypeError, match="[Ss]parse"):
        SoftmaxCalibrator().fit(sparse.csr_array(logits), labels)
