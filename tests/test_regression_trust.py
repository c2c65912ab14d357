"""What a fresh reader tried: far starts, extreme units, and limits that must hold."""

import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from sklearn_softmax import SoftmaxRegression, SoftmaxRegressionCV, softmax_regression_path
from sklearn_softmax._core.targets.labels import BinaryLabels
from sklearn_softmax._solvers.steps.line_search import search
from sklearn_softmax._solvers.steps.pairs import Pairs


def draw(n=300, p=5, k=3):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, p))
    logits = X @ rng.standard_normal((p, k))
    return X, np.argmax(logits + rng.gumbel(size=logits.shape), axis=1)


def exact_loss(model, X, y):
    """Mean loss plus penalty, from the coefficients alone."""
    logits = X @ model.coef_.T + model.intercept_
    logits -= logits.max(axis=1, keepdims=True)
    losses = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(y)), y]
    return losses.mean() + 0.5 * np.sum(model.coef_**2) / len(y)


@pytest.mark.parametrize("solver", ["auto", "lbfgs", "newton"])
@pytest.mark.parametrize("factor", [-1e5, -1e9, 1e12])
def test_a_far_warm_start_changes_nothing(solver, factor):
    X, y = draw()
    cold = SoftmaxRegression(solver=solver, tol=1e-10).fit(X, y)
    warm = SoftmaxRegression(solver=solver, tol=1e-10, warm_start=True).fit(X, y)
    warm.coef_ = warm.coef_ * factor
    warm.fit(X, y)
    np.testing.assert_allclose(warm.loss_, cold.loss_, rtol=1e-9)
    np.testing.assert_allclose(exact_loss(warm, X, y), warm.loss_, rtol=1e-9)


def test_the_gap_told_is_never_more_than_the_value():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((50, 500)), rng.integers(0, 3, 50)
    with pytest.warns(ConvergenceWarning, match="relative gap of 1.0e"):
        model = SoftmaxRegression(C=1e6, max_iter=1, solver="lbfgs", tol=0).fit(X, y)
    assert model.dual_gap_ <= 1.0


@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("p", [3, 20])
def test_features_that_are_zero(fit_intercept, p):
    model = SoftmaxRegression(fit_intercept=fit_intercept).fit(np.zeros((6, p)), np.arange(6) % 3)
    np.testing.assert_allclose(model.predict_proba(np.ones((1, p))), 1 / 3)


@pytest.mark.parametrize("unit", [1e-42, 1e39])
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_matrix])
def test_weights_of_any_unit(unit, container):
    X, y = draw(n=6000, p=20)
    expected = SoftmaxRegression(C=1.0, tol=1e-10).fit(container(X), y)
    model = SoftmaxRegression(C=1.0 / unit, tol=1e-10).fit(container(X), y, np.full(len(y), unit))
    np.testing.assert_allclose(model.coef_, expected.coef_, atol=1e-4)


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_matrix])
@pytest.mark.parametrize("n", [300, 20_000])
def test_large_float32_features(container, n):
    X, y = draw(n=n, p=20)
    large = container((X * 1e20).astype(np.float32))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = SoftmaxRegression().fit(large, y)
    assert model.dual_gap_ <= 1e-6


def test_the_limit_of_iterations_holds_for_all_phases_together():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((20_000, 30)) * 10.0 ** np.linspace(-4, 4, 30) + 30
    y = rng.integers(0, 5, len(X))
    for max_iter in (3, 20):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = SoftmaxRegression(C=100, max_iter=max_iter).fit(X.astype(np.float32), y)
        assert model.n_iter_ <= max_iter


def test_what_is_in_balance_is_measured_by_the_loss():
    X, y, weight, shift = np.array([[-1.0], [1.0]]), [0, 1], 40.0, 1.0
    C = weight / (2.0 * np.exp(-weight) * np.cosh(shift))  # no gradient but that of the intercept
    model = SoftmaxRegression(C=C, warm_start=True).fit(X, y)
    model.coef_, model.intercept_ = np.array([[weight]]), np.array([shift])
    model.fit(X, y)
    np.testing.assert_allclose(model.intercept_, 0.0, atol=1e-2)


