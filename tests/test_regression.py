"""SoftmaxRegression: the optimum of LogisticRegression, and the laws that an optimum obeys."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from scipy.special import log_softmax
from sklearn import metrics
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from sklearn_softmax import SoftmaxRegression, softmax_regression_path
from sklearn_softmax._core.objective import Objective
from sklearn_softmax._core.targets.labels import Labels
from sklearn_softmax._core.threads import Threads
from sklearn_softmax._fitting.path import Shrinkage, prepare
from sklearn_softmax._fitting.problem import RidgeProblem
from sklearn_softmax._fitting.used_columns import restrict, used_columns
from sklearn_softmax._maps.row_space import RowSpace
from sklearn_softmax._solvers import SOLVERS, Outcome

TIGHT = 1e-13
every_solver = pytest.mark.parametrize("solver", SOLVERS)
intercepts = pytest.mark.parametrize("fit_intercept", [True, False])


def draw(n=200, p=4, n_classes=3, seed=0, noise=1.0):
    """Features of unequal scale, and labels from a softmax of known coefficients."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) * np.logspace(-0.5, 0.5, p) + np.linspace(-1, 1, p)
    logits = 2.0 * X @ rng.standard_normal((p, n_classes))
    return X, np.argmax(logits + noise * rng.gumbel(size=logits.shape), axis=1)


def draw_weights(n, seed=1):
    return np.random.default_rng(seed).uniform(0.1, 3.0, n)


def fit(X, y, sample_weight=None, **options):
    """A model at its optimum: to all digits that comparisons of coefficients need."""
    return SoftmaxRegression(**{"tol": TIGHT, **options}).fit(X, y, sample_weight)


def all_logits(model, X):
    X = X.toarray() if sparse.issparse(X) else np.asarray(X)
    logits = X.astype(float) @ model.coef_.T.astype(float) + model.intercept_
    return np.column_stack([np.zeros(len(X)), logits]) if logits.shape[1] == 1 else logits


def objective(model, X, y, C=1.0, weights=None):
    """That of scikit-learn, per unit of weight, from the coefficients alone."""
    weights = np.ones(len(y)) if weights is None else weights
    labels = np.searchsorted(model.classes_, y)
    losses = -log_softmax(all_logits(model, X), axis=1)[np.arange(len(y)), labels]
    ridge = 0.5 * np.sum(model.coef_.astype(float) ** 2) / C
    return (weights @ losses + ridge) / weights.sum()


def assert_same(one, other, rtol=1e-6):
    """The same coefficients, in units of the largest."""
    size = max(np.abs(other.coef_).max(), np.abs(other.intercept_).max())
    np.testing.assert_allclose(one.coef_, other.coef_, atol=rtol * size, rtol=0)
    centred = [
        model.intercept_ - (len(model.coef_) > 1) * model.intercept_.mean()
        for model in (one, other)
    ]
    np.testing.assert_allclose(*centred, atol=rtol * size, rtol=0)


# The same optimum as LogisticRegression.


def peer(X, y, sample_weight=None, C=1.0, **options):
    """LogisticRegression, solved tightly."""
    model = LogisticRegression(C=C, solver="newton-cholesky", tol=1e-11, max_iter=1000, **options)
    return model.fit(X, y, sample_weight)


@every_solver
@intercepts
@pytest.mark.parametrize("C", [1e-3, 0.1, 1.0, 100.0, 1e4, np.inf])
@pytest.mark.parametrize("n_classes", [2, 3, 6])
@pytest.mark.parametrize("weighted", [False, True])
def test_same_optimum_as_logistic_regression(solver, fit_intercept, C, n_classes, weighted):
    X, y = draw(n_classes=n_classes)
    weights = draw_weights(len(y)) if weighted else None
    options = {"C": C, "fit_intercept": fit_intercept}
    theirs = peer(X, y, weights, **options)
    ours = fit(X, y, weights, solver=solver, **options)
    assert ours.coef_.shape == theirs.coef_.shape
    assert ours.intercept_.shape == theirs.intercept_.shape
    assert_same(ours, theirs, rtol=1e-5)
    np.testing.assert_allclose(
        objective(ours, X, y, C, weights), objective(theirs, X, y, C, weights), rtol=1e-9
    )


