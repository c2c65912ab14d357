"""Laws and known answers of the calibration error, the decomposition and the bootstrap."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax
from sklearn.datasets import load_iris
from sklearn.metrics import brier_score_loss, log_loss, make_scorer
from sklearn.model_selection import KFold, cross_val_score
from sklearn.naive_bayes import GaussianNB

from sklearn_softmax import SoftmaxCalibrator
from sklearn_softmax.metrics import (
    bootstrap_interval,
    calibration_loss,
    expected_calibration_error,
    refinement_loss,
    score_decomposition,
)
from sklearn_softmax.metrics.binning import uniform

TEMPERATURE = SoftmaxCalibrator("temperature")
NORMS = ("l1", "l2", "max")
SETTINGS = [
    {"kind": kind, "norm": norm, "strategy": strategy, "debias": debias}
    for kind in ("top-label", "classwise")
    for strategy in ("uniform", "quantile")
    for norm, debias in (("l1", False), ("l2", False), ("l2", True), ("max", False))
]


def draw(n_rows=300, n_classes=4, slope=2.0, seed=0):
    """Labels, and probabilities that are too sure by a factor `slope` of the logits."""
    rng = np.random.default_rng(seed)
    logits = 1.5 * rng.standard_normal((n_rows, n_classes))
    labels = np.argmax(logits + rng.gumbel(size=logits.shape), axis=1)
    return labels, softmax(slope * logits, axis=1)


def by_hand(y, confidences, events, edges):
    """Mean absolute gap, with bins as a loop over their edges; the last is closed."""
    total = 0.0
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        inside = (confidences >= low) & ((confidences < high) | (high == edges[-1]))
        if inside.any():
            gap = confidences[inside].mean() - events[inside].mean()
            total += inside.mean() * abs(gap)
    return total


@pytest.fixture(params=SETTINGS, ids=lambda setting: "-".join(map(str, setting.values())))
def setting(request):
    return request.param


# Calibration error: known answers


def test_error_by_hand():
    """Bins [.5, .75) and [.75, 1]: gaps .6 - .5 and .9 - .75, with 2 and 4 of 6 rows."""
    y = [0, 1, 0, 0, 1, 0]
    second = [0.4, 0.4, 0.1, 0.1, 0.9, 0.9]
    error = {norm: expected_calibration_error(y, second, norm=norm, n_bins=4) for norm in NORMS}
    np.testing.assert_allclose(error["l1"], (2 * 0.1 + 4 * 0.15) / 6)
    np.testing.assert_allclose(error["l2"], np.sqrt((2 * 0.1**2 + 4 * 0.15**2) / 6))
    np.testing.assert_allclose(error["max"], 0.15)


def test_debiased_error_by_hand():
    """Each squared gap loses a (1 - a) / (n - 1); a negative sum becomes 0."""
    y = np.repeat([1, 0], 5)
    proba = np.full(10, 0.9)
    error = expected_calibration_error(y, proba, norm="l2", debias=True)
    np.testing.assert_allclose(error, np.sqrt(0.4**2 - 0.25 / 9))
    assert expected_calibration_error(y, np.full(10, 0.5), norm="l2", debias=True) == 0.0
    one = expected_calibration_error([0], [0.3], norm="l2", debias=True, labels=[0, 1])
    assert one == 0.0


def test_classwise_error_by_hand():
    """One bin: the gaps are those of the mean probabilities and the class frequencies."""
    y, proba = draw()
    gaps = proba.mean(axis=0) - np.bincount(y) / len(y)
    found = [
        expected_calibration_error(y, proba, kind="classwise", norm=norm, n_bins=1)
        for norm in NORMS
    ]
    expected = np.mean(np.abs(gaps)), np.sqrt(np.mean(gaps**2)), np.max(np.abs(gaps))
    np.testing.assert_allclose(found, expected)


def test_many_bins_by_hand():
    y, proba = draw()
    edges = np.linspace(0.0, 1.0, 16)
    top = proba.argmax(axis=1)
    np.testing.assert_allclose(
        expected_calibration_error(y, proba), by_hand(y, proba.max(axis=1), top == y, edges)
    )
    classwise = [by_hand(y, column, y == k, edges) for k, column in enumerate(proba.T)]
    found = expected_calibration_error(y, proba, kind="classwise")
    np.testing.assert_allclose(found, np.mean(classwise))


def test_quantile_bins_by_hand():
    """Distinct confidences: bins are runs of equal length of the sorted rows."""
    y, proba = draw(n_rows=120)
    confidences, events = proba.max(axis=1), proba.argmax(axis=1) == y
    order = np.argsort(confidences).reshape(6, 20)
    expected = np.mean(np.abs(confidences[order].mean(1) - events[order].mean(1)))
    found = expected_calibration_error(y, proba, strategy="quantile", n_bins=6)
    np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize("n_bins", [1, 2, 15, 1000])
def test_confidence_one_is_in_the_last_bin(n_bins):
    """Were 1 in a bin of its own, the gaps could not cancel in the bin [1 - 1/n, 1]."""
    almost = 1.0 - 0.25 / n_bins
    proba = np.array([[1.0, 0.0], [almost, 1.0 - almost]])
    found = expected_calibration_error([0, 0], proba, n_bins=n_bins, labels=[0, 1])
    np.testing.assert_allclose(found, 1.0 - (1.0 + almost) / 2, rtol=1e-12)
    found = expected_calibration_error([1, 0], proba, n_bins=n_bins)
    np.testing.assert_allclose(found, (1.0 + almost) / 2 - 0.5, rtol=1e-12)


def test_bins_are_closed_on_the_left():
    """Confidences .5 and .55 share a bin, where the gaps cancel."""
    found = expected_calibration_error([0, 0], [0.5, 0.55], n_bins=2, labels=[0, 1])
    np.testing.assert_allclose(found, 0.525 - 0.5)


def test_calibrated_by_construction(setting):
    """In each group of rows with one forecast, labels have just those frequencies."""
    forecasts = np.array([[0.5, 0.25, 0.25], [0.1, 0.3, 0.6], [0.05, 0.9, 0.05]])
    counts = (20 * forecasts).round().astype(int)
    y = np.concatenate([np.repeat(np.arange(3), count) for count in counts])
    proba = np.repeat(forecasts, 20, axis=0)
    assert expected_calibration_error(y, proba, **setting) < 1e-12


def test_debiased_error_of_calibrated_forecasts_is_near_zero():
    errors = [
        [
            expected_calibration_error(
                *draw(2000, 2, slope=1.0, seed=seed), norm="l2", n_bins=20, debias=debias
            )
            for debias in (False, True)
        ]
        for seed in range(40)
    ]
    plain, debiased = np.mean(np.square(errors), axis=0)
    assert debiased < 0.35 * plain


# Calibration error: laws


def test_error_ignores_the_order_of_rows_and_classes(setting):
    y, proba = draw()
    rng = np.random.default_rng(1)
    expected = expected_calibration_error(y, proba, **setting)
    rows, classes = rng.permutation(len(y)), rng.permutation(4)
    found = expected_calibration_error(y[rows], proba[rows], **setting)
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)
    renamed = np.argsort(classes)[y]
    found = expected_calibration_error(renamed, proba[:, classes], **setting)
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


@settings(max_examples=25)
@given(st.lists(st.integers(0, 3), min_size=30, max_size=30).filter(any))
def test_integer_weights_are_repeated_rows(counts):
    y, proba = draw(30, 3)
    counts = np.array(counts)
    for setting in SETTINGS:
        weighted = expected_calibration_error(y, proba, sample_weight=counts, **setting)
        repeated = expected_calibration_error(
            np.repeat(y, counts), np.repeat(proba, counts, axis=0), labels=[0, 1, 2], **setting
        )
        np.testing.assert_allclose(weighted, repeated, rtol=1e-9, atol=1e-9)


def test_two_classes_by_one_column_or_two(setting):
    y, proba = draw(n_classes=2)
    found = expected_calibration_error(y, proba[:, 1], **setting)
    np.testing.assert_allclose(found, expected_calibration_error(y, proba, **setting), rtol=1e-10)


def test_labels_of_any_kind(setting):
    y, proba = draw()
    expected = expected_calibration_error(y, proba, **setting)
    for names in (["a", "b", "c", "d"], [-7, 0, 3, 20]):
        assert expected_calibration_error(np.array(names)[y], proba, **setting) == expected
        named = np.array(names, dtype=object)[y].tolist()
        assert expected_calibration_error(named, proba, labels=names, **setting) == expected


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_precision_changes_little(dtype):
    y, proba = draw(n_classes=4)
    arguments = {"kind": "classwise", "norm": "l2", "n_bins": 1}
    low, high = (
        expected_calibration_error(y, p, **arguments) for p in (proba.astype(dtype), proba)
    )
    np.testing.assert_allclose(low, high, atol=1e-3 if dtype == np.float16 else 1e-7)
    assert score_decomposition(y, proba.astype(dtype), calibrator=TEMPERATURE).score > 0


def test_labels_name_a_class_without_rows():
    y, proba = draw()
    few = y != 2
    error = expected_calibration_error(y[few], proba[few], labels=[0, 1, 2, 3], kind="classwise")
    assert 0.0 < error < 1.0
    with pytest.raises(ValueError, match="as many columns as there are labels, 3; got 4"):
        expected_calibration_error(y[few], proba[few])


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"kind": "top"}, ValueError, "kind must be one of"),
        ({"norm": "l3"}, ValueError, "norm must be one of 'l1', 'l2', 'max'"),
        ({"strategy": "equal"}, ValueError, "strategy must be one of"),
        ({"n_bins": 0}, ValueError, "n_bins must be an integer of at least 1"),
        ({"n_bins": 2.5}, TypeError, "n_bins must be an integer"),
        ({"debias": 1}, TypeError, "debias must be True or False"),
        ({"debias": True}, ValueError, "norm must be 'l2' where debias=True; got 'l1'"),
        ({"labels": [5, 6, 7, 8]}, ValueError, "y must contain only the classes"),
        ({"sample_weight": [1.0]}, ValueError, "one weight for each row"),
        ({"y_proba": np.full((300, 4), 0.3)}, ValueError, "sum to 1 in each row; got 1.2"),
        ({"y_proba": np.tile([2.0, -1, 0, 0], (300, 1))}, ValueError, "between 0 and 1; got 2"),
        ({"y_proba": np.full((300, 4), np.nan)}, ValueError, "contains NaN"),
        ({"y_true": np.zeros(299)}, ValueError, "inconsistent numbers of samples"),
    ],
)
def test_bad_input_of_the_error(change, error, message):
    y, proba = draw()
    arguments = {"y_true": y, "y_proba": proba, **change}
    with pytest.raises(error, match=message):
        expected_calibration_error(**arguments)


# Decomposition


@pytest.mark.parametrize("score", ["log_loss", "brier"])
@pytest.mark.parametrize("n_classes", [2, 4])
def test_parts_sum_to_the_score_of_sklearn(score, n_classes):
    y, proba = draw(n_classes=n_classes)
    weights = np.random.default_rng(1).integers(0, 3, len(y))
    known = {"log_loss": log_loss, "brier": _brier}[score](y, proba, sample_weight=weights)
    parts = score_decomposition(
        y, proba, score=score, calibrator=TEMPERATURE, sample_weight=weights
    )
    np.testing.assert_allclose(parts.score, known, rtol=1e-12)
    np.testing.assert_allclose(parts.calibration + parts.refinement, parts.score, rtol=1e-15)
    arguments = {"score": score, "calibrator": TEMPERATURE, "sample_weight": weights}
    assert calibration_loss(y, proba, **arguments) == parts.calibration
    assert refinement_loss(y, proba, **arguments) == parts.refinement


def _brier(y, proba, sample_weight):
    """That of scikit-learn, whose 1.6 knows two classes only."""
    if proba.shape[1] == 2:
        return brier_score_loss(y, proba[:, 1], sample_weight=sample_weight)
    errors = np.sum((proba - np.eye(proba.shape[1])[y]) ** 2, axis=1)
    return np.average(errors, weights=sample_weight)


@pytest.mark.parametrize("score", ["log_loss", "brier"])
def test_refinement_does_not_change_with_the_temperature(score):
    """The calibrator undoes it: sharper logits are the same knowledge, worse calibrated."""
    parts = [
        score_decomposition(*draw(slope=slope), score=score, calibrator=TEMPERATURE)
        for slope in (1.0, 2.0, 4.0)
    ]
    np.testing.assert_allclose(parts[1].refinement, parts[0].refinement, rtol=1e-8)
    np.testing.assert_allclose(parts[2].refinement, parts[0].refinement, rtol=1e-8)
    assert parts[0].calibration < parts[1].calibration < parts[2].calibration
    assert abs(parts[0].calibration) < 0.01


def test_each_row_is_recalibrated_by_the_other_folds():
    y, proba = draw()
    cv = KFold(3)
    losses = []
    for train, test in cv.split(proba):
        fitted = SoftmaxCalibrator("temperature", input="proba").fit(proba[train], y[train])
        losses.append(len(test) * fitted.log_loss(proba[test], y[test]))
    found = score_decomposition(y, proba, calibrator=TEMPERATURE, cv=cv)
    np.testing.assert_allclose(found.refinement, np.sum(losses) / len(y), rtol=1e-10)


def test_default_calibrator_keeps_classes_without_rows():
    y, proba = draw(n_rows=60)
    few = y != 3
    parts = score_decomposition(y[few], proba[few], labels=[0, 1, 2, 3], cv=KFold(3))
    assert np.isfinite(parts).all()


def test_rare_classes_are_no_matter_of_warning():
    y, proba = draw(n_rows=100)
    y[y == 3] = 2
    y[:2] = 3
    assert np.isfinite(score_decomposition(y, proba, calibrator=TEMPERATURE)).all()


def test_folds_must_test_each_row_once():
    y, proba = draw(n_rows=60)
    once = [(np.arange(30), np.arange(30, 60))]
    with pytest.raises(ValueError, match="cv must test each row once; got row 0 0 times"):
        score_decomposition(y, proba, calibrator=TEMPERATURE, cv=once)


# Bootstrap


def test_interval_of_a_mean_is_that_of_theory():
    y, proba = draw(n_rows=500)
    losses = -np.log(proba[np.arange(len(y)), y])

    def mean_loss(y_true, y_proba, sample_weight):
        return np.average(losses, weights=sample_weight)

    half = 1.96 * losses.std() / np.sqrt(len(y))
    for method in ("basic", "percentile"):
        found = bootstrap_interval(
            mean_loss, y, proba, method=method, n_resamples=999, random_state=0
        )
        np.testing.assert_allclose(found.estimate, losses.mean())
        np.testing.assert_allclose(found.low, losses.mean() - half, atol=0.2 * half)
        np.testing.assert_allclose(found.high, losses.mean() + half, atol=0.2 * half)
        np.testing.assert_allclose(found.standard_error, half / 1.96, rtol=0.1)


def test_interval_of_several_numbers():
    y, proba = draw(n_rows=100)
    arguments = {"n_resamples": 20, "random_state": 0, "calibrator": TEMPERATURE, "cv": 2}
    several = bootstrap_interval(score_decomposition, y, proba, **arguments)
    single = bootstrap_interval(refinement_loss, y, proba, **arguments)
    assert several.estimate == score_decomposition(y, proba, calibrator=TEMPERATURE, cv=2)
    for found, expected in zip(several, single, strict=True):
        np.testing.assert_allclose(found[2], expected)
    assert np.all(several.low < several.high)


def test_basic_interval_of_the_error_covers_where_the_others_do_not():
    """Resampling adds to the error: the percentiles of a calibrated model's lie above it."""
    y, proba = draw(n_rows=400, n_classes=3, slope=1.0)
    arguments = {"n_resamples": 99, "random_state": 0, "confidence_level": 0.99}
    error = expected_calibration_error
    assert bootstrap_interval(error, y, proba, **arguments).low < 0.01
    assert bootstrap_interval(error, y, proba, method="percentile", **arguments).low > 0.01


