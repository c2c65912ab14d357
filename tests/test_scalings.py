"""Laws of the scalings, of the ray of temperature and of the scalar solver."""

import numpy as np
import pytest

from sklearn_softmax._core import scores
from sklearn_softmax._core.objective import Objective
from sklearn_softmax._core.ray import Ray, succession_loss
from sklearn_softmax._core.targets.labels import BinaryLabels, Labels
from sklearn_softmax._core.threads import Threads
from sklearn_softmax._maps.scalings import BiasCorrected, Matrix, Temperature, Vector
from sklearn_softmax._penalties.ridge import Ridge
from sklearn_softmax._solvers import Outcome
from sklearn_softmax._solvers.newton_cg import newton_cg
from sklearn_softmax._solvers.scalar import descend, minimise

N_ROWS = 300
SCALINGS = (Temperature, BiasCorrected, Vector, Matrix)


@pytest.fixture(params=SCALINGS, ids=lambda scaling: scaling.__name__)
def scaling(request):
    return request.param


@pytest.fixture(params=[1, 4], ids=["log-odds", "classes"])
def n_outputs(request):
    return request.param


@pytest.fixture
def features(n_outputs):
    return 2.0 * np.random.default_rng(0).standard_normal((N_ROWS, n_outputs))


@pytest.fixture
def problem(scaling, features, n_outputs):
    rng = np.random.default_rng(1)
    weights = rng.uniform(0.5, 2.0, N_ROWS)
    map = scaling(features, n_outputs, weights)
    labels = rng.integers(max(2, n_outputs), size=N_ROWS)
    target = BinaryLabels(labels) if n_outputs == 1 else Labels(labels, n_outputs)
    penalty = Ridge(0.1 * map.prior(), map.at_temperature(0.7))
    return Objective(map, target, penalty, weights, threads=Threads())


def some_params(map, seed=2):
    return np.random.default_rng(seed).standard_normal(np.prod(map.shape))


def logits_of(map, params, n_outputs):
    out = np.empty((n_outputs, N_ROWS))
    map.forward(map.bind(params), slice(0, N_ROWS), out)
    return out


def test_adjoint(problem):
    """⟨Lθ, G⟩ = ⟨θ, L*G⟩."""
    map = problem.map
    params = some_params(map)
    logits = logits_of(map, params, problem.target.n_outputs)
    residuals = np.random.default_rng(3).standard_normal(logits.shape)
    totals = map.zeros()
    for rows in (slice(0, 100), slice(100, N_ROWS)):
        map.adjoint(np.ascontiguousarray(residuals[:, rows]), rows, totals)
    product = np.dot(params, map.release(totals))
    np.testing.assert_allclose(np.vdot(logits, residuals), product, rtol=1e-12)


def test_gradient_is_the_derivative_of_the_value(problem):
    params = some_params(problem.map)
    direction = some_params(problem.map, seed=4)
    step = 1e-5
    after, before = (problem.at(params + t * direction).value for t in (step, -step))
    slope = np.dot(problem.at(params).gradient, direction)
    np.testing.assert_allclose((after - before) / (2 * step), slope, rtol=1e-7)


def test_hessian_product_is_the_derivative_of_the_gradient(problem):
    params = some_params(problem.map)
    direction = some_params(problem.map, seed=4)
    step = 1e-5
    after, before = (problem.at(params + t * direction).gradient for t in (step, -step))
    product = problem.hessian_product(problem.at(params), direction)
    np.testing.assert_allclose((after - before) / (2 * step), product, rtol=1e-6, atol=1e-9)


def test_the_temperature_of_every_scaling_is_the_same_map(scaling, features, n_outputs):
    """Up to a constant of each row, which changes no probability."""
    map = scaling(features, n_outputs)
    logits = logits_of(map, map.at_temperature(0.6), n_outputs)
    expected = 0.6 * features.T
    if n_outputs > 1:
        logits, expected = logits - logits.mean(axis=0), expected - expected.mean(axis=0)
    np.testing.assert_allclose(logits, expected, atol=1e-13)


def test_fitted_maps_give_the_logits_of_the_coefficients(scaling, features, n_outputs):
    map = scaling(features, n_outputs)
    params = some_params(map)
    fitted, coefficients = scaling.fitted(features, *map.coefficients(params))
    logits = logits_of(fitted, coefficients, n_outputs)
    np.testing.assert_allclose(logits, logits_of(map, params, n_outputs), atol=1e-12)