@every_solver
@pytest.mark.parametrize("C", [0.01, 1.0, 100.0])
@pytest.mark.parametrize("load", [load_iris, load_wine, load_breast_cancer, load_digits])
def test_default_fit_of_raw_data_is_within_its_certificate(load, C, solver):
    """R1: the certificate of a default fit bounds the distance to a tighter fit."""
    X, y = load(return_X_y=True)
    if solver == "newton" and X.shape[1] > 40:
        pytest.skip("slow: the explicit Hessian is for few parameters")
    model = SoftmaxRegression(C, solver=solver).fit(X, y)
    best = fit(X, y, C=C, tol=1e-10)
    assert 0 <= model.dual_gap_ <= 1e-6
    value, optimum = objective(model, X, y, C), objective(best, X, y, C)
    np.testing.assert_allclose(model.loss_, value, rtol=1e-9)
    assert -1e-10 <= value / optimum - 1 <= model.dual_gap_ + 1e-10


@pytest.mark.parametrize("class_weight", ["balanced", {0: 0.2, 1: 3.0, 2: 1.5}, {1: 10}])
def test_class_weights_are_those_of_logistic_regression(class_weight):
    X, y = draw()
    theirs = peer(X, y, class_weight=class_weight)
    assert_same(fit(X, y, class_weight=class_weight), theirs, rtol=1e-5)


def test_class_weights_multiply_sample_weights():
    X, y = draw()
    weights, factors = draw_weights(len(y)), np.array([0.2, 3.0, 1.5])
    one = fit(X, y, weights, class_weight=dict(enumerate(factors)))
    assert_same(one, fit(X, y, weights * factors[y]))


def test_balanced_gives_all_classes_the_same_weight():
    X, y = draw()
    weights = draw_weights(len(y))
    totals = np.bincount(y, weights)
    expected = fit(X, y, weights * (totals.sum() / (3 * totals))[y])
    assert_same(fit(X, y, weights, class_weight="balanced"), expected)


@every_solver
@pytest.mark.parametrize("C", [0.1, 10.0])
@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("weighted", [False, True])
@intercepts
def test_more_features_than_rows(solver, C, n_classes, weighted, fit_intercept):
    """R9: solved in the row space of X, where that pays."""
    X, y = draw(n=40, p=90, n_classes=n_classes)
    weights = draw_weights(len(y)) if weighted else None
    options = {"C": C, "fit_intercept": fit_intercept}
    theirs = LogisticRegression(tol=1e-9, max_iter=10_000, **options).fit(X, y, weights)
    ours = fit(X, y, weights, solver=solver, **options)
    best = objective(ours, X, y, C, weights)
    np.testing.assert_allclose(best, ours.loss_, rtol=1e-10)
    np.testing.assert_allclose(best, objective(theirs, X, y, C, weights), rtol=1e-7)
    assert best <= objective(theirs, X, y, C, weights) * (1 + 1e-10)


@pytest.mark.parametrize("factor", [1e-6, 1e3, 1e5, 1e8])
def test_more_features_than_rows_of_unequal_scale(factor):
    """R1, R9: what is certified is the objective of the coefficients that users see."""
    X, y = draw(n=30, p=40)
    X[:, 0] *= factor
    model = SoftmaxRegression().fit(X, y)
    best = SoftmaxRegression(solver="newton", tol=1e-9).fit(sparse.csr_matrix(X), y)
    value, optimum = objective(model, X, y), objective(best, X, y)
    np.testing.assert_allclose(model.loss_, value, rtol=1e-7)
    assert value <= optimum * (1 + 2e-6)


# Kinds of X.

KINDS = {
    "csr_matrix": sparse.csr_matrix,
    "csc_matrix": sparse.csc_matrix,
    "coo_matrix": sparse.coo_matrix,
    "list": np.ndarray.tolist,
    "F-order": np.asfortranarray,
    "every second": lambda X: np.repeat(np.repeat(X, 2, axis=0), 2, axis=1)[::2, ::2],
    "backwards": lambda X: np.ascontiguousarray(X[::-1, ::-1])[::-1, ::-1],
}
if hasattr(sparse, "csr_array"):
    KINDS |= {"csr_array": sparse.csr_array, "csc_array": sparse.csc_array}


