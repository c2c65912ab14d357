"""Solvers: what every one of them owes to its caller, and the parts that they share."""

import warnings
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.datasets import load_digits, load_wine

from sklearn_softmax._core.objective import Point
from sklearn_softmax._core.targets.labels import BinaryLabels, Labels
from sklearn_softmax._core.targets.soft import SoftLabels
from sklearn_softmax._core.threads import Threads
from sklearn_softmax._fitting.problem import RidgeProblem, alpha_from_C
from sklearn_softmax._penalties import PENALTIES
from sklearn_softmax._solvers import SOLVERS, Outcome, choice, costs
from sklearn_softmax._solvers.composite.models import ClassModel
from sklearn_softmax._solvers.lbfgs import lbfgs
from sklearn_softmax._solvers.newton_cg import newton_blocks
from sklearn_softmax._solvers.related.kept_hessian import KeptHessian
from sklearn_softmax._solvers.related.near_path import NearPath
from sklearn_softmax._solvers.related.nearby import HessianMetric
from sklearn_softmax._solvers.steps import products, schedule
from sklearn_softmax._solvers.steps.conjugate import newton_step
from sklearn_softmax._solvers.steps.line_search import search
from sklearn_softmax._solvers.steps.metric import BlockMetric, KroneckerMetric, LowRankMetric
from sklearn_softmax._solvers.steps.newton_equation import NewtonStep
from sklearn_softmax._solvers.steps.pairs import Pairs


def make(C=1.0, kind="labels", n=200, p=5, fit_intercept=True, weighted=False, container=None):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, p)) * np.logspace(-2, 2, p) + 1.0
    truth = 2.0 * rng.standard_normal((4, p)) / np.logspace(-2, 2, p)
    logits = (X - 1.0) @ truth.T
    labels = np.argmax(logits + rng.gumbel(size=logits.shape), axis=1)
    target = {
        "labels": lambda: Labels(labels, 4),
        "binary": lambda: BinaryLabels(labels > 1),
        "soft": lambda: SoftLabels(np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)),
    }[kind]()
    weights = rng.uniform(0.1, 3.0, n) if weighted else None
    X = X if container is None else container(X)
    options = {"C": C, "fit_intercept": fit_intercept, "threads": Threads(), "floor": 1e-6}
    problem = RidgeProblem(X, target, weights, **options)
    return problem, problem.objective(np.float64)


VARIANTS = [
    {},
    {"C": 1e4},
    {"C": 1e-4, "weighted": True},
    {"C": np.inf, "kind": "soft"},
    {"kind": "binary", "weighted": True, "fit_intercept": False},
    {"kind": "binary", "container": sparse.csr_matrix},
    {"kind": "soft", "container": sparse.csr_matrix, "weighted": True},
    {"p": 40, "n": 400, "C": 10.0},
]


@pytest.mark.parametrize("solver", SOLVERS.values(), ids=SOLVERS)
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: "-".join(variant) or "plain")
class TestSolvers:
    def test_reaches_the_tolerance(self, solver, variant):
        problem, objective = make(**variant)
        result = solver(objective, problem.start(), tol=1e-9, max_iter=200)
        assert result.outcome is Outcome.CONVERGED
        assert 0 <= result.gap <= 1e-9 * result.value
        assert 1 <= result.n_iter <= 200
        point = objective.at(result.params)
        np.testing.assert_allclose(point.value, result.value, rtol=1e-12)
        start = objective.at(problem.start())
        assert np.abs(point.gradient).max() < 1e-4 * np.abs(start.gradient).max()

    def test_solvers_agree(self, solver, variant):
        problem, objective = make(**variant)
        found = solver(objective, problem.start(), tol=1e-12, max_iter=500)
        expected = SOLVERS["newton"](objective, problem.start(), tol=1e-12, max_iter=500)
        size = np.abs(expected.params).max()
        np.testing.assert_allclose(found.params, expected.params, atol=1e-5 * size)

    def test_value_never_rises(self, solver, variant):
        problem, objective = make(**variant)
        values = [objective.at(problem.start()).value]
        for max_iter in range(1, 8):
            values.append(solver(objective, problem.start(), tol=0, max_iter=max_iter).value)
        assert np.all(np.diff(values) <= 1e-12 * values[0])

    def test_limit_of_iterations_is_an_outcome_and_no_warning(self, solver, variant):
        problem, objective = make(**variant)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            result = solver(objective, problem.start(), tol=1e-14, max_iter=1)
        assert result.outcome is Outcome.MAX_ITER
        assert result.n_iter == 1
        assert result.gap > 1e-14 * result.value

    def test_at_the_optimum_there_is_nothing_to_do(self, solver, variant):
        problem, objective = make(**variant)
        first = solver(objective, problem.start(), tol=1e-11, max_iter=500)
        again = solver(objective, first.params, tol=1e-9, max_iter=500)
        assert again.outcome is Outcome.CONVERGED
        assert again.n_iter == 0
        np.testing.assert_array_equal(again.params, first.params)

    def test_any_start_ends_at_the_same_optimum(self, solver, variant):
        problem, objective = make(**variant)
        start = np.random.default_rng(3).standard_normal(objective.map.shape)
        if len(start) > 1:
            start -= start.mean(axis=0)
        found = solver(objective, 3.0 * start.ravel(), tol=1e-10, max_iter=500)
        expected = solver(objective, problem.start(), tol=1e-10, max_iter=500)
        np.testing.assert_allclose(found.value, expected.value, rtol=1e-9)

    def test_class_sums_stay_zero(self, solver, variant):
        problem, objective = make(**variant)
        if objective.target.n_outputs == 1:
            return
        result = solver(objective, problem.start(), tol=1e-9, max_iter=200)
        params = result.params.reshape(objective.map.shape)
        np.testing.assert_allclose(params.sum(axis=0), 0.0, atol=1e-12 * np.abs(params).max())

    def test_tolerance_zero_ends_by_rounding(self, solver, variant):
        problem, objective = make(**variant)
        result = solver(objective, problem.start(), tol=0, max_iter=500)
        assert result.outcome in (Outcome.STALLED, Outcome.CONVERGED)
        assert result.gap <= 1e-9 * result.value

    def test_start_is_not_written_to(self, solver, variant):
        problem, objective = make(**variant)
        start = problem.start()
        start.flags.writeable = False
        solver(objective, start, tol=1e-6, max_iter=5)


