"""SoftmaxRegression on unusual input: the promised edge cases R1 to R14, by their numbers.

R14, threads and processes, has tests/test_threads.py; R12, the laws, tests/test_regression.py.
"""

import copy
import pickle
import re
import tracemalloc
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning, NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_softmax import SoftmaxRegression
from sklearn_softmax._solvers import SOLVERS

every_solver = pytest.mark.parametrize("solver", SOLVERS)
FITTED = ("coef_", "intercept_", "classes_", "n_iter_", "dual_gap_", "loss_", "n_features_in_")


def draw(n=150, p=4, n_classes=3, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p))
    logits = X @ rng.standard_normal((p, n_classes))
    return X, np.argmax(logits + rng.gumbel(size=logits.shape), axis=1)


def refuses(error, message):
    """A message of one sentence: the requirement, then the fact."""
    return pytest.raises(error, match=f"^{message}$")


# R1: raw, unscaled, collinear and constant features.


@every_solver
@pytest.mark.parametrize("C", [0.01, 1.0, 1e4])
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_matrix])
def test_R1_condition_number_of_a_billion(solver, C, container):
    X, y = draw(n=400)
    X = X * [1e-4, 1.0, 1e2, 1e5] + [0.0, 3.0, -1e3, 1e6]
    assert np.linalg.cond(X) > 1e9
    model = SoftmaxRegression(C, solver=solver).fit(container(X), y)
    assert model.dual_gap_ <= 1e-6


@every_solver
@pytest.mark.parametrize("C", [0.01, 1.0, 1e4, np.inf])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_matrix])
def test_R1_collinear_and_constant_columns(solver, C, fit_intercept, container):
    X, y = draw()
    more = np.column_stack([X, X, X.sum(axis=1), np.ones(len(X)), np.zeros(len(X)), 1e3 * X])
    options = {"C": C, "solver": solver, "fit_intercept": fit_intercept}
    model = SoftmaxRegression(**options).fit(container(more), y)
    assert model.dual_gap_ <= 1e-6
    np.testing.assert_array_equal(model.coef_[:, 10], 0.0)
    assert np.abs(model.coef_).max() < 100.0


@every_solver
@pytest.mark.parametrize("n", [300, 30_000])
@pytest.mark.parametrize("offset", [1e6, 1e9, -1e12])
def test_R1_large_means(solver, n, offset):
    X, y = draw(n=n)
    X[:, 0] = 4.0 * (32.0 * X[:, 0]).round() / 32.0  # exact after the shift
    moved = X + [offset, 0.0, 0.0, 0.0]
    X[:, 0] = moved[:, 0] - offset
    model = SoftmaxRegression(solver=solver).fit(moved, y)
    expected = SoftmaxRegression(tol=1e-9).fit(X, y)
    assert model.dual_gap_ <= 1e-6
    np.testing.assert_allclose(model.coef_, expected.coef_, atol=5e-3)
    np.testing.assert_allclose(model.loss_, expected.loss_, rtol=1e-5)


@every_solver
def test_R1_only_constant_columns(solver):
    """What is left are the frequencies of the classes."""
    X, y = np.full((6, 3), 7.0), [0, 1, 2, 0, 1, 0]
    model = SoftmaxRegression(solver=solver).fit(X, y)
    np.testing.assert_allclose(model.predict_proba(X[:1]), [[3 / 6, 2 / 6, 1 / 6]], rtol=1e-9)
    wide = SoftmaxRegression(solver=solver).fit(np.full((6, 30), 7.0), y)
    np.testing.assert_allclose(wide.predict_proba(np.ones((1, 30))), [[3 / 6, 2 / 6, 1 / 6]])


