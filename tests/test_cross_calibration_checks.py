"""scikit-learn's own checks of SoftmaxCalibratedClassifierCV, as of its CalibratedClassifierCV.

Nothing is expected to fail, whatever the scores are and however many models there are.
"""

import pytest
from conftest import checks_of
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

from sklearn_softmax import SoftmaxCalibratedClassifierCV, SoftmaxCalibrator

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


@pytest.mark.parametrize(("estimator", "check"), checks_of(ESTIMATORS))
def test_cross_calibration(estimator, check):
    check(estimator)
