"""scikit-learn's callbacks: what they see of a fit, and that they may stop it."""

import time
import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris

from sklearn_softmax import SoftmaxRegression, SoftmaxRegressionCV
from sklearn_softmax._core.targets.labels import Labels
from sklearn_softmax._core.threads import Threads
from sklearn_softmax._fitting.ridge_fits import RidgeFits
from sklearn_softmax._solvers import SOLVERS, Outcome


def test_without_callbacks_nothing_is_there_to_see():
    model = SoftmaxRegression().fit(*load_iris(return_X_y=True))
    assert not [name for name in vars(model) if "callback" in name]


callback = pytest.importorskip("sklearn.callback", reason="callbacks came with scikit-learn 1.9")


class Recorder:
    """Keeps the tasks and the estimators at their ends; stops the fit after some of them."""

    def __init__(self, stop_after=np.inf):
        self.begun, self.ended, self.estimators, self.stop_after = [], [], [], stop_after
        self.set_up = self.torn_down = 0

    def setup(self, estimator, context):
        self.set_up += 1

    def teardown(self, estimator, context):
        self.torn_down += 1

    def on_fit_task_begin(self, estimator, context):
        self.begun.append((context.task_name, context.task_id))

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, fitted_estimator=None):
        self.ended.append((context.task_name, context.task_id))
        if fitted_estimator is not None and context.task_name == "iteration":
            loss = fitted_estimator.log_loss(X, y)
            penalty = 0.5 * np.sum(fitted_estimator.coef_**2) / (fitted_estimator.C * len(y))
            self.estimators.append((fitted_estimator, loss + penalty))
            return len(self.estimators) >= self.stop_after
        return False


def wide():
    X, y = load_digits(n_class=3, return_X_y=True)
    return np.hstack([X[:40], X[:40] ** 2]), y[:40]


PROBLEMS = {
    "iris": lambda: load_iris(return_X_y=True),
    "two classes": lambda: load_digits(n_class=2, return_X_y=True),
    "wide": wide,
    "strings": lambda: (load_iris().data, load_iris().target_names[load_iris().target]),
    "sparse": lambda: (sparse.csr_matrix(load_digits().data[:300]), load_digits().target[:300]),
}


@pytest.mark.parametrize("options", [{"l1_ratio": 0.5}, {"penalty": "group"}], ids=str)
@pytest.mark.parametrize("problem", PROBLEMS)
def test_iterations_of_penalties_with_a_kink_are_tasks(problem, options):
    X, y = PROBLEMS[problem]()
    recorder = Recorder()
    model = SoftmaxRegression(**options).set_callbacks(recorder).fit(X, y)
    assert sorted(recorder.begun) == sorted(recorder.ended)
    assert len(recorder.estimators) == model.n_iter_
    np.testing.assert_array_equal(model.coef_, SoftmaxRegression(**options).fit(X, y).coef_)
    last = recorder.estimators[-1][0]
    np.testing.assert_allclose(last.coef_, model.coef_, rtol=1e-6, atol=1e-9)
    stopper = Recorder(stop_after=1)
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        stopped = SoftmaxRegression(**options).set_callbacks(stopper).fit(X, y)
    assert stopped.n_iter_ == 1


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("solver", SOLVERS)
def test_iterations_are_tasks(solver, problem):
    X, y = PROBLEMS[problem]()
    recorder = Recorder()
    model = SoftmaxRegression(solver=solver).set_callbacks(recorder).fit(X, y)
    plain = SoftmaxRegression(solver=solver).fit(X, y)
    np.testing.assert_array_equal(model.coef_, plain.coef_)
    assert sorted(recorder.begun) == sorted(recorder.ended)
    assert (recorder.set_up, recorder.torn_down) == (1, 1)
    n_iter = len(recorder.estimators)
    assert n_iter == model.n_iter_
    assert recorder.begun[0] == recorder.ended[-1] == ("fit", 0)
    assert recorder.begun[1:] == [("iteration", i) for i in range(n_iter + 1)]
    last, values = recorder.estimators[-1][0], [value for _, value in recorder.estimators]
    np.testing.assert_allclose(last.coef_, model.coef_, rtol=1e-6, atol=1e-9)
    assert np.all(np.diff(values) <= 1e-9)
    assert values[-1] == pytest.approx(model.loss_, rel=1e-9)


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("solver", SOLVERS)
def test_a_callback_stops_the_fit(solver, problem):
    X, y = PROBLEMS[problem]()
    recorder = Recorder(stop_after=2)
    model = SoftmaxRegression(solver=solver).set_callbacks(recorder)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # the user knows
        model.fit(X, y)
    full = SoftmaxRegression(solver=solver, tol=1e-9).fit(X, y)
    assert model.n_iter_ == len(recorder.estimators) == 2
    np.testing.assert_allclose(model.coef_, recorder.estimators[-1][0].coef_, rtol=1e-6, atol=1e-9)
    assert model.dual_gap_ > full.dual_gap_
    assert model.loss_ - full.loss_ <= model.dual_gap_ * model.loss_ * (1 + 1e-9)


