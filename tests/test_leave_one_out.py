"""Approximate leave-one-out against one explicit Newton step, and against refits without a row."""

import numpy as np
import pytest
from scipy.special import logsumexp
from sklearn.datasets import load_iris, load_wine

from sklearn_softmax import SoftmaxRegression, SoftmaxRegressionCV
from sklearn_softmax._core.threads import Threads
from sklearn_softmax._fitting.path import prepare
from sklearn_softmax._inputs.known import labels_target
from sklearn_softmax._inputs.shrinkage import Shrinkage
from sklearn_softmax._solvers import SOLVERS

TOL = 1e-11


def draw(n_rows=60, n_features=3, n_classes=3, seed=0):
    rng = np.random.default_rng(seed)
    y = np.arange(n_rows) % n_classes
    X = np.eye(n_classes, n_features)[y] + rng.standard_normal((n_rows, n_features))
    return X, y


def fit(X, y, C, shrinkage, weights=None, tol=TOL):
    """Coefficients and intercepts of an accurate fit."""
    n_classes = y.max() + 1
    target = labels_target(y, n_classes)
    with Threads() as threads:
        options = {"fit_intercept": True, "threads": threads, "floor": tol}
        fits = prepare(X, target, weights, shrinkage, **options)
        return fits.fit(C, None, solver=SOLVERS["auto"], tol=tol, max_iter=1000)[:2]


def two_rows(coef, intercept):
    """The logits of two classes, as those of three are."""
    if len(coef) > 1:
        return coef, intercept
    return np.vstack([0.0 * coef, coef]), np.append(0.0, intercept)


def losses(X, y, coef, intercept):
    coef, intercept = two_rows(coef, intercept)
    logits = X @ coef.T + intercept
    return logsumexp(logits, axis=1) - logits[np.arange(len(y)), y]


def penalty_hessian(coef, C, shrinkage):
    """Second derivative on raw coefficients, class-major."""
    n_outputs, n_features = coef.shape
    full = np.zeros((n_outputs, n_features, n_outputs, n_features))
    factors = np.ones(n_features) if shrinkage.factors is None else shrinkage.factors
    for j, column in enumerate(coef.T):
        block = (1.0 - shrinkage.l1_ratio) * np.eye(n_outputs)
        if shrinkage.penalty == "group" and column.any():
            norm = np.linalg.norm(column)
            bend = np.eye(n_outputs) / norm - np.outer(column, column) / norm**3
            block = block + shrinkage.l1_ratio * bend
        full[:, j, :, j] = factors[j] * block / C
    return full.reshape(n_outputs * n_features, -1)


def newton_losses(X, y, coef, intercept, C, shrinkage, weights):
    """Loss of each row after one Newton step without it, with every matrix written out."""
    n_outputs, n_features = coef.shape
    active = np.append((coef != 0).ravel(), np.ones(n_outputs, dtype=bool))
    full, both = two_rows(coef, intercept)
    logits = X @ full.T + both
    chances = np.exp(logits - logsumexp(logits, axis=1)[:, None])
    onehot = np.eye(len(full))[y]
    kept = slice(1, None) if n_outputs == 1 else slice(None)
    jacobians, hessians, residuals = [], [], (chances - onehot)[:, kept]
    for x, p in zip(X, chances[:, kept], strict=True):
        jacobian = np.hstack([np.kron(np.eye(n_outputs), x), np.eye(n_outputs)])
        jacobians.append(jacobian[:, active])
        hessians.append(np.diag(p) - np.outer(p, p))
    total = np.zeros((len(active), len(active)))
    size = n_outputs * n_features
    total[:size, :size] = penalty_hessian(coef, C, shrinkage)
    total = total[np.ix_(active, active)]
    parts = [w * J.T @ D @ J for w, J, D in zip(weights, jacobians, hessians, strict=True)]
    total = total + sum(parts)
    found = np.empty(len(y))
    for i, (part, jacobian) in enumerate(zip(parts, jacobians, strict=True)):
        gradient = -weights[i] * jacobian.T @ residuals[i]
        step = -np.linalg.pinv(total - part, rcond=1e-11) @ gradient
        moved = logits[i].copy()
        moved[kept] += jacobian @ step
        found[i] = logsumexp(moved) - moved[y[i]]
    return found


