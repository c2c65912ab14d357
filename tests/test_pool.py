"""Laws of pools of calibration maps, and of what they are made of."""

import tracemalloc

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit, log_softmax, softmax
from sklearn.exceptions import ConvergenceWarning
from test_calibrator import POOLED, draw, mean_loss

from sklearn_softmax import SoftmaxCalibrator
from sklearn_softmax._calibration.members import (
    AdaptiveTemperature,
    StructuredMatrix,
    StructuredVector,
    main_directions,
)
from sklearn_softmax._core import folds
from sklearn_softmax._core.folds import held_out
from sklearn_softmax._core.mixture import pool_weights
from sklearn_softmax._core.objective import Objective
from sklearn_softmax._core.targets.labels import Labels
from sklearn_softmax._core.threads import Threads
from sklearn_softmax._core.uniform_share import ShareProblem, UniformShare
from sklearn_softmax._maps.structured import linear, products, squares
from sklearn_softmax._solvers.quasi_newton import quasi_newton

N_ROWS, N_CLASSES = 300, 4


def spoiled(share=0.2, n_rows=1500, seed=0):
    """Logits of which a share of rows say nothing of the label."""
    logits, labels = draw(n_rows, N_CLASSES, slope=1.5, seed=seed)
    rng = np.random.default_rng(seed + 1)
    return logits, np.where(rng.random(n_rows) < share, rng.integers(4, size=n_rows), labels)


@pytest.fixture
def z():
    return np.ascontiguousarray(log_softmax(draw(N_ROWS, N_CLASSES)[0], axis=1).T)


@pytest.fixture(params=["adaptive", "matrix", "squares", "products", "low_rank", "vector"])
def family(request, z):
    directions, mean = main_directions(z, np.ones(N_ROWS))
    return {
        "adaptive": AdaptiveTemperature(),
        "matrix": StructuredMatrix("matrix", linear),
        "squares": StructuredMatrix("squares", squares, 3),
        "products": StructuredMatrix("products", products, 3),
        "low_rank": StructuredVector("low_rank", directions[:2], mean),
        "vector": StructuredVector("vector", np.zeros((0, N_CLASSES)), np.zeros(N_CLASSES)),
    }[request.param]


@pytest.fixture
def problem(family, z):
    weights = np.random.default_rng(1).uniform(0.5, 2.0, N_ROWS)
    labels = draw(N_ROWS, N_CLASSES)[1]
    penalty = family.penalty(N_CLASSES, N_ROWS, 0.3)
    target = Labels(labels, N_CLASSES)
    return Objective(family.map(z), target, penalty, weights, threads=Threads())


# Families


def some_params(problem, seed=2):
    centre = problem.penalty.centre
    return centre + 0.3 * np.random.default_rng(seed).standard_normal(len(centre))


def test_products_are_those_of_all_pairs():
    z = log_softmax(np.random.default_rng(0).standard_normal((4, 6)), axis=0)
    pairs = [z[first] * z[second] for first in range(4) for second in range(first + 1, 4)]
    np.testing.assert_array_equal(products(z)[:12], squares(z))
    np.testing.assert_allclose(4.0 * products(z)[12:], pairs, rtol=1e-15)


def test_the_penalty_knows_what_a_class_says_of_itself():
    """Of 3 classes the products are 3 as well, but no class's own."""
    penalty = StructuredMatrix("products", products, 3).penalty(3, 1.0, 0.5)
    own = np.hstack([np.eye(3)] * 3 + [np.zeros((3, 3)), np.ones((3, 1))])
    np.testing.assert_array_equal(penalty.curvature.reshape(3, 13), np.where(own, 3.0, 6.0))