SEPARABLE = {
    "points apart": ([[-2.0], [-1.0], [1.0], [2.0]], [0, 0, 1, 1]),
    "they touch": ([[-2.0], [0.0], [0.0], [2.0]], [0, 0, 1, 1]),
    "three classes": ([[-2.0], [-1.0], [1.0], [2.0], [8.0], [9.0]], [0, 0, 1, 1, 2, 2]),
    "one of three": ([[-1.0], [1.0], [-1.0], [1.0], [8.0], [9.0]], [0, 0, 1, 1, 2, 2]),
    "a rare flag": ([[0.0, v] for v in (1, 2, 3, 4)] + [[1.0, 1.0]], [0, 1, 0, 1, 1]),
}


@pytest.mark.parametrize("solver", SOLVERS.values(), ids=SOLVERS)
@pytest.mark.parametrize("case", SEPARABLE)
def test_optimum_at_infinity_is_an_outcome(solver, case):
    """Without a penalty; the loss is near its infimum and all numbers are finite."""
    X, labels = map(np.array, SEPARABLE[case])
    n_classes = labels.max() + 1
    target = BinaryLabels(labels) if n_classes == 2 else Labels(labels, n_classes)
    options = {"fit_intercept": True, "threads": Threads(), "floor": 1e-6}
    problem = RidgeProblem(X, target, None, C=np.inf, **options)
    result = solver(problem.objective(np.float64), problem.start(), tol=1e-6, max_iter=200)
    assert result.outcome is Outcome.AT_INFINITY
    assert np.all(np.isfinite(result.params))
    tight = RidgeProblem(X, target, None, C=1e9, **options)
    best = SOLVERS["newton"](tight.objective(np.float64), tight.start(), tol=1e-6, max_iter=200)
    assert result.value <= best.value + 1e-4


# The line search.


class Line:
    """A function along a line, which counts its evaluations."""

    def __init__(self, function):
        self.function, self.steps = function, []

    def evaluate(self, step):
        self.steps.append(step)
        return self.function(step)


def logistic(centre, scale):
    """Convex, steep on one side: softplus and a slope."""

    def function(t):
        z = (t - centre) / scale
        value = np.logaddexp(0.0, z) + np.logaddexp(0.0, -0.1 * z)
        return value, (1 / (1 + np.exp(-z)) - 0.1 / (1 + np.exp(0.1 * z))) / scale

    return function


@given(
    centre=st.floats(-3, 6).map(lambda x: 10.0**x),
    scale=st.floats(-3, 3).map(lambda x: 10.0**x),
    curvature=st.sampled_from([0.1, 0.5, 0.9]),
)
def test_search_finds_a_step_of_wolfe(centre, scale, curvature):
    with np.errstate(over="ignore"):
        line = Line(logistic(centre, scale))
        value, slope = line.function(0.0)
        if not slope < -1e-12 / scale:
            return
        step = search(line, value, slope, curvature=curvature)
        found, end = line.function(step)
    assert step in line.steps
    assert found <= value + 1e-4 * step * slope + 2e-15 * abs(value)
    assert abs(end) <= -curvature * slope or len(line.steps) == 30


def test_search_takes_the_newton_step_of_a_quadratic_at_once():
    line = Line(lambda t: ((t - 1.0) ** 2, 2.0 * (t - 1.0)))
    assert search(line, 1.0, -2.0) == 1.0
    assert line.steps == [1.0]