def name(shrinkage):
    return f"{shrinkage.penalty} {shrinkage.l1_ratio}"


SHRINKAGES = [
    Shrinkage(),
    Shrinkage(factors=np.array([1.0, 3.0, 0.3])),
    Shrinkage("elasticnet", 0.5),
    Shrinkage("elasticnet", 1.0),
    Shrinkage("group", 1.0),
    Shrinkage("group", 0.3, np.array([1.0, 2.0, 0.5])),
]


def approximate(X, y, C, shrinkage, weights=None):
    model = SoftmaxRegressionCV(
        [C],
        penalty=shrinkage.penalty,
        l1_ratios=shrinkage.l1_ratio,
        penalty_factor=shrinkage.factors,
        cv="loo",
        tol=TOL,
    )
    return -model.fit(X, y, sample_weight=weights).cv_scores_[:, 0, 0]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    "shrinkage", SHRINKAGES, ids=lambda each: f"{each.penalty} {each.l1_ratio}"
)
def test_it_is_one_newton_step(shrinkage, n_classes, weighted):
    X, y = draw(n_classes=n_classes)
    weights = np.random.default_rng(1).uniform(0.2, 3.0, len(y)) if weighted else None
    coef, intercept = fit(X, y, 0.3, shrinkage, weights)
    each = np.ones(len(y)) if weights is None else weights
    expected = newton_losses(X, y, coef, intercept, 0.3, shrinkage, each)
    found = approximate(X, y, 0.3, shrinkage, weights)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-7)


def test_wide_data_are_left_out_in_their_row_space():
    X, y = draw(n_rows=24, n_features=40)
    shrinkage = Shrinkage(factors=np.linspace(0.5, 2.0, 40))
    coef, intercept = fit(X, y, 0.02, shrinkage)
    expected = newton_losses(X, y, coef, intercept, 0.02, shrinkage, np.ones(len(y)))
    np.testing.assert_allclose(approximate(X, y, 0.02, shrinkage), expected, rtol=1e-4)


def test_a_row_of_hardly_any_weight_loses_what_it_loses_in_training():
    X, y = draw()
    weights = np.where(np.arange(len(y)) < 5, 1e-9, 1.0)
    coef, intercept = fit(X, y, 1.0, Shrinkage(), weights)
    found = approximate(X, y, 1.0, Shrinkage(), weights)
    np.testing.assert_allclose(found[:5], losses(X, y, coef, intercept)[:5], rtol=1e-5)
    assert (found[5:] > losses(X, y, coef, intercept)[5:]).all()


def exact(X, y, C, shrinkage, rows, weights=None):
    """Losses of some rows under models fitted without them."""
    found = []
    for row in rows:
        others = np.arange(len(y)) != row
        left = None if weights is None else weights[others]
        coef, intercept = fit(X[others], y[others], C, shrinkage, left, tol=1e-8)
        found.append(losses(X[row : row + 1], y[row : row + 1], coef, intercept)[0])
    return np.array(found)


@pytest.mark.parametrize(
    "shrinkage", SHRINKAGES, ids=lambda each: f"{each.penalty} {each.l1_ratio}"
)
def test_it_is_near_refits_without_the_row(shrinkage):
    X, y = draw(n_rows=150)
    rows = np.arange(0, 150, 5)
    expected = exact(X, y, 0.3, shrinkage, rows)
    found = approximate(X, y, 0.3, shrinkage)[rows]
    training = losses(X, y, *fit(X, y, 0.3, shrinkage))[rows]
    optimism = np.abs(expected - training)
    assert np.abs(found - expected).mean() < 0.1 * optimism.mean()
    assert np.abs(found - expected).max() < 0.03


@pytest.mark.parametrize("load", [load_iris, load_wine])
def test_choice_is_that_of_exact_leave_one_out(load):
    X, y = load(return_X_y=True)
    Cs = np.geomspace(1e-4, 1e4, 10)
    model = SoftmaxRegressionCV(Cs, cv="loo").fit(X, y)
    near = np.flatnonzero(np.isclose(Cs, model.C_))[0] + np.arange(-2, 3)
    rows = np.arange(len(y))
    means = {k: exact(X, y, Cs[k], Shrinkage(), rows).mean() for k in near}
    best = min(means, key=means.get)
    assert abs(best - near[2]) <= 1
    for k in near[:3]:  # up to the choice, means agree to a fraction of their standard error
        assert abs(-model.mean_score_[k] - means[k]) < 0.1 * model.std_error_[k]