def test_scores_of_iterations():
    pytest.importorskip("pandas")
    X, y = load_iris(return_X_y=True, as_frame=True)
    monitor = callback.ScoringMonitor(scoring=["neg_log_loss", "accuracy"])
    model = SoftmaxRegression(solver="lbfgs").set_callbacks(monitor)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X, y)
        model.set_params(C=10.0).fit(X.to_numpy(), y)
        model.fit(X, y, sample_weight=np.ones(len(y)))
    scores = [row for row in monitor.get_logs().data if row["task_name"] == "iteration"]
    scored = [row["neg_log_loss"] for row in scores if "neg_log_loss" in row]
    assert len(scored) == model.n_iter_
    assert scored[-1] > scored[0]
    assert scored[-1] == pytest.approx(-model.log_loss(X, y))


def test_estimators_that_callbacks_score_know_the_offset():
    """Named scorers take none, and would compare predictions without it."""
    X, y = load_iris(return_X_y=True)
    offset = np.random.default_rng(0).standard_normal((len(y), 3))
    for model in (SoftmaxRegression(), SoftmaxRegressionCV(2, cv=2)):
        monitor = callback.ScoringMonitor(scoring=["neg_log_loss", "accuracy"])
        model.set_callbacks(monitor).fit(X, y, sample_weight=np.ones(len(y)), offset=offset)
        (last,) = (row for row in monitor.get_logs().data if row["task_name"] == "fit")
        assert last["neg_log_loss"] == pytest.approx(-model.log_loss(X, y, offset=offset))
        assert last["accuracy"] == pytest.approx(model.score(X, y, offset=offset))
        assert model.log_loss(X, y) != pytest.approx(model.log_loss(X, y, offset=offset))


def test_a_class_without_weight_has_its_column():
    X, y = load_iris(return_X_y=True)
    recorder = Recorder()
    weight = (y != 1).astype(float)
    SoftmaxRegression().set_callbacks(recorder).fit(X, y, sample_weight=weight)
    assert recorder.estimators[0][0].predict_proba(X).shape == (150, 3)


def test_progress_bar():
    pytest.importorskip("rich")
    SoftmaxRegression().set_callbacks(callback.ProgressBar()).fit(*load_iris(return_X_y=True))


def test_clones_keep_callbacks_and_errors_tear_them_down():
    recorder = Recorder()
    model = clone(SoftmaxRegression().set_callbacks(recorder))
    with pytest.raises(ValueError, match="at least two classes"):
        model.fit(np.ones((3, 1)), [0, 0, 0])
    assert recorder.set_up == recorder.torn_down
    X, y = load_iris(return_X_y=True)
    model.fit(X, y)
    assert recorder.set_up == recorder.torn_down == 1


def test_a_limit_of_iterations_is_a_limit_of_tasks():
    X, y = load_digits(return_X_y=True)
    recorder = Recorder()
    model = SoftmaxRegression(max_iter=3, tol=0.0).set_callbacks(recorder)
    with pytest.warns(UserWarning, match="limit of iterations"):
        model.fit(X.astype(np.float32), y)
    assert len(recorder.estimators) == model.n_iter_ == 3


def test_no_callbacks_cost_nothing():
    """Fits that are watched by nobody make no task."""
    X, y = load_iris(return_X_y=True)
    model, began = SoftmaxRegression(), time.perf_counter()
    for _ in range(20):
        model.fit(X, y)
    took = time.perf_counter() - began
    from sklearn_softmax._progress import NoProgress, start_progress

    began = time.perf_counter()
    for _ in range(20):
        assert start_progress(model, X, y, {}, most=3) is NoProgress
    assert time.perf_counter() - began < 0.02 * took


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_cross_validation_tells_of_each_fit_of_all_rows_and_of_each_fold(n_jobs):
    X, y = load_iris(return_X_y=True)
    recorder = CurveRecorder()
    model = SoftmaxRegressionCV([0.01, 1.0, 10.0], cv=4, n_jobs=n_jobs).set_callbacks(recorder)
    model.fit(X, y)
    assert sorted(recorder.begun) == sorted(recorder.ended)
    assert len(recorder.losses) == 3
    assert recorder.losses == sorted(recorder.losses, reverse=True)
    fits = [task for task in recorder.ended if task[0] == "step"]
    assert len(fits) == 3 + 4 + 1  # the last is the one that was begun when all was done
    plain = SoftmaxRegressionCV([0.01, 1.0, 10.0], cv=4).fit(X, y)
    np.testing.assert_array_equal(model.cv_scores_, plain.cv_scores_)


class CurveRecorder(Recorder):
    """Keeps the losses of the estimators at the ends of tasks that have one."""

    def __init__(self):
        super().__init__()
        self.losses = []

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, fitted_estimator=None):
        self.ended.append((context.task_name, context.task_id))
        if fitted_estimator is not None and context.task_name == "step":
            self.losses.append(fitted_estimator.log_loss(X, y))
        return False


@pytest.mark.parametrize("n_features", [3, 200])
def test_an_observer_can_be_taken_away(n_features):
    """Of data that are fitted in their row space, too."""
    X, y, seen = np.random.default_rng(0).standard_normal((60, n_features)), np.arange(60) % 3, []
    options = {"fit_intercept": True, "threads": Threads(), "floor": 0.0}
    fits, how = RidgeFits(X, Labels(y, 3), None, **options), {"tol": 1e-8, "max_iter": 100}
    fits.observe(lambda coefficients: seen.append(coefficients()))
    fits.fit(1.0, None, solver=SOLVERS["lbfgs"], **how)
    n_seen = len(seen)
    assert n_seen > 2
    fits.observe(None)
    *_, result = fits.fit(2.0, None, solver=SOLVERS["lbfgs"], **how)
    assert result.outcome is Outcome.CONVERGED
    assert len(seen) == n_seen