@every_solver
@pytest.mark.parametrize(
    "options",
    [
        {"C": 1.0},
        {"C": 1e20},
        {"C": np.inf},
        {"C": 1e50, "penalty_factor": [1, 1, 1, 1, 9]},
        {"l1_ratio": 0.5},
        {"penalty": "group", "C": 1e6},
    ],
)
@pytest.mark.parametrize("value", [2024.0, -1e12, 1.7e18, 1e100])
def test_R1_constant_columns_of_any_size(solver, options, value):
    """A time in nanoseconds, say: products with it round by more than other features have."""
    X, y = draw()
    more = np.column_stack([X, np.full(len(X), value)])
    model = SoftmaxRegression(solver=solver, **options).fit(more, y)
    assert model.dual_gap_ <= 1e-6
    without = SoftmaxRegression(solver=solver, **{**options, "penalty_factor": None}).fit(X, y)
    np.testing.assert_allclose(model.loss_, without.loss_, rtol=1e-6)
    free = np.isinf(model.C)
    assert np.all(np.abs(model.coef_[:, 4] * value) < (0.1 if free else 1e-3))
    np.testing.assert_allclose(model.predict_proba(more), without.predict_proba(X), atol=5e-3)


# R2: separable classes.


@every_solver
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("p", [2, 60])
def test_R2_separable_without_penalty_is_told(solver, n_classes, fit_intercept, p):
    X, y = draw(n=40, p=p, n_classes=n_classes)
    X[:, :2] = np.array([[-3.0, 0.0], [3.0, 0.0], [0.0, 9.0]])[y] + 0.1 * X[:, :2]
    model = SoftmaxRegression(np.inf, solver=solver, fit_intercept=fit_intercept)
    with pytest.warns(ConvergenceWarning, match="infinity.*finite; use a finite C") as caught:
        model.fit(X, y)
    assert len(caught) == 1
    assert np.all(np.isfinite(model.coef_))
    assert model.score(X, y) == 1.0
    assert model.log_loss(X, y) < 1e-5


@every_solver
@pytest.mark.parametrize("C", [1.0, 1e4, 1e8])
def test_R2_separable_with_a_penalty_is_certified(solver, C):
    X, y = draw(n=40, p=3)
    X[:, 0] = 10.0 * y + 0.1 * X[:, 0]
    model = SoftmaxRegression(C, solver=solver).fit(X, y)
    assert model.dual_gap_ <= 1e-6
    assert model.score(X, y) == 1.0


@every_solver
@pytest.mark.parametrize("n_classes", [2, 3, 5])
@pytest.mark.parametrize("C", [1e12, 1e16, 1e20, 1e40])
def test_R2_separable_with_next_to_no_penalty_is_certified_quickly(solver, n_classes, C):
    """Curvatures p (1 - p) of 1e-20 are no rounding: a step takes a constant off the log-loss."""
    X, y = draw(n=60, p=40, n_classes=n_classes)
    turn = 2.0 * np.pi * y / n_classes
    X[:, :2] += 20.0 * np.column_stack([np.cos(turn), np.sin(turn)])
    model = SoftmaxRegression(C, solver=solver).fit(X, y)
    assert model.dual_gap_ <= 1e-6
    assert model.n_iter_ < 40 + 4.0 * np.log10(C)


@every_solver
def test_R2_tolerance_zero_ends_as_well(solver):
    """Neither endless nor silent, and no number of the result is NaN."""
    with pytest.warns(ConvergenceWarning):
        model = SoftmaxRegression(np.inf, tol=0, solver=solver).fit([[0.0], [1.0]], [0, 1])
    assert np.all(np.isfinite([model.coef_[0, 0], model.intercept_[0], model.loss_]))
    assert not np.isnan(model.dual_gap_)
    assert model.n_iter_ < 1000


# R3: weights.