def test_rows_without_weight_are_not_drawn():
    """Else most resamples would have no weight at all."""
    y, proba = draw(60)
    weights = np.zeros(60)
    weights[:3] = 1.0
    found = bootstrap_interval(
        expected_calibration_error, y, proba, sample_weight=weights, random_state=0
    )
    few = {"labels": range(4), "random_state": 0}
    alone = bootstrap_interval(expected_calibration_error, y[:3], proba[:3], **few)
    np.testing.assert_allclose(found, alone)
    weights[1:] = 0.0
    message = r"^y_true must have at least 2 rows of positive weight; got 1\.$"
    with pytest.raises(ValueError, match=message):
        bootstrap_interval(expected_calibration_error, y, proba, sample_weight=weights)


def test_bootstrap_is_repeatable_and_takes_weights():
    y, proba = draw(n_rows=50)
    losses = -np.log(proba[np.arange(50), y])
    weights = losses**2  # their mean is far from that of equal weights
    arguments = {"sample_weight": weights, "n_resamples": 99, "method": "BCa"}
    first, second = (
        bootstrap_interval(log_loss, y, proba, random_state=3, **arguments) for _ in range(2)
    )
    assert first == second
    assert losses.mean() < first.low < first.estimate < first.high
    np.testing.assert_allclose(first.estimate, log_loss(y, proba, sample_weight=weights))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_resamples": 0}, "n_resamples must be an integer of at least 1"),
        ({"confidence_level": 1.0}, "confidence_level must be below 1"),
        ({"confidence_level": 0}, "confidence_level must be a positive number"),
        ({"method": "studentised"}, "method must be one of"),
    ],
)
def test_bad_input_of_the_bootstrap(change, message):
    with pytest.raises(ValueError, match=message):
        bootstrap_interval(log_loss, *draw(n_rows=20), **change)