@pytest.mark.parametrize("spread", [1e-4, 1e-6, 1e-8])
@pytest.mark.parametrize("C", [1e2, 1e6, 1e10])
def test_targets_that_are_nearly_labels(spread, C):
    X, y = draw(n=60, p=4)
    X[np.arange(60), y] += 8.0
    Y = np.eye(3)[y] * (1.0 - spread) + spread / 3
    for model in (
        SoftmaxRegression(C=C, label_smoothing=spread).fit(X, y),
        SoftmaxRegression(C=C).fit(X, Y),
    ):
        assert model.dual_gap_ <= 1e-6  # no warning, either: these are errors


@pytest.mark.parametrize("solver", ["auto", "lbfgs", "newton"])
@pytest.mark.parametrize("k", [2, 3])
def test_a_class_of_hardly_any_weight(solver, k):
    X, y = draw(k=k)
    for common in range(k):
        weights = {label: 1.0 if label == common else 1e-18 for label in range(k)}
        model = SoftmaxRegression(class_weight=weights, solver=solver).fit(X, y)
        assert model.dual_gap_ <= 1e-6
        assert np.all(model.predict(X) == common)


def test_trials_far_off_overflow_in_silence():
    class Steep:
        """1e200 t² - 1e199 t"""

        def evaluate(self, step):
            return np.float64(1e200) * step**2 - 1e199 * step, np.float64(2e200) * step - 1e199

    np.testing.assert_allclose(search(Steep(), 0.0, -1e199), 0.05, atol=0.03)


def test_pairs_of_which_a_metric_knows_nothing():
    class Blind:
        """Sees no curvature but that of the first parameter."""

        def solve(self, gradient):
            return gradient * [1.0, 0.0]

    pairs = Pairs(2, 3)
    pairs.add(np.array([0.0, 2.0]), np.array([0.0, 1.0]))
    direction = pairs.direction(np.array([0.0, 1.0]), Blind())
    np.testing.assert_allclose(direction, [0.0, -2.0])


@pytest.mark.parametrize("share", [1e-12, 1e-3, 0.5])
def test_divergence_from_a_probability_that_rounds_to_zero(share):
    target, rare = BinaryLabels([1]), np.exp(-40.0)
    exact = share * np.log(share / rare) + (1.0 - share) * np.log1p(-share)
    found = target.divergence(np.array([[1.0]]), np.array([[share]]), slice(0, 1))
    assert exact <= found[0] < np.inf


@pytest.mark.parametrize(
    "learn",
    [
        lambda model, X, y: model.fit(X, y),
        lambda model, X, y: model.partial_fit(X, y, classes=[0, 1, 2]),
        lambda model, X, y: softmax_regression_path(X, y, Cs=[1e90]),
        lambda model, X, y: SoftmaxRegressionCV(Cs=[1e90], cv=3).fit(X, y),
    ],
)
def test_coefficients_beyond_float32_are_refused(learn):
    """Those of features of size 1e-40, which float32 has."""
    X, y = draw()
    tiny = (X * 1e-40).astype(np.float32)
    model = SoftmaxRegression(1e90)
    message = r"^X must be float64 where coefficients are above 3\.4e\+38, .*; got .*e\+(39|40)\.$"
    with pytest.raises(ValueError, match=message):
        learn(model, tiny, y)
    assert not hasattr(model, "coef_")
    assert not hasattr(model, "n_features_in_")
    wide = model.fit(tiny.astype(np.float64), y)
    assert wide.score(tiny.astype(np.float64), y) > 0.5


@pytest.mark.parametrize("mean", [1e6, 1e7, 1e8])
@pytest.mark.parametrize("n_rows", [300, 20_000])
def test_sparse_columns_may_lie_far_from_zero(n_rows, mean):
    """They vary little beside what they are, and yet are no constants."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_rows, 5))
    y = np.argmax(X @ rng.standard_normal((5, 3)) + rng.gumbel(size=(n_rows, 3)), axis=1)
    X[rng.random(n_rows) < 0.7, 0] = 0.0
    X[:, 1:] += mean
    dense = SoftmaxRegression().fit(X, y)
    sparse_fit = SoftmaxRegression().fit(sparse.csr_matrix(X), y)
    assert sparse_fit.loss_ <= dense.loss_ * (1.0 + 2e-6)
    assert sparse_fit.dual_gap_ <= 1e-6
