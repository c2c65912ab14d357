"""scikit-learn's own checks of SoftmaxCalibratedClassifierCV, as of its CalibratedClassifierCV.

Nothing is expected to fail, whatever the scores are and however many models there are.
"""

import os
from unittest import mock

import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

from sklearn_softmax import SoftmaxCalibratedClassifierCV, SoftmaxCalibrator

with mock.patch.dict(os.environ, SCIPY_ARRAY_API="1"):  # 1.6 cannot be imported without
    from sklearn.utils.estimator_checks import estimator_checks_generator

ESTIMATORS = [
    SoftmaxCalibratedClassifierCV(LogisticRegression(C=1), cv=3),  # as scikit-learn checks its own
    SoftmaxCalibratedClassifierCV(
        GaussianNB(),
        SoftmaxCalibrator("temperature"),
        cv=3,
        ensemble=False,
        method="predict_log_proba",
    ),
]

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:The least populated class"),
]


def checks():
    """What `parametrize_with_checks` would give, as a list: recent pytest refuses an iterator."""
    for number, estimator in enumerate(ESTIMATORS):
        for _, check in estimator_checks_generator(estimator):
            name = getattr(check, "func", check).__name__
            yield pytest.param(estimator, check, id=f"{name}-{number}")


@pytest.mark.parametrize(("estimator", "check"), list(checks()))
def test_cross_calibration(estimator, check):
    check(estimator)
