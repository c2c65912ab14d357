"""Several weightings of the same rows at once: derivatives, gaps, and Newton's method."""

import numpy as np
import pytest

from sklearn_softmax import SoftmaxRegression
from sklearn_softmax._core.many.weightings import Weightings
from sklearn_softmax._core.threads import Threads
from sklearn_softmax._solvers.related.many_near import inverse_of, many_near
from sklearn_softmax._solvers.related.many_newton import many_newton
from sklearn_softmax._solvers.related.nearby import HessianMetric

N_ROWS, N_FEATURES = 40, 3


def problems(n_classes, seed=0):
    """Two weightings, one of which leaves rows out; the ridge; the data."""
    rng = np.random.default_rng(seed)
    labels = np.arange(N_ROWS) % n_classes
    X = np.eye(n_classes, N_FEATURES)[labels] + rng.standard_normal((N_ROWS, N_FEATURES))
    rows = np.column_stack([X, np.ones(N_ROWS)])
    weights = np.array([np.ones(N_ROWS), rng.integers(0, 3, N_ROWS)])
    totals = weights.sum(axis=1, keepdims=True)
    ridge = np.array([0.3, 0.1, 0.2, 0.0]) * np.ones((2, 1)) / totals
    table = np.eye(n_classes)[labels]
    return Weightings(rows, table, weights, threads=Threads()), ridge, (X, labels, weights)


BOTH = np.arange(2)


def some_params(n_classes, seed=1):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((2, n_classes - 1, N_FEATURES + 1))


@pytest.mark.parametrize("n_classes", [2, 3, 4])
def test_gradient_is_that_of_the_value(n_classes):
    many, ridge, _ = problems(n_classes)
    params, direction = some_params(n_classes), some_params(n_classes, 2)
    ahead, behind = (many.at(BOTH, params + t * direction, ridge).value for t in (1e-5, -1e-5))
    slope = np.einsum("fkj,fkj->f", many.at(BOTH, params, ridge).gradient, direction)
    np.testing.assert_allclose(slope, (ahead - behind) / 2e-5, rtol=1e-6)