@pytest.mark.parametrize("n_classes", [3, 4])
def test_R3_class_without_weight_keeps_its_column(n_classes):
    """Its coefficients are zero, its probability rounds to zero, the others are as without it."""
    X, y = draw(n_classes=n_classes)
    kept = y != 1
    model = SoftmaxRegression().fit(X, y, kept.astype(float))
    without = SoftmaxRegression().fit(X[kept], y[kept])
    assert model.coef_.shape == (n_classes, 4)
    assert list(model.classes_) == list(range(n_classes))
    np.testing.assert_array_equal(model.coef_[1], 0.0)
    proba = model.predict_proba(100 * X)
    assert proba[:, 1].max() < 1e-15
    assert np.all(np.isfinite(model.predict_log_proba(X)))
    others = np.delete(proba, 1, axis=1)
    np.testing.assert_allclose(others, without.predict_proba(100 * X), atol=1e-12)
    assert model.dual_gap_ <= 1e-6
    assert "total weight is zero" in " ".join(SoftmaxRegression.__doc__.split())


def test_R3_class_weight_zero_is_weight_zero():
    X, y = draw()
    one = SoftmaxRegression(class_weight={1: 0.0}).fit(X, y)
    other = SoftmaxRegression().fit(X, y, (y != 1).astype(float))
    np.testing.assert_array_equal(one.coef_, other.coef_)


def test_R3_balanced_weights_beside_a_class_without_weight():
    X, y = draw()
    model = SoftmaxRegression(class_weight="balanced").fit(X, y, (y != 1).astype(float))
    kept = y != 1
    without = SoftmaxRegression(class_weight="balanced").fit(X[kept], y[kept])
    proba = np.delete(model.predict_proba(X), 1, axis=1)
    np.testing.assert_allclose(proba, without.predict_proba(X), atol=1e-9)


def test_R3_all_weights_zero():
    X, y = draw()
    message = r"sample_weight must have a positive sum; got zero weights only\."
    with refuses(ValueError, message):
        SoftmaxRegression().fit(X, y, np.zeros(len(y)))


@pytest.mark.parametrize(("weight", "total"), [(1e308, "inf"), (5e-324, ".*e-322")])
def test_R3_weights_whose_sum_is_no_number(weight, total):
    X, y = draw()
    message = rf"sample_weight must have a sum that is finite and at least 2\.2e-308; got {total}\."
    with refuses(ValueError, message):
        SoftmaxRegression().fit(X, y, np.full(len(y), weight))


def test_R3_all_classes_but_one_without_weight():
    X, y = draw()
    message = r"y must contain at least two classes of positive weight; got 1 class: \[2\]\."
    with refuses(ValueError, message):
        SoftmaxRegression().fit(X, y, (y == 2).astype(float))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (-1.0, r"sample_weight must not be negative .*; got -1\.0 in row 7\."),
        (np.nan, r"Input sample_weight contains NaN\..*"),
        (np.inf, r"Input sample_weight contains infinity.*"),
    ],
)
def test_R3_R6_weight_that_is_none(value, message):
    X, y = draw()
    weights = np.ones(len(y))
    weights[7] = value
    with refuses(ValueError, message):
        SoftmaxRegression().fit(X, y, weights)
    model = SoftmaxRegression().fit(X, y)
    with refuses(ValueError, message):
        model.log_loss(X, y, weights)


@pytest.mark.parametrize("name", ["sample_weight", "offset"])
@pytest.mark.parametrize("value", ["abc", ["1.5"] * 150])
def test_R6_words_for_numbers(name, value):
    X, y = draw()
    with refuses(TypeError, rf"{name} must be numbers; got '(abc|1\.5)'\."):
        SoftmaxRegression().fit(X, y, **{name: value})


@pytest.mark.parametrize("shape", [(3,), (150, 1), (2, 75)])
def test_R6_weights_of_a_wrong_shape(shape):
    X, y = draw()
    message = r"sample_weight must have shape \(150,\), one weight for each row; got shape .*\."
    with refuses(ValueError, message):
        SoftmaxRegression().fit(X, y, np.ones(shape))


def test_R3_weights_of_any_size():
    """C counts weight: with C times the weights the same, the optimum is the same."""
    X, y = draw()
    expected = SoftmaxRegression(tol=1e-12).fit(X, y)
    for size in (1e-150, 1e-9, 1e9, 1e150):
        model = SoftmaxRegression(1.0 / size, tol=1e-12).fit(X, y, np.full(len(y), size))
        np.testing.assert_allclose(model.coef_, expected.coef_, rtol=1e-5)


