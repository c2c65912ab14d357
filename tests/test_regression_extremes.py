"""Fits at the limits of numbers: far offsets, scales beyond rounding, optima at infinity."""

import warnings

import numpy as np
import pytest
from scipy import optimize, sparse
from sklearn.exceptions import ConvergenceWarning

from sklearn_softmax import SoftmaxRegression, SoftmaxRegressionCV
from sklearn_softmax._core import few_ridge
from sklearn_softmax._core.targets.labels import BinaryLabels, Labels
from sklearn_softmax._core.targets.target import divergence
from sklearn_softmax._fitting import wide
from sklearn_softmax._solvers import Outcome, costs
from sklearn_softmax._solvers.composite.models import cholesky
from sklearn_softmax._solvers.quasi_newton import ScaledMetric, quasi_newton
from sklearn_softmax._solvers.steps.conjugate import newton_step

PENALTIES = {
    "ridge": {},
    "l1": {"l1_ratio": 1.0},
    "elastic net": {"l1_ratio": 0.5},
    "group": {"penalty": "group"},
}
every_penalty = pytest.mark.parametrize("options", PENALTIES.values(), ids=PENALTIES)


def draw(n, p, n_classes, seed=0):
    rng = np.random.default_rng(seed)
    return rng, rng.standard_normal((n, p)), np.arange(n) % n_classes


# Offsets that are sure of wrong classes.


@every_penalty
@pytest.mark.parametrize("scale", [100.0, 1e4, 1e6])
@pytest.mark.parametrize(("n", "n_classes"), [(5, 5), (50, 2), (50, 3), (200, 5)])
def test_far_offsets_are_certified(options, scale, n, n_classes):
    rng, X, y = draw(n, 2, n_classes, seed=7)
    offset = scale * rng.standard_normal((n, n_classes))
    model = SoftmaxRegression(**options).fit(X, y, offset=offset)
    assert 0.0 <= model.dual_gap_ <= 1e-6
    assert np.isfinite(model.coef_).all()
    assert np.isfinite(model.intercept_).all()


def test_the_optimum_beside_far_offsets_is_that_of_a_linear_program():
    """Losses of such logits are max(0, u), but for a nat in each row."""
    _, X, y = draw(40, 2, 2, seed=3)
    sign, offset = 2.0 * y - 1.0, 1e6 * np.random.default_rng(4).standard_normal(40)
    rows = sign[:, None] * np.column_stack([X, -X, np.ones(40), -np.ones(40)])
    costs = np.concatenate([np.ones(4), np.zeros(2), np.ones(40)])  # |w|, then max(0, u)
    above = np.column_stack([-rows, -np.eye(40)])
    best = optimize.linprog(costs, A_ub=above, b_ub=sign * offset).fun
    model = SoftmaxRegression(l1_ratio=1.0).fit(X, y, offset=offset)
    assert best <= 40 * model.loss_ <= best + 40 * np.log(2.0)


@every_penalty
def test_one_row_of_each_class_and_offsets_of_any_size(options):
    for seed, scale in enumerate([1e3, 1e6, 1e10]):
        rng, X, y = draw(4, 3, 4, seed)
        offset = scale * rng.uniform(-1.0, 1.0, (4, 4))
        factors = np.array([0.0, 1.0, 1.0]) if not options else None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # it may be as good as fitted
            model = SoftmaxRegression(penalty_factor=factors, **options).fit(X, y, offset=offset)
        assert np.isfinite([model.loss_, model.dual_gap_]).all()
        assert np.isfinite(model.coef_).all()


@every_penalty
@pytest.mark.parametrize("unit", [1e50, 1e300])
def test_penalties_that_are_next_to_nothing(options, unit):
    """Classes that overlap: without a penalty there is an optimum, and it serves."""
    rng, X, _ = draw(60, 4, 3)
    y = np.argmax(X[:, :3] + rng.gumbel(size=(60, 3)), axis=1)
    free = SoftmaxRegression(np.inf).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = SoftmaxRegression(**options).fit(X, y, sample_weight=np.full(60, unit))
        light = np.append(1e-300 * unit, np.full(59, unit))
        other = SoftmaxRegression(**options).fit(X, y, sample_weight=light)
    np.testing.assert_allclose(model.coef_, free.coef_, atol=1e-3)
    assert model.dual_gap_ <= 1e-6
    assert np.isfinite(other.coef_).all()


