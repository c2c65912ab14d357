"""Newton's method for few rows: the same optima, certified by fewer Hessians."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from sklearn_softmax import SoftmaxRegression
from sklearn_softmax._core.few_ridge import FewRidge
from sklearn_softmax._core.few_rows import FewRows
from sklearn_softmax._core.objective import Objective
from sklearn_softmax._core.targets.labels import BinaryLabels, Labels
from sklearn_softmax._core.targets.offset import Offset
from sklearn_softmax._core.targets.soft import BinarySoftLabels, SmoothedLabels, SoftLabels
from sklearn_softmax._core.threads import Threads
from sklearn_softmax._maps.design import DenseDesign
from sklearn_softmax._maps.kept_rows import KeptRows
from sklearn_softmax._maps.standardised import Standardised
from sklearn_softmax._penalties.ridge import Ridge
from sklearn_softmax._solvers import few_newton, newton
from sklearn_softmax._solvers.outcome import Outcome
from sklearn_softmax._solvers.steps import discriminant

N_ROWS, N_FEATURES = 60, 4


def targets():
    rng = np.random.default_rng(0)
    labels, wide = rng.integers(3, size=N_ROWS), rng.integers(8, size=N_ROWS)
    mass = rng.dirichlet(np.ones(3), size=N_ROWS)
    own, share = np.full(N_ROWS, 0.9), np.full(3, 1 / 3)
    return {
        "labels": Labels(labels, 3),
        "many classes": Labels(wide, 8),
        "soft": SoftLabels(mass),
        "smoothed": SmoothedLabels(labels, own, share),
        "offset": Offset(Labels(labels, 3), rng.standard_normal((3, N_ROWS))),
        "binary": BinaryLabels(labels == 1),
        "binary soft": BinarySoftLabels(mass[:, 0]),
        "binary offset": Offset(BinaryLabels(labels == 1), rng.standard_normal((1, N_ROWS))),
    }


@pytest.fixture(params=[(name, free) for name in targets() for free in (True, False)], ids=str)
def objective(request):
    """An objective of few weighted rows, some without weight."""
    name, fit_intercept = request.param
    rng, target = np.random.default_rng(1), targets()[name]
    X = rng.standard_normal((N_ROWS, N_FEATURES)) * 3.0 + 1.0
    weights = rng.random(N_ROWS) + 0.5
    weights[:2] = 0.0
    design = DenseDesign(X, target.n_outputs, fit_intercept)
    map = Standardised(design, X.mean(axis=0), X.std(axis=0))
    penalty = Ridge(map.ridge(0.03 * np.arange(1.0, N_FEATURES + 1.0)))
    products = target.n_outputs == 8
    options = {"threads": Threads(), "cached": True, "products": products}
    return Objective(KeptRows.of(map), target, penalty, weights, **options)


def centred(params, shape):
    params = params.reshape(shape)
    return params if shape[0] == 1 else params - params.mean(axis=0)


def test_derivatives_are_those_by_blocks(objective):
    rng, few, shape = np.random.default_rng(2), objective.few(), objective.map.shape
    params, vector = (
        centred(0.4 * rng.standard_normal(np.prod(shape)), shape).ravel() for _ in range(2)
    )
    state, point = few.start(params), objective.at(params)
    assert state.value == pytest.approx(point.value, rel=1e-13)
    np.testing.assert_allclose(state.gradient.ravel(), point.gradient, atol=1e-14)
    np.testing.assert_allclose(few.hessian(state), objective.hessian(point), atol=1e-14)
    margins = few.margins(vector.reshape(shape))
    _, third = few.bend(state, margins)
    np.testing.assert_allclose(third.ravel(), objective.third(point, vector), atol=1e-14)
    moved = few.moved(state, 0.3, vector.reshape(shape), margins)
    np.testing.assert_allclose(
        moved.gradient.ravel(), objective.at(params + 0.3 * vector).gradient, atol=1e-14
    )
    change = rng.standard_normal(len(few.reduced(state.gradient)))
    slope = np.sum(few.centred(change) * state.gradient)
    assert np.dot(change, few.reduced(state.gradient)) == pytest.approx(slope, abs=1e-13)


def test_gap_is_that_by_blocks_and_none_without_balance(objective):
    """At a Newton step from near the optimum, and at that from elsewhere, which is no dual."""
    few, shape = objective.few(), objective.map.shape
    optimum = newton(objective, np.zeros(np.prod(shape)), tol=1e-13, max_iter=50).params
    away = optimum + 0.02 * centred(np.random.default_rng(3).standard_normal(shape), shape).ravel()
    state, point = few.start(away), objective.at(away)
    right = -few.reduced(state.gradient)
    direction = few.centred(np.linalg.solve(few.hessian(state), right))
    gap = few.gap(state, few.curved(state, few.margins(direction)))
    assert gap == pytest.approx(objective.newton_gap(point, direction.ravel()), rel=1e-9)
    assert gap >= point.value - objective.at(optimum).value > 0.0
    if objective.map.fit_intercept:
        assert few.gap(state, few.curved(state, few.margins(2.0 * direction))) == np.inf


def test_gap_at_the_optimum_is_not_rounding_over_a_weak_penalty(objective):
    """Q - P is next to nothing there: it must not be the difference of Q - Y and P - Y."""
    weak = np.where(objective.penalty.curvature > 0, 1e-12, 0.0)
    problem = Objective(
        objective.map, objective.target, Ridge(weak), objective.weights, threads=Threads()
    )
    few, shape = problem.few(), problem.map.shape
    state = few.start(newton(problem, np.zeros(np.prod(shape)), tol=1e-14, max_iter=50).params)
    for _ in range(2):
        step = few.centred(np.linalg.solve(few.hessian(state), -few.reduced(state.gradient)))
        state = few.start((state.params + step).ravel())
    step = few.centred(np.linalg.solve(few.hessian(state), -few.reduced(state.gradient)))
    bound = 1e-30 if len(step) == 1 else 1e-19  # sums over classes are not zero to all digits
    assert few.gap(state, few.curved(state, few.margins(step))) <= bound


@pytest.mark.parametrize("tol", [1e-3, 1e-6, 1e-10])
def test_ends_certified_near_the_optimum(objective, tol, monkeypatch):
    start = np.zeros(np.prod(objective.map.shape))
    found = newton(objective, start, tol=tol, max_iter=50)
    monkeypatch.setattr(FewRidge, "fits", lambda objective: False)
    best = newton(objective, start, tol=1e-14, max_iter=50)
    assert found.outcome is Outcome.CONVERGED
    assert found.gap <= tol * found.value
    assert -1e-14 <= found.value - best.value <= found.gap + 1e-15


@pytest.mark.parametrize(
    ("load", "most"), [(load_iris, 3), (load_wine, 3), (load_breast_cancer, 3)]
)
def test_the_last_point_needs_no_hessian(load, most, monkeypatch):
    made, hessian = [], FewRidge.hessian

    def counted(few, state):
        made.append(state)
        return hessian(few, state)

    monkeypatch.setattr(FewRidge, "hessian", counted)
    monkeypatch.setattr(Objective, "hessian", None)
    model = SoftmaxRegression().fit(*load(return_X_y=True))
    assert model.dual_gap_ <= 1e-6
    assert len(made) == model.n_iter_ <= most


def test_discriminant_analysis_is_scikit_learns_where_all_is_taken(monkeypatch):
    """Without a ridge, and with all of what the classes explain."""
    X, y = load_iris(return_X_y=True)
    X = X - X.mean(axis=0)
    table = np.eye(3)[y]
    priors, scatter, sums = table.mean(axis=0), X.T @ X / len(X), table.T @ X / len(X)
    monkeypatch.setattr(discriminant, "_SHARE", 1.0)
    params = discriminant.discriminant(scatter, sums, priors, np.full(4, 1e-13))
    known = LinearDiscriminantAnalysis(solver="lsqr").fit(X, y)
    for found, expected in ((params[:, :-1], known.coef_), (params[:, -1], known.intercept_)):
        expected = expected - expected.mean(axis=0)
        np.testing.assert_allclose(found - found.mean(axis=0), expected, rtol=1e-6, atol=1e-6)


def test_there_is_no_discriminant_analysis_of_a_singular_matrix():
    sums = np.array([[1.0, 1.0], [-1.0, -1.0]])
    assert discriminant.discriminant(np.zeros((2, 2)), sums, np.full(2, 0.5), np.zeros(2)) is None


def test_it_starts_from_discriminant_analysis_where_that_is_better(objective, monkeypatch):
    """Without an intercept there is none, and what is worse than no coefficients is not taken."""
    few, cold = objective.few(), np.zeros(np.prod(objective.map.shape))
    nothing = few.start(cold).value
    options = {"tol": 0.0, "max_iter": 0}
    started = few_newton.few_newton(few, cold, None, **options).value
    assert (started < nothing) == objective.map.fit_intercept
    far = 1e3 * np.random.default_rng(0).standard_normal((max(2, few.shape[0]), few.shape[1]))
    monkeypatch.setattr(few_newton, "discriminant", lambda *_: far)
    assert few_newton.few_newton(few, cold, None, **options).value == nothing


def test_an_optimum_is_certified_where_it_is():
    X, y = load_iris(return_X_y=True)
    model = SoftmaxRegression(warm_start=True).fit(X, y)
    coef = model.coef_
    assert model.fit(X, y).n_iter_ == 1
    np.testing.assert_allclose(model.coef_, coef, atol=1e-12)


def test_a_feature_without_penalty_is_left_to_others():
    X, y = load_iris(return_X_y=True)
    model = SoftmaxRegression(penalty_factor=[0, 1, 1, 1]).fit(X, y)
    assert model.dual_gap_ <= 1e-6


def test_others_go_on_where_it_gives_up(monkeypatch):
    X, y = load_wine(return_X_y=True)
    model = SoftmaxRegression(tol=1e-9).fit(X, y)
    monkeypatch.setattr(FewRidge, "gap", lambda *_: np.inf)
    other = SoftmaxRegression(tol=1e-9).fit(X, y)
    assert other.dual_gap_ <= 1e-9
    np.testing.assert_allclose(other.coef_, model.coef_, atol=1e-5)
    limited = SoftmaxRegression(max_iter=2)
    with pytest.warns(match="limit of iterations"):
        assert limited.fit(X, y).n_iter_ == 2


def test_many_rows_are_left_to_others():
    rng = np.random.default_rng(5)
    X, y = rng.standard_normal((20000, 2)), rng.integers(2, size=20000)
    target, map = BinaryLabels(y), DenseDesign(X, 1)
    kept = KeptRows.of(Standardised(map, X.mean(axis=0), X.std(axis=0)))
    options = {"threads": Threads(), "cached": True}
    objective = Objective(kept, target, Ridge(np.array([1.0, 1.0, 0.0])), **options)
    assert objective.few() is not None
    assert not FewRows.fits(Objective(map, target, Ridge(np.array([1.0, 1.0, 0.0])), **options))
    free = Objective(kept, target, Ridge(np.array([1.0, 0.0, 0.0])), **options)
    assert free.few() is None
