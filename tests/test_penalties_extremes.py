"""Norms that are next to nothing beside the losses."""

import numpy as np
import pytest

from sklearn_softmax import SoftmaxRegression
from sklearn_softmax._solvers.composite import models


@pytest.mark.parametrize("free", [0, 3], ids=["penalised", "some free"])
@pytest.mark.parametrize("C", [1e10, 1e20])
def test_a_small_norm_is_reached_from_larger_ones(monkeypatch, C, free):
    """Classes that are told apart: without the norm, steps lead where it is of no use."""
    rng, y, n_factors = np.random.default_rng(2), np.arange(100) % 8, []
    X = rng.standard_normal((100, 25))
    X[:, 0] += 50 * y
    cholesky = models.cholesky
    monkeypatch.setattr(models, "cholesky", lambda *a: n_factors.append(1) or cholesky(*a))
    factors = np.repeat([1.0, 0.0], [25 - free, free])
    model = SoftmaxRegression(penalty="elasticnet", l1_ratio=1.0, C=C, penalty_factor=factors)
    model.fit(X, y)
    assert model.dual_gap_ <= 1e-6
    assert len(n_factors) < 400  # it was thousands