@pytest.mark.parametrize("kind", KINDS)
@every_solver
@intercepts
@pytest.mark.parametrize("n_classes", [2, 3])
def test_kind_of_X_changes_nothing(kind, solver, fit_intercept, n_classes):
    """R8: sparse is dense, and any strides are those of order C."""
    X, y = draw(n_classes=n_classes)
    X[np.random.default_rng(0).random(X.shape) < 0.6] = 0.0
    options = {"solver": solver, "fit_intercept": fit_intercept}
    model, same = fit(X, y, **options), fit(KINDS[kind](X), y, **options)
    assert_same(same, model)
    predictions = [m.predict_log_proba(Z) for m, Z in ((same, KINDS[kind](X)), (model, X))]
    np.testing.assert_allclose(*predictions, atol=1e-6)
    np.testing.assert_allclose(same.log_loss(KINDS[kind](X), y), model.log_loss(X, y), rtol=1e-9)


@pytest.mark.parametrize("dense_rows", [200, 40])
def test_duplicate_and_unsorted_entries_of_sparse_data_are_summed(dense_rows):
    """And X, whose memory is used, stays as it is: also where one block has most of the entries."""
    X, y = draw()
    X[np.random.default_rng(0).random(X.shape) < 0.6] = 0.0
    X[dense_rows:, 1:] = 0.0
    whole = sparse.coo_matrix(X)
    twice = [np.concatenate([part, part[::-1]]) for part in (whole.data / 2, whole.row, whole.col)]
    counts = np.bincount(twice[1], minlength=len(X))
    order = np.argsort(twice[1], kind="stable")
    parts = twice[0][order], twice[2][order], np.append(0, np.cumsum(counts))
    for solver in SOLVERS:
        data = sparse.csr_matrix(tuple(part.copy() for part in parts), X.shape)
        assert_same(fit(data, y, solver=solver), fit(X, y))
        for before, after in zip(parts, (data.data, data.indices, data.indptr), strict=True):
            np.testing.assert_array_equal(after, before)


@every_solver
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_matrix])
@pytest.mark.parametrize("n", [200, 80_000])
def test_float32_stays_float32_and_has_the_same_optimum(solver, container, n):
    """R7"""
    X, y = draw(n=n)
    X = X.astype(np.float32)
    narrow = SoftmaxRegression(solver=solver).fit(container(X), y)
    wide = fit(X.astype(np.float64), y)
    assert narrow.predict_proba(X).dtype == narrow.predict_log_proba(X).dtype == np.float32
    assert narrow.decision_function(X).dtype == np.float32
    assert narrow.dual_gap_ <= 1e-6
    assert narrow.loss_ <= wide.loss_ * (1 + 1e-6)
    np.testing.assert_allclose(narrow.coef_, wide.coef_, atol=3e-3)
    proba = narrow.predict_proba(X), wide.predict_proba(X)
    np.testing.assert_allclose(*proba, atol=1e-3)
    np.testing.assert_allclose(objective(narrow, X, y), wide.loss_, rtol=2e-6)


@every_solver
@pytest.mark.parametrize("n_classes", [2, 3, 6])
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_matrix])
def test_float32_takes_the_steps_of_float64(solver, n_classes, container):
    """Rounding of the products must not hide that the certificate is there."""
    X, y = draw(n=20_000, p=20, n_classes=n_classes)
    double = SoftmaxRegression(solver=solver).fit(container(X), y)
    single = SoftmaxRegression(solver=solver).fit(container(X.astype(np.float32)), y)
    assert single.dual_gap_ <= 1e-6
    assert single.n_iter_ <= double.n_iter_ + 1


@every_solver
@pytest.mark.parametrize("n_classes", [2, 3, 6])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_float32_is_certified_by_one_pass_in_float64(solver, n_classes, fit_intercept, dtypes):
    """Which also moves the intercepts into balance; an exact Newton step moves distributions."""
    X, y = draw(n=20_000, p=20, n_classes=n_classes)
    model = SoftmaxRegression(solver=solver, fit_intercept=fit_intercept)
    model.fit(X.astype(np.float32), y)
    assert model.dual_gap_ <= 1e-6
    assert dtypes()["float64"] <= (4.0 if solver == "newton" else 1.0)


# Laws of the optimum.


@every_solver
def test_integer_weights_are_repeated_rows(solver):
    """R12"""
    X, y = draw()
    counts = np.random.default_rng(2).integers(0, 4, len(y))
    weighted = fit(X, y, counts, solver=solver)
    repeated = fit(np.repeat(X, counts, axis=0), np.repeat(y, counts), solver=solver)
    assert_same(weighted, repeated)
    np.testing.assert_allclose(
        weighted.log_loss(X, y, counts),
        weighted.log_loss(np.repeat(X, counts, axis=0), np.repeat(y, counts)),
        rtol=1e-13,
    )


