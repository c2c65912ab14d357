"""Laws and known answers of SoftmaxCalibrator."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline

from sklearn_softmax import SoftmaxCalibrator

LINEAR = ("temperature", "bias_corrected", "vector", "matrix", "dirichlet")
POOLED = ("structured_vector", "structured_matrix", "ensemble_temperature", "auto")
METHODS = (*LINEAR, *POOLED)


def draw(n_rows=1500, n_classes=3, slope=0.6, seed=0):
    """Logits, and labels drawn from the softmax of `slope` times the logits."""
    rng = np.random.default_rng(seed)
    logits = 2.0 * rng.standard_normal((n_rows, n_classes))
    gumbel = rng.gumbel(size=logits.shape)
    return logits, np.argmax(slope * logits + gumbel, axis=1)


def mean_loss(logits, labels, weights=None):
    losses = -log_softmax(logits, axis=1)[np.arange(len(labels)), labels]
    return np.average(losses, weights=weights)


def best_loss(logits_of, start, labels):
    """The least mean loss over parameters, by SciPy."""
    result = minimize(lambda p: mean_loss(logits_of(p), labels), start, tol=1e-12)
    return result.fun


@pytest.fixture(params=METHODS)
def method(request):
    return request.param


# Known answers


def test_temperature_is_that_of_scipy():
    logits, labels = draw()
    model = SoftmaxCalibrator("temperature").fit(logits, labels)
    best = minimize(lambda p: mean_loss(p * logits, labels), [1.0], tol=1e-14)
    np.testing.assert_allclose(1.0 / model.temperature_, best.x[0], rtol=1e-6)
    np.testing.assert_allclose(model.loss_, best.fun, rtol=1e-13)
    assert model.method_ == "temperature"


def test_temperature_satisfies_its_equation_to_rounding():
    """The mean of Σ p z is the mean of z at the label."""
    logits, labels = draw(20000, 10)
    model = SoftmaxCalibrator("temperature").fit(logits, labels)
    residuals = model.predict_proba(logits) - np.eye(10)[labels]
    assert abs(np.mean(np.sum(residuals * logits, axis=1))) < 1e-13


def test_weighted_temperature_is_that_of_scipy():
    logits, labels = draw()
    weights = np.random.default_rng(1).exponential(size=len(labels))
    model = SoftmaxCalibrator("temperature").fit(logits, labels, weights)
    best = minimize(lambda p: mean_loss(p * logits, labels, weights), [1.0], tol=1e-14)
    np.testing.assert_allclose(model.loss_, best.fun, rtol=1e-12)
    np.testing.assert_allclose(model.log_loss(logits, labels, weights), best.fun, rtol=1e-12)


def test_bias_corrected_is_that_of_scipy():
    logits, labels = draw()
    model = SoftmaxCalibrator("bias_corrected").fit(logits, labels)
    best = best_loss(lambda p: p[0] * logits + p[1:], np.ones(4), labels)
    np.testing.assert_allclose(model.loss_, best, rtol=1e-9)
    assert model.temperature_ == 1.0 / model.coef_[0]


def test_vector_is_that_of_scipy():
    logits, labels = draw()
    model = SoftmaxCalibrator("vector").fit(logits, labels)
    centred = logits - logits.mean(axis=1, keepdims=True)
    best = best_loss(lambda p: p[:3] * centred + p[3:], np.ones(6), labels)
    np.testing.assert_allclose(model.loss_, best, rtol=1e-9)


@pytest.mark.parametrize("side_by_side", [False, True])
def test_matrix_is_logistic_regression(side_by_side):
    logits, labels = draw()
    if side_by_side:
        noise = np.random.default_rng(1).standard_normal((len(labels), 4))
        features = np.hstack([logits, 0.5 * logits[:, :1] + noise])
    else:
        features = logits - logits.mean(axis=1, keepdims=True)
    model = SoftmaxCalibrator("matrix").fit(features, labels)
    peer = LogisticRegression(C=1e12, tol=1e-10, max_iter=1000).fit(features, labels)
    expected = peer.predict_proba(features)
    np.testing.assert_allclose(model.predict_proba(features), expected, atol=2e-5)


def test_dirichlet_is_logistic_regression_on_log_probabilities():
    logits, labels = draw()
    model = SoftmaxCalibrator("dirichlet").fit(softmax(logits, axis=1), labels)
    features = log_softmax(logits, axis=1)
    peer = LogisticRegression(C=1e12, tol=1e-10, max_iter=1000).fit(features, labels)
    expected = peer.predict_proba(features)
    np.testing.assert_allclose(model.predict_proba(softmax(logits, axis=1)), expected, atol=2e-5)


@pytest.mark.parametrize("binary", ["bias_corrected", "vector", "matrix"])
def test_two_classes_are_platt_scaling(binary):
    logits, labels = draw(n_classes=2)
    odds = logits[:, 1:] - logits[:, :1]
    model = SoftmaxCalibrator(binary).fit(logits, labels)
    peer = LogisticRegression(C=1e12, tol=1e-12).fit(odds, labels)
    np.testing.assert_allclose(model.coef_.ravel(), peer.coef_.ravel(), rtol=1e-5)
    np.testing.assert_allclose(model.intercept_, peer.intercept_, atol=1e-5)


# Laws


def test_each_method_has_at_most_the_loss_of_those_it_contains():
    logits, labels = draw(n_classes=4)
    loss = {name: SoftmaxCalibrator(name).fit(logits, labels).loss_ for name in LINEAR}
    assert loss["dirichlet"] < loss["matrix"] * (1 + 1e-9)
    assert loss["matrix"] < loss["vector"] < loss["bias_corrected"] < loss["temperature"]
    assert loss["temperature"] < mean_loss(logits, labels)


def test_calibrated_scores_give_a_neutral_map(method):
    """Weights are the true posterior: every class stands at each row once.

    Pools have priors that count for a row or two of 800, and do not make any class impossible.
    """
    logits, _ = draw(800)
    posterior = softmax(logits, axis=1)
    model = SoftmaxCalibrator(method).fit(
        np.repeat(logits, 3, axis=0), np.tile(np.arange(3), len(logits)), posterior.ravel()
    )
    np.testing.assert_allclose(
        model.predict_proba(logits), posterior, atol=1e-5 if method in LINEAR else 0.015
    )


@pytest.mark.parametrize("with_intercept", LINEAR[1:])
def test_intercepts_make_mean_probabilities_class_frequencies(with_intercept):
    logits, labels = draw(n_classes=4)
    model = SoftmaxCalibrator(with_intercept).fit(logits, labels)
    frequencies = np.bincount(labels) / len(labels)
    np.testing.assert_allclose(model.predict_proba(logits).mean(axis=0), frequencies, atol=1e-6)


def test_few_rows_keep_a_map_of_many_parameters_near_temperature():
    """Matrix has 110 parameters: without a prior, 150 rows give a far larger loss elsewhere."""
    logits, labels = draw(150, 10)
    others, truth = draw(4000, 10, seed=1)
    temperature, matrix = (
        SoftmaxCalibrator(name).fit(logits, labels).log_loss(others, truth)
        for name in ("temperature", "matrix")
    )
    assert matrix < 1.15 * temperature


def test_decision_function_is_the_logarithm_of_probabilities(method):
    logits, labels = draw()
    model = SoftmaxCalibrator(method).fit(logits, labels)
    logs = model.predict_log_proba(logits)
    np.testing.assert_allclose(log_softmax(model.decision_function(logits), axis=1), logs)
    np.testing.assert_allclose(np.exp(logs), model.predict_proba(logits))
    np.testing.assert_array_equal(model.predict(logits), logs.argmax(axis=1))


def test_decision_function_of_two_classes_is_the_log_odds(method):
    logits, labels = draw(n_classes=2)
    model = SoftmaxCalibrator(method).fit(logits, labels)
    logs = model.predict_log_proba(logits)
    assert model.decision_function(logits).shape == labels.shape
    np.testing.assert_allclose(model.decision_function(logits), logs[:, 1] - logs[:, 0], atol=1e-12)


def test_log_probabilities_are_finite_for_extreme_logits(method):
    logits, labels = draw()
    model = SoftmaxCalibrator(method).fit(logits, labels)
    assert np.isfinite(model.predict_log_proba(np.array([[1e5, 0.0, -1e5]]))).all()


def test_coefficients_are_what_the_documentation_says():
    logits, labels = draw(n_classes=4)
    shapes = {name: SoftmaxCalibrator(name).fit(logits, labels).coef_.shape for name in LINEAR}
    expected = [(1,), (1,), (4,), (4, 4), (4, 4)]
    assert shapes == dict(zip(LINEAR, expected, strict=True))
    assert not hasattr(SoftmaxCalibrator("vector").fit(logits, labels), "temperature_")


def test_refitting_forgets_the_temperature_of_another_method():
    logits, labels = draw()
    model = SoftmaxCalibrator().fit(logits, labels).set_params(method="vector")
    assert not hasattr(model.fit(logits, labels), "temperature_")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"method": "platt"}, "method must be one of 'auto'"),
        ({"input": "probabilities"}, "input must be one of 'auto'"),
        ({"tol": -1.0}, "tol must be"),
        ({"max_iter": 0}, "max_iter must be"),
        ({"classes": [2, 1, 0]}, "classes must be at least two labels"),
        ({"classes": [0]}, "classes must be at least two labels"),
    ],
)
def test_wrong_parameters_are_named(parameters, message):
    with pytest.raises(ValueError, match=message):
        SoftmaxCalibrator(**parameters).fit(*draw(30))


# scikit-learn


def test_it_ends_a_pipeline_in_a_grid_search():
    logits, labels = draw(300)
    search = GridSearchCV(SoftmaxCalibrator(), {"method": METHODS}, scoring="neg_log_loss", cv=3)
    assert search.fit(logits, labels).best_score_ > -np.log(3)


def test_it_scores_the_transformed_output_of_another_step():
    """`transform` gives probabilities, which a second calibrator leaves as they are."""
    logits, labels = draw()
    last = SoftmaxCalibrator("temperature")
    chain = make_pipeline(clone(last), last).fit(logits, labels)
    np.testing.assert_allclose(chain[-1].temperature_, 1.0, rtol=1e-9)
    assert chain[-1].input_ == "proba"


def test_naive_bayes_is_improved_by_every_method(method):
    logits, labels = draw()
    doubled = np.hstack([logits, logits])
    bayes = GaussianNB().fit(doubled[:500], labels[:500])
    probabilities = bayes.predict_proba(doubled[500:])
    model = SoftmaxCalibrator(method).fit(probabilities[:500], labels[500:1000])
    before = -np.mean(np.log(probabilities[np.arange(500, 1000), labels[1000:]]))
    assert model.log_loss(probabilities[500:], labels[1000:]) < before
