"""float32: certificates in float64, of the coefficients that are stored."""

import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from sklearn_softmax import SoftmaxRegression, SoftmaxRegressionCV, softmax_regression_path
from sklearn_softmax._core.single import SingleObjective
from sklearn_softmax._core.targets.labels import BinaryLabels, Labels
from sklearn_softmax._core.threads import Threads
from sklearn_softmax._fitting.problem import RidgeProblem
from sklearn_softmax._fitting.rounding import rounded
from sklearn_softmax._penalties.ridge import Ridge
from sklearn_softmax._solvers import SOLVERS, Outcome, Result, costs


def draw(seed, n=300, p=6, n_classes=4, mean=0.0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) * 10.0 ** rng.uniform(-2, 2, p)
    logits = 3.0 * (X / X.std(axis=0)) @ rng.standard_normal((p, n_classes)) / np.sqrt(p)
    y = np.argmax(logits + rng.gumbel(size=(n, n_classes)), axis=1)
    return (X + mean * X.std(axis=0)).astype(np.float32), y


def value_of(model, X, y, C=1.0):
    """The objective of stored coefficients, in extended precision."""
    coef, intercept = (each.astype(np.longdouble) for each in (model.coef_, model.intercept_))
    logits = X.astype(np.longdouble) @ coef.T + intercept
    if logits.shape[1] == 1:
        logits = np.column_stack([np.zeros(len(X)), logits])
    logits -= logits[np.arange(len(y)), y][:, None]
    highest = logits.max(axis=1)
    losses = highest + np.log(np.exp(logits - highest[:, None]).sum(axis=1))
    return float(losses.mean() + 0.5 * np.sum(coef * coef) / (C * len(y)))


@pytest.fixture
def threads():
    with Threads() as found:
        yield found


def problem_of(X, y, n_classes, threads, C=1.0, weights=None, fit_intercept=True):
    target = BinaryLabels(y) if n_classes == 2 else Labels(y, n_classes)
    options = {"fit_intercept": fit_intercept, "threads": threads, "floor": 1e-9}
    return RidgeProblem(X, target, weights, C=C, **options)


@pytest.mark.parametrize("n_classes", [2, 3, 7])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("C", [1e-2, 1.0, 1e3])
def test_no_certificate_is_below_the_truth(n_classes, fit_intercept, weighted, C, threads):
    """At points at any distance, on any side of the balance of the intercepts."""
    X, y = draw(n_classes, n_classes=n_classes)
    rng = np.random.default_rng(1)
    weights = rng.exponential(size=len(y)) if weighted else None
    problem = problem_of(X, y, n_classes, threads, C, weights, fit_intercept)
    double = problem.objective(np.float64)
    best = SOLVERS["newton"](double, problem.start(), tol=1e-13, max_iter=100)
    single = problem.objective(np.float32)
    for tol in (1e-6, 1.0):
        single.tol = tol
        for size in (0.0, 1e-6, 1e-4, 1e-2, 0.3):
            change = size * rng.standard_normal(best.params.shape).reshape(problem.map.shape)
            params = best.params + (change - change.mean(axis=0) * (n_classes > 2)).ravel()
            point = single.at(params)
            gap, exact = single.duality_gap(point), double.at(params)
            assert gap >= exact.value - best.value - 1e-14
            assert gap <= 4.0 * double.duality_gap(exact) + 1e-9 * max(1.0, C)
            np.testing.assert_allclose(point.value, exact.value, rtol=1e-3 * size + 1e-9)