@every_solver
def test_rows_of_weight_zero_are_as_removed(solver):
    """R12"""
    X, y = draw()
    weights = draw_weights(len(y)) * (np.arange(len(y)) % 3 > 0)
    X[weights == 0] *= 1e6
    kept = weights > 0
    removed = fit(X[kept], y[kept], weights[kept], solver=solver)
    assert_same(fit(X, y, weights, solver=solver), removed)


@every_solver
@pytest.mark.parametrize("n_classes", [2, 5])
def test_permutations_of_classes_rows_and_features_permute(solver, n_classes):
    """R12"""
    X, y = draw(n_classes=n_classes)
    rng = np.random.default_rng(3)
    rows, columns = rng.permutation(len(y)), rng.permutation(X.shape[1])
    names = rng.permutation(n_classes)
    model = fit(X, y, solver=solver)
    other = fit(X[rows][:, columns], names[y][rows], solver=solver)
    log_proba = other.predict_log_proba(X[:, columns])[:, names]
    np.testing.assert_allclose(log_proba, model.predict_log_proba(X), atol=1e-5)


@every_solver
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_classes", [2, 4])
def test_free_intercept_makes_mean_probabilities_the_frequencies(solver, weighted, n_classes):
    X, y = draw(n_classes=n_classes)
    weights = draw_weights(len(y)) if weighted else np.ones(len(y))
    model = fit(X, y, weights, solver=solver, C=0.01, tol=1e-14)  # balance is its square root
    frequencies = np.bincount(y, weights) / weights.sum()
    mean = np.average(model.predict_proba(X), axis=0, weights=weights)
    np.testing.assert_allclose(mean, frequencies, rtol=1e-6)


@every_solver
@pytest.mark.parametrize("factor", [1e-7, 1e3, 1e9])
def test_scale_of_a_feature_is_taken_up_by_its_coefficient(solver, factor):
    """R1: without a penalty, by exactly that."""
    X, y = draw(noise=3.0)
    scaled = X * [1.0, factor, 1.0, 1.0]
    model = fit(X, y, C=np.inf, solver=solver)
    other = fit(scaled, y, C=np.inf, solver=solver)
    np.testing.assert_allclose(
        other.coef_ * [1.0, factor, 1.0, 1.0], model.coef_, atol=1e-6 * np.abs(model.coef_).max()
    )


@every_solver
def test_shift_of_a_feature_is_taken_up_by_the_intercept(solver):
    X, y = draw()
    model, other = fit(X, y, solver=solver), fit(X + 1e4, y, solver=solver)
    np.testing.assert_allclose(other.coef_, model.coef_, atol=1e-6)
    np.testing.assert_allclose(
        other.predict_log_proba(X + 1e4), model.predict_log_proba(X), atol=1e-6
    )


def test_weights_and_C_trade():
    """C multiplies a sum over rows."""
    X, y = draw()
    assert_same(fit(X, y, np.full(len(y), 5.0), C=0.2), fit(X, y, C=1.0))


@every_solver
@pytest.mark.parametrize("n_classes", [3, 5])
def test_coefficients_have_class_sum_zero(solver, n_classes):
    X, y = draw(n_classes=n_classes)
    model = fit(X, y, solver=solver)
    size = np.abs(model.coef_).max()
    np.testing.assert_allclose(model.coef_.sum(axis=0), 0.0, atol=1e-12 * size)
    np.testing.assert_allclose(model.intercept_.sum(), 0.0, atol=1e-12 * size)


