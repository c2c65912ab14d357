"""The loss of few rows at once: the same numbers as those of an objective by blocks."""

import numpy as np
import pytest

from sklearn_softmax import SoftmaxRegression, softmax_regression_path
from sklearn_softmax._core.few_rows import FewRows
from sklearn_softmax._core.objective import Objective
from sklearn_softmax._core.targets.labels import BinaryLabels, Labels
from sklearn_softmax._core.targets.offset import Offset
from sklearn_softmax._core.targets.soft import BinarySoftLabels, SmoothedLabels, SoftLabels
from sklearn_softmax._core.threads import Threads
from sklearn_softmax._fitting import composite
from sklearn_softmax._maps.design import DenseDesign
from sklearn_softmax._maps.kept_rows import KeptRows
from sklearn_softmax._maps.standardised import Standardised
from sklearn_softmax._penalties import PENALTIES
from sklearn_softmax._solvers.composite import few_model, few_steps

N_ROWS, N_FEATURES = 40, 5


def targets():
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=N_ROWS)
    mass = rng.dirichlet(np.ones(3), size=N_ROWS)
    own, share = np.full(N_ROWS, 0.9), np.full(3, 1 / 3)
    return {
        "labels": Labels(labels, 3),
        "soft": SoftLabels(mass),
        "smoothed": SmoothedLabels(labels, own, share),
        "offset": Offset(Labels(labels, 3), rng.standard_normal((3, N_ROWS))),
        "binary": BinaryLabels(labels == 1),
        "binary soft": BinarySoftLabels(mass[:, 0]),
    }


@pytest.fixture(params=targets())
def problem(request):
    """An objective with standardised rows, that with kept rows, norm and ridge, and parameters."""
    rng = np.random.default_rng(1)
    target = targets()[request.param]
    X = rng.standard_normal((N_ROWS, N_FEATURES)) * 3.0 + 1.0
    weights = rng.random(N_ROWS) + 0.5
    weights[:2] = 0.0
    design = DenseDesign(X, target.n_outputs, True)
    map = Standardised(design, X.mean(axis=0), X.std(axis=0))
    norm, ridge = np.append(rng.random(N_FEATURES) * 0.02, 0.0), np.zeros(N_FEATURES + 1)
    ridge[:2] = 0.01
    penalty = PENALTIES["elasticnet"](norm, ridge)
    options = {"threads": Threads(), "cached": True}
    smooth = penalty.smooth(target.n_outputs)
    plain, kept = (
        Objective(each, target, smooth, weights, **options) for each in (map, KeptRows.of(map))
    )
    params = rng.standard_normal(map.shape) * 0.3
    params[:, 3] = 0.0
    return plain, kept, penalty, params


def test_values_and_gradients_are_those_by_blocks(problem):
    plain, kept, penalty, params = problem
    assert FewRows.fits(kept)
    state = FewRows(kept).at(params)
    for objective in (plain, kept):
        point = objective.at(params.ravel())
        value, slope = objective.penalty.evaluate(params.ravel())
        assert state.value + value == pytest.approx(point.value, rel=1e-12)
        found = state.gradient.ravel() + slope
        np.testing.assert_allclose(found, point.gradient, atol=1e-13)


@pytest.mark.parametrize("joint", [0, 1 << 30])
def test_hessians_are_those_by_blocks(problem, joint, monkeypatch):
    monkeypatch.setattr("sklearn_softmax._core.few_rows._JOINT", joint)
    plain, kept, _, params = problem
    mask = np.random.default_rng(2).random(params.shape) < 0.7
    loss = FewRows(kept)
    found = loss.hessian(loss.at(params), *mask.nonzero())
    np.testing.assert_allclose(
        found, plain.loss_hessian(plain.at(params.ravel()), mask), atol=1e-13
    )


def test_gaps_are_those_by_blocks(problem):
    """Far from the optimum, and near it, where intercepts are nearly balanced."""
    plain, kept, penalty, params = problem
    loss, steps = FewRows(kept), few_steps.FewSteps(kept, FewRows(kept))
    options = {"tol": 1e-4, "max_iter": 20, "following": lambda number: []}
    near = steps.minimise(penalty, params.ravel(), **options).params.reshape(params.shape)
    for at in (params, near, 0.999 * near):
        state = loss.at(at)
        point = plain.at(at.ravel())
        value = point.value + penalty.value(at)
        expected = plain.composite_gap(penalty, point)
        assert loss.gap(state, penalty, value, np.inf) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("options", [{"l1_ratio": 1.0}, {"l1_ratio": 0.4}, {"penalty": "group"}])
@pytest.mark.parametrize("n_classes", [2, 4])
def test_few_steps_change_nothing_but_time(options, n_classes, monkeypatch):
    rng = np.random.default_rng(3)
    X = rng.standard_normal((90, 12))
    y = np.argmax(X[:, :n_classes] + rng.gumbel(size=(90, n_classes)), axis=1)
    options = {"Cs": np.geomspace(0.03, 3.0, 8), "tol": 1e-11} | options
    ours = softmax_regression_path(X, y, **options)
    monkeypatch.setattr(FewRows, "fits", lambda objective: False)
    other = softmax_regression_path(X, y, **options)
    np.testing.assert_allclose(ours.losses, other.losses, rtol=1e-10)
    np.testing.assert_allclose(ours.coefs, other.coefs, atol=1e-4)
    np.testing.assert_array_equal(ours.coefs == 0.0, other.coefs == 0.0)


@pytest.mark.parametrize("refuse", [(few_model, "_MOST"), (few_steps, "_STEPS")])
def test_others_go_on_where_few_steps_give_up(refuse, monkeypatch):
    X = np.random.default_rng(4).standard_normal((80, 30))
    y = (X[:, 0] + X[:, 1] > 0.3).astype(int) + (X[:, 2] > 0.0)
    model = SoftmaxRegression(C=1.0, l1_ratio=1.0, tol=1e-9).fit(X, y)
    monkeypatch.setattr(*refuse, 1)
    other = SoftmaxRegression(C=1.0, l1_ratio=1.0, tol=1e-9).fit(X, y)
    assert other.dual_gap_ <= 1e-9
    np.testing.assert_allclose(other.coef_, model.coef_, atol=1e-4)
    limited = SoftmaxRegression(C=1.0, l1_ratio=1.0, tol=1e-9, max_iter=2)
    with pytest.warns(match="limit of iterations"):
        assert limited.fit(X, y).n_iter_ == 2


def test_models_that_promise_more_than_there_is_are_damped(monkeypatch):
    """Rare columns of one class: its loss is lost at once, and with it their curvature."""
    rng = np.random.default_rng(8)
    X = np.column_stack([rng.random((120, 12)) < 0.08, rng.standard_normal((120, 3))])
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    y = np.argmax(X @ rng.normal(scale=2.0, size=(15, 5)) + rng.gumbel(size=(120, 5)), axis=1)
    others = []
    monkeypatch.setattr(composite, "working_sets", lambda *args, **options: others.append(args))
    assert SoftmaxRegression(C=3.0, l1_ratio=1.0, tol=1e-8).fit(X, y).dual_gap_ <= 1e-8
    assert others == []
