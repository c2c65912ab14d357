"""What scikit-learn 1.9's temperature scaling does wrong is right here, case by case."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import log_softmax, softmax
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from test_calibrator import draw, mean_loss

from sklearn_softmax import SoftmaxCalibrator

BOTH = pytest.mark.parametrize("method", ["temperature", "auto"])


@BOTH
def test_labels_need_not_count_from_zero(method):
    """Iris with labels 1..3: a log-loss of 1.098, that of guessing, instead of 0.06."""
    X, y = load_iris(return_X_y=True)
    scores = LogisticRegression(max_iter=1000).fit(X[::2], y[::2]).decision_function(X[1::2])
    expected = SoftmaxCalibrator(method).fit(scores, y[1::2])
    found = SoftmaxCalibrator(method).fit(scores, y[1::2] + 1)
    np.testing.assert_array_equal(found.predict_proba(scores), expected.predict_proba(scores))
    assert found.log_loss(scores, y[1::2] + 1) < 0.2


@BOTH
def test_labels_in_a_series_may_have_any_index(method):
    """KeyError where the index is not 0..n-1."""
    logits, labels = draw(200)
    series = pd.Series(labels, index=np.arange(200) + 1000)
    found = SoftmaxCalibrator(method).fit(logits, series).predict_proba(logits)
    expected = SoftmaxCalibrator(method).fit(logits, labels).predict_proba(logits)
    np.testing.assert_array_equal(found, expected)


@BOTH
def test_a_batch_does_not_decide_what_scores_are(method):
    """A float16 softmax was read as logits, as its rows do not sum to 1 in float32."""
    logits, labels = draw(400)
    probabilities = softmax(3.0 * logits, axis=1).astype(np.float16)
    model = SoftmaxCalibrator(method).fit(probabilities, labels)
    assert model.input_ == "proba"
    assert model.log_loss(probabilities, labels) < mean_loss(np.zeros((400, 3)), labels) - 0.1
    whole = model.predict_proba(probabilities)
    for row in (0, 17, 399):
        np.testing.assert_array_equal(model.predict_proba(probabilities[[row]])[0], whole[row])


@pytest.mark.parametrize("scale", [1e-6, 1e5, 1e9])
def test_the_search_for_a_temperature_has_no_box(scale):
    """log β was sought between -10 and 10: logits × 1e5 fail."""
    logits, labels = draw(500)
    found = SoftmaxCalibrator("temperature").fit(scale * logits, labels)
    expected = SoftmaxCalibrator("temperature").fit(logits, labels)
    np.testing.assert_allclose(found.temperature_ / scale, expected.temperature_, rtol=1e-9)


@pytest.mark.parametrize("scale", [1e-6, 1e5, 1e9])
def test_neither_has_that_of_the_pool(scale):
    logits, labels = draw(500)
    found = SoftmaxCalibrator().fit(scale * logits, labels)
    expected = SoftmaxCalibrator().fit(logits, labels)
    np.testing.assert_allclose(found.temperature_ / scale, expected.temperature_, rtol=1e-6)


@BOTH
def test_a_class_may_be_missing(method):
    """A class without a row in the calibration fold crashed."""
    logits, labels = draw(300, 4)
    rows = labels != 2
    model = SoftmaxCalibrator(method, classes=np.arange(4)).fit(logits[rows], labels[rows])
    assert np.isfinite(model.log_loss(logits, labels))


def test_log_probabilities_are_not_logarithms_of_rounded_probabilities():
    logits = np.array([[0.0, -900.0, -1000.0], [0.0, 1.0, 2.0], [3.0, 2.0, 1.0], [1.0, 2.0, 0.0]])
    model = SoftmaxCalibrator("temperature").fit(logits, [0, 2, 1, 1])
    expected = log_softmax(logits / model.temperature_, axis=1)
    np.testing.assert_allclose(model.predict_log_proba(logits), expected, rtol=1e-12)


@pytest.mark.parametrize("method", ["temperature", "auto"])
@pytest.mark.parametrize("sharper", [0.3, 3.0])
def test_masks_of_any_size_are_the_same(method, sharper):
    """A class that is ruled out has probability 0, however small its logit."""
    rng = np.random.default_rng(0)
    logits = 3.0 * rng.normal(size=(300, 4))
    labels = (sharper * logits + rng.gumbel(size=logits.shape)).argmax(axis=1)
    labels[:50] %= 3

    def calibrated(mask):
        masked = logits.copy()
        masked[:50, 3] = mask
        return SoftmaxCalibrator(method).fit(masked, labels).predict_proba(masked)

    expected = calibrated(-1e90)
    for mask in (-1e140, -1e200, np.finfo(np.float64).min):
        np.testing.assert_allclose(calibrated(mask), expected, rtol=1e-9, atol=1e-12)
