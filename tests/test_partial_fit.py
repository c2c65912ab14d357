"""Laws of partial_fit: batches against fits of all rows."""

import pickle
import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.utils import shuffle
from threadpoolctl import threadpool_limits

from sklearn_softmax import SoftmaxRegression
from sklearn_softmax._streams import stream as stream_module

SHIPPED = [load_iris, load_wine, load_breast_cancer, load_digits]


def stream(X, y, size, sample_weight=None, classes=None, model=None, **parameters):
    model = SoftmaxRegression(**parameters) if model is None else model
    classes = np.unique(y) if classes is None else classes
    for start in range(0, len(y), size):
        rows = slice(start, start + size)
        weight = None if sample_weight is None else sample_weight[rows]
        model.partial_fit(X[rows], y[rows], classes=classes, sample_weight=weight)
    return model


def linear(n_rows=600, n_features=4, n_classes=3, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_rows, n_features))
    logits = X @ rng.standard_normal((n_features, n_classes))
    return X, np.argmax(logits + rng.gumbel(size=logits.shape), axis=1)


def ill_scaled(n_rows=3000, n_features=10, n_classes=4):
    X, y = linear(n_rows, n_features, n_classes)
    scale = np.logspace(-3, 6, n_features)
    return X * scale + 100.0 * scale, y


@pytest.fixture
def small_memory(monkeypatch):
    """Of 4 features, 75 rows."""
    monkeypatch.setattr(stream_module, "KEPT_NUMBERS", 300)