# Wide data.


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_matrix])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("seed", [1, 2])
def test_few_rows_of_features_of_all_scales(container, dtype, seed):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((15, 848)) * 10.0 ** rng.uniform(-8, 8, 848)
    X *= rng.random(X.shape) < 0.25
    soft = rng.dirichlet(np.full(5, 0.05), 15)
    model = SoftmaxRegression(C=100.0).fit(container(X.astype(dtype)), soft)
    assert model.dual_gap_ <= 1e-6
    assert model.n_iter_ <= 40  # steps of a small problem: it was hundreds, of long ones


def test_wide_sparse_data_have_the_optimum_of_dense_ones():
    rng, X, y = draw(60, 700, 3)
    X[rng.random(X.shape) < 0.9] = 0.0
    dense, thin = (SoftmaxRegression(tol=1e-10).fit(each, y) for each in (X, sparse.csr_matrix(X)))
    np.testing.assert_allclose(thin.coef_, dense.coef_, atol=1e-6)


def test_tables_of_pairs_of_classes_stay_small():
    rng, X, y = draw(60, 1, 150)
    SoftmaxRegression(solver="newton", classes=np.arange(150)).fit(X, y)
    kept = few_ridge._classes(60)[2]
    assert kept is None or kept.size <= 1 << 18
    pairs = np.random.default_rng(0).random((6, 2))
    np.testing.assert_array_equal(few_ridge._laplacian(4, pairs), few_ridge._classes(4)[2] @ pairs)


# Steps.


def test_no_step_promises_more_than_the_value():
    """Curvature that is next to nothing asks for steps that solve for it, and all others pay."""

    class Point:
        value, gradient = 1.0, np.array([1.0, 1.0])

    class Quadratic:
        def hessian_product(self, point, vector):
            return np.array([1.0, 1e-12]) * vector

    class Identity:
        def solve(self, gradient):
            return gradient.copy()

    found = newton_step(Quadratic(), Point(), Identity(), accuracy=1e-6)
    assert found.n_products == 1


def test_what_is_left_of_a_matrix_may_be_rounding_of_any_sign():
    """Jitter is measured by what was subtracted from: by itself it would make this worse."""
    matrix = np.array([[-1e-17, 0.0], [0.0, 1.0]])
    factor = cholesky(matrix.copy(), np.ones(2))
    assert np.isfinite(factor).all()
    np.testing.assert_allclose(np.tril(factor) @ np.tril(factor).T, matrix, atol=1e-6)


# Optima at infinity.


