"""scikit-learn's own checks of SoftmaxRegression, for every solver.

Nothing is expected to fail. What is skipped is what LogisticRegression skips as well: checks that
need a setting of the whole process.
"""

import pytest
from conftest import checks_of

from sklearn_softmax import SoftmaxRegression
from sklearn_softmax._solvers import SOLVERS

ESTIMATORS = [
    *(SoftmaxRegression(solver=solver) for solver in SOLVERS),
    SoftmaxRegression(C=0.1, warm_start=True, tol=1e-9),
    SoftmaxRegression(label_smoothing=0.1),
]


@pytest.mark.parametrize(("estimator", "check"), checks_of(ESTIMATORS))
def test_softmax_regression(estimator, check):
    check(estimator)
