"""Logarithms of the probabilities of SoftmaxCalibratedClassifierCV."""

import numpy as np
import pytest
from scipy.special import logsumexp
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import NotFittedError
from sklearn.naive_bayes import GaussianNB
from test_cross_calibration import Identity, calibrated, draw, without

from sklearn_softmax import SoftmaxCalibratedClassifierCV, SoftmaxCalibrator
from sklearn_softmax._core.mixture import log_mean


class Silent(ClassifierMixin, BaseEstimator):
    """A calibrator without `predict_log_proba`, which is sure of itself."""

    def fit(self, scores, y):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, scores):
        return np.eye(len(self.classes_))[scores.argmax(axis=1)]


@pytest.mark.parametrize("calibrator", [None, SoftmaxCalibrator("matrix"), Silent()])
@pytest.mark.parametrize("ensemble", [True, False])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_logs_are_those_of_the_probabilities(calibrator, ensemble, n_classes):
    X, y = draw(n_classes=n_classes)
    model = calibrated(GaussianNB(), calibrator, ensemble=ensemble).fit(X, y)
    logs, proba = model.predict_log_proba(X[:50]), model.predict_proba(X[:50])
    np.testing.assert_allclose(np.exp(logs), proba, rtol=1e-12)
    np.testing.assert_array_equal(np.isinf(logs), proba == 0.0)


@pytest.mark.parametrize("ensemble", [True, False])
def test_logs_of_a_class_that_a_model_does_not_know(ensemble):
    X, y = draw()
    model = calibrated(GaussianNB(), cv=without(y, 1), ensemble=ensemble).fit(X, y)
    expected = np.log(model.predict_proba(X))
    np.testing.assert_allclose(model.predict_log_proba(X), expected, rtol=1e-12)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_logs_of_a_model_that_knows_one_class():
    X, y = draw(n_classes=2)
    fold = np.flatnonzero(y == 0), np.flatnonzero(y != 0)[:7]
    model = calibrated(DummyClassifier(), cv=[fold]).fit(X, y)
    np.testing.assert_allclose(
        model.predict_log_proba(X), np.tile(np.log([1 / 9, 8 / 9]), (240, 1))
    )


@pytest.mark.parametrize("ensemble", [True, False])
def test_logs_are_finite_where_probabilities_are_not_positive(ensemble):
    X, y = draw()
    model = calibrated(Identity(), ensemble=ensemble).fit(X, y)
    far = 1e5 * X[:20]
    logs = model.predict_log_proba(far)
    assert np.any(model.predict_proba(far) == 0.0)
    parts = [
        part.calibrator.predict_log_proba(far[:, :3]) for part in model.calibrated_classifiers_
    ]
    np.testing.assert_allclose(logs, logsumexp(parts, axis=0) - np.log(len(parts)), rtol=1e-12)
    assert np.isfinite(logs).all()


def test_the_mean_of_distributions_near_certainty_is_exact():
    near = np.array([[-1e-20, -3e-300, -np.inf], [-3e-20, -1e-300, -np.inf]])
    np.testing.assert_allclose(log_mean(near), [-2e-20, -2e-300, -np.inf], rtol=1e-15)
    np.testing.assert_allclose(log_mean(np.array([[-np.inf], [-800.0]])), -800.0 - np.log(2.0))


def test_logs_need_a_fit():
    with pytest.raises(NotFittedError):
        SoftmaxCalibratedClassifierCV().predict_log_proba(np.zeros((1, 2)))