@pytest.mark.parametrize("rates", [np.ones(20), np.logspace(-1.5, 0, 20)], ids=["one", "many"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_distance_to_an_infimum_is_told(n_classes, rates):
    """A feature of one class alone: its rows are lost to the loss, at one rate or at many."""
    _, X, _ = draw(120, 3, n_classes)
    rng = np.random.default_rng(1)
    y = np.argmax(X[:, :n_classes] + rng.gumbel(size=(120, n_classes)), axis=1)
    alone = np.flatnonzero(y == 0)[:20]
    left = np.setdiff1d(np.arange(120), alone)
    infimum = SoftmaxRegression(np.inf, tol=1e-13).fit(X[left], y[left]).loss_ * len(left) / 120
    marked = np.zeros(120)
    marked[alone] = rates
    for tol in (1e-4, 1e-6):
        with pytest.warns(ConvergenceWarning, match="nats above its infimum"):
            model = SoftmaxRegression(np.inf, tol=tol).fit(np.column_stack([X, marked]), y)
        left_over = model.loss_ - infimum
        assert left_over <= model.dual_gap_ * model.loss_ * (1 + 1e-3) <= 10 * left_over


# Rounding.


@pytest.mark.parametrize("n_classes", [2, 3])
def test_probabilities_are_at_most_one(n_classes):
    """Reciprocals of huge exponentials are subnormal: products with them may be a little more."""
    labels = np.zeros(5000, np.intp)
    target = BinaryLabels(labels) if n_classes == 2 else Labels(labels, n_classes)
    logits = np.random.default_rng(0).uniform(700.0, 709.7, (target.n_outputs, 5000))
    target.relate(logits, slice(0, 5000))
    chances = np.empty_like(logits)
    _, inverse = target.loss_rows(logits, slice(0, 5000), chances)
    target.probabilities(chances, inverse, slice(0, 5000))
    assert chances.max() <= 1.0


def test_divergences_are_not_negative():
    rng = np.random.default_rng(0)
    chances = rng.dirichlet(np.ones(4), 20000).T
    change = chances * rng.standard_normal(chances.shape) * 1e-15
    change[0, ::2] += 0.6 * chances[0, ::2]  # half of the rows change much
    change -= chances * change.sum(axis=0)
    assert divergence(chances, change).min() >= 0.0


@pytest.mark.parametrize("options", [{}, {"cv": "loo"}, {"l1_ratios": 1.0}])
@pytest.mark.parametrize("seed", [2, 5])
def test_far_offsets_are_certified_at_each_strength_and_in_each_fold(options, seed):
    rng, X, y = draw(60, 3, 3, seed)
    offset = rng.standard_normal((60, 3)) * 1e4
    model = SoftmaxRegressionCV([0.01, 1.0, 100.0], **options)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        model.fit(X, y, offset=offset)
    assert model.dual_gap_ <= 1e-6


def test_quasi_newton_ends_where_steps_gain_nothing():
    """A goal below the rounding of the value, as weights of many sizes make it."""

    class Point:
        value, gradient = 1.0, np.array([1e-9])

        def __init__(self, params):
            self.params = params

    class Line:
        def __init__(self, objective, point, direction):
            self._start, self._direction = point.params, direction

        def evaluate(self, step):
            return 1.0, -1e-18

        def take(self, step):
            return Point(self._start + step * self._direction)

    class Flat:
        noise, at, line = 1e-16, staticmethod(Point), lambda *asked: Line(*asked)

    options = {"decrement": 1e-30, "max_iter": 500}
    found = quasi_newton(Flat(), np.zeros(1), ScaledMetric(np.ones(1), 0.0), **options)
    assert found.n_iter <= 5


def test_wide_rows_that_are_all_the_same_have_no_coefficients():
    """What is left of them in the row space is rounding, which a weak penalty does not hold."""
    rng = np.random.default_rng(1)
    X = np.tile(1e-10 * rng.standard_normal(40), (3, 1))
    y = rng.dirichlet(np.ones(3), 3)[:, :2]
    offset = rng.uniform(-1.6e4, -8e3, 3)
    model = SoftmaxRegression(C=1000.0)
    model.fit(X, y / y.sum(axis=1, keepdims=True), offset=offset)
    assert np.abs(model.coef_).max() <= 1e-20
    assert model.dual_gap_ <= 1e-6


def test_rows_that_take_too_many_steps_leave_the_rest_to_the_features(monkeypatch):
    """It is no limit of the user's that ends there."""
    rng, certify = np.random.default_rng(0), wide.certify
    X, y = rng.standard_normal((30, 200)), np.arange(30) % 3
    monkeypatch.setattr(costs, "duals_pay", lambda *_: False)
    monkeypatch.setattr(wide, "_TOLERANCES", (1e5, 1e-6))
    monkeypatch.setattr(wide, "_FEW", 1)

    def refuse(problem, params, result, *rest):
        sure = certify(problem, params, result, *rest)
        return None if result.outcome is Outcome.CONVERGED else sure

    monkeypatch.setattr(wide, "certify", refuse)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert SoftmaxRegression().fit(X, y).dual_gap_ <= 1e-6