# R4, R5: labels.


def test_R4_one_class():
    X, _ = draw()
    message = r"y must contain at least two classes .*; got 1 class: \['a'\]\."
    with refuses(ValueError, message):
        SoftmaxRegression().fit(X, ["a"] * len(X))


LABELS = {
    "str": np.array(["b", "a", "cc"]),
    "object": np.array(["b", "a", "cc"], dtype=object),
    "unsorted": np.array([7, -1, 3]),
    "bool": np.array([True, False, True]),
    "uint8": np.array([200, 0, 3], dtype=np.uint8),
    "float": np.array([2.0, 0.0, 1.0]),
}


@pytest.mark.parametrize("kind", LABELS)
def test_R5_labels_are_those_of_scikit_learn(kind):
    X, y = draw()
    labels = LABELS[kind][y]
    ours, theirs = SoftmaxRegression().fit(X, labels), LogisticRegression().fit(X, labels)
    np.testing.assert_array_equal(ours.classes_, theirs.classes_)
    assert ours.classes_.dtype == theirs.classes_.dtype
    assert ours.predict(X).dtype == theirs.predict(X).dtype
    assert np.mean(ours.predict(X) == theirs.predict(X)) > 0.98
    assert ours.log_loss(X, labels) == ours.log_loss(X, labels.tolist()) > 0


@pytest.mark.parametrize("ordered", [False, True])
def test_R5_pandas_categories_and_strings(ordered):
    X, y = draw()
    names = np.array(["b", "a", "c"])[y]
    expected = SoftmaxRegression().fit(X, names)
    kinds = [pd.Categorical(names, ["c", "a", "b", "unused"], ordered=ordered)]
    kinds += [pd.Series(kinds[0]), pd.Series(names), pl.Series(names.tolist())]
    for labels in kinds:
        model = SoftmaxRegression().fit(X, labels)
        assert list(model.classes_) == ["a", "b", "c"]
        np.testing.assert_array_equal(model.coef_, expected.coef_)
        np.testing.assert_allclose(model.log_loss(X, labels), expected.log_loss(X, names))


@pytest.mark.parametrize("labels", [[1, "a", 1, "a"], ["a", None, "a", None], ["a", "b", 1, 2.5]])
def test_R5_mixed_labels(labels):
    with pytest.raises((ValueError, TypeError)):
        SoftmaxRegression().fit(np.eye(4), np.array(labels, dtype=object))


def test_R5_continuous_and_two_dimensional_labels():
    X, y = draw()
    with pytest.raises(ValueError, match="continuous"):
        SoftmaxRegression().fit(X, X[:, 0])
    with pytest.raises(ValueError, match="1d array|dim 3"):
        SoftmaxRegression().fit(X, np.eye(3)[y][:, None])
    with pytest.warns(DataConversionWarning):
        SoftmaxRegression().fit(X, y[:, None])


@pytest.mark.parametrize("unknown", [5, -1, 1.5])
def test_R5_label_unknown_to_log_loss(unknown):
    X, y = draw()
    model = SoftmaxRegression().fit(X, y)
    fact = re.escape(str(unknown))
    message = rf"y must contain only the classes \[0, 1, 2\]; got .*{fact}.* in row 3\."
    labels = y.astype(type(unknown))
    labels[3] = unknown
    with refuses(ValueError, message):
        model.log_loss(X, labels)
    with refuses(ValueError, r"y must have as many rows as X, 150; got 149\."):
        model.log_loss(X, y[1:])


# R6: what is no number.


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_matrix])
def test_R6_X_that_is_not_finite(value, container):
    X, y = draw()
    model = SoftmaxRegression().fit(X, y)
    X[3, 2] = value
    for call in (lambda: clone(model).fit(container(X), y), lambda: model.predict(container(X))):
        with pytest.raises(ValueError, match="Input X contains (NaN|infinity)"):
            call()