@pytest.mark.parametrize("load", [*SHIPPED, lambda **_: ill_scaled()])
@pytest.mark.parametrize("size", [50, 256])
def test_one_pass_is_as_good_as_a_fit(load, size):
    X, y = shuffle(*load(return_X_y=True), random_state=1)
    train, test = slice(0, 3 * len(y) // 4), slice(3 * len(y) // 4, None)
    model = stream(X[train], y[train], size)
    full = SoftmaxRegression().fit(X[train], y[train])
    assert model.log_loss(X[test], y[test]) <= 1.02 * full.log_loss(X[test], y[test])


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("C", [0.01, 1.0, 100.0, np.inf])
def test_one_batch_is_a_fit(n_classes, C):
    X, y = linear(n_classes=n_classes)
    full = SoftmaxRegression(C=C, tol=1e-10).fit(X, y)
    model = SoftmaxRegression(C=C, tol=1e-10).partial_fit(X, y, classes=range(n_classes))
    np.testing.assert_allclose(model.coef_, full.coef_, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(model.intercept_, full.intercept_, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("size", [1, 7, 100, 599])
def test_split_does_not_matter(size):
    X, y = linear()
    full = SoftmaxRegression(tol=1e-10).fit(X, y)
    model = stream(X, y, size)
    np.testing.assert_allclose(model.coef_, full.coef_, atol=2e-3)
    assert model.log_loss(X, y) <= (1 + 1e-4) * full.log_loss(X, y)


def test_rows_beyond_memory_count(small_memory):
    X, y = linear(4000)
    full = SoftmaxRegression().fit(X, y)
    model = stream(X, y, 20)
    assert len(model._stream.kept) <= 75
    assert model.log_loss(X, y) <= 1.001 * full.log_loss(X, y)
    np.testing.assert_allclose(model.coef_, full.coef_, atol=0.1)


@pytest.mark.parametrize("kind", ["blocks", "diagonal"])
def test_estimates_converge_with_any_curvature(kind, small_memory, monkeypatch):
    monkeypatch.setattr("sklearn_softmax._streams.rows.stream_costs.form_kind", lambda *_: kind)
    X, y = linear(6000)
    full = SoftmaxRegression().fit(X, y)
    model = stream(X, y, 20)
    assert model.log_loss(X, y) <= 1.01 * full.log_loss(X, y)


@pytest.mark.parametrize("kind", ["dense", "blocks", "diagonal"])
def test_correlated_features_do_no_harm(kind, small_memory, monkeypatch):
    """A diagonal is far less than the curvature of their sum: kept rows must make up for it."""
    monkeypatch.setattr("sklearn_softmax._streams.rows.stream_costs.form_kind", lambda *_: kind)
    rng = np.random.default_rng(0)
    X, y = linear(4000)
    wide = np.column_stack([X[:, :1] + 0.1 * rng.standard_normal((len(X), 12)), X[:, 1:]])
    train, test = slice(0, 3000), slice(3000, None)
    full = SoftmaxRegression().fit(wide[train], y[train])
    model = stream(wide[train], y[train], 10)
    assert model.log_loss(wide[test], y[test]) <= 1.04 * full.log_loss(wide[test], y[test])


@pytest.mark.parametrize("memory", [300, 1 << 20])
def test_scales_of_features_do_not_matter(memory, monkeypatch):
    monkeypatch.setattr(stream_module, "KEPT_NUMBERS", memory)
    X, y = linear()
    scale = np.array([1e-6, 1.0, 1e3, 1e8])
    plain = stream(X, y, 30, C=np.inf)
    scaled = stream(X * scale, y, 30, C=np.inf)
    np.testing.assert_allclose(scaled.coef_ * scale, plain.coef_, rtol=1e-3)
    np.testing.assert_allclose(scaled.intercept_, plain.intercept_, atol=1e-3)


def test_means_of_features_do_not_matter(small_memory):
    X, y = linear()
    plain, shifted = stream(X, y, 30), stream(X + 1e6, y, 30)
    np.testing.assert_allclose(shifted.coef_, plain.coef_, atol=1e-6)


def test_features_that_drift_are_followed(small_memory):
    """Coordinates of what is gone move with the rows that are kept."""
    X, y = linear(2000)
    drift = np.linspace(0.0, 1.0, len(X))[:, None]
    moving = X * (1.0 + 50.0 * drift) + 200.0 * drift
    order = np.argsort(np.arange(len(X)))
    full = SoftmaxRegression().fit(moving, y)
    model = stream(moving[order], y[order], 40)
    assert model.log_loss(moving, y) <= 1.05 * full.log_loss(moving, y)


def test_order_of_classes_permutes():
    X, y = linear()
    order = np.array([2, 0, 1])
    plain, permuted = stream(X, y, 50), stream(X, order[y], 50)
    np.testing.assert_allclose(permuted.coef_[order], plain.coef_, atol=1e-4)


@pytest.mark.parametrize("memory", [300, 1 << 20])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_sparse_is_dense(memory, fit_intercept, monkeypatch):
    X, y = linear()
    X[np.abs(X) < 0.5] = 0.0
    monkeypatch.setattr(stream_module, "KEPT_NUMBERS", memory)
    dense = stream(X, y, 50, fit_intercept=fit_intercept)
    # the same rows must leave: stored numbers count
    monkeypatch.setattr(stream_module, "KEPT_NUMBERS", 1 << 20 if memory > 300 else 185)
    same = stream(sparse.csr_matrix(X), y, 50, fit_intercept=fit_intercept)
    np.testing.assert_allclose(same.coef_, dense.coef_, atol=1e-3 if memory > 300 else 0.1)


def test_integer_weights_are_repeated_rows():
    X, y = linear()
    weight = np.random.default_rng(0).integers(0, 3, len(y))
    weighted = stream(X, y, 50, sample_weight=weight.astype(float))
    repeated = SoftmaxRegression().fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, atol=2e-3)


def test_class_weights_are_sample_weights():
    X, y = linear()
    by_class = stream(X, y, 50, class_weight={0: 3.0, 1: 1.0, 2: 0.5})
    by_row = stream(X, y, 50, sample_weight=np.array([3.0, 1.0, 0.5])[y])
    np.testing.assert_array_equal(by_class.coef_, by_row.coef_)


def test_a_second_pass_counts_every_row_twice():
    X, y = linear()
    model = stream(X, y, 100)
    stream(X, y, 100, model=model)
    twice = SoftmaxRegression(C=2.0).fit(X, y)
    assert model.n_samples_seen_ == 2 * len(y)
    np.testing.assert_allclose(model.coef_, twice.coef_, atol=2e-3)


def test_more_rows_after_a_fit():
    X, y = linear(6000)
    model = SoftmaxRegression().fit(X[:3000], y[:3000])
    first = model.coef_
    model = stream(X[3000:], y[3000:], 500, model=model)
    full = SoftmaxRegression().fit(X, y)
    assert model.n_samples_seen_ == 3000
    assert np.abs(model.coef_ - full.coef_).max() < 0.2 * np.abs(first - full.coef_).max()
    assert not hasattr(model, "dual_gap_")


def test_fit_forgets_the_stream():
    X, y = linear()
    model = stream(X[:300], y[:300], 50).fit(X, y)
    assert vars(model).keys() == vars(SoftmaxRegression().fit(X, y)).keys()
    np.testing.assert_array_equal(model.coef_, SoftmaxRegression().fit(X, y).coef_)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_tables_and_smoothing(n_classes):
    """Batches of labels and of tables may alternate."""
    X, y = linear(n_classes=n_classes)
    table = np.random.default_rng(0).dirichlet(np.ones(n_classes), len(y)) * (1 + y[:, None])
    table[:300] = 2.0 * np.eye(n_classes)[y[:300]]
    options = {"label_smoothing": 0.1, "class_weight": dict(enumerate([2.0, 1.0, 0.5][:n_classes]))}
    model = SoftmaxRegression(classes=range(n_classes), **options)
    for start in range(0, 300, 50):
        rows = slice(start, start + 50)
        model.partial_fit(X[rows], y[rows], sample_weight=np.full(50, 2.0))
    for start in range(300, 600, 50):
        model.partial_fit(X[start : start + 50], table[start : start + 50])
    full = SoftmaxRegression(**options).fit(X, table)
    np.testing.assert_allclose(model.coef_, full.coef_, atol=2e-3)


def test_columns_in_the_order_of_classes():
    X, y = linear()
    plain = stream(X, y, 100)
    table = stream(X, np.eye(3)[y][:, [2, 0, 1]], 100, classes=[2, 0, 1])
    np.testing.assert_allclose(table.coef_, plain.coef_, rtol=1e-9)


def test_classes_that_come_late():
    X, y = linear()
    order = np.argsort(y, kind="stable")
    model = SoftmaxRegression()
    model.partial_fit(X[y == 0][:5], y[y == 0][:5], classes=[0, 1, 2])
    assert 0.5 < model.predict_proba(X)[:, 0].mean() < 0.99
    model = stream(X[order], y[order], 50)
    full = SoftmaxRegression().fit(X, y)
    assert model.log_loss(X, y) <= 1.001 * full.log_loss(X, y)


@pytest.mark.parametrize("size", [1, 3])
def test_separable_rows_without_penalty_stay_finite(size):
    X = np.array([[-2.0], [-1.0], [1.0], [2.0]])
    y = np.array(["a", "a", "b", "b"])
    model = stream(X, y, size, C=np.inf)
    assert np.isfinite(model.coef_).all()
    assert list(model.predict(X)) == list(y)


def test_float32_stays():
    X, y = linear()
    model, exact = stream(X.astype(np.float32), y, 50), stream(X, y, 50)
    assert model.coef_.dtype == model.predict_proba(X.astype(np.float32)).dtype == np.float32
    np.testing.assert_allclose(model.coef_, exact.coef_, atol=1e-4)


@pytest.mark.parametrize("load", [load_digits, load_iris])
def test_threads_change_no_bit(load):
    X, y = shuffle(*load(return_X_y=True), random_state=0)
    coefs = []
    for n_threads in (1, 2):
        with threadpool_limits(n_threads, user_api="blas"):
            coefs.append(stream(X, y, 400).coef_)
    np.testing.assert_array_equal(*coefs)


def test_pickle_and_clone():
    X, y = linear()
    model = stream(X[:300], y[:300], 50)
    again = pickle.loads(pickle.dumps(model))
    for each in (model, again):
        stream(X[300:], y[300:], 50, model=each)
    np.testing.assert_array_equal(again.coef_, model.coef_)
    assert not hasattr(clone(model), "coef_")
    assert clone(model)._stream is None


def test_batches_may_be_overwritten():
    X, y = linear()
    model, other, buffer = SoftmaxRegression(), SoftmaxRegression(), np.empty((100, 4))
    for start in range(0, 600, 100):
        buffer[:] = X[start : start + 100]
        labels = y[start : start + 100]
        model.partial_fit(buffer, labels, classes=[0, 1, 2])
        other.partial_fit(X[start : start + 100], labels, classes=[0, 1, 2])
    np.testing.assert_array_equal(model.coef_, other.coef_)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": [7, 0, 1]}, "y must contain only the classes"),
        ({"X": np.ones((3, 9))}, "9 features"),
        ({"X": np.full((3, 4), np.nan)}, "NaN"),
        ({"X": np.full((3, 4), 1e200)}, "X must have numbers below"),
        ({"classes": [0, 1]}, "classes must be those of the calls before"),
        ({"sample_weight": [1.0, -1.0, 1.0]}, "sample_weight must not be negative"),
    ],
)
def test_errors_leave_the_state(change, message):
    X, y = linear()
    model = stream(X, y, 200)
    before, held = model.coef_.copy(), model._stream
    with pytest.raises(ValueError, match=message):
        model.partial_fit(**{"X": X[:3], "y": y[:3]} | change)
    assert model._stream is held
    np.testing.assert_array_equal(model.coef_, before)


