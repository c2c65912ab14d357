"""Few rows of many features, by their duals: the same optima, certified in the features."""

import numpy as np
import pytest

from sklearn_softmax import SoftmaxRegression
from sklearn_softmax._core.dual_rows import DualRows
from sklearn_softmax._core.targets.labels import BinaryLabels, Labels
from sklearn_softmax._core.targets.offset import Offset
from sklearn_softmax._core.targets.soft import BinarySoftLabels, SmoothedLabels, SoftLabels
from sklearn_softmax._fitting.ridge_fits import RidgeFits
from sklearn_softmax._maps.row_space import RowSpace
from sklearn_softmax._solvers import costs
from sklearn_softmax._solvers.dual_newton import dual_newton
from sklearn_softmax._solvers.outcome import Outcome
from sklearn_softmax._solvers.steps.dual_equation import DualEquation

N_ROWS, N_FEATURES, ALPHA = 24, 60, 0.05


def targets():
    rng = np.random.default_rng(0)
    labels, mass = rng.integers(3, size=N_ROWS), rng.dirichlet(np.ones(3), size=N_ROWS)
    return {
        "labels": Labels(labels, 3),
        "soft": SoftLabels(mass),
        "smoothed": SmoothedLabels(labels, np.full(N_ROWS, 0.9), np.full(3, 1 / 3)),
        "offset": Offset(Labels(labels, 3), rng.standard_normal((3, N_ROWS))),
        "binary": BinaryLabels(labels == 1),
        "binary soft": BinarySoftLabels(mass[:, 0]),
    }


def draw(n_classes=3, n_rows=N_ROWS, n_features=N_FEATURES):
    rng = np.random.default_rng(1)
    X, weights = rng.standard_normal((n_rows, n_features)) + 3.0, rng.random(n_rows) + 0.5
    logits = X @ rng.standard_normal((n_features, n_classes)) / np.sqrt(n_features)
    return X, np.argmax(logits + rng.gumbel(size=logits.shape), axis=1), weights


@pytest.fixture(params=[(name, free) for name in targets() for free in (True, False)], ids=str)
def dual(request):
    name, free = request.param
    X, _, weights = draw()
    return DualRows(RowSpace(X, free, weights).gram, targets()[name], weights, ALPHA, free)


def test_steps_solve_the_newton_equation(dual):
    """T = g + H (change of the logits): rows of T sum to zero, and so do classes."""
    rng = np.random.default_rng(2)
    n_outputs = dual.target.n_outputs
    duals = 0.01 * rng.standard_normal((n_outputs, N_ROWS))
    state = dual.state(duals, rng.standard_normal(n_outputs), dual.scores(duals))
    curvature = dual.curvature(state)
    equation = DualEquation(dual.kernel, curvature, dual.free)
    found, shift = equation.solve(state.excess / curvature - state.scores)
    margins = dual.scores(found) - state.scores + shift[:, None]
    change = margins.copy()
    dual.target.curve(state.chances, change)
    np.testing.assert_allclose(found, state.excess + dual.weights * change, atol=1e-13)
    if n_outputs > 1:
        np.testing.assert_allclose(found.sum(axis=0), 0.0, atol=1e-13)
    if dual.free:
        np.testing.assert_allclose(found.sum(axis=1), 0.0, atol=1e-15)


def test_the_end_is_an_optimum_and_its_gap_a_bound(dual):
    """Nearby coefficients that lie in no row space are no better than the bound allows."""
    state, _, outcome = dual_newton(dual, None, tol=1e-8, max_iter=50)
    assert outcome is Outcome.CONVERGED
    gap = dual.gap(state)
    assert -1e-16 <= gap <= 1e-7 * state.value
    rng = np.random.default_rng(3)
    for size in (1e-6, 1e-4, 1e-2, 1.0):
        duals = state.duals + size * rng.standard_normal(state.duals.shape) / N_ROWS
        shift = size * rng.standard_normal(len(state.intercept)) * dual.free
        other = dual.state(duals, state.intercept + shift, dual.scores(duals))
        assert other.value >= state.value - gap - 1e-15


def test_duals_that_do_not_balance_certify_nothing(dual):
    state, *_ = dual_newton(dual, None, tol=1e-8, max_iter=50)
    state.duals = state.duals + 1e-9 * np.ones_like(state.duals)
    assert (dual.gap(state) == np.inf) == dual.free


@pytest.mark.parametrize("C", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("n_classes", [2, 5])
@pytest.mark.parametrize("options", [{}, {"fit_intercept": False}, {"penalty_factor": True}])
def test_coefficients_are_those_of_another_solver(C, n_classes, options):
    X, y, weights = draw(n_classes)
    if "penalty_factor" in options:
        options = {"penalty_factor": np.linspace(0.1, 2.0, N_FEATURES)}
    model, other = (
        SoftmaxRegression(C, tol=1e-12, solver=solver, **options).fit(X, y, weights)
        for solver in ("auto", "lbfgs")
    )
    assert model.dual_gap_ <= 1e-12
    assert model.loss_ == pytest.approx(other.loss_, rel=1e-11)
    np.testing.assert_allclose(model.coef_, other.coef_, atol=1e-5 * np.abs(other.coef_).max())
    np.testing.assert_allclose(model.intercept_, other.intercept_, rtol=1e-4, atol=1e-5)


def test_others_go_on_where_steps_do_not_lead_to_a_certificate(monkeypatch):
    X, y, _ = draw()
    whole = SoftmaxRegression().fit(X, y)
    monkeypatch.setattr(DualRows, "gap", lambda *_: np.inf)
    other = SoftmaxRegression().fit(X, y)
    assert other.dual_gap_ <= 1e-6
    assert other.n_iter_ >= whole.n_iter_
    np.testing.assert_allclose(other.coef_, whole.coef_, atol=1e-4)
    with pytest.warns(match="limit of iterations"):
        assert SoftmaxRegression(max_iter=1).fit(X, y).n_iter_ == 1


def test_a_fit_goes_on_from_what_was_found_before(monkeypatch):
    """By the others, to whom a start is of use."""
    X, y, _ = draw()
    model = SoftmaxRegression(warm_start=True).fit(X, y)
    monkeypatch.setattr(RidgeFits, "_dual", None)
    assert model.fit(X, y).n_iter_ == 1


def test_columns_that_are_too_large_are_refused():
    X, y, _ = draw()
    X[:, 7] *= 1e130
    with pytest.raises(ValueError, match="column 7"):
        SoftmaxRegression().fit(X, y)


def test_duals_are_for_few_rows():
    assert costs.duals_pay(80, 4)
    assert costs.duals_pay(200, 1)
    assert not costs.duals_pay(200, 10)