def test_R6_y_that_is_not_a_number():
    X, y = draw()
    missing = np.where(np.arange(len(y)) == 3, np.nan, y)
    with pytest.raises(ValueError, match="NaN"):
        SoftmaxRegression().fit(X, missing)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        SoftmaxRegression().fit(X, y[1:])


PARAMETERS = [
    ("C", 0, ValueError, r"C must be a positive number or inf; got 0\."),
    ("C", -1.0, ValueError, r"C must be a positive number or inf; got -1\.0\."),
    ("C", np.nan, ValueError, r"C must be a positive number or inf; got nan\."),
    ("C", "1", TypeError, r"C must be a positive number or inf; got '1'\."),
    ("C", None, TypeError, r"C must be a positive number or inf; got None\."),
    ("C", True, TypeError, r"C must be a positive number or inf; got True\."),
    ("tol", -1e-9, ValueError, r"tol must be a number of at least 0; got -1e-09\."),
    ("tol", np.inf, ValueError, r"tol must be a number of at least 0; got inf\."),
    ("max_iter", 0, ValueError, r"max_iter must be an integer of at least 1; got 0\."),
    ("max_iter", 10.0, TypeError, r"max_iter must be an integer of at least 1; got 10\.0\."),
    ("solver", "sag", ValueError, r"solver must be one of 'auto', .*; got 'sag'\."),
    ("class_weight", "equal", ValueError, r"class_weight must be .*'balanced'.*; got 'equal'\."),
    ("class_weight", [1, 2, 3], TypeError, r"class_weight must be a dict, .*; got \[1, 2, 3\]\."),
    ("fit_intercept", 2, (TypeError, ValueError), r"fit_intercept must be .*; got 2\."),
    ("fit_intercept", "no", (TypeError, ValueError), r"fit_intercept must be .*; got 'no'\."),
    ("warm_start", "no", (TypeError, ValueError), r"warm_start must be .*; got 'no'\."),
]


@pytest.mark.parametrize(("name", "value", "error", "message"), PARAMETERS)
def test_R6_parameters(name, value, error, message):
    X, y = draw()
    with refuses(error, message):
        SoftmaxRegression(**{name: value}).fit(X, y)


@pytest.mark.parametrize("one", [1, np.int64(1), np.float32(1.0), np.float64(1.0)])
def test_numbers_of_any_type_are_parameters(one):
    X, y = draw()
    SoftmaxRegression(one, tol=0.1 * one, max_iter=int(10 * one)).fit(X, y)


# R8: memory.


def test_R8_read_only_and_mapped_X(tmp_path):
    X, y = draw()
    expected = SoftmaxRegression().fit(X, y)
    path = tmp_path / "X.npy"
    np.save(path, X)
    frozen = X.copy()
    frozen.flags.writeable = False
    for other in (frozen, np.load(path, mmap_mode="r")):
        model = SoftmaxRegression().fit(other, y)
        np.testing.assert_array_equal(model.coef_, expected.coef_)
        np.testing.assert_array_equal(model.predict_proba(other), expected.predict_proba(X))
    np.testing.assert_array_equal(np.load(path), X)


@every_solver
def test_X_y_and_weights_are_not_written_to(solver):
    X, y = draw()
    weights = np.random.default_rng(0).uniform(0, 2, len(y))
    copies = X.copy(), y.copy(), weights.copy()
    SoftmaxRegression(solver=solver, class_weight="balanced").fit(X, y, weights)
    for before, after in zip(copies, (X, y, weights), strict=True):
        np.testing.assert_array_equal(after, before)


STRIDES = {
    "C-order": lambda n, p, dtype: np.zeros((n, p), dtype),
    "F-order": lambda n, p, dtype: np.zeros((p, n), dtype).T,
    "every second": lambda n, p, dtype: np.zeros((n, 2 * p), dtype)[:, ::2],
}


def peak_of_fit(X, y, weights):
    """Bytes that a fit and the predictions take at most."""
    model = SoftmaxRegression(max_iter=1, tol=1e-12)
    tracemalloc.start()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, y, weights)
    model.predict(X)
    model.log_loss(X, y, weights)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