def test_newton_cg_reaches_the_optimum(problem):
    """The gradient vanishes, and no direction leads further down."""
    with problem.threads:
        result = newton_cg(problem, problem.map.at_temperature(0.7), tol=1e-13, max_iter=50)
        gradient = problem.at(result.params).gradient
    assert result.outcome is Outcome.CONVERGED
    np.testing.assert_allclose(gradient, 0.0, atol=1e-6)


@pytest.fixture(params=[2, 4, 150])
def ray_case(request):
    """Rows of logits with 0 as the largest, more than a block of them, labels and weights."""
    rng = np.random.default_rng(request.param)
    n_rows = 2000
    logits = 4.0 * rng.standard_normal((n_rows, request.param))
    logits -= logits.max(axis=1, keepdims=True)
    return logits, rng.integers(request.param, size=n_rows), rng.uniform(0.5, 2.0, n_rows)


def test_ray_is_the_objective_of_temperature(ray_case):
    logits, labels, weights = ray_case
    unit, step, h = 0.25, 0.8, 1e-4
    ray = Ray(logits, labels, weights, unit, Threads())
    value, slope, curvature, third = ray.evaluate(step)
    map = Temperature(logits, logits.shape[1])
    target = Labels(labels, logits.shape[1])
    problem = Objective(map, target, Ridge(np.zeros(1), np.zeros(1)), weights, threads=Threads())
    point = problem.at(np.array([step * unit]))
    np.testing.assert_allclose(value, point.value, rtol=1e-13)
    np.testing.assert_allclose(slope, unit * point.gradient[0], rtol=1e-12)
    after, before = np.array(ray.evaluate(step + h)), np.array(ray.evaluate(step - h))
    changes = (after - before) / (2 * h)
    np.testing.assert_allclose([slope, curvature, third], changes[:3], rtol=1e-6, atol=1e-8)


def test_ray_in_single_precision_is_near(ray_case):
    ray = Ray(*ray_case, 0.25, Threads())
    rough = ray.in_single().evaluate(0.8)
    assert not np.array_equal(rough, ray.evaluate(0.8))
    np.testing.assert_allclose(rough, ray.evaluate(0.8), rtol=1e-5, atol=1e-6)


def test_ray_keeps_the_relative_precision_of_tiny_losses():
    """Where the label is surest, loss and derivatives are those of its rivals alone."""
    logits = np.array([[0.0, -1.0, -2.0], [-3.0, 0.0, -1.5]])
    ray = Ray(logits, np.array([0, 1]), np.ones(2), 1.0, Threads())
    t = 200.0
    rivals = np.exp([-t, -1.5 * t]) / 2.0
    sizes = np.array([-1.0, -1.5])
    expected = [rivals.sum(), rivals @ sizes, rivals @ sizes**2, rivals @ sizes**3]
    np.testing.assert_allclose(ray.evaluate(t), expected, rtol=1e-12)


def test_the_limit_of_a_ray_counts_the_ties_of_the_label():
    logits = np.array([[0.0, 0.0, -1.0], [-1.0, 0.0, -1.0]])
    ray = Ray(logits, np.array([0, 1]), np.array([3.0, 1.0]), 1.0, Threads())
    np.testing.assert_allclose(ray.limit(), 0.75 * np.log(2.0), rtol=1e-15)
    np.testing.assert_allclose(ray.evaluate(1e3)[0], ray.limit(), rtol=1e-15)
    assert Ray(logits, np.array([0, 2]), np.ones(2), 1.0, Threads()).limit() == np.inf


class Parabola:
    """½ (t - best)², or for a negative `best` a function that only grows."""

    def __init__(self, best):
        self.best = best

    def evaluate(self, t):
        return 0.5 * (t - self.best) ** 2, t - self.best, 1.0, 0.0


class Decay:
    """exp(-t / scale), which never reaches 0."""

    def __init__(self, scale):
        self.scale = scale

    def evaluate(self, t):
        value = np.exp(-t / self.scale)
        return value, -value / self.scale, value / self.scale**2