@pytest.mark.parametrize("wall", [0.9, 1e-3, 1e-6])
@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_search_steps_back_from_overflow(wall, value):
    """Beyond the wall the function is no number."""

    def function(t):
        return (value, value) if t > wall else (-t, -1.0)

    step = search(Line(function), 0.0, -1.0)
    assert 0.0 < step <= wall


@pytest.mark.parametrize("slope", [-1.0, -1e-30])
def test_search_without_decrease_goes_nowhere(slope):
    """The slope at 0 promised one, by rounding or wrongly."""
    step = search(Line(lambda t: (1.0 + t, 1.0)), 1.0, slope)
    assert step is None or step <= 1e-14


# Metrics.


def draw_blocks(n_blocks, width):
    factors = np.random.default_rng(0).standard_normal((n_blocks, width, 2 * width))
    return list(factors @ factors.transpose(0, 2, 1))


def solve_dense(hessian, gradient):
    """Of steps with class sum zero: least squares with the classes' mean taken out."""
    n_outputs, width = gradient.shape
    centre = np.kron(np.eye(n_outputs) - 1.0 / n_outputs, np.eye(width))
    return (centre @ np.linalg.pinv(hessian) @ centre @ gradient.ravel()).reshape(gradient.shape)


def block_diagonal(blocks):
    width = len(blocks[0])
    dense = np.zeros((len(blocks) * width,) * 2)
    for k, block in enumerate(blocks):
        dense[k * width : (k + 1) * width, k * width : (k + 1) * width] = block
    return dense


def test_block_metric_solves_with_its_blocks():
    blocks, gradient = draw_blocks(3, 4), np.random.default_rng(1).standard_normal((3, 4))
    expected = solve_dense(block_diagonal(blocks), gradient).ravel()
    metric = BlockMetric(lambda classes: blocks[classes].copy(), 3, (3, 4), Threads().for_each)
    np.testing.assert_allclose(metric.solve(gradient.ravel()), expected, rtol=1e-9)


def test_block_metric_of_a_singular_block_is_finite():
    rows = np.random.default_rng(0).standard_normal((2, 5))
    metric = BlockMetric(lambda classes: (rows.T @ rows)[None], 1, (1, 5), Threads().for_each)
    gradient = rows.T @ [1.0, 2.0]
    found = metric.solve(gradient)
    np.testing.assert_allclose(rows.T @ (rows @ found), gradient, rtol=1e-4)


def test_low_rank_metric_is_woodburys_identity():
    rng = np.random.default_rng(0)
    rows = [rng.standard_normal((2, 6)) for _ in range(3)]
    diagonals = rng.uniform(0.5, 2.0, (3, 6))
    dense = [a.T @ a + np.diag(d) for a, d in zip(rows, diagonals, strict=True)]
    gradient = rng.standard_normal((3, 6))
    expected = solve_dense(block_diagonal(dense), gradient).ravel()
    metric = LowRankMetric([a.copy() for a in rows], diagonals, Threads().for_each)
    np.testing.assert_allclose(metric.solve(gradient.ravel()), expected, rtol=1e-9)


@pytest.mark.parametrize("variant", [{}, {"weighted": True}, {"p": 40}, {"kind": "soft"}])
def test_kronecker_metric_is_the_hessian_at_the_start(variant):
    """One step from the class priors is linear discriminant analysis."""
    problem, objective = make(C=0.1, **variant)
    point = objective.at(problem.start())
    metric = KroneckerMetric(
        objective.target.frequencies(objective.weights),
        objective.gram(),
        objective.penalty.curvature.reshape(objective.map.shape)[0],
        objective.map.shape,
        Threads().for_each,
    )
    step = np.random.default_rng(0).standard_normal(objective.map.shape)
    step = (step - step.mean(axis=0)).ravel()
    found = metric.solve(objective.hessian_product(point, step))
    np.testing.assert_allclose(found, step, atol=1e-8)


# Decisions of cost and units.


def test_penalty_strength():
    assert alpha_from_C(np.inf, 10.0) == 0.0
    assert alpha_from_C(2.0, 10.0) == 0.05


def test_explicit_newton_is_for_few_parameters():
    def ratio(n_rows, n_features, n_outputs):
        return costs.newton_ratio(n_rows, n_rows * n_features, n_outputs, n_features + 1)

    assert costs.newton_pays(ratio(150, 4, 3))
    assert costs.few_newton_pays(ratio(250, 44, 5), 250 * 44, 5)
    assert not costs.newton_pays(ratio(250, 44, 5))
    assert costs.few_newton_pays(ratio(2000, 15, 5), 2000 * 15, 5)
    assert not costs.few_newton_pays(ratio(20_000, 20, 1), 20_000 * 20, 1)
    assert costs.newton_pays(ratio(500, 30, 1))
    assert costs.newton_pays_late(ratio(2000, 20, 6))
    assert not costs.newton_pays(ratio(2000, 20, 6))
    assert not costs.newton_pays_late(ratio(100_000, 100, 10))
    assert not costs.newton_pays_late(ratio(10, 1000, 3))


