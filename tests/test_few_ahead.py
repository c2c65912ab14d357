"""Steps for many penalties from one Hessian: few Hessians, and certificates that stay true."""

import numpy as np
import pytest
from sklearn.datasets import load_iris, load_wine
from sklearn.preprocessing import StandardScaler

from sklearn_softmax import SoftmaxRegression, softmax_regression_path
from sklearn_softmax._core.few_rows import FewRows
from sklearn_softmax._core.targets.labels import Labels
from sklearn_softmax._core.threads import Threads
from sklearn_softmax._fitting.composite import CompositeFits
from sklearn_softmax._solvers.composite import few_model

L1 = {"l1_ratio": 1.0}


@pytest.fixture
def hessians(monkeypatch):
    """One entry for each Hessian of few rows."""
    made, hessian = [], FewRows.hessian

    def record(self, *args):
        made.append(1)
        return hessian(self, *args)

    monkeypatch.setattr(FewRows, "hessian", record)
    return made


@pytest.fixture(params=[load_iris, load_wine], ids=["iris", "wine"])
def data(request):
    X, y = request.param(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def smallest(data):
    return softmax_regression_path(*data, Cs=1, **L1).Cs[0]


@pytest.mark.parametrize(("tol", "most"), [(1e-4, 14), (1e-6, 20)])
def test_a_hessian_serves_several_strengths(data, tol, most, hessians):
    Cs = smallest(data) * np.geomspace(1.0, 30.0, 50)
    hessians.clear()
    path = softmax_regression_path(*data, Cs=Cs, tol=tol, **L1)
    assert path.dual_gaps.max() <= tol
    assert len(hessians) <= most


@pytest.mark.parametrize("options", [L1, {"l1_ratio": 0.5}])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_bounds_hold_all_along_a_path(data, options, n_classes):
    X, y = data
    y = np.minimum(y, n_classes - 1)
    Cs = smallest((X, y)) * np.geomspace(1.0, 100.0, 12)
    path = softmax_regression_path(X, y, Cs=Cs, tol=1e-4, **options)
    best = softmax_regression_path(X, y, Cs=Cs, tol=1e-12, **options)
    lower = path.losses * (1.0 - path.dual_gaps)
    assert np.all(lower <= best.losses * (1.0 + 1e-12))
    assert np.all(path.losses >= best.losses * (1.0 - 1e-12))


def test_values_are_those_of_the_coefficients(data):
    X, y = data
    path = softmax_regression_path(X, y, Cs=20, tol=1e-5, **L1)
    for C, coef, intercept, loss in zip(
        path.Cs, path.coefs, path.intercepts, path.losses, strict=True
    ):
        logits = X @ coef.T + intercept
        logits -= logits[np.arange(len(y)), y][:, None]
        expected = np.log(np.exp(logits).sum(axis=1)).mean() + np.abs(coef).sum() / (C * len(y))
        assert loss == pytest.approx(expected, rel=1e-12)


def test_parts_of_steps_are_the_steps(data, monkeypatch):
    """Where so many logits at once would not stay in the cache."""
    Cs = smallest(data) * np.geomspace(1.0, 30.0, 20)
    whole = softmax_regression_path(*data, Cs=Cs, tol=1e-5, **L1)
    monkeypatch.setattr(few_model, "_NUMBERS", 1)
    parts = softmax_regression_path(*data, Cs=Cs, tol=1e-5, **L1)
    np.testing.assert_allclose(parts.coefs, whole.coefs, atol=1e-9)


def test_other_strengths_than_announced_are_fitted(data):
    X, y = data
    first = smallest(data)
    Cs = first * np.geomspace(1.0, 30.0, 10)
    options = {"penalty": "elasticnet", "fit_intercept": True, "floor": 1e-6, "factors": None}
    with Threads() as threads:
        target = Labels(y, 3)
        fits = CompositeFits(X, target, None, Cs=Cs, threads=threads, **L1, **options)
        start = None
        for C in [*Cs[:4], 7.0 * first, Cs[7], Cs[5], 2.0 * first, *Cs]:
            coef, intercept, result = fits.fit(C, start, solver=None, tol=1e-8, max_iter=100)
            start = coef, intercept
            model = SoftmaxRegression(C=C, tol=1e-8, **L1).fit(X, y)
            assert result.value == pytest.approx(model.loss_, rel=1e-7)
            assert result.gap <= 1e-8 * result.value


def test_stacks_are_their_parts(data):
    X, y = data
    rng = np.random.default_rng(0)
    options = {"penalty": "elasticnet", "fit_intercept": True, "floor": 1e-6, "factors": None}
    with Threads() as threads:
        fits = CompositeFits(X, Labels(y, 3), None, threads=threads, **L1, **options)
        fits.fit(1.0, None, solver=None, tol=1e-3, max_iter=100)
        problem = fits.problem
        few, penalty = FewRows(problem.objective(np.float64)), problem.composite
    params = rng.standard_normal((few.shape[0], 3, few.shape[1])) * 0.3
    params[:, :, 1] = 0.0
    penalties = [penalty.scaled(factor) for factor in (1.0, 0.5, 2.0)]
    stack, states = penalty.stack(penalties), few.at(params)
    margins = few.margins(params)
    change = 0.01 * few.curved(states, margins)
    change[:] = change - change @ np.ones((change.shape[1], 1)) / change.shape[1]
    gaps = few.dual_gap(states, stack, np.full(3, np.inf), states.excess + change)
    for number in range(3):
        one, state = few.at(np.ascontiguousarray(params[:, number])), states.one(number)
        for name in ("value", "gradient", "chances", "excess"):
            np.testing.assert_allclose(getattr(state, name), getattr(one, name), atol=1e-14)
        rows = slice(number * len(y), (number + 1) * len(y))
        excess = states.excess[:, rows] + change[:, rows]
        gap = few.dual_gap(one, penalties[number], np.inf, excess)
        assert gap == pytest.approx(gaps[number], rel=1e-3)
        assert stack.whole(params)[number] == pytest.approx(
            penalties[number].whole(params[:, number])
        )


def test_bounds_of_interrupted_fits_hold(data):
    """At each step of a cold start, whose first steps are for stronger norms."""
    X, y = data
    options = {"penalty": "elasticnet", "fit_intercept": True, "floor": 1e-6, "factors": None}
    best = SoftmaxRegression(C=3.0, tol=1e-12, **L1).fit(X, y).loss_
    with Threads() as threads:
        for number in range(1, 4):
            fits, seen = CompositeFits(X, Labels(y, 3), None, threads=threads, **L1, **options), []
            fits.observe(
                lambda found, seen=seen, last=number: seen.append(found) or len(seen) == last
            )
            _, _, result = fits.fit(3.0, None, solver=None, tol=1e-9, max_iter=100)
            assert result.n_iter == len(seen) == number
            assert result.value - result.gap <= best <= result.value