@pytest.mark.parametrize("strides", STRIDES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("n", "p"), [(120_000, 64), (400, 19_000)], ids=["long", "wide"])
@pytest.mark.parametrize("weighted", [False, True])
def test_R8_X_is_never_copied_whole(strides, dtype, n, p, weighted):
    """R7, R8: neither cast nor reordered, for any strides."""
    p *= 8 // dtype(0).itemsize
    X = STRIDES[strides](n, p, dtype)
    rng = np.random.default_rng(0)
    X[:, :8] = rng.standard_normal((n, 8))
    y = np.argmax(X[:, :3] + rng.gumbel(size=(n, 3)), axis=1)
    weights = rng.uniform(0.5, 1.5, n) if weighted else None
    share = 0.5 if n > p else 0.8  # of wide data blocks of 64 rows and coefficients are large
    assert peak_of_fit(X, y, weights) < share * X.nbytes


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_R8_sparse_X_is_never_copied_whole(dtype):
    n, p, per_row = 100_000, 200, 50
    rng = np.random.default_rng(0)
    columns = (rng.integers(0, p // per_row, (n, 1)) + np.arange(0, p, p // per_row)).astype(
        np.int32
    )
    numbers = rng.standard_normal(n * per_row, dtype=np.float32).astype(dtype)
    edges = np.arange(0, n * per_row + 1, per_row, dtype=np.int32)
    X = sparse.csr_matrix((numbers, columns.ravel(), edges), (n, p))
    y = rng.integers(0, 3, n)
    assert peak_of_fit(X, y, None) < 0.9 * (X.data.nbytes + X.indices.nbytes)


# R9: small and strange shapes.


@every_solver
@pytest.mark.parametrize("C", [1e-3, 1.0, 1e4])
def test_R9_one_row_per_class(solver, C):
    model = SoftmaxRegression(C, solver=solver).fit(np.eye(4), [3, 1, 2, 0])
    np.testing.assert_array_equal(model.predict(np.eye(4)), [3, 1, 2, 0])


@every_solver
def test_R9_more_classes_than_features(solver):
    X, y = draw(n=300, p=1, n_classes=20)
    y = np.arange(300) % 20
    model = SoftmaxRegression(solver=solver).fit(X, y)
    assert model.predict_proba(X).shape == (300, 20)
    assert model.dual_gap_ <= 1e-6


@every_solver
def test_R9_one_feature(solver):
    X, y = draw(p=1)
    assert SoftmaxRegression(solver=solver).fit(X, y).coef_.shape == (3, 1)


@every_solver
def test_R9_two_rows(solver):
    model = SoftmaxRegression(solver=solver).fit([[0.0, 1.0], [1.0, 0.0]], ["a", "b"])
    assert model.predict([[0.0, 1.0]]) == ["a"]


@pytest.mark.parametrize("X", [np.empty((5, 0)), np.empty((0, 3)), np.ones(5), np.ones((5, 1, 1))])
def test_R9_no_features_no_rows_or_other_dimensions(X):
    with pytest.raises(ValueError, match=r"0 feature|0 sample|2D array|dim(ension)? 3"):
        SoftmaxRegression().fit(X, [0, 1, 0, 1, 0][: len(X)])


# R10: the limit of iterations.


@pytest.mark.parametrize("solver", ["lbfgs", "newton"])
@pytest.mark.parametrize("max_iter", [1, 2])
def test_R10_limit_states_the_certified_gap_and_the_result_is_usable(solver, max_iter):
    X, y = draw(n=400)
    X, C = X * np.logspace(-3, 3, 4), 100.0
    model = SoftmaxRegression(C, solver=solver, max_iter=max_iter, tol=1e-13)
    with pytest.warns(ConvergenceWarning, match="Increase max_iter or tol") as caught:
        model.fit(X, y)
    stated = float(re.search(r"relative gap of (\S+) of", str(caught[0].message))[1])
    np.testing.assert_allclose(stated, model.dual_gap_, rtol=0.1)
    assert model.n_iter_ == max_iter
    best = SoftmaxRegression(C).fit(X, y)
    assert model.dual_gap_ >= (model.loss_ - best.loss_) / model.loss_ - 1e-9
    assert model.score(X, y) > 0.5
    assert len(caught) == 1


def test_R10_default_fit_of_digits_has_no_warning():
    X, y = load_digits(return_X_y=True)
    assert SoftmaxRegression().fit(X, y).dual_gap_ <= 1e-6


@pytest.mark.parametrize("solver", ["lbfgs", "newton"])
def test_R10_tolerance_below_rounding_is_told(solver):
    X, y = draw()
    with pytest.warns(ConvergenceWarning, match="Use float64 data or a larger tol"):
        model = SoftmaxRegression(tol=0, solver=solver).fit(X, y)
    assert model.dual_gap_ < 1e-9
    assert model.n_iter_ < 100


@pytest.mark.parametrize("solver", ["lbfgs", "newton"])
@pytest.mark.parametrize(("C", "unit"), [(1e100, 1.0), (1.0, 1e20)])
def test_R10_penalty_too_weak_to_certify_ends_soon(solver, C, unit):
    """Below rounding the penalty bounds nothing: that is told, and the optimum is reached."""
    X, y = draw()
    model = SoftmaxRegression(C, solver=solver)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X * [unit, 1.0, 1.0, 1.0], y)
    best = SoftmaxRegression(1e6 if unit == 1.0 else 1.0, tol=1e-9).fit(X * [unit**0.3, 1, 1, 1], y)
    assert model.n_iter_ < 100
    np.testing.assert_allclose(model.loss_, best.loss_, rtol=1e-5)