@pytest.mark.parametrize(("n_rows", "weight"), [(104, 1.0), (50, 2.1), (103, 1.0), (208, 0.49)])
def test_pairs_of_classes_are_seen_where_rows_are_twice_the_features(n_rows, weight):
    logits, labels = draw(n_rows, 8)  # 52 features, of which 28 are of pairs
    model = SoftmaxCalibrator(classes=np.arange(8)).fit(logits, labels, np.full(n_rows, weight))
    found = {name.split("(")[0] for name in model.members_}
    expected = "products" if n_rows * weight >= 104 else "squares"
    assert found & {"products", "squares"} == {expected}


def test_adjoint(problem):
    """⟨Lθ, G⟩ = ⟨θ, L*G⟩."""
    map, params = problem.map, some_params(problem)
    logits = np.empty((N_CLASSES, N_ROWS))
    map.forward(map.bind(params), slice(0, N_ROWS), logits)
    residuals = np.random.default_rng(3).standard_normal(logits.shape)
    totals = map.zeros()
    for rows in (slice(0, 100), slice(100, N_ROWS)):
        map.adjoint(np.ascontiguousarray(residuals[:, rows]), rows, totals)
    product = np.dot(params, map.release(totals))
    np.testing.assert_allclose(np.vdot(logits, residuals), product, rtol=1e-11)


def test_gradient_is_the_derivative_of_the_value(problem):
    params, step = some_params(problem), 1e-6
    direction = some_params(problem, seed=4)
    after, before = (problem.at(params + t * direction).value for t in (step, -step))
    slope = np.dot(problem.at(params).gradient, direction)
    np.testing.assert_allclose((after - before) / (2 * step), slope, rtol=1e-6)


def test_centre_is_the_identity(family, z):
    params = family.penalty(N_CLASSES, 1.0, 1.0).centre
    np.testing.assert_allclose(family.logits(params, z), z, atol=1e-12)


def test_predicted_logits_are_those_of_the_map(family, problem, z):
    params, out = some_params(problem), np.empty((N_CLASSES, N_ROWS))
    problem.map.forward(problem.map.bind(params), slice(0, N_ROWS), out)
    np.testing.assert_allclose(family.logits(params, z), out, atol=1e-11)


@pytest.mark.parametrize("full", [True, False])
def test_metrics_lead_to_the_optimum(family, problem, full, monkeypatch):
    if not full:
        monkeypatch.setattr("sklearn_softmax._calibration.members._FULL", 0)
    centre = problem.penalty.centre
    free = family.penalty(N_CLASSES, 1.0, 0.0)
    data = Objective(problem.map, problem.target, free, problem.weights, threads=problem.threads)
    metric = family.metric(data, data.at(centre))(problem.penalty.curvature)
    result = quasi_newton(problem, centre, metric, decrement=1e-14, max_iter=300)
    np.testing.assert_allclose(problem.at(result.params).gradient, 0.0, atol=1e-6)
    assert result.n_iter < (60 if full else 200)


def test_the_full_metric_is_the_hessian(family, problem):
    """Its product with the change of the gradient is the step."""
    params, step = some_params(problem), 1e-6 * some_params(problem, seed=5)
    free = family.penalty(N_CLASSES, 1.0, 0.0)
    data = Objective(problem.map, problem.target, free, problem.weights, threads=problem.threads)
    if isinstance(family, StructuredVector):
        pytest.skip("Its metric is the diagonal.")
    metric = family.metric(data, data.at(params))(problem.penalty.curvature)
    after, before = (problem.at(params + t * step).gradient for t in (1.0, -1.0))
    np.testing.assert_allclose(metric.solve(0.5 * (after - before)), step, atol=1e-9)


# Temperature and uniform share


def test_uniform_share_is_that_of_scipy():
    logits, labels = spoiled(n_rows=600)
    logits = logits - logits.max(axis=1, keepdims=True)
    total = len(labels)

    def value(t):
        chance = softmax(np.exp(t[0]) * logits, axis=1)[np.arange(total), labels]
        loss = -np.log((1 - expit(t[1])) * chance + expit(t[1]) / N_CLASSES).sum()
        prior = np.log(expit(t[1]) * expit(-t[1])) - 0.5 * t[0] ** 2
        return (loss - prior) / total

    best = minimize(value, [0.0, -2.0], method="BFGS", options={"gtol": 1e-9}).x
    found = ShareProblem(logits, labels, 1.0, False, Threads()).minimise(np.ones(total))
    np.testing.assert_allclose(found.point, best, atol=1e-4)


