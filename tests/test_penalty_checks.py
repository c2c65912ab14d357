"""scikit-learn's own checks of SoftmaxRegression with every penalty."""

import os
from unittest import mock

import pytest

from sklearn_softmax import SoftmaxRegression

with mock.patch.dict(os.environ, SCIPY_ARRAY_API="1"):  # 1.6 cannot be imported without
    from sklearn.utils.estimator_checks import estimator_checks_generator

ESTIMATORS = [
    SoftmaxRegression(l1_ratio=1.0),
    SoftmaxRegression(l1_ratio=0.5, C=0.1),
    SoftmaxRegression(penalty="group"),
    SoftmaxRegression(penalty="group", l1_ratio=0.5, warm_start=True, tol=1e-9),
]


def checks():
    """What `parametrize_with_checks` would give, as a list: recent pytest refuses an iterator."""
    for number, estimator in enumerate(ESTIMATORS):
        for _, check in estimator_checks_generator(estimator):
            name = getattr(check, "func", check).__name__
            yield pytest.param(estimator, check, id=f"{name}-{number}")


@pytest.mark.parametrize(("estimator", "check"), list(checks()))
def test_penalty(estimator, check):
    check(estimator)
