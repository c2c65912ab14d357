"""Laws and known answers of SoftmaxRegressionCV."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from conftest import checks_of
from joblib import parallel_backend
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegressionCV
from sklearn.metrics import log_loss, make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    ShuffleSplit,
    StratifiedKFold,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from sklearn_softmax import SoftmaxRegression, SoftmaxRegressionCV
from sklearn_softmax._core.many.weightings import Weightings
from sklearn_softmax._core.objective import Objective
from sklearn_softmax._selection import near_fits
from sklearn_softmax._selection.rules import best, mean_and_error, one_standard_error
from sklearn_softmax._solvers import costs

CS = [0.01, 1.0, 30.0]
TOL = 1e-13  # errors of scores are about its root
CV = StratifiedKFold(3, shuffle=True, random_state=0)


def draw(n_rows=120, n_features=4, n_classes=3, seed=0):
    """Overlapping classes, features of unlike scales."""
    rng = np.random.default_rng(seed)
    y = np.arange(n_rows) % n_classes
    X = 1.5 * np.eye(n_classes, n_features)[y] + rng.standard_normal((n_rows, n_features))
    return X * np.geomspace(0.1, 10.0, n_features), y


def chooser(**params):
    return SoftmaxRegressionCV(**{"Cs": CS, "cv": CV, "tol": TOL, **params})


def weights_of(n_rows, seed=1):
    return np.random.default_rng(seed).integers(0, 4, n_rows).astype(float)


def loop(X, y, weights=None, **params):
    """Scores by an explicit loop over folds and Cs."""
    found = []
    for train, test in CV.split(X, y):
        held = [] if weights is None else [weights[test]]
        fitted = None if weights is None else weights[train]
        models = (SoftmaxRegression(C=C, **{"tol": TOL, **params}) for C in CS)
        found.append(
            [-m.fit(X[train], y[train], fitted).log_loss(X[test], y[test], *held) for m in models]
        )
    return np.array(found)


# Known answers


@pytest.mark.parametrize(
    "params", [{}, {"fit_intercept": False}, {"class_weight": "balanced"}, {"solver": "lbfgs"}]
)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_scores_are_those_of_an_explicit_loop(params, n_classes):
    X, y = draw(n_classes=n_classes)
    y = np.array(["a", "b", "c"])[y]
    model = chooser(**params).fit(X, y)
    np.testing.assert_allclose(model.cv_scores_, loop(X, y, **params), rtol=1e-6)


ROUTES = {  # what decides between algorithms: all that leads to one of them
    "together": {},
    "metric of all rows": {"costs._HESSIAN_OF_PRODUCTS": 0},
    "stack": {"costs._TOGETHER": 0, "near_fits._CHEAP": 0.0},
    "alone": {"costs._TOGETHER": 0, "costs._STACKED": 0, "near_fits._CHEAP": 0.0},
    "own Hessians": {"costs._TOGETHER": 0},
}


@pytest.mark.parametrize("tol", [TOL, 1e-6])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("route", ROUTES)
def test_all_routes_to_the_fits_of_folds_give_the_same_scores(route, n_classes, tol, monkeypatch):
    X, y = draw(n_classes=n_classes)
    weights = weights_of(len(y))
    expected = loop(X, y, weights)
    modules = {"costs": costs, "near_fits": near_fits}
    for name, value in ROUTES[route].items():
        module, constant = name.split(".")
        monkeypatch.setattr(modules[module], constant, value)
    model = chooser(tol=tol).fit(X, y, sample_weight=weights)
    loose = 2e-3 if route in ("alone", "own Hessians") else 1e-4  # others take a last step
    np.testing.assert_allclose(model.cv_scores_, expected, rtol=1e-6 if tol == TOL else loose)


@pytest.mark.parametrize("shape", [(1800, 12, 8), (800, 40, 5)])
def test_hessians_serve_strengths_and_folds(shape, monkeypatch):
    """Not one for each of 60 fits, nor one for each of 10 strengths: curvature hardly moves."""
    made = []
    for owner in (Objective, Weightings):

        def recorded(self, *given, hessian=owner.hessian):
            found = hessian(self, *given)
            made.extend(found if found.ndim == 3 else [found])
            return found

        monkeypatch.setattr(owner, "hessian", recorded)
    n_rows, n_features, n_classes = shape
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_rows, n_features))
    logits = X @ rng.standard_normal((n_features, n_classes))
    y = np.argmax(logits + 3.0 * rng.gumbel(size=logits.shape), axis=1)
    model = SoftmaxRegressionCV(np.geomspace(1e-4, 1e4, 10)).fit(X, y)
    assert model.dual_gap_ <= 1e-6
    assert 1 <= len(made) <= 8


def test_scores_of_weighted_rows_are_those_of_an_explicit_loop():
    X, y = draw()
    weights = weights_of(len(y))
    model = chooser().fit(X, y, sample_weight=weights)
    np.testing.assert_allclose(model.cv_scores_, loop(X, y, weights), rtol=1e-6)
    shares = [weights[test].sum() for _, test in CV.split(X, y)]
    np.testing.assert_allclose(
        model.mean_score_, np.average(model.cv_scores_, axis=0, weights=shares)
    )


def test_wide_data_give_the_scores_of_an_explicit_loop():
    X, y = draw(n_rows=45, n_features=200)
    model = chooser().fit(X, y)
    np.testing.assert_allclose(model.cv_scores_, loop(X, y), rtol=1e-5)


@pytest.mark.parametrize("rule", ["best", "1se"])
def test_the_model_is_the_fit_of_all_rows_at_the_chosen_C(rule):
    X, y = draw()
    model = chooser(rule=rule).fit(X, y)
    alone = SoftmaxRegression(C=model.C_, tol=TOL).fit(X, y)
    np.testing.assert_allclose(model.coef_, alone.coef_, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(model.predict_proba(X), alone.predict_proba(X), rtol=1e-4)
    assert model.loss_ == pytest.approx(alone.loss_, rel=1e-8)
    assert model.dual_gap_ <= TOL


def test_choice_is_that_of_grid_search():
    X, y = load_wine(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    grid = {"C": np.geomspace(1e-4, 1e4, 7)}
    search = GridSearchCV(SoftmaxRegression(tol=1e-10), grid, scoring="neg_log_loss", cv=CV).fit(
        X, y
    )
    model = SoftmaxRegressionCV(7, scoring="neg_log_loss", cv=CV, tol=1e-10).fit(X, y)
    assert search.best_params_["C"] == model.C_
    np.testing.assert_allclose(model.mean_score_, search.cv_results_["mean_test_score"], rtol=1e-4)


def test_choice_is_that_of_logistic_regression_cv():
    X, y = load_iris(return_X_y=True)
    options = {"Cs": np.geomspace(0.01, 1000.0, 6), "scoring": "neg_log_loss"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        other = LogisticRegressionCV(tol=1e-6, max_iter=10_000, **options).fit(X, y)
    model = SoftmaxRegressionCV(**options).fit(X, y)
    assert pytest.approx(np.ravel(other.C_)[0]) == model.C_


def test_one_standard_error_takes_the_strongest_penalty_within_it():
    # Means 0, 4, 5, 5, 4.5 with an error of 1 at the best.
    mean, error = np.array([[0.0, 4.0, 5.0, 5.0, 4.5]]), np.full((1, 5), 1.0)
    assert best(mean) == (0, 2)
    assert one_standard_error(mean, error) == (0, 1)
    assert one_standard_error(mean, 0.5 * error) == (0, 2)
    assert one_standard_error(mean, 10.0 * error) == (0, 0)


def test_scores_that_fits_do_not_tell_apart_are_ties():
    mean = np.array([[-0.7, -0.5 - 4e-8, -0.5, -0.6], [-0.5 + 1e-8, -0.9, -0.9, -0.9]])
    assert best(mean) == (1, 0)
    assert best(mean, tol=1e-6) == (0, 1)  # the first share of the norm, the strongest penalty
    assert best(mean - 0.5, tol=1e-9) == (1, 0)
    assert one_standard_error(mean, np.zeros((2, 4)), tol=1e-6) == (0, 1)
    assert best(np.full((1, 3), -np.inf), tol=1e-6) == (0, 0)


def test_one_standard_error_keeps_other_parameters_of_the_best():
    mean = np.array([[9.5, 9.6, 0.0], [1.0, 9.5, 10.0]])
    assert one_standard_error(mean, np.ones((2, 3))) == (1, 1)


def test_mean_and_error_by_hand():
    scores, weights = np.array([[1.0], [3.0], [7.0]]), np.array([2.0, 1.0, 1.0])
    mean, error = mean_and_error(scores, weights)
    assert mean == pytest.approx(3.0)
    assert error == pytest.approx(np.sqrt((2 * 4 + 0 + 16) / 4 / 2))
    equal = mean_and_error(scores, np.ones(3))[1]
    assert equal == pytest.approx(np.std(scores, ddof=1) / np.sqrt(3))


# Laws


def test_integer_weights_are_repeated_rows():
    X, y = draw()
    weights = weights_of(len(y))
    repeats = np.repeat(np.arange(len(y)), weights.astype(int))
    folds = np.empty(len(y), dtype=int)
    for number, (_, test) in enumerate(CV.split(X, y)):
        folds[test] = number
    repeated = [
        (np.flatnonzero(folds[repeats] != k), np.flatnonzero(folds[repeats] == k)) for k in range(3)
    ]
    weighted = chooser().fit(X, y, sample_weight=weights)
    copied = chooser(cv=repeated).fit(X[repeats], y[repeats])
    np.testing.assert_allclose(weighted.cv_scores_, copied.cv_scores_, rtol=1e-6)
    np.testing.assert_allclose(weighted.std_error_, copied.std_error_, rtol=1e-4)
    np.testing.assert_allclose(weighted.coef_, copied.coef_, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("cv", [CV, "loo"])
def test_results_do_not_depend_on_n_jobs(cv):
    X, y = draw()
    one = chooser(cv=cv).fit(X, y)
    for n_jobs in (2, 3):
        with parallel_backend("loky"):
            other = chooser(cv=cv, n_jobs=n_jobs).fit(X, y)
        np.testing.assert_array_equal(one.cv_scores_, other.cv_scores_)
        np.testing.assert_array_equal(one.coef_, other.coef_)


@pytest.mark.parametrize("cv", [CV, "loo"])
@pytest.mark.parametrize("shape", [(120, 4), (40, 120), (400, 60)])
def test_results_do_not_depend_on_threads(cv, shape):
    X, y = draw(*shape)
    found = []
    for count in (1, 2):
        with threadpool_limits(count, user_api="blas"):
            found.append(chooser(cv=cv, tol=1e-6).fit(X, y))
    np.testing.assert_array_equal(found[0].cv_scores_, found[1].cv_scores_)
    np.testing.assert_array_equal(found[0].std_error_, found[1].std_error_)
    np.testing.assert_array_equal(found[0].coef_, found[1].coef_)


@pytest.mark.parametrize("cv", [CV, "loo"])
def test_sparse_is_dense(cv):
    X, y = draw()
    X[np.abs(X) < 0.3] = 0.0
    dense, csr = chooser(cv=cv).fit(X, y), chooser(cv=cv).fit(sparse.csr_matrix(X), y)
    np.testing.assert_allclose(dense.cv_scores_, csr.cv_scores_, rtol=1e-5)
    np.testing.assert_allclose(dense.coef_, csr.coef_, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("cv", [CV, "loo"])
def test_entries_that_are_given_twice_are_summed(cv):
    X, y = draw()
    X[:, 1] = 0.0
    rows, columns = np.nonzero(X)
    entries = np.tile(X[rows, columns] / 2, 2)
    twice = sparse.csr_matrix((len(y), 4))
    order = np.argsort(np.tile(rows, 2), kind="stable")
    twice.data, twice.indices = entries[order], np.tile(columns, 2)[order].astype(np.int32)
    twice.indptr = np.append(0, np.cumsum(np.bincount(np.tile(rows, 2)))).astype(np.int32)
    twice.has_canonical_format = twice.has_sorted_indices = False
    summed, kept = chooser(cv=cv).fit(sparse.csr_matrix(X), y), twice.data.copy()
    np.testing.assert_allclose(chooser(cv=cv).fit(twice, y).cv_scores_, summed.cv_scores_)
    np.testing.assert_array_equal(twice.data, kept)


@pytest.mark.parametrize("cv", [CV, "loo"])
def test_names_of_classes_do_not_matter(cv):
    X, y = draw()
    plain = chooser(cv=cv).fit(X, y)
    named = chooser(cv=cv).fit(X, np.array(["a", "b", "c"])[y])
    np.testing.assert_array_equal(plain.cv_scores_, named.cv_scores_)
    assert named.predict(X[:1])[0] in "abc"


def test_grid_is_sorted_and_order_does_not_matter():
    X, y = draw()
    one, other = chooser().fit(X, y), chooser(Cs=CS[::-1]).fit(X, y)
    np.testing.assert_array_equal(one.Cs_, CS)
    np.testing.assert_array_equal(one.cv_scores_, other.cv_scores_)


# Penalties


@pytest.mark.parametrize("penalty", ["elasticnet", "group"])
def test_scores_of_a_norm_are_those_of_an_explicit_loop(penalty):
    X, y = draw()
    factors, shares = np.array([1.0, 0.5, 2.0, 1.0]), [0.4, 1.0]
    model = chooser(penalty=penalty, l1_ratios=shares, penalty_factor=factors, tol=1e-12)
    model.fit(X, y)
    assert model.cv_scores_.shape == (3, 2, 3)
    assert model.mean_score_.shape == (2, 3)
    for place, share in enumerate(shares):
        options = {"penalty": penalty, "l1_ratio": share, "penalty_factor": factors}
        expected = loop(X, y, **{"tol": 1e-12, **options})
        np.testing.assert_allclose(model.cv_scores_[:, place], expected, rtol=1e-5)


def test_best_share_of_the_norm_is_kept_and_refitted():
    rng = np.random.default_rng(0)
    y = np.arange(150) % 3
    X = np.hstack([1.5 * np.eye(3)[y], np.zeros((150, 40))]) + rng.standard_normal((150, 43))
    model = SoftmaxRegressionCV(np.geomspace(1e-3, 10, 7), l1_ratios=[0.0, 1.0]).fit(X, y)
    place = model.l1_ratios_.tolist().index(model.l1_ratio_)
    assert model.mean_score_[place].max() == model.mean_score_.max()
    assert model.l1_ratio_ == 1.0
    assert np.mean(model.coef_ == 0) > 0.5


def test_penalty_factor_is_a_rescaled_feature():
    X, y = draw()
    factors = np.array([1.0, 4.0, 0.25, 9.0])
    model, scaled = chooser(penalty_factor=factors).fit(X, y), chooser().fit(X / factors**0.5, y)
    np.testing.assert_allclose(model.cv_scores_, scaled.cv_scores_, rtol=1e-6)


# Scorers, splitters, metadata


@pytest.mark.parametrize("scoring", ["accuracy", "roc_auc_ovr", "neg_log_loss"])
def test_scorers_are_those_of_cross_val_score(scoring):
    X, y = draw()
    model = chooser(scoring=scoring).fit(X, y)
    for k, C in enumerate(CS):
        expected = cross_val_score(SoftmaxRegression(C=C, tol=TOL), X, y, cv=CV, scoring=scoring)
        np.testing.assert_allclose(model.cv_scores_[:, k], expected, rtol=1e-6)
    np.testing.assert_allclose(model.mean_score_, model.cv_scores_.mean(axis=0))


def test_weights_reach_scorers():
    X, y = draw()
    weights = weights_of(len(y))
    ours = chooser(scoring="neg_log_loss").fit(X, y, sample_weight=weights)
    np.testing.assert_allclose(ours.cv_scores_, loop(X, y, weights), rtol=1e-6)
    with config_context(enable_metadata_routing=True):
        scorer = make_scorer(log_loss, greater_is_better=False, response_method="predict_proba")
        asks = scorer.set_score_request(sample_weight=True)
        model = chooser(scoring=asks).set_fit_request(sample_weight=True)
        routed = model.fit(X, y, sample_weight=weights)
        np.testing.assert_allclose(routed.cv_scores_, ours.cv_scores_, rtol=1e-12)
        silent = clone(model).set_params(scoring=scorer.set_score_request(sample_weight=False))
        apart = silent.fit(X, y, sample_weight=weights)
        assert np.abs(apart.cv_scores_ - ours.cv_scores_).max() > 1e-3


@pytest.mark.parametrize("routing", [False, True])
def test_groups_reach_the_splitter(routing):
    X, y = draw()
    groups = np.arange(len(y)) // 10
    folds = list(GroupKFold(3).split(X, y, groups))
    with config_context(enable_metadata_routing=routing):
        model = chooser(cv=GroupKFold(3)).fit(X, y, groups=groups)
    np.testing.assert_array_equal(model.cv_scores_, chooser(cv=folds).fit(X, y).cv_scores_)


def test_default_folds_are_five_stratified_ones():
    X, y = draw()
    default, given = chooser(cv=None).fit(X, y), chooser(cv=StratifiedKFold(5)).fit(X, y)
    np.testing.assert_array_equal(default.cv_scores_, given.cv_scores_)


# Classes that a fold does not know


def test_rows_of_a_class_that_the_fold_did_not_meet_are_left_out():
    X, y = draw(n_rows=60)
    X, y = np.vstack([X, X[:1]]), np.append(y, 7)
    with pytest.warns(UserWarning, match="1 held-out rows are left out"):
        model = chooser(cv=KFold(3)).fit(X, y)
    train, test = list(KFold(3).split(X))[2]
    known = test[y[test] < 7]
    expected = [
        -SoftmaxRegression(C=C, tol=TOL).fit(X[train], y[train]).log_loss(X[known], y[known])
        for C in CS
    ]
    np.testing.assert_allclose(model.cv_scores_[2], expected, rtol=1e-6)
    assert np.isfinite(model.cv_scores_).all()
    assert model.predict_proba(X).shape == (61, 4)


@pytest.mark.parametrize("cv", [CV, "loo"])
def test_a_class_of_no_weight_keeps_its_column(cv):
    X, y = draw()
    weights = {0: 1.0, 1: 0.0, 2: 2.0}
    model = chooser(cv=cv, class_weight=weights).fit(X, y)
    assert model.predict_proba(X).shape == (len(y), 3)
    assert (model.predict(X) != 1).all()
    assert np.isfinite(model.mean_score_).all()


def test_a_fold_without_one_of_three_classes_is_a_binary_problem():
    X, y = draw(n_rows=60)
    folds = [(np.flatnonzero(y > 0), np.arange(0, 60, 2)), (np.arange(30), np.arange(30, 60))]
    with pytest.warns(UserWarning, match="10 held-out rows"):
        model = chooser(cv=folds).fit(X, y)
    known = np.arange(0, 60, 2)[y[::2] > 0]
    train = folds[0][0]
    expected = [
        -SoftmaxRegression(C=C, tol=TOL).fit(X[train], y[train]).log_loss(X[known], y[known])
        for C in CS
    ]
    np.testing.assert_allclose(model.cv_scores_[0], expected, rtol=1e-6)


# Errors and warnings


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"Cs": 0}, ValueError, "Cs must be an integer of at least 1; got 0."),
        ({"Cs": []}, ValueError, "got none"),
        ({"Cs": [[1, 2]]}, ValueError, r"positive numbers, in one dim.*; got shape \(1, 2\)"),
        ({"l1_ratios": [[0.1]]}, ValueError, r"from 0 to 1, in one dim.*; got shape \(1, 1\)"),
        ({"Cs": [1.0, -2.0]}, ValueError, "got -2"),
        ({"Cs": [1.0, np.inf]}, ValueError, "got inf"),
        ({"Cs": [1.0, np.nan]}, ValueError, "got nan"),
        ({"penalty": "lasso"}, ValueError, "penalty must be one of"),
        ({"l1_ratios": [0.1, 1.1]}, ValueError, "l1_ratios must be None or numbers.*got 1.1"),
        ({"l1_ratios": []}, ValueError, "got none"),
        ({"penalty_factor": [1.0, 2.0]}, ValueError, r"must have shape \(4,\).*got shape \(2,\)"),
        ({"penalty_factor": [1, 1, 1, -1]}, ValueError, "non-negative numbers; got -1"),
        ({"rule": "2se"}, ValueError, "rule must be one of 'best', '1se'"),
        ({"cv": "jackknife"}, ValueError, "cv must be one of 'loo'"),
        ({"cv": "loo", "scoring": "accuracy"}, ValueError, "scoring must be None where cv='loo'"),
        ({"cv": []}, ValueError, "at least one fold"),
        ({"cv": ShuffleSplit(1, random_state=0), "rule": "1se"}, ValueError, "at least two folds"),
        ({"tol": -1.0}, ValueError, "tol must be"),
        ({"max_iter": 0}, ValueError, "max_iter must be"),
        ({"solver": "saga"}, ValueError, "solver must be one of"),
        ({"fit_intercept": 1}, TypeError, "fit_intercept must be"),
        ({"class_weight": "even"}, ValueError, "class_weight must be"),
        ({"cv": [(range(0, 60, 3), range(60))]}, ValueError, "rows of fold 0 cannot be used"),
        ({"cv": [([1, 2, 4, 5], range(0, 60, 3))]}, ValueError, "Each fold must hold out"),
    ],
)
def test_bad_parameters_are_refused(params, error, message):
    X, y = draw(n_rows=60)
    model = chooser(**params)
    with pytest.raises(error, match=message):
        model.fit(X, y)
    assert not hasattr(model, "coef_")


def test_unknown_arguments_of_fit_are_refused():
    X, y = draw(n_rows=60)
    with pytest.raises(TypeError, match="unexpected argument 'color'"):
        chooser().fit(X, y, color=3)


def test_scores_that_are_not_finite_are_refused():
    X, y = draw(n_rows=60)
    with pytest.raises(ValueError, match="scoring must give finite numbers; got nan at C=0.01"):
        chooser(scoring=lambda model, X, y: np.nan).fit(X, y)


def test_a_previous_fit_stays_where_a_new_one_fails():
    X, y = draw()
    model = chooser().fit(X, y)
    before = {name: np.copy(value) for name, value in vars(model).items() if name.endswith("_")}
    with pytest.raises(ValueError, match="at least two folds"):
        model.set_params(cv=ShuffleSplit(1, random_state=0), rule="1se").fit(X[:, :3], y)
    for name, value in before.items():
        np.testing.assert_array_equal(getattr(model, name), value)


def test_fits_that_are_not_certified_are_told_once():
    X, y = draw()
    with pytest.warns(ConvergenceWarning) as caught:
        SoftmaxRegressionCV([1.0, 100.0], cv=3, max_iter=1, tol=1e-12).fit(X, y)
    assert len(caught) == 1
    assert "8 of 8 fits were not certified to tol=1e-12" in str(caught[0].message)


def test_optima_at_infinity_are_told_as_such():
    X, y = load_iris(return_X_y=True)
    with pytest.warns(ConvergenceWarning) as caught:
        SoftmaxRegressionCV([1.0, 100.0], cv=3, penalty_factor=[1, 1, 0, 0]).fit(X, y == 0)
    (text,) = (str(warning.message) for warning in caught)
    assert "the optimum is at infinity in 8 of 8 fits." in text
    assert "no penalty_factor of 0" in text
    assert "max_iter" not in text


def test_one_fold_has_no_standard_error():
    X, y = draw()
    model = chooser(cv=ShuffleSplit(1, random_state=0)).fit(X, y)
    assert np.isnan(model.std_error_).all()
    assert np.isnan(model.C_1se_)
    assert model.C_best_ == model.C_


# Conventions


def test_float32_stays_float32():
    X, y = draw()
    double, single = chooser(tol=1e-6).fit(X, y), chooser(tol=1e-6).fit(X.astype(np.float32), y)
    assert single.coef_.dtype == np.float32
    np.testing.assert_allclose(single.cv_scores_, double.cv_scores_, rtol=1e-4)


def test_pandas_pickle_and_pipelines():
    X, y = draw()
    frame = pd.DataFrame(X, columns=list("abcd"))
    model = make_pipeline(StandardScaler(), chooser()).set_output(transform="pandas").fit(frame, y)
    np.testing.assert_array_equal(model[-1].feature_names_in_, list("abcd"))
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.predict_proba(frame), model.predict_proba(frame))


CHECKED = [
    SoftmaxRegressionCV([1e-3, 1.0], cv=3),
    SoftmaxRegressionCV([1e-3, 1.0], cv="loo"),
    SoftmaxRegressionCV([1e-3, 1.0], cv=3, penalty="group", l1_ratios=[0.5]),
    SoftmaxRegressionCV([1e-3, 1.0], cv=3, scoring="accuracy", rule="1se"),
]


@pytest.mark.parametrize(("estimator", "check"), checks_of(CHECKED))
def test_checks_of_sklearn(estimator, check):
    check(estimator)