def test_uniform_share_is_found():
    logits, labels = spoiled(0.2, 20000)
    model = SoftmaxCalibrator().fit(logits, labels)
    np.testing.assert_allclose(model.uniform_share_, 0.2, atol=0.03)
    np.testing.assert_allclose(model.temperature_, 1 / 1.5, atol=0.05)


@pytest.mark.parametrize("total", [1e-12, 3.0, 1e6])
def test_the_share_of_scores_that_are_right(total):
    logits = np.array([[0.0, -1e3, -1e3, -1e3]])
    problem = ShareProblem(logits, np.array([0]), 1.0, True, Threads())
    share = problem.minimise(np.array([total])).share
    slope = 0.75 * total / (1.0 - 0.75 * share) + 1.0 / (1.0 - share)
    np.testing.assert_allclose(slope, 1.0 / share, rtol=1e-4)


def test_no_share_is_temperature():
    logits = np.array([[0.0], [-1.0], [-800.0]])
    found = UniformShare(2.0, 0.0).log_probabilities(logits)
    np.testing.assert_allclose(found, log_softmax(2.0 * logits, axis=0))


# Folds


def fold_rows(n_rows=200, seed=0):
    logits, labels = draw(n_rows, N_CLASSES, seed=seed)
    return labels, logits - logits.max(axis=1, keepdims=True)


def test_folds_share_out_all_weight_and_each_class():
    labels, logits = fold_rows()
    held = held_out(labels, logits, np.ones(200), 5)
    np.testing.assert_array_equal(held.sum(axis=0), 1.0)
    np.testing.assert_array_equal(held.sum(axis=1), 40.0)
    counts = np.array([np.bincount(labels, part, N_CLASSES) for part in held])
    assert np.ptp(counts, axis=0).max() <= 1.0


def test_folds_see_weights_as_repetitions():
    labels, logits = fold_rows()
    counts = np.random.default_rng(0).integers(1, 6, 200)
    rows = np.arange(200).repeat(counts)
    weighted = held_out(labels, logits, counts.astype(float), 3)
    repeated = held_out(labels[rows], logits[rows], np.ones(len(rows)), 3)
    summed = [np.bincount(rows, part, 200) for part in repeated]
    np.testing.assert_allclose(weighted, summed, atol=1e-9)


def test_folds_know_neither_the_order_of_rows_nor_names_of_classes():
    labels, logits = fold_rows()
    rows = np.random.default_rng(0).permutation(200)
    names = np.array([2, 0, 3, 1])
    expected = held_out(labels, logits, np.ones(200), 5)
    found = held_out(labels[rows], logits[rows], np.ones(200), 5)
    np.testing.assert_array_equal(found, expected[:, rows])
    found = held_out(np.argsort(names)[labels], logits[:, names], np.ones(200), 5)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("scale", [1e-3, 0.4])
def test_folds_of_small_weights_are_even(scale):
    labels, logits = fold_rows()
    held = held_out(labels, logits, np.full(200, scale), 4)
    np.testing.assert_allclose(held.sum(axis=0), scale)
    np.testing.assert_allclose(held.sum(axis=1), 50 * scale, rtol=0.03)


# The pool


def test_pool_weights_are_stationary():
    """At the maximum of the posterior, gains of all members are equal."""
    chances = np.random.default_rng(0).random((3, 400))
    counts = np.random.default_rng(1).uniform(0.5, 2.0, 400)
    shares = pool_weights(chances, counts)
    gains = (chances / (shares @ chances)) @ counts + 1.0 / (3 * shares)
    np.testing.assert_allclose(gains, counts.sum() + 1.0, rtol=2e-2)
    np.testing.assert_allclose(shares.sum(), 1.0)


