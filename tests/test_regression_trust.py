"""What a fresh reader tried: far starts, extreme units, and limits that must hold."""

import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from sklearn_softmax import SoftmaxRegression


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