# Scorers


@pytest.mark.parametrize("two", [False, True])
@pytest.mark.parametrize(
    ("metric", "arguments"),
    [
        (expected_calibration_error, {"norm": "l2", "debias": True}),
        (expected_calibration_error, {"kind": "classwise"}),
        (calibration_loss, {"calibrator": TEMPERATURE, "score": "brier"}),
        (refinement_loss, {"calibrator": TEMPERATURE, "cv": 3}),
    ],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_scorers(metric, arguments, two):
    X, y = load_iris(return_X_y=True)
    X, y = (X[50:, :2], y[50:]) if two else (X[:, :2], y)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    scorer = make_scorer(
        metric, response_method="predict_proba", greater_is_better=False, **arguments
    )
    model = GaussianNB().fit(X, names)
    expected = -metric(names, model.predict_proba(X), **arguments)
    np.testing.assert_allclose(scorer(model, X, names), expected)
    assert np.isfinite(cross_val_score(model, X, names, scoring=scorer, cv=3)).all()


def test_confidences_on_an_edge_are_in_the_bin_that_starts_there():
    """Products with the number of bins round 0.29, 0.57 and 0.58 down."""
    edges = np.arange(100) / 100
    np.testing.assert_array_equal(uniform(edges, None, 100), np.arange(100))
    np.testing.assert_array_equal(uniform(np.array([0.995, 1.0]), None, 100), [99, 99])
