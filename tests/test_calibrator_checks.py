"""scikit-learn's own checks of SoftmaxCalibrator, for every method.

Nothing is expected to fail with default arguments, or with method='matrix'. The other methods take
scores with a column for each class: checks whose data have another shape must meet the error that
says so, and no other. What is skipped is what LinearDiscriminantAnalysis skips as well.
"""

import os
from unittest import mock

import pytest

from sklearn_softmax import SoftmaxCalibrator

with mock.patch.dict(os.environ, SCIPY_ARRAY_API="1"):  # 1.6 cannot be imported without
    from sklearn.utils.estimator_checks import estimator_checks_generator

MISMATCH = "needs a column of scores for each of"
ANY_SCORES = [SoftmaxCalibrator(), SoftmaxCalibrator("matrix")]
SCORES_OF_THE_CLASSES = [
    SoftmaxCalibrator(method) for method in ("temperature", "bias_corrected", "vector", "dirichlet")
]

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def checks(estimators):
    """What `parametrize_with_checks` would give, as a list: recent pytest refuses an iterator."""
    return [
        pytest.param(
            estimator, check, id=f"{estimator.method}-{getattr(check, 'func', check).__name__}"
        )
        for estimator in estimators
        for _, check in estimator_checks_generator(estimator)
    ]


@pytest.mark.parametrize(("estimator", "check"), checks(ANY_SCORES))
def test_any_scores(estimator, check):
    check(estimator)


@pytest.mark.parametrize(("estimator", "check"), checks(SCORES_OF_THE_CLASSES))
def test_scores_of_the_classes(estimator, check):
    try:
        check(estimator)
    except (AssertionError, ValueError) as error:
        reason = error
        while reason is not None and MISMATCH not in str(reason):
            reason = reason.__cause__ or reason.__context__
        if reason is None:
            raise