@pytest.mark.parametrize("n_classes", [2, 3, 4])
def test_hessian_is_that_of_the_gradient(n_classes):
    many, ridge, _ = problems(n_classes)
    params, direction = some_params(n_classes), some_params(n_classes, 2)
    hessian = many.hessian(many.at(BOTH, params, ridge))
    product = (hessian @ direction.reshape(2, -1, 1)).reshape(direction.shape)
    ahead, behind = (many.at(BOTH, params + t * direction, ridge).gradient for t in (1e-5, -1e-5))
    np.testing.assert_allclose(product, (ahead - behind) / 2e-5, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("n_classes", [2, 3, 4])
def test_optimum_is_that_of_weighted_fits(n_classes):
    many, _, (X, labels, weights) = problems(n_classes)
    ridge = np.array([1.0, 1.0, 1.0, 0.0]) / weights.sum(axis=1, keepdims=True)
    start = np.zeros((2, n_classes - 1, N_FEATURES + 1))
    found = many_newton(many, many.at(BOTH, start, ridge), tol=1e-12, max_iter=100)
    assert (found[2] <= 1e-12 * found[1]).all()
    n_iter = found[3]
    assert ((n_iter > 1) & (n_iter < 15)).all()
    for params, value, weight in zip(*found[:2], weights, strict=True):
        model = SoftmaxRegression(tol=1e-12).fit(X, labels, sample_weight=weight)
        coef = model.coef_ if n_classes == 2 else model.coef_[:-1] - model.coef_[-1]
        np.testing.assert_allclose(params[:, :-1], coef, rtol=1e-5, atol=1e-7)
        assert value == pytest.approx(model.loss_, rel=1e-10)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_gap_bounds_the_distance_to_the_optimum(n_classes):
    many, ridge, _ = problems(n_classes)
    start = np.zeros((2, n_classes - 1, N_FEATURES + 1))
    best, least, *_ = many_newton(many, many.at(BOTH, start, ridge), tol=1e-13, max_iter=100)
    for size in (1e-3, 1e-2, 0.1):
        state = many.at(BOTH, best + size * some_params(n_classes), ridge)
        hessian = many.hessian(state)
        step = np.linalg.solve(hessian, -state.gradient.reshape(2, -1, 1))
        curved = (hessian @ step).reshape(start.shape)
        gap, falls = many.newton_gap(state, step.reshape(start.shape), curved)
        after = many.at(BOTH, state.params + step.reshape(start.shape), ridge)
        assert falls.all() == (size < 0.1)
        assert (after.value[falls] <= state.value[falls]).all()
        assert (gap >= state.value - least).all()
        assert (gap <= 1.5 * (state.value - least)).all()


def test_a_step_that_leaves_free_parameters_unbalanced_certifies_nothing():
    many, ridge, _ = problems(3)
    state = many.at(BOTH, some_params(3), ridge)
    gap, _ = many.newton_gap(state, np.zeros_like(state.params), np.zeros_like(state.params))
    assert np.isinf(gap).all()


def test_no_steps_left_is_no_certificate():
    many, ridge, _ = problems(3)
    start = np.zeros((2, 2, N_FEATURES + 1))
    first = many.at(BOTH, start, ridge)
    _, value, gap, n_iter = many_newton(many, first, tol=1e-12, max_iter=1)
    assert np.isinf(gap).all()
    assert (n_iter == 1).all()
    assert (value < first.value).all()


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("scale", [1, [[1.0], [1.1]]])
def test_spread_is_what_each_weighting_finds_at_the_same_parameters(n_classes, scale):
    """With a few rows held out, and with other weights of all rows."""
    many, ridge, (X, labels, _) = problems(n_classes)
    weights = np.ones((3, N_ROWS)) * np.vstack([[1], [1], np.atleast_2d(scale)[-1:]])
    weights[1, :5] = weights[2, 7:12] = 0.0
    table = np.eye(n_classes)[labels]
    many = Weightings(np.column_stack([X, np.ones(N_ROWS)]), table, weights, threads=Threads())
    params = some_params(n_classes)
    others = np.vstack([ridge, 2 * ridge])
    state, hessian = many.spread(many.at(0 * BOTH, params, ridge), np.array([1, 2]), others)
    same = many.at(np.array([1, 2, 1, 2]), params[[0, 0, 1, 1]], others)
    for name in ("value", "gradient", "chances"):
        np.testing.assert_allclose(getattr(state, name), getattr(same, name), atol=1e-14)
    np.testing.assert_allclose(hessian, many.hessian(same), atol=1e-12)


@pytest.mark.parametrize("n_classes", [2, 4])
def test_tables_and_offsets_are_those_of_a_fit(n_classes):
    rng = np.random.default_rng(3)
    X, table = rng.standard_normal((N_ROWS, N_FEATURES)), rng.dirichlet([1] * n_classes, N_ROWS)
    offset = rng.standard_normal((N_ROWS, n_classes))
    model = SoftmaxRegression(tol=1e-12).fit(X, table, offset=offset)
    seen = offset.T if n_classes > 2 else offset.T[1:] - offset.T[:1]
    rows, weights = np.column_stack([X, np.ones(N_ROWS)]), np.ones((1, N_ROWS))
    many = Weightings(rows, table, weights, seen, threads=Threads())
    ridge = np.array([[1.0, 1.0, 1.0, 0.0]]) / N_ROWS
    start = many.at(np.zeros(1, int), np.zeros((1, n_classes - 1, N_FEATURES + 1)), ridge)
    _, value, gap, _ = many_newton(many, start, tol=1e-12, max_iter=100)
    assert gap[0] <= 1e-12 * value[0]
    assert value[0] == pytest.approx(model.loss_, rel=1e-10)


def test_far_starts_end_where_near_ones_do():
    """Steps that are halved or made longer."""
    many, ridge, _ = problems(3)
    far = 4.0 * some_params(3)
    _, value, gap, _ = many_newton(many, many.at(BOTH, far, ridge), tol=1e-10, max_iter=100)
    _, near, *_ = many_newton(many, many.at(BOTH, 0 * far, ridge), tol=1e-10, max_iter=100)
    assert (gap <= 1e-10 * value).all()
    np.testing.assert_allclose(value, near, rtol=1e-9)


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_metric_of_a_hessian_solves_on_class_sums_of_zero(n_outputs):
    rng = np.random.default_rng(0)
    width, free = 4, max(1, n_outputs - 1)
    root = rng.standard_normal((free * width, 20))
    hessian = root @ root.T
    vector = rng.standard_normal((n_outputs, width))
    vector = vector if n_outputs == 1 else vector - vector.mean(axis=0)
    differences = vector if n_outputs == 1 else vector[:-1] - vector[-1]
    # What the Hessian makes of a step is the gradient relative to the last class.
    gradient = np.zeros((n_outputs, width))
    gradient[:free] = (hessian @ differences.ravel()).reshape(free, width)
    if n_outputs > 1:
        gradient[-1] = -gradient[:-1].sum(axis=0)
    metric = HessianMetric(hessian.copy(order="F"), (n_outputs, width))
    np.testing.assert_allclose(metric.solve(gradient.ravel()), vector.ravel(), rtol=1e-8)


def metric_of(many, start, ridge):
    """The inverse Hessian of the first problem, at its optimum."""
    params, *_ = many_newton(many, many.at(BOTH, start, ridge), tol=1e-10, max_iter=100)
    return params[:1], inverse_of(many.hessian(many.at(BOTH[:1], params[:1], ridge[:1]))[0])


@pytest.mark.parametrize("n_classes", [2, 3, 4])
def test_products_are_those_of_the_hessian(n_classes):
    many, ridge, _ = problems(n_classes)
    state, direction = many.at(BOTH, some_params(n_classes), ridge), some_params(n_classes, 2)
    product = many.hessian(state) @ direction.reshape(2, -1, 1)
    np.testing.assert_allclose(many.product(state, direction), product.reshape(direction.shape))


@pytest.mark.parametrize("n_classes", [2, 3, 4])
@pytest.mark.parametrize("weak", [1.0, 1e-4])
def test_steps_in_the_metric_of_a_near_optimum_find_that_of_newton(n_classes, weak):
    many, ridge, _ = problems(n_classes)
    ridge = weak * ridge
    start = np.zeros((2, n_classes - 1, N_FEATURES + 1))
    whole, inverse = metric_of(many, start, ridge)
    near = many.at(BOTH, np.repeat(whole, 2, axis=0), ridge)
    params, value, gap, n_iter = many_near(many, near, inverse, tol=1e-8, max_iter=100)
    best = many_newton(many, near, tol=1e-12, max_iter=100)
    assert (gap <= 1e-8 * value).all()
    assert (value - best[1] <= gap + 1e-15).all()
    assert n_iter[0] == 0
    assert 1 <= n_iter[1] <= 8
    np.testing.assert_allclose(params, best[0], atol=0.1)
    assert (many.at(BOTH, params, ridge).value <= value + 1e-15).all()


def test_a_metric_of_another_problem_is_left_for_their_own():
    many, ridge, _ = problems(3)
    start = many.at(BOTH, np.zeros((2, 2, N_FEATURES + 1)), ridge)
    inverse = np.diag(np.geomspace(1e-3, 1e3, 2 * (N_FEATURES + 1)))
    _, value, gap, _ = many_near(many, start, inverse, tol=1e-8, max_iter=100)
    best = many_newton(many, start, tol=1e-8, max_iter=100)[1]
    assert (gap <= 1e-8 * value).all()
    np.testing.assert_allclose(value, best, rtol=1e-7)
    _, _, gap, n_iter = many_near(many, start, inverse, tol=1e-8, max_iter=2)
    assert (n_iter <= 2).all()
    assert np.isinf(gap).all()


def test_gaps_of_inexact_steps_bound_the_distance_to_the_optimum():
    """Whatever is left of the Newton equation: intercepts are balanced, the rest costs."""
    many, ridge, _ = problems(3)
    start = np.zeros((2, 2, N_FEATURES + 1))
    best, least, *_ = many_newton(many, many.at(BOTH, start, ridge), tol=1e-13, max_iter=100)
    state = many.at(BOTH, best + 0.01 * some_params(3), ridge)
    exact = np.linalg.solve(many.hessian(state), -state.gradient.reshape(2, -1, 1))
    for error in (0.0, 0.1, 1.0):
        step = exact.reshape(start.shape) + error * 0.01 * some_params(3, 4)
        left = -state.gradient - many.product(state, step)
        gap, _ = many.balanced_gap(state, step, left)
        assert (gap >= state.value - least).all()
        assert np.isfinite(gap).all()
        assert error or (gap <= 1.1 * (state.value - least)).all()