@pytest.mark.parametrize("best", [1e-5, 1.0, 1e12])
@pytest.mark.parametrize("start", [None, 1e-5, 30.0, 1e14])
def test_scalar_minimum_from_anywhere(best, start):
    result = minimise(Parabola(best), start, lowest=1e-6, max_iter=100)
    assert result.outcome is Outcome.CONVERGED
    np.testing.assert_allclose(result.params, best, rtol=1e-12)


@pytest.mark.parametrize("start", [None, 1e-5, 30.0])
def test_scalar_minimum_is_at_least_the_lowest(start):
    result = minimise(Parabola(-3.0), start, lowest=1e-6, max_iter=100)
    assert result.outcome is Outcome.CONVERGED
    assert result.params == 1e-6


def test_scalar_minimum_stops_at_the_accuracy_asked_for():
    """It takes its last step, which for a parabola is a step in the logarithm too many."""
    rough = minimise(Parabola(1.0), 1.05, lowest=1e-6, max_iter=100, accuracy=0.1)
    assert rough.n_iter == 1
    assert 0.0 < abs(rough.params[0] - 1.0) < 0.05**2


def test_scalar_minimum_says_when_it_stops_early():
    result = minimise(Parabola(1e12), 1.0, lowest=1e-6, max_iter=3)
    assert (result.outcome, result.n_iter) == (Outcome.MAX_ITER, 3)


@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
def test_scalar_descent_stops_at_the_level(scale):
    result = descend(Decay(scale), 1.0, level=1e-3, limit=0.0, max_iter=200)
    assert result.outcome is Outcome.AT_INFINITY
    np.testing.assert_allclose(result.params, scale * np.log(1e3), rtol=1e-11)


def test_succession():
    """Right once out of once: right with probability 2/3 the next time."""
    np.testing.assert_allclose(np.exp(-succession_loss(1)), 2 / 3)


class TestScores:
    @pytest.mark.parametrize("n_columns", [1, 2, 7, 40])
    def test_largest(self, n_columns):
        array = np.random.default_rng(0).standard_normal((30, n_columns))
        np.testing.assert_array_equal(scores.largest(array), array.max(axis=1)[:, None])
        array[3, -1] = np.nan
        assert np.flatnonzero(np.isnan(scores.largest(array))).tolist() == [3]

    def test_log_odds_are_those_of_the_logits_of_both_classes(self):
        logits = np.array([[-3.0], [0.0], [1e300], [-1e300]])
        both = scores.class_logits(logits)
        np.testing.assert_array_equal(scores.log_odds(both), logits)
        np.testing.assert_array_equal(both.max(axis=1), 0.0)

    def test_probabilities_keep_their_ratios(self):
        probabilities = np.array([[0.7, 0.3 - 1e-30, 1e-30]])
        logits = scores.from_probabilities(probabilities)
        np.testing.assert_allclose(logits, np.log(probabilities / 0.7), rtol=1e-15)

    def test_zero_is_the_floor_or_the_least_of_its_row(self):
        logits = scores.from_probabilities(np.array([[1.0, 0.0, 0.0], [1.0, 1e-12, 0.0]]))
        np.testing.assert_allclose(
            logits, [[0.0, np.log(scores.ZERO), np.log(scores.ZERO)], np.log([1.0, 1e-12, 1e-12])]
        )

    def test_minus_infinity_is_a_probability_of_zero(self):
        with np.errstate(divide="ignore"):
            probabilities = np.array([[0.6, 0.4, 0.0], [1.0, 0.0, 0.0], [0.9, 0.1 - 1e-9, 1e-9]])
            logits = scores.from_logits(np.log(probabilities) + 7.0)
        np.testing.assert_allclose(logits, scores.from_probabilities(probabilities), atol=1e-14)

    def test_plus_infinity_is_shared(self):
        logits = scores.from_logits(np.array([[np.inf, 3.0, np.inf]]))
        expected = scores.from_probabilities(np.array([[0.5, 0.0, 0.5]]))
        np.testing.assert_allclose(logits, expected, atol=1e-15)

    def test_input_is_never_written(self):
        for convert, row in (
            (scores.from_logits, [np.inf, -np.inf, 0.0]),
            (scores.from_probabilities, [1.0, 0.0, 0.0]),
            (scores.centred, [1.0, 2.0, 4.0]),
            (scores.log_probabilities, [0.0, -1.0, -2.0]),
        ):
            array = np.array([row])
            array.setflags(write=False)
            convert(array)