@pytest.mark.parametrize(("n_classes", "weighted"), [(2, False), (3, False), (3, True)])
def test_rows_that_move_far_are_refitted(n_classes, weighted):
    """Weak penalties and almost separable classes, where a Newton step is off by nats."""
    X, y = draw(n_rows=40, n_features=14, n_classes=n_classes, seed=2)
    X = X + 0.4 * np.eye(n_classes, 14)[y]
    weights = np.random.default_rng(1).uniform(0.5, 2.0, len(y)) if weighted else np.ones(len(y))
    expected = exact(X, y, 100.0, Shrinkage(), np.arange(len(y)), weights)
    found = approximate(X, y, 100.0, Shrinkage(), weights)
    coef, intercept = fit(X, y, 100.0, Shrinkage(), weights)
    step = newton_losses(X, y, coef, intercept, 100.0, Shrinkage(), weights)
    assert np.abs(step - expected).max() > 1.0
    assert np.abs(found - expected).max() < 0.03
    assert np.abs(found - expected).mean() < 0.03 * np.abs(step - expected).mean()


def test_refits_see_tables_and_offsets():
    X, y = draw(n_rows=40, n_features=14, seed=2)
    X, table = X + 0.4 * np.eye(3, 14)[y], np.eye(3)[y]
    offset = np.random.default_rng(0).standard_normal((len(y), 3))
    model = SoftmaxRegressionCV([100.0], cv="loo", tol=TOL)
    scores = model.fit(X, table + 1e-12, offset=offset).cv_scores_
    one = np.argmin(scores[:, 0])
    others = np.arange(len(y)) != one
    alone = SoftmaxRegression(100.0, tol=1e-8).fit(X[others], y[others], offset=offset[others])
    rows = slice(one, one + 1)
    expected = -alone.log_loss(X[rows], y[rows], offset=offset[rows])
    assert expected < -1.5
    assert scores[one, 0] == pytest.approx(expected, rel=1e-2)


def test_the_entropy_of_soft_targets_hides_no_row():
    """Wide data: beside it the penalty was nothing, and fits that saw the row good enough."""
    X, y = draw(n_rows=30, n_features=60)
    model = SoftmaxRegressionCV([1e8], cv="loo", label_smoothing=0.1).fit(X, y)
    for row in (0, 7):
        others = np.arange(len(y)) != row
        alone = SoftmaxRegression(1e8, label_smoothing=0.1, tol=1e-11).fit(X[others], y[others])
        expected = -alone.log_loss(X[[row]], y[[row]])
        assert model.cv_scores_[row, 0] == pytest.approx(expected, rel=1e-2)


def test_the_only_row_of_a_class_is_not_refitted():
    """No penalty would hold the intercept of its class."""
    X, y = draw(n_rows=31, n_features=6, seed=2)
    y[-1] = 3
    found = approximate(X, y, 100.0, Shrinkage())
    coef, intercept = fit(X, y, 100.0, Shrinkage())
    step = newton_losses(X, y, coef, intercept, 100.0, Shrinkage(), np.ones(len(y)))
    assert found[-1] == pytest.approx(step[-1], rel=1e-2)


def test_the_model_is_that_of_all_rows():
    X, y = draw()
    model = SoftmaxRegressionCV(5, cv="loo", tol=TOL).fit(X, y)
    alone = SoftmaxRegression(model.C_, tol=TOL).fit(X, y)
    np.testing.assert_allclose(model.coef_, alone.coef_, rtol=1e-4)
    assert model.cv_scores_.shape == (len(y), 5)


def test_rows_of_no_weight_have_no_score():
    X, y = draw()
    weights = np.ones(len(y))
    weights[::4] = 0.0
    left = approximate(X[weights > 0], y[weights > 0], 1.0, Shrinkage())
    np.testing.assert_allclose(approximate(X, y, 1.0, Shrinkage(), weights), left, rtol=1e-6)


def test_too_many_parameters_are_refused():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((1400, 1500)), np.arange(1400) % 3
    with pytest.raises(ValueError, match="at most 4096 coefficients.*got 4203. Use folds"):
        SoftmaxRegressionCV([1e-6], cv="loo", tol=0.1).fit(X, y)
