"""Settings that all tests share."""

import os
from unittest import mock

os.environ.setdefault("MPLBACKEND", "Agg")  # pictures are drawn, never shown

import pytest  # noqa: E402
from hypothesis import settings  # noqa: E402

with mock.patch.dict(os.environ, SCIPY_ARRAY_API="1"):  # 1.6 cannot be imported without
    from sklearn.utils.estimator_checks import estimator_checks_generator

# The same examples in every run, and no deadline on a busy machine.
settings.register_profile("house", derandomize=True, deadline=None)
settings.load_profile("house")


def checks_of(estimators):
    """What `parametrize_with_checks` would give, as a list: recent pytest refuses an iterator."""
    return [
        pytest.param(estimator, check, id=f"{getattr(check, 'func', check).__name__}-{number}")
        for number, estimator in enumerate(estimators)
        for _, check in estimator_checks_generator(estimator)
    ]