def test_the_pool_is_that_of_its_members():
    logits, labels = draw(800)
    model = SoftmaxCalibrator().fit(logits, labels)
    assert len(model.members_) == len(model.member_weights_) == len(model.member_losses_)
    assert model.members_[:2] == ["temperature", "input"]
    np.testing.assert_allclose(model.member_weights_.sum(), 1.0)
    assert model.loss_ <= model.member_losses_.min() + 0.01
    assert not hasattr(model, "coef_")


def test_a_perfect_input_has_little_to_gain():
    """Out of fold, no member is better than the truth by more than noise."""
    logits, labels = draw(4000, slope=1.0)
    others, truth = draw(4000, slope=1.0, seed=1)
    model = SoftmaxCalibrator().fit(logits, labels)
    assert model.log_loss(others, truth) < mean_loss(others, truth) + 0.003


@pytest.mark.parametrize("pooled", POOLED)
def test_no_event_is_impossible(pooled):
    """Labels that contradict the scores of all calibration rows."""
    logits, labels = spoiled(0.1)
    model = SoftmaxCalibrator(pooled).fit(10.0 * logits, labels)
    worst = model.predict_proba(np.array([[5000.0, 0.0, 0.0, 0.0]]))[0, 1]
    assert worst > 1e-5


def test_structured_methods_lie_between_temperature_and_their_maps():
    logits, labels = draw(400, 5)
    scaled = logits * [0.5, 1.0, 1.0, 2.0, 1.0]
    loss = {
        strength: SoftmaxCalibrator("structured_matrix", strength=strength).fit(scaled, labels)
        for strength in (1e6, 1.0, 1e-3)
    }
    losses = [loss[strength].log_loss(scaled, labels) for strength in (1e-3, 1.0, 1e6)]
    assert losses == sorted(losses)
    temperature = SoftmaxCalibrator("ensemble_temperature").fit(scaled, labels)
    np.testing.assert_allclose(losses[-1], temperature.log_loss(scaled, labels), atol=0.02)


@pytest.mark.parametrize("linear_method", ["bias_corrected", "vector", "matrix", "dirichlet"])
def test_strength_draws_linear_methods_to_temperature(linear_method):
    logits, labels = draw(300)
    strong = SoftmaxCalibrator(linear_method, strength=1e8).fit(logits, labels)
    temperature = SoftmaxCalibrator("temperature").fit(logits, labels)
    np.testing.assert_allclose(
        strong.predict_proba(logits), temperature.predict_proba(logits), atol=1e-4
    )
    free = SoftmaxCalibrator(linear_method, strength=0).fit(logits, labels)
    default = SoftmaxCalibrator(linear_method).fit(logits, labels)
    assert free.loss_ <= default.loss_ <= temperature.loss_


@pytest.mark.parametrize(
    ("name", "strength", "message"),
    [
        ("auto", 1.0, "strength must be None for method='auto'"),
        ("temperature", 1.0, "strength must be None for method='temperature'"),
        ("vector", -1.0, "strength must be a number of at least 0"),
        ("structured_matrix", 0.0, "strength must be a positive number"),
    ],
)
def test_wrong_strengths_are_named(name, strength, message):
    with pytest.raises(ValueError, match=message):
        SoftmaxCalibrator(name, strength=strength).fit(*draw(50))


def test_a_pool_stopped_early_says_so():
    logits, labels = draw(500, 40)
    steps = SoftmaxCalibrator().fit(logits, labels).n_iter_
    with pytest.warns(ConvergenceWarning, match="before all members of the pool were fitted"):
        SoftmaxCalibrator(max_iter=steps - 1).fit(logits, labels)


