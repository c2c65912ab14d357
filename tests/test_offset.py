"""Offsets: laws, numbers of R, predictions and metadata routing."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import optimize, sparse
from scipy.special import log_softmax
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_softmax import SoftmaxRegression
from sklearn_softmax._core.threads import Threads
from sklearn_softmax._solvers import SOLVERS

TIGHT = 1e-13
every_solver = pytest.mark.parametrize("solver", SOLVERS)
class_numbers = pytest.mark.parametrize("n_classes", [2, 3, 5])


def draw(n=150, p=4, n_classes=3, seed=0, noise=1.0):
    """Features, labels, and an offset that the labels follow, too."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) * np.logspace(-0.5, 0.5, p) + np.linspace(-1, 1, p)
    offset = 2.0 * rng.standard_normal((n, n_classes)) + np.arange(n_classes)
    logits = X @ rng.standard_normal((p, n_classes)) + offset
    y = np.argmax(logits + noise * rng.gumbel(size=logits.shape), axis=1)
    return X, y, offset[:, 1] - offset[:, 0] if n_classes == 2 else offset


def fit(X, y, sample_weight=None, offset=None, **options):
    return SoftmaxRegression(**{"tol": TIGHT, **options}).fit(X, y, sample_weight, offset)


def assert_same(one, other, atol=1e-6):
    np.testing.assert_allclose(one.coef_, other.coef_, atol=atol)
    np.testing.assert_allclose(one.intercept_, other.intercept_, atol=atol)


def all_logits(model, X, offset):
    """By hand, from coefficients and offset."""
    logits = X @ model.coef_.T + model.intercept_
    if len(model.coef_) > 1:
        return logits + offset
    return np.column_stack([np.zeros(len(X)), logits[:, 0] + offset])


# The optimum.


