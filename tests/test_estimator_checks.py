"""scikit-learn's own checks of SoftmaxRegression, for every solver.

Nothing is expected to fail. What is skipped is what LogisticRegression skips as well: checks that
need a setting of the whole process.
"""

import os
from unittest import mock

import pytest

from sklearn_softmax import SoftmaxRegression
from sklearn_softmax._solvers import SOLVERS

with mock.patch.dict(os.environ, SCIPY_ARRAY_API="1"):  # 1.6 cannot be imported without
    from sklearn.utils.estimator_checks import estimator_checks_generator

ESTIMATORS = [
    *(SoftmaxRegression(solver=solver) for solver in SOLVERS),
    SoftmaxRegression(C=0.1, warm_start=True, tol=1e-9),
    SoftmaxRegression(label_smoothing=0.1),
]


def checks():
    """What `parametrize_with_checks` would give, as a list: recent pytest refuses an iterator."""
    for number, estimator in enumerate(ESTIMATORS):
        for _, check in estimator_checks_generator(estimator):
            name = getattr(check, "func", check).__name__
            yield pytest.param(estimator, check, id=f"{name}-{number}")


@pytest.mark.parametrize(("estimator", "check"), list(checks()))
def test_softmax_regression(estimator, check):
    check(estimator)