def test_float32_serves_many_outputs_of_long_products():
    assert costs.dense_single_pays(10_000 * 30, 1000)
    assert not costs.dense_single_pays(1000 * 30, 100)
    assert not costs.dense_single_pays(200_000 * 50, 10)


@given(st.integers(2, 10**6), st.integers(1, 1000), st.integers(1, 100))
def test_costs_grow_with_the_problem(n_rows, width, n_outputs):
    entries = n_rows * width
    assert costs.pass_cost(entries, n_outputs) < costs.pass_cost(entries, n_outputs + 1)
    ratio = costs.newton_ratio(n_rows, entries, n_outputs, width)
    assert 0 < ratio < costs.newton_ratio(n_rows, entries, n_outputs + 2, width)
    assert costs.blocks_cost(2, n_rows, width) == 2 * costs.blocks_cost(1, n_rows, width)
    few, all_of_them = (
        costs.part_ratio(n_rows, entries, n_outputs, width, n_columns)
        for n_columns in (1 + width // 2, width)
    )
    assert 1.5 < few <= all_of_them
    if not costs.margins_pay(n_rows, entries, n_outputs, 4):
        assert not costs.margins_pay(n_rows, entries, n_outputs, 8)
    if costs.newton_pays_after(10, n_rows, entries, n_outputs, width):
        assert ratio <= 10
        assert 8 * (max(1, n_outputs - 1) * width) ** 2 <= 1 << 26
    if costs.products_pay(n_rows, n_outputs, width + 1):
        assert costs.products_pay(n_rows, n_outputs, width)


def test_moments_pay_where_classes_are_few_beside_features():
    assert costs.moments_pay(200_000, 200_000 * 50, 10)
    assert costs.moments_pay(150, 150 * 4, 3)
    assert not costs.moments_pay(5000, 5000 * 30, 300)


def test_gradients_of_small_data_cost_less_than_calls():
    assert costs.gradients_pay(150 * 4, 3)
    assert not costs.gradients_pay(20_000 * 50, 10)


def test_margins_are_cached_where_they_are_small():
    assert costs.margins_pay(10_000, 10_000 * 50, 10, 8)
    assert costs.margins_pay(10**6, 10**6 * 1000, 10, 8)
    assert not costs.margins_pay(200_000, 200_000 * 50, 10, 8)


def test_row_space_is_for_wide_data():
    assert costs.row_space_pays(50, 2000, 3)
    assert not costs.row_space_pays(2000, 50, 3)
    assert not costs.row_space_pays(5000, 5001, 2)


# The pairs of L-BFGS.


class Identity:
    def solve(self, gradient):
        return gradient.copy()


def two_loops(pairs, gradient):
    """Nocedal & Wright, algorithm 7.4, from the identity."""
    vector, shares = -gradient, []
    for step, change in reversed(pairs):
        shares.append(step @ vector / (step @ change))
        vector = vector - shares[-1] * change
    step, change = pairs[-1]
    vector = vector * min(max(step @ change / (change @ change), 0.5), 2.0)
    for (step, change), share in zip(pairs, reversed(shares), strict=True):
        vector = vector + (share - change @ vector / (step @ change)) * step
    return vector


@pytest.mark.parametrize("number", [1, 3, 4, 9])
@pytest.mark.parametrize("kept", [4, 2])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_compact_form_is_the_two_loop_recursion(number, kept, dtype):
    rng = np.random.default_rng(number)
    factor = rng.standard_normal((6, 6))
    hessian = factor @ factor.T + np.eye(6)
    memory, expected = Pairs(6, 4, dtype), []
    for step in rng.standard_normal((number, 6)):
        memory.add(step, hessian @ step)
        expected.append((step, hessian @ step))
    memory.keep(kept)
    step = rng.standard_normal(6)
    memory.add(step, hessian @ step)
    expected = [*expected[-4:][-kept:], (step, hessian @ step)][-4:]
    gradient = rng.standard_normal(6)
    found, exact = memory.direction(gradient, Identity()), two_loops(expected, gradient)
    rounding = 1e-9 if dtype == np.float64 else 1e-4
    np.testing.assert_allclose(found, exact, rtol=1e-9, atol=rounding * np.abs(exact).max())


def test_pairs_without_positive_curvature_are_refused():
    memory = Pairs(3, 4)
    memory.add(np.ones(3), -np.ones(3))
    memory.add(np.ones(3), np.array([1.0, -1.0, 0.0]))
    assert len(memory) == 0
    np.testing.assert_array_equal(memory.direction(np.ones(3), Identity()), -np.ones(3))


# Guards of the algorithm's speed: passes over the data, which no machine changes.


def near_separable():
    rng = np.random.default_rng(1)
    X = rng.standard_normal((1500, 12)) * np.logspace(-2, 2, 12)
    logits = (X / np.logspace(-2, 2, 12)) @ rng.standard_normal((12, 6)) * 10.0
    return X, np.argmax(logits + rng.gumbel(size=logits.shape), axis=1)


@pytest.mark.parametrize(
    ("data", "most"),
    [
        (lambda: load_wine(return_X_y=True), 12),
        (lambda: load_digits(return_X_y=True), 40),
        (near_separable, 45),
    ],
    ids=["wine", "digits", "near-separable"],
)
def test_passes_over_the_data_to_a_certified_optimum(data, most):
    X, y = data()
    options = {"C": 1.0, "fit_intercept": True, "threads": Threads(), "floor": 1e-6}
    problem = RidgeProblem(X, Labels(y, y.max() + 1), None, **options)
    objective = problem.objective(np.float64)
    result = SOLVERS["auto"](objective, problem.start(), tol=1e-6, max_iter=1000)
    assert result.outcome is Outcome.CONVERGED
    assert result.gap <= 1e-6 * result.value
    assert objective.n_passes <= most


def in_mixed_units():
    """Ten features of unit scale, two a thousand times as large, five noisy classes."""
    rng = np.random.default_rng(2)
    standard = rng.standard_normal((4000, 12)) @ rng.standard_normal((12, 12))
    logits = standard @ rng.standard_normal((12, 5))
    y = np.argmax(logits + rng.gumbel(size=logits.shape), axis=1)
    return standard * np.where(np.arange(12) < 2, 1e3, 1.0), y


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_few_weakly_penalised_features_ask_for_few_more_steps(monkeypatch, dtype):
    """A Newton step in these alone certifies the gap, which is right, in fewer passes."""
    X, y = in_mixed_units()
    options = {"C": 1.0, "fit_intercept": True, "threads": Threads(), "floor": 1e-6}
    problem, passes = RidgeProblem(X.astype(dtype), Labels(y, 5), None, **options), []
    best = SOLVERS["newton"](problem.objective(np.float64), problem.start(), tol=1e-12, max_iter=50)
    for pays in (costs.part_pays, lambda cost, steps: False):
        monkeypatch.setattr(costs, "part_pays", pays)
        objective = problem.objective(np.float64)
        result = SOLVERS["lbfgs"](objective, problem.start(), tol=1e-6, max_iter=1000)
        assert result.value - best.value <= result.gap <= 1e-6 * result.value
        passes.append(objective.n_passes)
    assert passes[0] <= 0.8 * passes[1]


def test_where_lbfgs_takes_long_newton_by_conjugate_gradients_goes_on(monkeypatch):
    monkeypatch.setattr(choice, "_LONG", 2)
    problem, objective = make(p=40, n=400, C=10.0)
    expected = SOLVERS["lbfgs"](objective, problem.start(), tol=1e-9, max_iter=500)
    found = SOLVERS["auto"](objective, problem.start(), tol=1e-9, max_iter=500)
    assert found.outcome is Outcome.CONVERGED
    assert found.n_iter > 2
    np.testing.assert_allclose(found.value, expected.value, rtol=1e-8)


def test_where_products_are_many_the_hessian_itself_takes_over(monkeypatch):
    def passes():
        rng = np.random.default_rng(0)
        X = rng.normal(size=(200, 8)) @ rng.normal(size=(8, 8)) + 5 * rng.normal(size=(200, 1))
        y = (X @ rng.normal(size=(8, 8)) + rng.gumbel(size=(200, 8))).argmax(axis=1)
        y, n_classes = np.unique(y, return_inverse=True)[1], len(np.unique(y))
        options = {"C": 1e6, "fit_intercept": True, "threads": Threads(), "floor": 1e-6}
        problem = RidgeProblem(X, Labels(y, n_classes), None, **options)
        objective = problem.objective(np.float64)
        result = newton_blocks(objective, problem.start(), tol=1e-6, max_iter=300)
        assert result.outcome is Outcome.CONVERGED
        return objective.n_passes

    with_hessian = passes()
    monkeypatch.setattr(costs, "newton_pays_after", lambda *_: False)
    assert with_hessian <= 0.4 * passes()


def nearly_separable(n=4000, p=80, n_classes=10):
    """Labels from a linear rule with little noise: most rows are sure of their class."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, p))
    logits = X @ rng.standard_normal((p, n_classes))
    y = np.argmax(logits + 0.2 * rng.gumbel(size=logits.shape), axis=1)
    options = {"C": 1e4, "fit_intercept": True, "threads": Threads(), "floor": 1e-6}
    return RidgeProblem(X, Labels(y, n_classes), None, **options)


def passes_of_newton(problem):
    """Passes over the rows from the class priors to a certified gap."""
    objective = problem.objective(np.float64)
    before = objective.n_passes
    with objective.threads:
        result = newton_blocks(objective, problem.start(), tol=1e-6, max_iter=100)
    assert result.outcome is Outcome.CONVERGED
    assert result.gap <= 1e-6 * result.value
    return objective.n_passes - before


def test_rows_that_are_sure_of_their_class_are_left_out_of_products(monkeypatch):
    monkeypatch.setattr(costs, "newton_pays_after", lambda *_: False)
    problem = nearly_separable()
    passes = passes_of_newton(problem)
    monkeypatch.setattr(costs, "most_active_rows", lambda *_: 0)
    assert passes <= 0.8 * passes_of_newton(problem)


def test_where_steps_take_many_products_metrics_may_cost_as_many(monkeypatch):
    rng = np.random.default_rng(0)
    X = np.cumsum(rng.standard_normal((400, 120)), axis=1)  # features that hardly differ
    logits = 0.2 * X @ rng.standard_normal((120, 8))
    y = np.argmax(logits + rng.gumbel(size=logits.shape), axis=1)
    options = {"C": 10.0, "fit_intercept": True, "threads": Threads(), "floor": 1e-6}
    problem = RidgeProblem(X, Labels(y, 8), None, **options)
    monkeypatch.setattr(costs, "newton_pays_after", lambda *_: False)
    monkeypatch.setattr(schedule, "_AFFORDABLE", 0.5)
    passes = passes_of_newton(problem)
    monkeypatch.setattr(schedule.MetricSchedule, "afford", lambda *_: None)
    assert passes <= 0.5 * passes_of_newton(problem)


def test_a_metric_is_renewed_where_many_more_steps_are_left_than_it_costs():
    problem, objective = make()
    point, metrics = objective.at(problem.start()), schedule.MetricSchedule(objective, tol=1e-6)
    metrics._cost = 3.0
    metrics.renew(point)
    metrics._age = 5
    near = lbfgs(objective, problem.start(), tol=1e-3, max_iter=100)
    near = objective.at(near.params)
    left = np.log(objective.residual_gap(near) / near.value)
    rate = (np.log(objective.residual_gap(point) / near.value) - left) / 5.0
    for steps in (-5.0, 2.0, 5.9, 6.1, 100.0):
        metrics._tol = np.exp(left - rate * steps)
        assert metrics._pays(near) == (steps > 2.0 * metrics._cost)
    metrics._tol = 0.0
    assert metrics._pays(near)


@pytest.mark.parametrize("logit", [-40.0, -90.0, -700.0, -1e4])
def test_a_class_without_curvature_has_a_metric_of_few_rows(logit):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((40, 100)), np.arange(40) % 2
    options = {"C": 1.0, "fit_intercept": True, "threads": Threads(), "floor": 1e-6}
    problem = RidgeProblem(X, Labels(y, 4), None, **options)
    objective = problem.objective(np.float64)
    params = rng.standard_normal(problem.map.shape)
    params[3, -1] = logit
    point = objective.at(params.ravel())
    metric = schedule.MetricSchedule(objective)._few_rows(point)
    assert isinstance(metric, LowRankMetric)
    solved = metric.solve(point.gradient)
    assert np.isfinite(solved).all()
    assert np.dot(solved, point.gradient) > 0.0


@pytest.mark.parametrize("kind", ["labels", "binary", "soft"])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_first_diagonal_takes_no_pass(monkeypatch, kind, weighted):
    """Standardised features have mean squares of one, whatever their number and weights."""
    monkeypatch.setattr(schedule.MetricSchedule, "_affordable", lambda *_: False)
    problem, objective = make(kind=kind, weighted=weighted, container=sparse.csr_matrix)
    point, metrics = objective.at(problem.start()), schedule.MetricSchedule(objective)
    before, vector = objective.n_passes, np.random.default_rng(0).normal(size=len(point.params))
    first = metrics.first(point)
    assert objective.n_passes == before
    np.testing.assert_allclose(
        first.solve(vector), metrics.renew(point).solve(vector), rtol=1e-6, atol=1e-9
    )
    assert objective.n_passes > before


def test_where_rows_are_missed_that_matter_more_count(monkeypatch):
    """However few there were at first, steps become those of Newton's method."""
    monkeypatch.setattr(costs, "newton_pays_after", lambda *_: False)
    monkeypatch.setattr(products, "_OMITTED", 0.5)
    problem, omitted = nearly_separable(), []

    def watched(objective, point, importance, share, most):
        omitted.append(share)
        return type(objective).active_rows(objective, point, importance, share, most)

    objective = problem.objective(np.float64)
    monkeypatch.setattr(objective, "active_rows", partial(watched, objective), raising=False)
    passes_of_newton(problem)
    assert omitted[0] == 0.5
    assert omitted[-1] < 1e-2


def test_active_rows_are_no_more_than_pays():
    def most(n_rows, width, n_outputs, itemsize=8, density=1.0):
        return costs.most_active_rows(n_rows, n_rows * width * density, n_outputs, width, itemsize)

    assert most(20_000, 785, 10) == 2 * 10 * 785
    assert most(5000, 785, 10) == 5000
    assert most(100_000, 51, 3) == 20_000
    assert most(100_000, 51, 3, itemsize=4) == 10_000
    assert most(20_000, 5000, 20, density=0.01) == 200
    assert most(200, 5, 3) == 0


def test_lbfgs_gives_up_where_it_is_far_from_the_end():
    problem = nearly_separable()
    objective = problem.objective(np.float64)

    def steps(tol, patience):
        return lbfgs(objective, problem.start(), tol=tol, max_iter=100, patience=patience).n_iter

    full = steps(1e-6, np.inf)
    assert steps(1e-6, 3) == 3
    assert steps(1e-6, full - 1) == full


# Newton's step, and that with the third derivative


@pytest.mark.parametrize("kind", ["labels", "binary"])
def test_errors_of_steps_are_quadratic_and_cubic(kind):
    problem, objective = make(kind=kind, weighted=True)
    best, _ = optimum(problem, objective, 1.0)
    away = np.random.default_rng(0).normal(size=objective.map.shape)
    away = (away - away.mean(axis=0) * (len(away) > 1)).ravel()

    def errors(distance):
        point = objective.at(best.params + distance * away)
        step = NewtonStep(objective, point)
        directions = step.direction, step.corrected()[0]
        return np.array([np.linalg.norm(point.params + d - best.params) for d in directions])

    orders = np.log2(errors(0.02) / errors(0.01))
    np.testing.assert_allclose(orders, [2.0, 3.0], atol=0.3)


def test_a_corrected_step_goes_down_or_is_newtons():
    problem, objective = make(C=1e6)
    for seed in range(50):
        params = 10.0 * np.random.default_rng(seed).normal(size=objective.map.shape)
        point = objective.at((params - params.mean(axis=0)).ravel())
        step = NewtonStep(objective, point)
        direction, slope = step.corrected()
        assert slope < 0.0
        change = direction - step.direction
        size = np.dot(change, objective.hessian_product(point, change))
        assert size <= 2.0 * step.decrement * (1.0 + 1e-9)


@pytest.mark.parametrize("seed", [2, 3])
def test_a_strong_penalty_does_not_hold_what_has_none(seed):
    """More free features than rows: 130 and 513 steps, damped by a share of the penalty."""
    X, labels = np.random.default_rng(seed).standard_normal((4, 8)), np.array([0, 1, 0, 1])
    options = {"fit_intercept": True, "threads": Threads(), "floor": 1e-6}
    options["factors"] = np.append(np.zeros(7), 1.0)
    problem = RidgeProblem(X, BinaryLabels(labels), None, C=1e-12, **options)
    objective = problem.objective(np.float64)
    result = SOLVERS["newton"](objective, problem.start(), tol=1e-9, max_iter=20)
    assert result.outcome is Outcome.AT_INFINITY


# Hessians that serve several ridges


def optimum(problem, objective, C):
    problem.set_strength(C)
    result = SOLVERS["newton"](objective, problem.start(), tol=1e-15, max_iter=100)
    return objective.at(result.params), objective.penalty.curvature


@pytest.mark.parametrize("kind", ["labels", "binary"])
def test_a_kept_hessian_is_that_with_another_ridge(kind):
    problem, objective = make(kind=kind)
    first, ridge = optimum(problem, objective, 1.0)
    kept = KeptHessian(objective.hessian(first), ridge, first, objective.map.shape)
    second, other = optimum(problem, objective, 1.05)
    assert kept.foresees(second.params, other)
    gradient = objective.at(problem.start()).gradient
    expected = HessianMetric(objective.hessian(first), objective.map.shape)  # has the other ridge
    found = kept.with_ridge(other)
    np.testing.assert_allclose(found.solve(gradient), expected.solve(gradient), rtol=1e-8)
    assert kept.with_ridge(ridge) is kept.metric


@pytest.mark.parametrize("kind", ["labels", "binary"])
def test_a_kept_hessian_knows_where_the_curvature_has_moved(kind):
    problem, objective = make(kind=kind)
    first, ridge = optimum(problem, objective, 1e-3)
    kept = KeptHessian(objective.hessian(first), ridge, first, objective.map.shape)
    second, other = optimum(problem, objective, 1.0)
    assert not kept.foresees(second.params, other)


@pytest.mark.parametrize("kind", ["labels", "binary"])
def test_curvature_stays_along_short_ways_whoever_went_them(kind):
    """Ways of nothing but what fits leave to their tolerance: those no ridge foresees."""
    problem, objective = make(kind=kind)
    first, ridge = optimum(problem, objective, 1.0)
    kept = KeptHessian(objective.hessian(first), ridge, first, objective.map.shape)
    way = np.random.default_rng(0).standard_normal(objective.map.shape)
    way = (way - way.mean(axis=0) if len(way) > 1 else way).ravel()
    way *= np.sqrt(first.value / np.dot(way, objective.hessian_product(first, way)))
    assert kept.foresees(first.params + 0.02 * way, ridge)
    assert not kept.foresees(first.params + 0.04 * way, ridge)


@pytest.mark.parametrize("kind", ["labels", "binary"])
def test_paths_start_where_the_last_curvature_foresees_the_optimum(kind, monkeypatch):
    """A small change of the ridge takes no step; one from another start does."""
    monkeypatch.setattr(costs, "_NEWTON_RATIO", 0.0)
    problem, objective = make(kind=kind)
    path, options = NearPath(SOLVERS["newton"]), {"tol": 1e-6, "max_iter": 50}
    problem.set_strength(1.0)
    first = path(objective, problem.start(), **options)
    problem.set_strength(1.1)
    start = objective.at(first.params)
    assert objective.residual_gap(start) > 1e-5 * start.value
    second = path(objective, first.params, **options)
    assert second.n_iter == 0
    assert second.outcome is Outcome.CONVERGED
    assert path(objective, problem.start(), **options).n_iter > 0


@pytest.mark.parametrize("container", [None, sparse.csr_matrix])
def test_curvature_of_sure_rows_keeps_its_digits(container):
    """p(1 - p) is the sum of p times the other chances, also where p rounds to 1."""
    _, objective = make(container=container)
    params = np.zeros(objective.map.shape)
    params[:, -1] = 0.0, 0.0, 0.0, 25.0  # all rows have the same sure class
    objective.penalty = PENALTIES["group"](*np.zeros((2, 6))).smooth(4)  # none
    point, mask = objective.at(params.ravel()), np.ones(objective.map.shape, bool)
    blocks = objective.pair_hessian(point, mask).reshape(4, 6, 4, 6)
    own = np.einsum("kikj->kij", blocks).copy()
    np.einsum("kikj->kij", blocks)[:] = 0.0
    size = np.abs(own).max(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(own / size, -blocks.sum(axis=2) / size, atol=1e-12)


def test_models_by_classes_know_how_group_norms_tie_them():
    """Their Newton step on a face solves the system with diag(d) - uu' of each column."""
    rng = np.random.default_rng(0)
    shape = n_outputs, n_columns = 3, 4
    roots = rng.standard_normal((n_outputs, 6, n_columns))
    matrices = [root.T @ root for root in roots]
    params, slope = rng.standard_normal((2, *shape))
    params[:, 1] = 0.0
    penalty = PENALTIES["group"](np.full(n_columns, 500.0), np.zeros(n_columns))
    whole = np.zeros((12, 12))
    for k, matrix in enumerate(matrices):
        whole[4 * k : 4 * k + 4, 4 * k : 4 * k + 4] = matrix
    bend, vector = penalty.bend(params)
    whole += np.diag(bend.ravel())
    for j in range(n_columns):
        tie = np.where(np.arange(n_columns) == j, vector, 0.0).ravel()
        whole -= np.outer(tie, tie)
    mask = penalty.smooth_at(params)
    on = np.flatnonzero(mask)
    model = ClassModel(matrices, shape, np.ones(shape, bool), 0.0, Threads().for_each)
    step = model.solve(mask, slope, bend, vector).ravel()
    error = whole[np.ix_(on, on)] @ step[on] + slope.ravel()[on]
    assert np.linalg.norm(error) <= 1e-9 * np.linalg.norm(slope)
    assert np.count_nonzero(step) == len(on) == 9
    metric = model.metric(mask, bend, vector)
    np.testing.assert_allclose(metric(-slope).ravel(), step, rtol=1e-12)


@pytest.mark.parametrize(("kind", "p"), [("labels", 20), ("binary", 60)])
def test_a_path_takes_fewer_steps_to_the_same_optima(kind, p):
    (problem, objective), counts, found = make(kind=kind, n=3000, p=p), [], []
    for solver in (NearPath(SOLVERS["lbfgs"]), SOLVERS["lbfgs"]):
        params, values, steps = problem.start(), [], 0
        for C in (0.1, 1.0, 2.0, 4.0):
            problem.set_strength(C)
            result = solver(objective, params, tol=1e-9, max_iter=100)
            assert result.outcome is Outcome.CONVERGED
            params, steps = result.params, steps + result.n_iter
            values.append(result.value)
        found.append(values)
        counts.append(steps)
    np.testing.assert_allclose(*found, rtol=1e-8)
    assert counts[0] < counts[1]


def test_conjugate_gradients_take_no_step_without_curvature():
    """What rounding leaves of a gradient there must not be divided by what it leaves of that."""

    class Flat:
        def hessian_product(self, point, vector):
            return np.array([1.0, 1e-17]) * vector

    class Unit:
        def solve(self, gradient):
            return gradient

    point = Point(np.zeros(2), 1.0, np.array([1e-3, 1e-12]), None)
    step = newton_step(Flat(), point, Unit(), accuracy=1e-12)
    np.testing.assert_allclose(step.direction, [-1e-3, 0.0], atol=1e-9)
    np.testing.assert_allclose(step.decrement, 0.5e-6)