@given(
    seed=st.integers(0, 10_000),
    n=st.integers(6, 40),
    p=st.integers(1, 50),
    n_classes=st.integers(2, 5),
    log_C=st.integers(-3, 4),
    fit_intercept=st.booleans(),
    weighted=st.booleans(),
    solver=st.sampled_from(sorted(SOLVERS)),
    scales=st.integers(0, 4),
)
def test_any_small_problem_is_certified_and_the_gradient_vanishes(
    seed, n, p, n_classes, log_C, fit_intercept, weighted, solver, scales
):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) * 10.0 ** rng.integers(-scales, scales + 1, p)
    y = rng.permutation(np.arange(n) % n_classes)
    weights = draw_weights(n) if weighted else None
    C = 10.0**log_C
    model = SoftmaxRegression(C, fit_intercept=fit_intercept, solver=solver).fit(X, y, weights)
    assert model.dual_gap_ <= 1e-6
    value = objective(model, X, y, C, weights)
    np.testing.assert_allclose(model.loss_, value, rtol=1e-6)
    s = np.ones(n) if weights is None else weights
    proba = model.predict_proba(X)
    residuals = s[:, None] * (proba - np.eye(n_classes)[y])
    gradient = (residuals.T @ X)[-len(model.coef_) :] + model.coef_ / C
    # ½ C ‖gradient‖² bounds the gap of the penalised part from above, and that of two
    # smooth functions from below: it is small where, and only where, the gap is.
    scale = np.sqrt(np.mean(X**2, axis=0)) * s.sum() + 1.0 / C
    assert np.all(np.abs(gradient) <= 3e-2 * scale * np.sqrt(max(value, 1e-9)))


# Predictions.


@pytest.mark.parametrize("n_classes", [2, 4])
def test_predictions_agree_with_each_other(n_classes):
    X, y = draw(n_classes=n_classes)
    model = fit(X, y)
    logits = all_logits(model, X)
    shown = logits[:, 1] if n_classes == 2 else logits
    np.testing.assert_allclose(model.decision_function(X), shown, atol=1e-12)
    np.testing.assert_allclose(model.predict_log_proba(X), log_softmax(logits, axis=1), atol=1e-12)
    np.testing.assert_allclose(
        model.predict_proba(X), np.exp(model.predict_log_proba(X)), atol=1e-14
    )
    np.testing.assert_array_equal(model.predict(X), np.argmax(logits, axis=1))
    assert model.score(X, y) == np.mean(model.predict(X) == y)


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("weighted", [False, True])
def test_log_loss_is_that_of_scikit_learn(n_classes, weighted):
    X, y = draw(n_classes=n_classes)
    model, weights = fit(X, y, C=0.1), draw_weights(len(y)) if weighted else None
    expected = metrics.log_loss(y, model.predict_proba(X), sample_weight=weights)
    np.testing.assert_allclose(model.log_loss(X, y, weights), expected, rtol=1e-12)


def test_log_loss_of_some_of_the_classes():
    X, y = draw()
    model, some = fit(X, y), y != 1
    expected = metrics.log_loss(y[some], model.predict_proba(X[some]), labels=[0, 1, 2])
    np.testing.assert_allclose(model.log_loss(X[some], y[some]), expected, rtol=1e-12)


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nothing_is_clipped_far_away(n_classes, dtype):
    """predict_log_proba is never -inf, and log_loss is its mean."""
    X, y = draw(n_classes=n_classes)
    model = SoftmaxRegression().fit(X.astype(dtype), y)
    far = (1e6 * X).astype(dtype)
    logs = model.predict_log_proba(far)
    assert logs.min() < -1e5
    assert np.all(np.isfinite(logs))
    expected = -np.mean(logs[np.arange(len(y)), y], dtype=np.float64)
    np.testing.assert_allclose(model.log_loss(far, y), expected, rtol=1e-5)


# How much work a fit is: products with the whole data, which do not depend on the machine.


@pytest.fixture
def count_passes(monkeypatch):
    made, construct = [], Objective.__init__

    def remember(self, *args, **kwargs):
        construct(self, *args, **kwargs)
        made.append(self)

    monkeypatch.setattr(Objective, "__init__", remember)

    def count(X, y, **options):
        made.clear()
        SoftmaxRegression(**options).fit(X, y)
        return sum(objective.n_passes for objective in made)

    return count


def draw_nearly_separable():
    """Features of scales 1e-3 to 1e3, labels almost certain given the features."""
    rng = np.random.default_rng(0)
    scales = np.logspace(-3, 3, 20)
    standard = rng.standard_normal((2000, 20))
    logits = 8.0 * standard @ rng.standard_normal((20, 10))
    return standard * scales + 5.0, np.argmax(logits + rng.gumbel(size=logits.shape), axis=1)


PASSES = [  # about one and a half times what was needed when these were written
    (load_wine, 1.0, "lbfgs", 25),
    (load_wine, 1.0, "newton", 16),
    (load_wine, 100.0, "lbfgs", 40),
    (load_wine, 100.0, "newton", 22),
    (load_digits, 1.0, "lbfgs", 50),
    (load_digits, 100.0, "lbfgs", 100),
    (draw_nearly_separable, 1.0, "lbfgs", 24),
    (draw_nearly_separable, 100.0, "lbfgs", 30),
]