# R11: interrupts and errors in fit.


def previous(model):
    return {name: copy.copy(getattr(model, name)) for name in FITTED}


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
@pytest.mark.parametrize("n_features", [4, 3])
@pytest.mark.parametrize("warm_start", [False, True])
def test_R11_interrupt_leaves_the_previous_fit(monkeypatch, error, n_features, warm_start):
    X, y = draw()
    model = SoftmaxRegression(warm_start=warm_start).fit(pd.DataFrame(X, columns=list("abcd")), y)
    before = previous(model)

    def interrupted(*args, **kwargs):
        raise error

    monkeypatch.setitem(SOLVERS, "auto", interrupted)
    with pytest.raises(error):
        model.fit(X[:, :n_features], y == 1)
    for name, value in before.items():
        np.testing.assert_array_equal(getattr(model, name), value)
    assert list(model.feature_names_in_) == list("abcd")
    model.predict(pd.DataFrame(X, columns=list("abcd")))


def test_R11_wrong_data_leave_the_previous_fit():
    X, y = draw()
    model = SoftmaxRegression().fit(X, y)
    before = previous(model)
    wrong = [
        (X[:, :2], np.zeros(len(y)), None),
        (X[:, :2], y, -np.ones(len(y))),
        (X[:, :2], X[:, 0], None),
    ]
    for arguments in wrong:
        with pytest.raises(ValueError, match=r"class|negative|continuous"):
            model.fit(*arguments)
        for name, value in before.items():
            np.testing.assert_array_equal(getattr(model, name), value)
    model.predict(X)


# R13: before a fit, and other features.


@pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_log_proba"])
def test_R13_predictions_before_a_fit_and_of_other_features(method):
    X, y = draw()
    with pytest.raises(NotFittedError):
        getattr(SoftmaxRegression(), method)(X)
    model = SoftmaxRegression().fit(pd.DataFrame(X, columns=list("abcd")), y)
    with pytest.raises(ValueError, match="X has 3 features, but SoftmaxRegression is expecting 4"):
        getattr(SoftmaxRegression().fit(X, y), method)(X[:, :3])
    with pytest.raises(ValueError, match="feature names should match"):
        getattr(model, method)(pd.DataFrame(X, columns=list("abdc")))
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        getattr(model, method)(X)