def test_a_failed_first_call_leaves_nothing():
    X, y = linear()
    model = SoftmaxRegression()
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        model.partial_fit(X, y)
    with pytest.raises(ValueError, match="classes must be at least two"):
        model.partial_fit(X, np.zeros_like(y), classes=[0])
    with pytest.raises(ValueError, match="class_weight must be a dict or None for partial_fit"):
        model.set_params(class_weight="balanced").partial_fit(X, y, classes=[0, 1, 2])
    assert not [name for name in vars(model) if name.endswith("_")]


def test_the_intercept_must_stay():
    X, y = linear()
    model = stream(X, y, 200).set_params(fit_intercept=False)
    with pytest.raises(ValueError, match="fit_intercept must stay"):
        model.partial_fit(X, y)


def test_no_warnings():
    X, y = linear(200)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stream(X, y, 10, C=np.inf)


@pytest.mark.parametrize("options", [{"l1_ratio": 0.5}, {"penalty": "group"}])
def test_penalties_with_a_norm_have_no_stream(options):
    X, y = load_iris(return_X_y=True)
    model = SoftmaxRegression(**options)
    assert not hasattr(model, "partial_fit")
    with pytest.raises(AttributeError, match="has no attribute 'partial_fit'") as raised:
        model.partial_fit(X, y, classes=[0, 1, 2])
    assert "partial_fit needs a ridge" in str(raised.value.__cause__)
    with pytest.raises(ValueError, match="the same for all features"):
        SoftmaxRegression(penalty_factor=[1.0, 2.0, 0.0, 1.0]).partial_fit(X, y, classes=[0, 1, 2])