@pytest.mark.parametrize(("load", "C", "solver", "most"), PASSES)
def test_passes_over_the_data(count_passes, load, C, solver, most):
    X, y = load() if load is draw_nearly_separable else load(return_X_y=True)
    assert 1 <= count_passes(X, y, C=C, solver=solver) <= most


def test_passes_do_not_depend_on_the_units_of_features(count_passes):
    """R1: preconditioning takes the units out; a weak penalty leaves little of them."""
    X, y = draw(noise=3.0)
    for solver in SOLVERS:
        options = {"C": 1e6, "solver": solver}
        raw = count_passes(X, y, **options)
        assert count_passes(X * [1e-3, 1e3, 1.0, 1e-5], y, **options) <= 1.5 * raw


def test_warm_start_at_the_optimum_takes_no_steps():
    X, y = draw()
    for n_classes in (2, 3):
        labels = np.minimum(y, n_classes - 1)
        model = SoftmaxRegression(tol=1e-9, warm_start=True).fit(X, labels)
        coef = model.coef_.copy()
        model.set_params(tol=1e-6).fit(X, labels)
        assert model.n_iter_ == 1
        np.testing.assert_allclose(model.coef_, coef, atol=1e-12)


@pytest.mark.parametrize("p", [4, 300])
@intercepts
def test_warm_start_reaches_the_same_optimum(p, fit_intercept):
    X, y = draw(p=p)
    options = {"fit_intercept": fit_intercept, "C": 0.1}
    model = SoftmaxRegression(100.0, warm_start=True, fit_intercept=fit_intercept).fit(X, y)
    assert_same(model.set_params(tol=TIGHT, **options).fit(X, y), fit(X, y, **options), rtol=1e-5)


# Precision: sparse data with many classes are solved in float32 first.


def draw_sparse(n=5000, p=400, n_classes=12):
    rng = np.random.default_rng(0)
    X = sparse.random(n, p, density=0.03, format="csr", random_state=rng)
    logits = 3.0 * X @ rng.standard_normal((p, n_classes))
    return X, np.argmax(logits + rng.gumbel(size=logits.shape), axis=1)


@pytest.fixture
def dtypes(monkeypatch):
    """Of the products that are made, each counted in passes."""
    made, construct = [], Objective.__init__

    def remember(self, *args, **kwargs):
        construct(self, *args, **kwargs)
        made.append(self)

    monkeypatch.setattr(Objective, "__init__", remember)
    return lambda: {each.map.dtype.name: each.n_passes for each in made}


def test_sparse_data_with_many_classes_are_solved_in_float32_and_certified_in_float64(dtypes):
    X, y = draw_sparse()
    model = SoftmaxRegression().fit(X, y)
    passes = dtypes()
    assert passes["float64"] <= 2.0 <= passes["float32"]
    best = SoftmaxRegression(tol=1e-10).fit(X, y)
    assert best.dual_gap_ <= 1e-10  # beyond float32
    assert 0.0 <= model.loss_ - best.loss_ + 1e-15 <= model.dual_gap_ * model.loss_ <= 1e-6
    assert model.coef_.dtype == np.float64