@pytest.mark.parametrize("C", [1e-6, 10.0])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_intercepts_that_stay_out_of_balance_count(n_classes, C, threads):
    """The others are at their optimum beside these: nothing else tells of the distance."""
    X, y = draw(n_classes, n_classes=n_classes)
    problem = problem_of(X, y, n_classes, threads, C)
    double, single = problem.objective(np.float64), problem.objective(np.float32)
    best = SOLVERS["newton"](double, problem.start(), tol=1e-13, max_iter=100)
    penalty, free = double.penalty, double.penalty.curvature == 0
    moved = best.params[free] + 0.02 * np.eye(np.count_nonzero(free))[0]
    held = np.where(free, 1e6, penalty.curvature)
    centre = np.zeros(len(free))
    centre[free] = moved - moved.mean() * (n_classes > 2)
    double.penalty = Ridge(held, centre)
    params = SOLVERS["newton"](double, best.params, tol=1e-14, max_iter=100).params
    double.penalty, single.tol, point = penalty, 1.0, single.at(params)
    point.gradient[free] = 0.0  # no step can balance what is not seen
    assert single.duality_gap(point) >= double.at(params).value - best.value > 1e-6


def test_products_in_float64_are_one_pass(threads):
    X, y = draw(0)
    problem = problem_of(X, y, 4, threads)
    best = problem.solve(SOLVERS["lbfgs"], None, tol=1e-9, max_iter=200)
    single = problem.objective(np.float32)
    single.tol, point = 1e-6, single.at(best.params)
    assert single.duality_gap(point) <= 1e-6 * point.value
    assert single.double.n_passes == 1.0


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("size", [1e-12, 1e-8, 1e-4])
def test_what_rounding_does_is_bounded(n_classes, size, threads):
    """The bound holds for the worst of all changes of that size, not for random ones alone."""
    X, y = draw(3, n_classes=n_classes)
    problem = problem_of(X, y, n_classes, threads)
    objective = problem.objective(np.float64)
    best = SOLVERS["newton"](objective, problem.start(), tol=1e-13, max_iter=100)
    change = np.zeros(problem.map.shape)
    change[0, 0] = np.sqrt(size)
    point = objective.at(best.params + change.ravel())
    gap = point.value - best.value
    near = Result(point.params, point.value, gap, 1, Outcome.CONVERGED)
    fitted = problem.coefficients(point.params)
    coef, intercept, result = rounded(problem, *fitted, near, 1e-6)
    assert coef.astype(np.float32).tolist() == coef.tolist()
    assert intercept.astype(np.float32).tolist() == intercept.tolist()
    value = objective.at(problem.from_coefficients(coef, intercept)).value
    assert value - best.value <= result.gap + 1e-15
    assert result.gap <= gap + 1e-6 * np.sqrt(gap) + 1e-11


@pytest.mark.parametrize(
    ("mean", "warns", "n"),
    [(0.0, False, 40_000), (1e3, False, 40_000)]
    + [(mean, mean > 1e3, 200) for mean in (0.0, 1e3, 1e6, 1e8)],
)
@pytest.mark.parametrize("n_classes", [2, 5])
def test_the_claim_is_that_of_stored_coefficients(mean, warns, n, n_classes):
    """Columns far from zero: the intercept rounds to more than nothing."""
    X, y = draw(1, n=n, p=7, n_classes=n_classes, mean=mean)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        model = SoftmaxRegression().fit(X, y)
    best = SoftmaxRegression(tol=1e-10).fit(X.astype(np.float64), y)
    value, least = value_of(model, X, y), value_of(best, X, y)
    assert (value - least) / value <= model.dual_gap_ * (1 + 1e-6) + 1e-12
    np.testing.assert_allclose(model.loss_, value, rtol=max(1e-9, model.dual_gap_))
    assert (model.dual_gap_ > 1e-6) == bool(caught)
    assert model.dual_gap_ <= 1e-6 or warns


@pytest.mark.parametrize("options", [{"l1_ratio": 0.5}, {"penalty": "group"}])
def test_penalties_with_a_kink_are_judged_by_stored_coefficients_too(options):
    X, y = draw(1, n=400, p=1, n_classes=3, mean=1e6)
    with pytest.warns(ConvergenceWarning, match="too coarse"):
        model = SoftmaxRegression(**options).fit(X, y)
    assert model.dual_gap_ > 1e-5
    near, _ = draw(1, n=400, p=1, n_classes=3)
    assert SoftmaxRegression(**options).fit(near, y).dual_gap_ <= 1e-6