@every_solver
@class_numbers
@pytest.mark.parametrize("C", [0.1, 100.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_optimum_is_that_of_an_independent_minimisation(solver, n_classes, C, weighted):
    X, y, offset = draw(n_classes=n_classes)
    weights = np.linspace(0.1, 3.0, len(y)) if weighted else np.ones(len(y))
    rows = np.column_stack([X, np.ones(len(X))])
    free = n_classes if n_classes > 2 else 1

    def evaluate(flat):
        params = flat.reshape(free, -1)
        logits = rows @ params.T + offset.reshape(len(X), -1)
        logits = np.column_stack([np.zeros(len(X)), logits]) if free == 1 else logits
        logs = log_softmax(logits, axis=1)
        slopes = C * weights[:, None] * (np.exp(logs) - np.eye(n_classes)[y])
        gradient = slopes[:, -free:].T @ rows
        gradient[:, :-1] += params[:, :-1]
        loss = -C * weights @ logs[np.arange(len(y)), y]
        return loss + 0.5 * np.sum(params[:, :-1] ** 2), gradient.ravel()

    options = {"maxiter": 5000, "ftol": 1e-15, "gtol": 1e-9, "maxcor": 50}
    start = np.zeros(free * rows.shape[1])
    best = optimize.minimize(evaluate, start, jac=True, method="L-BFGS-B", options=options).fun
    model = fit(X, y, weights, offset, C=C, solver=solver)
    found, _ = evaluate(np.column_stack([model.coef_, model.intercept_]).ravel())
    np.testing.assert_allclose(found, best, rtol=1e-10)
    np.testing.assert_allclose(model.loss_, best / (C * weights.sum()), rtol=1e-9)
    default = SoftmaxRegression(C, solver=solver).fit(X, y, weights, offset)
    found, _ = evaluate(np.column_stack([default.coef_, default.intercept_]).ravel())
    assert 0 <= default.dual_gap_ <= 1e-6
    assert -1e-10 <= found / best - 1 <= default.dual_gap_ + 1e-10


# glmnet 4.1.6: ridge, standardize = FALSE, thresh = 1e-16, at lambda = 0; features of iris, labels
# and offsets of `made_up`. Intercept and coefficients; for three classes up to constants.
GLMNET = [
    [2.860176405278, 0.194970437926, -0.212896052028, -1.529901729000, 1.784553867439],
    [0.707656266200, -0.287357373180, -0.111502926920, 0.949629435385, -1.667409743166],
    [-3.567832671477, 0.092386935254, 0.324398978948, 0.580272293615, -0.117144124273],
]
# glm, epsilon = 1e-14, of class 0 against the others, with the second offset.
GLM = [-2.816713233039, -0.300851833912, 0.179722838027, 2.375363763984, -3.104199382772]


def made_up():
    X, y = load_iris(return_X_y=True)
    i = np.arange(len(y))
    moved = i % 4 == 0
    labels = np.where(moved, (y + 1 + i // 4 % 2) % 3, y)
    return X, labels, np.column_stack([np.sin(i), np.cos(2 * i), 0.5 * np.sin(3 * i)])


@every_solver
def test_numbers_of_glmnet_and_glm(solver):
    X, y, offset = made_up()
    options = {"C": np.inf, "solver": solver}
    model = fit(X, y, offset=offset, **options)
    expected = np.array(GLMNET) - np.mean(GLMNET, axis=0)
    np.testing.assert_allclose(model.intercept_, expected[:, 0], atol=1e-4)
    np.testing.assert_allclose(model.coef_, expected[:, 1:], atol=2e-5)
    model = fit(X, y > 0, offset=offset[:, 1], **options)
    np.testing.assert_allclose(np.append(model.intercept_, model.coef_), GLM, atol=1e-5)


# Laws.


@every_solver
@class_numbers
def test_offset_is_a_feature_with_a_fixed_coefficient(solver, n_classes):
    """Features whose coefficients are known may be moved to the offset, without a penalty."""
    X, y, _ = draw(n_classes=n_classes, noise=5.0)
    full = fit(X, y, C=np.inf, solver=solver)
    known = X[:, 2:] @ full.coef_[:, 2:].T
    offset = known[:, 0] if n_classes == 2 else known
    part = fit(X[:, :2], y, offset=offset, C=np.inf, solver=solver)
    np.testing.assert_allclose(part.coef_, full.coef_[:, :2], atol=2e-5)
    np.testing.assert_allclose(part.intercept_, full.intercept_, atol=2e-5)
    np.testing.assert_allclose(
        part.predict_proba(X[:, :2], offset=offset), full.predict_proba(X), atol=1e-5
    )


@every_solver
@class_numbers
def test_constant_offset_is_absorbed_by_the_intercept(solver, n_classes):
    X, y, offset = draw(n_classes=n_classes)
    constant = np.linspace(-3, 5, n_classes) if n_classes > 2 else np.array(4.0)
    one, other = (fit(X, y, offset=o, solver=solver) for o in (offset, offset + constant))
    np.testing.assert_allclose(one.coef_, other.coef_, atol=1e-6)
    moved = one.intercept_ - other.intercept_
    np.testing.assert_allclose(moved - moved.mean(), (constant - constant.mean()), atol=1e-6)
    if n_classes == 2:
        np.testing.assert_allclose(moved, constant, atol=1e-6)


@class_numbers
def test_offset_of_zero_and_a_constant_of_each_row_change_nothing(n_classes):
    X, y, offset = draw(n_classes=n_classes)
    assert_same(fit(X, y, offset=0.0 * offset), fit(X, y))
    if n_classes > 2:
        each = 100.0 * np.sin(np.arange(len(y)))[:, None]
        assert_same(fit(X, y, offset=offset + each), fit(X, y, offset=offset))


@pytest.mark.parametrize("kind", [list, pd.Series, pl.Series, np.float32])
def test_kinds_of_a_flat_offset(kind):
    X, y, offset = draw(n_classes=2)
    offset = np.round(offset, 1).astype(np.float32).astype(float)
    assert_same(fit(X, y, offset=kind(offset)), fit(X, y, offset=offset), atol=1e-8)


def test_two_columns_of_two_classes_are_their_difference():
    X, y, offset = draw(n_classes=2)
    columns = np.column_stack([np.sin(offset), np.sin(offset) + offset])
    model, same = fit(X, y, offset=offset), fit(X, y, offset=columns)
    assert_same(model, same)
    assert_same(model, fit(X, y, offset=offset[:, None]))
    np.testing.assert_allclose(
        model.decision_function(X, offset=columns), model.decision_function(X, offset), atol=1e-12
    )


@class_numbers
def test_offset_without_intercept(n_classes):
    X, y, offset = draw(n_classes=n_classes, noise=5.0)
    one, ones = np.ones((len(y), 1)), np.column_stack([X, np.ones(len(y))])
    model = fit(ones, y, offset=offset, fit_intercept=False, C=np.inf)
    expected = fit(X, y, offset=offset, C=np.inf)
    np.testing.assert_allclose(model.coef_[:, :-1], expected.coef_, atol=1e-5)
    assert np.all(fit(one, y, offset=offset, fit_intercept=False).intercept_ == 0)


@class_numbers
def test_weights_are_repeated_rows_and_rows_of_weight_zero_are_removed(n_classes):
    X, y, offset = draw(n_classes=n_classes)
    counts = np.random.default_rng(2).integers(0, 4, len(y))
    repeated = [np.repeat(part, counts, axis=0) for part in (X, y, offset)]
    assert_same(fit(X, y, counts, offset), fit(repeated[0], repeated[1], offset=repeated[2]))


def test_permuted_classes_permute():
    X, y, offset = draw(n_classes=4)
    order = np.array([2, 0, 3, 1])
    model = fit(X, y, offset=offset)
    other = fit(X, np.argsort(order)[y], offset=offset[:, order])
    np.testing.assert_allclose(
        other.predict_proba(X, offset=offset[:, order]),
        model.predict_proba(X, offset=offset)[:, order],
        atol=1e-7,
    )


@pytest.mark.parametrize("n_classes", [2, 3])
def test_with_soft_labels_and_smoothing(n_classes):
    X, y, offset = draw(n_classes=n_classes)
    mass = 0.8 * np.eye(n_classes)[y] + 0.2 / n_classes
    soft = fit(X, mass, offset=offset)
    assert_same(soft, fit(X, y, offset=offset, label_smoothing=0.2))
    logs = log_softmax(all_logits(soft, X, offset), axis=1)
    expected = -np.mean(np.sum(mass * logs, axis=1))
    np.testing.assert_allclose(soft.log_loss(X, mass, offset=offset), expected, rtol=1e-12)


@pytest.mark.parametrize("n_present", [2, 3])
def test_classes_without_weight(n_present):
    """The offsets of the others remain theirs."""
    X, y, offset = draw(n_classes=n_present)
    columns = np.column_stack([0 * offset, offset]) if n_present == 2 else offset
    padded = np.insert(columns, 1, 1.0, axis=1)
    labels = y + (y > 0)
    model = fit(X, labels, offset=padded, classes=np.arange(n_present + 1))
    expected = fit(X, y, offset=offset).predict_proba(X, offset=offset)
    found = np.delete(model.predict_proba(X, offset=padded), 1, axis=1)
    np.testing.assert_allclose(found, expected, atol=1e-7)


@pytest.mark.parametrize("frame", [pd.DataFrame, lambda data: pl.DataFrame(data)])
def test_columns_of_a_data_frame_are_matched_with_the_classes(frame):
    X, y, offset = draw()
    names = np.array(["a", "b", "c"])
    frame = frame({"c": offset[:, 2], "a": offset[:, 0], "b": offset[:, 1]})
    model = fit(X, names[y], offset=frame)
    assert_same(model, fit(X, y, offset=offset))
    np.testing.assert_array_equal(
        model.predict_proba(X, offset=frame), model.predict_proba(X, offset=offset)
    )


# Optima at infinity.


@every_solver
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_offset_that_separates_is_no_separation_by_features(solver):
    """Labels follow the offset, the feature says nothing: the coefficients stay finite."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((100, 1)), np.arange(100) % 2
    model = SoftmaxRegression(C=np.inf, tol=1e-9, solver=solver).fit(
        X, y, offset=60.0 * (2 * y - 1)
    )
    assert abs(model.coef_[0, 0]) < 50


@every_solver
def test_features_that_separate_against_the_offset(solver):
    X = np.linspace(-1, 1, 40)[:, None]
    y = (X[:, 0] > 0).astype(int)
    with pytest.warns(Warning, match="separable"):
        SoftmaxRegression(C=np.inf, solver=solver).fit(X, y, offset=-3.0 * X[:, 0])


# Kinds of data.


@class_numbers
def test_sparse_wide_and_more_features_than_rows(n_classes):
    X, y, offset = draw(n_classes=n_classes)
    X[np.abs(X) < 0.5] = 0.0
    assert_same(fit(sparse.csr_matrix(X), y, offset=offset), fit(X, y, offset=offset))
    X, y, offset = draw(n=30, p=90, n_classes=n_classes)
    wide = fit(X, y, offset=offset)
    same = fit(sparse.csr_matrix(X), y, offset=offset)
    np.testing.assert_allclose(wide.loss_, same.loss_, rtol=1e-9)
    np.testing.assert_allclose(
        wide.predict_proba(X, offset=offset), same.predict_proba(X, offset=offset), atol=1e-5
    )


@class_numbers
@pytest.mark.parametrize("n", [150, 60_000])
def test_float32(n, n_classes):
    X, y, offset = draw(n, n_classes=n_classes)
    X = X.astype(np.float32)
    narrow = SoftmaxRegression().fit(X, y, offset=offset)
    wide = fit(X.astype(np.float64), y, offset=offset)
    proba = narrow.predict_proba(X, offset=offset)
    assert narrow.coef_.dtype == proba.dtype == np.float32
    assert narrow.dual_gap_ <= 1e-6
    assert narrow.loss_ <= wide.loss_ * (1 + 2e-6)
    np.testing.assert_allclose(proba, wide.predict_proba(X, offset=offset), atol=3e-3)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_threads_change_no_bit(n_classes, monkeypatch):
    X, y, offset = draw(20_000, n_classes=n_classes)
    construct, found = Threads.__init__, []
    for count in (1, 3):

        def limited(self, *args, count=count, **kwargs):
            construct(self, *args, **kwargs)
            self.count = count

        monkeypatch.setattr(Threads, "__init__", limited)
        model = SoftmaxRegression().fit(X, y, offset=offset)
        found.append((*model.coef_.ravel(), *model.predict_proba(X, offset=offset).ravel()))
    assert found[0] == found[1]


@pytest.mark.parametrize("p", [4, 300])
def test_warm_start_reaches_the_same_optimum(p):
    X, y, offset = draw(p=p)
    model = SoftmaxRegression(0.1, tol=TIGHT, warm_start=True).fit(X, y)
    assert_same(model.fit(X, y, offset=offset), fit(X, y, offset=offset, C=0.1), atol=1e-5)
    assert model.set_params(tol=1e-6).fit(X, y, offset=offset).n_iter_ == 1


@every_solver
@class_numbers
@pytest.mark.parametrize(("C", "size"), [(1.0, 20.0), (1000.0, 10.0)])
def test_large_offsets_are_certified(solver, n_classes, C, size):
    X, y, offset = draw(n_classes=n_classes)
    model = SoftmaxRegression(C, solver=solver).fit(X, y, offset=size * offset)
    assert model.dual_gap_ <= 1e-6


# Predictions.


@class_numbers
def test_predictions_are_those_of_the_shifted_logits(n_classes):
    X, y, offset = draw(n_classes=n_classes)
    model = fit(X, y, offset=offset)
    logits = all_logits(model, X, offset)
    logs = log_softmax(logits, axis=1)
    shown = model.decision_function(X, offset=offset)
    np.testing.assert_allclose(shown, logits[:, 1] if n_classes == 2 else logits, atol=1e-12)
    np.testing.assert_allclose(model.predict_log_proba(X, offset=offset), logs, atol=1e-12)
    np.testing.assert_allclose(model.predict_proba(X, offset=offset), np.exp(logs), atol=1e-13)
    labels = np.argmax(logits, axis=1)
    np.testing.assert_array_equal(model.predict(X, offset=offset), labels)
    assert model.score(X, y, offset=offset) == np.mean(labels == y)
    weights = np.linspace(0.0, 1.0, len(y))
    expected = -np.average(logs[np.arange(len(y)), y], weights=weights)
    np.testing.assert_allclose(model.log_loss(X, y, weights, offset=offset), expected, rtol=1e-12)
    np.testing.assert_allclose(
        model.predict_proba(X), model.predict_proba(X, offset=0.0 * offset), atol=1e-15
    )


# Metadata routing.


def test_offset_is_routed():
    X, y, offset = draw()
    with config_context(enable_metadata_routing=True):
        model = SoftmaxRegression().set_fit_request(offset=True)
        model.set_predict_request(offset=True).set_predict_proba_request(offset=True)
        pipeline = make_pipeline(StandardScaler(), clone(model)).fit(X, y, offset=offset)
        proba = pipeline.predict_proba(X, offset=offset)
        labels = pipeline.predict(X, offset=offset)
    scaled = StandardScaler().fit_transform(X)
    expected = SoftmaxRegression().fit(scaled, y, offset=offset)
    np.testing.assert_array_equal(proba, expected.predict_proba(scaled, offset=offset))
    np.testing.assert_array_equal(labels, expected.predict(scaled, offset=offset))


def test_cross_validation_splits_the_offset():
    X, y, offset = draw()
    folds = [(np.arange(0, 100), np.arange(100, 150))]
    with config_context(enable_metadata_routing=True):
        model = SoftmaxRegression().set_fit_request(offset=True).set_score_request(offset=True)
        found = cross_validate(model, X, y, cv=folds, params={"offset": offset})
        search = GridSearchCV(model, {"C": [0.01, 1.0]}, cv=folds).fit(X, y, offset=offset)
    train, test = folds[0]
    expected = SoftmaxRegression().fit(X[train], y[train], offset=offset[train])
    share = expected.score(X[test], y[test], offset=offset[test])
    assert found["test_score"].tolist() == [share]
    assert search.cv_results_["mean_test_score"][1] == share


# Bad input.


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda o: o[:-1], r"offset must have shape \(150, 3\).*got shape \(149, 3\)"),
        (lambda o: o[:, 0], r"offset must have shape \(150, 3\).*got shape \(150,\)"),
        (lambda o: o[:, :2], r"offset must have shape \(150, 3\).*got shape \(150, 2\)"),
        (lambda o: np.where(o > 3, np.nan, o), "offset contains NaN"),
        (lambda o: np.where(o > 3, np.inf, o), "offset contains infinity"),
        (lambda o: 1e31 * np.ones_like(o), r"offset must be at most 1e\+30 in size; got 1e\+31"),
    ],
)
def test_bad_offsets(change, message):
    X, y, offset = draw()
    model = SoftmaxRegression()
    with pytest.raises(ValueError, match=message):
        model.fit(X, y, offset=change(offset))
    assert not hasattr(model, "coef_")
    model.fit(X, y)
    for method in (model.predict, model.predict_proba, model.decision_function):
        with pytest.raises(ValueError, match=message):
            method(X, offset=change(offset))


def test_bad_offsets_of_two_classes():
    X, y, offset = draw(n_classes=2)
    for bad in (offset[:-1], np.tile(offset[:, None], 3), 3.0):
        with pytest.raises(ValueError, match=r"offset must have shape \(150,\) or \(150, 2\)"):
            SoftmaxRegression().fit(X, y, offset=bad)


@pytest.mark.parametrize("size", [300.0, 1e4, 1e6])
@pytest.mark.parametrize(("n_rows", "n_classes"), [(10, 5), (50, 3), (400, 3)])
def test_offsets_that_are_sure_of_wrong_classes(n_rows, n_classes, size):
    """No curvature is left at the start, and nothing but the loss holds the intercepts."""
    rng = np.random.default_rng(n_rows)
    X, y = rng.standard_normal((n_rows, 2)), np.arange(n_rows) % n_classes
    offset = size * rng.standard_normal((n_rows, n_classes))
    model = SoftmaxRegression().fit(X, y, offset=offset)  # without a warning
    assert model.dual_gap_ <= 1e-6


@pytest.mark.parametrize("size", [1e2, 1e4, 1e6])
def test_intercepts_take_up_an_offset_of_all_rows(size):
    X, y, _ = draw()
    constant = size * np.array([1.0, -2.0, 0.5])
    plain = fit(X, y, tol=1e-9)
    moved = fit(X, y, offset=np.tile(constant, (len(y), 1)), tol=1e-9)
    np.testing.assert_allclose(moved.coef_, plain.coef_, rtol=1e-3, atol=1e-5)
    shift = moved.intercept_ + constant - plain.intercept_
    np.testing.assert_allclose(shift, shift.mean(), rtol=1e-8, atol=1e-4)