@pytest.mark.parametrize(
    ("options", "n_classes"), [({"C": np.inf}, 12), ({"C": 1e30}, 12), ({}, 3)]
)
def test_float32_is_no_guess(dtypes, options, n_classes):
    """Without a certificate, and where it is no faster, float64 data have products in that."""
    X, y = draw_sparse(n_classes=n_classes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        SoftmaxRegression(max_iter=3, **options).fit(X, y)
    assert dtypes().get("float32", 0.0) == 0.0


def test_what_max_iter_cuts_off_in_float32_is_certified_in_float64():
    X, y = draw_sparse()
    with pytest.warns(ConvergenceWarning):
        model = SoftmaxRegression(max_iter=2).fit(X, y)
    best = SoftmaxRegression(tol=1e-9).fit(X, y)
    gap = (model.loss_ - best.loss_) / model.loss_
    assert 1e-6 < gap <= model.dual_gap_


@pytest.mark.parametrize("shift", [0.0, 1e3])
def test_float32_that_does_not_do_is_followed_by_float64(shift):
    """Columns far from zero lose their differences in float32."""
    X, y = draw_sparse(p=60)
    X.data = X.data + shift
    model = SoftmaxRegression(C=1e3).fit(X, y)
    assert model.dual_gap_ <= 1e-6
    best = SoftmaxRegression(C=1e3).fit(X.toarray(), y)
    np.testing.assert_allclose(model.loss_, best.loss_, rtol=2e-6)


# Columns without entries: a hashed vocabulary has many.


def draw_hashed(n_classes, n=150, p=4000):
    rng = np.random.default_rng(0)
    X = sparse.random(n, p, density=4 / p, format="csr", random_state=rng)
    y = np.argmax(X @ rng.standard_normal((p, n_classes)) + rng.gumbel(size=(n, n_classes)), axis=1)
    y[:n_classes] = np.arange(n_classes)
    return X, y


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"C": np.inf, "max_iter": 20},
        {"l1_ratio": 0.5},
        {"penalty": "group", "C": 10.0},
        {"penalty_factor": np.linspace(0.5, 2.0, 4000), "fit_intercept": False},
    ],
)
def test_columns_without_entries_are_left_out_of_the_fit(monkeypatch, n_classes, options):
    """They have zero coefficients, and change nothing else."""
    X, y = draw_hashed(n_classes)
    used, widths, fit = np.unique(X.indices), [], RidgeProblem.__init__

    def watched(self, X, *args, **kwargs):
        widths.append(X.shape[1])
        fit(self, X, *args, **kwargs)

    monkeypatch.setattr(RidgeProblem, "__init__", watched)
    make = RowSpace.__init__

    def watched_space(self, X, *args):
        widths.append(X.shape[1])
        make(self, X, *args)

    monkeypatch.setattr(RowSpace, "__init__", watched_space)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = SoftmaxRegression(**options).fit(X, y)
        assert max(widths) == len(used)  # fewer in the row space
        few = options | {"penalty_factor": np.linspace(0.5, 2.0, 4000)[used]}
        few = few if "penalty_factor" in options else options
        expected = SoftmaxRegression(**few).fit(X[:, used], y)
    np.testing.assert_array_equal(model.coef_[:, used], expected.coef_)
    np.testing.assert_array_equal(model.intercept_, expected.intercept_)
    assert np.count_nonzero(model.coef_) == np.count_nonzero(expected.coef_)
    assert model.dual_gap_ == expected.dual_gap_
    np.testing.assert_array_equal(model.predict(X), expected.predict(X[:, used]))


@pytest.mark.parametrize("l1_ratio", [0.0, 1.0])
def test_paths_leave_them_out_too(l1_ratio):
    X, y = draw_hashed(3)
    used = np.unique(X.indices)
    Cs = np.array([0.1, 1.0, 10.0])
    whole = softmax_regression_path(X, y, Cs=Cs, l1_ratio=l1_ratio)
    part = softmax_regression_path(X[:, used], y, Cs=Cs, l1_ratio=l1_ratio)
    np.testing.assert_array_equal(whole.coefs[..., used], part.coefs)
    assert np.count_nonzero(whole.coefs) == np.count_nonzero(part.coefs)


def test_only_indices_of_sparse_X_are_copied_for_it():
    X, _ = draw_hashed(3)
    columns = used_columns(X, 3)
    part = restrict(X, columns)
    assert part.data is X.data
    assert part.indptr is X.indptr
    np.testing.assert_array_equal(part.toarray(), X.toarray()[:, columns])
    assert used_columns(part, 3) is None
    assert used_columns(X.toarray(), 3) is None
    assert used_columns(sparse.csr_matrix((5, 10)), 3) is None


def test_observers_see_the_coefficients_of_all_columns():
    X, y = draw_hashed(3)
    shapes = set()
    options = {"fit_intercept": True, "threads": Threads(), "floor": 1e-6}
    fits = prepare(X, Labels(y, 3), None, Shrinkage(), **options)
    fits.observe(lambda found: shapes.add((found()[0].shape, found()[1].shape)) or len(shapes) > 1)
    coef, _, result = fits.fit(1.0, None, solver=SOLVERS["auto"], tol=1e-6, max_iter=100)
    assert shapes == {(coef.shape, (3,))} == {((3, 4000), (3,))}
    assert result.outcome is Outcome.CONVERGED