def test_many_classes_need_memory_of_a_few_copies():
    logits, labels = draw(600, 1000)
    tracemalloc.start()
    model = SoftmaxCalibrator(classes=np.arange(1000)).fit(logits, labels)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert model.members_[-1].startswith("low_rank")
    assert peak < 12 * logits.nbytes


# Priors


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("method", ["temperature", "vector", "auto"])
def test_priors_follow_the_rule_of_bayes(method, n_classes):
    logits, labels = draw(600, n_classes)
    prior = np.arange(1.0, n_classes + 1.0) / np.arange(1.0, n_classes + 1.0).sum()
    before = SoftmaxCalibrator(method).fit(logits, labels).predict_proba(logits)
    after = SoftmaxCalibrator(method, prior=prior).fit(logits, labels).predict_proba(logits)
    expected = before * prior / (np.bincount(labels) / len(labels))
    np.testing.assert_allclose(after, expected / expected.sum(axis=1, keepdims=True), rtol=1e-9)


def test_the_prior_of_the_calibration_rows_changes_nothing():
    logits, labels = draw(600)
    prior = np.bincount(labels) / len(labels)
    found = SoftmaxCalibrator(prior=prior).fit(logits, labels).predict_proba(logits)
    expected = SoftmaxCalibrator().fit(logits, labels).predict_proba(logits)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_known_priors_help_where_they_changed():
    logits, labels = draw(3000, slope=1.0)
    others, truth = draw(6000, slope=1.0, seed=1)
    keep = (truth == 0) | (np.random.default_rng(0).random(6000) < 0.2)
    others, truth = others[keep], truth[keep]
    prior = np.bincount(truth) / len(truth)
    blind = SoftmaxCalibrator().fit(logits, labels).log_loss(others, truth)
    told = SoftmaxCalibrator(prior=prior).fit(logits, labels).log_loss(others, truth)
    assert told < blind - 0.1


@pytest.mark.parametrize("prior", [[0.5, 0.5], [0.5, 0.5, 0.5], [1.0, 0.0, 0.0], [2.0, -0.5, -0.5]])
def test_wrong_priors_are_named(prior):
    with pytest.raises(ValueError, match="prior must be 3 positive numbers that sum to 1"):
        SoftmaxCalibrator(prior=prior).fit(*draw(50))


def test_priors_need_rows_of_all_classes():
    logits, _ = draw(30)
    with pytest.raises(ValueError, match="no row of class 2"):
        SoftmaxCalibrator(prior=[0.3, 0.3, 0.4], classes=[0, 1, 2]).fit(logits, np.arange(30) % 2)


# Rows of the table of edge cases that say more of pools


def test_reversed_scores_are_flagged_and_still_calibrated():
    logits, labels = draw(500, 4)
    with pytest.warns(ConvergenceWarning, match="no better than chance"):
        model = SoftmaxCalibrator().fit(-logits, labels)
    assert model.temperature_ > 0
    assert model.log_loss(-logits, labels) < np.log(4) + 0.02


@pytest.mark.parametrize("n_columns", [1, 2, 4])
def test_constant_logits_leave_something_between_equal_and_class_frequencies(n_columns):
    labels = np.repeat(np.arange(max(2, n_columns)), np.arange(1, max(2, n_columns) + 1) * 20)
    logits = np.full((len(labels), n_columns), 0.0)
    found = SoftmaxCalibrator().fit(logits, labels).predict_proba(logits)[0]
    frequencies = np.bincount(labels) / len(labels)
    np.testing.assert_allclose(found, frequencies, atol=0.06)


def test_ensemble_temperature_keeps_the_largest_score_and_its_ties():
    logits, labels = draw(300, 4)
    model = SoftmaxCalibrator("ensemble_temperature").fit(logits, labels)
    rows = np.random.default_rng(0).integers(-3, 4, size=(200, 4)).astype(float)
    found = model.predict_proba(rows)
    top = rows == rows.max(axis=1, keepdims=True)
    np.testing.assert_array_equal(np.isclose(found, found.max(axis=1, keepdims=True)), top)
    np.testing.assert_array_equal(model.predict(rows), rows.argmax(axis=1))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # some separable