def test_R13_log_loss_before_a_fit():
    with pytest.raises(NotFittedError):
        SoftmaxRegression().log_loss([[0.0]], [0])


# The rest of the contract.


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_frames(frame):
    X, y = draw()
    names = [f"f{j}" for j in range(4)]
    table = frame(dict(zip(names, X.T, strict=True)))
    model, plain = SoftmaxRegression().fit(table, y), SoftmaxRegression().fit(X, y)
    np.testing.assert_allclose(model.coef_, plain.coef_, rtol=1e-12)
    assert list(model.feature_names_in_) == names
    np.testing.assert_allclose(model.predict_proba(table), plain.predict_proba(X), rtol=1e-10)
    mixed = pd.DataFrame({"a": X[:, 0], "b": np.arange(len(X)), "c": X[:, 1] > 0})
    assert SoftmaxRegression().fit(mixed, y).n_features_in_ == 3


def test_clone_and_pickle():
    X, y = draw()
    model = SoftmaxRegression(2.0, tol=1e-5, class_weight={0: 2.0}).fit(X, y)
    assert clone(model).get_params() == model.get_params()
    assert not hasattr(clone(model), "coef_")
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    assert set(vars(model)) == {*model.get_params(), *FITTED, "_weight"}


def test_fit_is_deterministic_and_returns_itself():
    X, y = draw(n=20_000)
    model = SoftmaxRegression(solver="lbfgs")
    assert model.fit(X, y) is model
    np.testing.assert_array_equal(model.coef_, clone(model).fit(X, y).coef_)


def test_pipeline_and_grid_search():
    X, y = draw()
    search = GridSearchCV(
        make_pipeline(StandardScaler(), SoftmaxRegression()),
        {"softmaxregression__C": [0.01, 1.0], "softmaxregression__solver": list(SOLVERS)},
        scoring="neg_log_loss",
        cv=2,
    )
    assert search.fit(X, y).best_score_ > -1.1


def test_single_rows_have_the_same_probabilities():
    X, y = draw()
    model = SoftmaxRegression().fit(X, y)
    rows = np.concatenate([model.predict_log_proba(row[None]) for row in X])
    np.testing.assert_allclose(rows, model.predict_log_proba(X), atol=1e-13)


@every_solver
@pytest.mark.parametrize("scale", [1e-100, 1e-30, 1e30, 1e100])
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_matrix])
def test_units_that_no_one_uses_give_numbers(scale, solver, container):
    """No overflow on the way; an optimum out of reach is told."""
    X, y = draw()
    model = SoftmaxRegression(solver=solver, max_iter=50)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(container(X * [scale, 1.0, 1.0, 1.0]), y)
    assert np.all(np.isfinite(model.coef_))
    assert model.loss_ < np.log(3)


@pytest.mark.parametrize("scale", [1e160, 1e300])
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_matrix])
def test_numbers_whose_squares_overflow_are_refused(scale, container):
    X, y = draw()
    with refuses(ValueError, r"X must have columns whose root mean square is .*; column 2 has .*"):
        SoftmaxRegression().fit(container(X * [1.0, 1.0, scale, 1.0]), y)


@pytest.mark.parametrize("scale", [1e-200, 1e-300, 5e-324])
def test_numbers_whose_squares_underflow_count_as_constant(scale):
    X, y = draw()
    model = SoftmaxRegression().fit(X * [1.0, 1.0, scale, 1.0], y)
    assert np.all(np.isfinite(model.coef_))
    assert model.dual_gap_ <= 1e-6


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64, np.uint64])
def test_R5_integers_keep_their_dtype_and_order(dtype):
    X, y = draw()
    labels = np.array([7, 0, 3], dtype=dtype)[y]
    model = SoftmaxRegression().fit(X, labels)
    assert model.classes_.dtype == dtype
    assert list(model.classes_) == [0, 3, 7]
    expected = SoftmaxRegression().fit(X, labels.astype(float))
    np.testing.assert_array_equal(model.coef_, expected.coef_)