def test_paths_and_choices_of_C_say_so_too():
    X, y = draw(1, n=400, p=1, n_classes=3, mean=1e6)
    with pytest.warns(ConvergenceWarning, match="too coarse"):
        softmax_regression_path(X, y, Cs=[0.1, 1.0])
    for Cs in ([0.1, 1.0], [1.0]):
        with pytest.warns(ConvergenceWarning):
            assert SoftmaxRegressionCV(Cs=Cs).fit(X, y).dual_gap_ > 1e-5


def test_sparse_float32_is_certified_in_one_pass_too(threads):
    X, y = draw(0, n=2000)
    X = sparse.csr_matrix(np.where(np.abs(X) > np.abs(X).mean(axis=0), X, 0.0))
    problem = problem_of(X, y, 4, threads)
    best = problem.solve(SOLVERS["lbfgs"], None, tol=1e-11, max_iter=200)
    single = problem.objective(np.float32)
    single.tol, point = 1e-6, single.at(best.params)
    assert 0.0 <= single.duality_gap(point) <= 1e-6 * point.value
    assert single.double.n_passes == 1.0


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_matrix])
@pytest.mark.parametrize("n_classes", [2, 4])
def test_predictions_far_from_zero_are_those_of_stored_coefficients(container, n_classes):
    """Products in float32 would lose what the intercept cancels."""
    X, y = draw(1, n=500, n_classes=n_classes, mean=3e4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = SoftmaxRegression().fit(container(X), y)
    logits = X.astype(np.longdouble) @ model.coef_.astype(np.longdouble).T + model.intercept_
    found = model.decision_function(container(X)).reshape(logits.shape)
    assert found.dtype == model.predict_proba(container(X)).dtype == np.float32
    np.testing.assert_allclose(found, logits.astype(float), rtol=1e-6, atol=1e-6)
    penalty = 0.5 * np.sum(model.coef_.astype(float) ** 2) / len(y)
    np.testing.assert_allclose(model.log_loss(container(X), y) + penalty, model.loss_, rtol=1e-6)


@pytest.mark.parametrize("n_classes", [2, 5])
@pytest.mark.parametrize("options", [{}, {"l1_ratio": 0.5, "C": 0.1}])
def test_other_coefficients_take_up_what_the_intercept_loses(n_classes, options):
    """Its unit of rounding is thousands of theirs: 1e5 standard deviations away all are needed."""
    X, y = draw(1, n=400, p=20, n_classes=n_classes, mean=1e5)
    model = SoftmaxRegression(**options).fit(X, y)
    assert model.dual_gap_ <= 1e-6
    double = SoftmaxRegression(**options).fit(X.astype(np.float64), y)
    np.testing.assert_array_equal(model.coef_ == 0.0, double.coef_ == 0.0)
    np.testing.assert_allclose(
        model.coef_, double.coef_, rtol=1e-2, atol=1e-3 * np.ptp(model.coef_)
    )


@pytest.mark.parametrize("mean", [0.0, 1e6])
def test_many_classes_begin_in_float32_where_that_hides_no_gap(monkeypatch, mean):
    X, y = draw(0, n=600, n_classes=64, mean=mean)
    X, y = X.astype(np.float64), np.append(np.arange(64), y[64:])
    in_double = SoftmaxRegression().fit(X, y)
    monkeypatch.setattr(costs, "_LONG", 0.0)
    seen = []
    monkeypatch.setattr(SingleObjective, "line", watched(SingleObjective.line, seen))
    begun_single = SoftmaxRegression().fit(X, y)
    assert bool(seen) == (mean == 0.0)
    values = [value_of(model, X, y) for model in (in_double, begun_single)]
    gap = max(in_double.dual_gap_, begun_single.dual_gap_)
    assert gap <= 1e-6
    assert abs(values[0] - values[1]) <= gap * values[0]


def watched(function, seen):
    def watch(*args):
        seen.append(args)
        return function(*args)

    return watch