@pytest.mark.parametrize("n_rows", [1, 2, 3, 6])
def test_a_pool_of_hardly_any_rows(n_rows):
    logits, labels = draw(n_rows, 5)
    found = SoftmaxCalibrator(classes=np.arange(5)).fit(logits, (labels + 1) % 5)
    assert np.isfinite(found.predict_log_proba(logits)).all()
    np.testing.assert_allclose(found.member_weights_.sum(), 1.0)


def test_results_do_not_depend_on_the_order_of_rows():
    logits, labels = draw(400)
    order = np.random.default_rng(0).permutation(400)
    expected = SoftmaxCalibrator().fit(logits, labels).predict_proba(logits)
    found = SoftmaxCalibrator().fit(logits[order], labels[order]).predict_proba(logits)
    np.testing.assert_allclose(found, expected, atol=1e-8)


# Scores with ties, as forests and neighbours give them, and weights of any size.


def tied_scores(n=200, k=4):
    """Shares of 10 votes, mostly for the label."""
    rng = np.random.default_rng(3)
    labels = rng.integers(0, k, n)
    chances = 0.7 * np.eye(k)[labels] + 0.3 * rng.dirichlet(np.ones(k), n)
    return np.array([rng.multinomial(10, p) for p in chances]) / 10.0, labels


def test_tied_scores_do_not_tell_the_names_of_classes():
    proba, labels = tied_scores()
    names = np.array([2, 0, 3, 1])
    expected = SoftmaxCalibrator().fit(proba, labels).predict_proba(proba)
    other = SoftmaxCalibrator().fit(proba[:, names], np.argsort(names)[labels])
    np.testing.assert_allclose(other.predict_proba(proba[:, names]), expected[:, names], atol=1e-9)


def test_tied_scores_do_not_tell_a_constant_added_to_a_row():
    proba, labels = tied_scores()
    logits = np.log(np.maximum(proba, 1e-6))
    shifted = logits + np.random.default_rng(0).normal(size=(len(logits), 1))
    expected = SoftmaxCalibrator(input="logits").fit(logits, labels).predict_proba(logits)
    found = SoftmaxCalibrator(input="logits").fit(shifted, labels).predict_proba(shifted)
    np.testing.assert_allclose(found, expected, atol=1e-9)


@pytest.mark.filterwarnings("ignore:The largest scores")
def test_three_heavy_rows_are_their_repetitions():
    logits = np.array([[2.0, 0.0, 0.0], [0.0, 1.5, 0.0], [0.0, 0.5, 1.0]])
    labels, weights = np.array([0, 1, 2]), np.array([4, 1, 2])
    weighted = SoftmaxCalibrator().fit(logits, labels, weights)
    repeated = SoftmaxCalibrator().fit(
        np.repeat(logits, weights, axis=0), np.repeat(labels, weights)
    )
    found, expected = (model.predict_proba(logits) for model in (weighted, repeated))
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_cards_are_not_more_than_tell_something():
    weights = np.full(200, 1e12)
    assert folds.count_cards(weights) <= 1 << 20
    assert folds.count_cards(np.array([4.0, 1.0, 2.0])) == folds.count_cards(np.ones(7)) == 7
    assert folds.count_cards(np.full(5, 0.2)) == 5
    proba, labels = tied_scores()
    model = SoftmaxCalibrator().fit(proba, labels, weights)
    assert np.all(np.isfinite(model.predict_proba(proba)))


@pytest.mark.parametrize("strength", [1e-300, 1e-14, 1e-6])
def test_structured_matrix_of_any_strength(strength):
    proba, labels = tied_scores()
    model = SoftmaxCalibrator("structured_matrix", strength=strength).fit(proba, labels)
    assert np.isfinite(model.log_loss(proba, labels))
