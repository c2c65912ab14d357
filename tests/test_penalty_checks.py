"""scikit-learn's own checks of SoftmaxRegression with every penalty."""

import pytest
from conftest import checks_of

from sklearn_softmax import SoftmaxRegression

ESTIMATORS = [
    SoftmaxRegression(l1_ratio=1.0),
    SoftmaxRegression(l1_ratio=0.5, C=0.1),
    SoftmaxRegression(penalty="group"),
    SoftmaxRegression(penalty="group", l1_ratio=0.5, warm_start=True, tol=1e-9),
]


@pytest.mark.parametrize(("estimator", "check"), checks_of(ESTIMATORS))
def test_penalty(estimator, check):
    check(estimator)
