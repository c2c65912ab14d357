"""Laws of SoftmaxRegressionCV with tables of probabilities, smoothing and offsets."""

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.metrics import log_loss, make_scorer
from sklearn.model_selection import KFold, StratifiedKFold

from sklearn_softmax import SoftmaxRegression, SoftmaxRegressionCV

CS = [0.01, 1.0, 30.0]
TOL = 1e-13
CV = StratifiedKFold(3, shuffle=True, random_state=0)
INPUTS = ["labels", "probabilities", "counts"]


def draw(n_rows=90, n_classes=3, seed=0):
    """Features of unlike scales, tables of counts, and offsets."""
    rng = np.random.default_rng(seed)
    y = np.arange(n_rows) % n_classes
    X = 1.5 * np.eye(n_classes, 4)[y] + rng.standard_normal((n_rows, 4))
    counts = 3.0 * np.eye(n_classes)[y] + rng.integers(0, 3, (n_rows, n_classes))
    return X * np.geomspace(0.1, 10.0, 4), counts, rng.standard_normal((n_rows, n_classes))


def as_handed_in(counts, kind):
    known = {"labels": counts.argmax(axis=1), "counts": counts}
    return known.get(kind, counts / counts.sum(axis=1, keepdims=True))


def chooser(**params):
    return SoftmaxRegressionCV(**{"Cs": CS, "cv": CV, "tol": TOL, **params})


def cut(rows, numbers):
    return None if rows is None else rows[numbers]


def loop(X, y, folds, weights=None, offset=None, **params):
    """Scores by an explicit loop over folds and Cs."""
    found = np.empty((len(folds), len(CS)))
    for row, (train, test) in zip(found, folds, strict=True):
        seen, held = [
            (X[part], y[part], cut(weights, part), cut(offset, part)) for part in (train, test)
        ]
        for place, C in enumerate(CS):
            model = SoftmaxRegression(C=C, **{"tol": TOL, **params})
            row[place] = -model.fit(*seen).log_loss(*held)
    return found


def folds_of(counts):
    return list(CV.split(counts, counts.argmax(axis=1)))


# The scores of a loop


@pytest.mark.parametrize("kind", INPUTS)
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    "params", [{}, {"class_weight": "balanced", "label_smoothing": 0.2}, {"fit_intercept": False}]
)
def test_scores_are_those_of_an_explicit_loop(kind, n_classes, params):
    X, counts, offset = draw(n_classes=n_classes)
    y, weights = as_handed_in(counts, kind), np.arange(len(X)) % 4.0
    model = chooser(**params).fit(X, y, sample_weight=weights, offset=offset)
    expected = loop(X, y, folds_of(counts), weights, offset, **params)
    np.testing.assert_allclose(model.cv_scores_, expected, rtol=1e-6)
    totals = weights * (counts.sum(axis=1) if kind == "counts" else 1.0)
    shares = [totals[test].sum() for _, test in folds_of(counts)]
    mean = np.average(expected, axis=0, weights=shares)
    np.testing.assert_allclose(model.mean_score_, mean, rtol=1e-6)


@pytest.mark.parametrize("params", [{"l1_ratio": 0.5}, {"penalty": "group", "l1_ratio": 1.0}])
def test_scores_of_a_norm_are_those_of_an_explicit_loop(params):
    X, counts, offset = draw()
    options = {"label_smoothing": 0.1, "tol": 1e-12}
    expected = loop(X, counts, folds_of(counts), None, offset, **params, **options)
    shares = {"l1_ratios": params["l1_ratio"], "penalty": params.get("penalty", "elasticnet")}
    model = chooser(**shares, **options).fit(X, counts, offset=offset)
    np.testing.assert_allclose(model.cv_scores_[:, 0], expected, rtol=1e-5)


def test_wide_data_give_the_scores_of_an_explicit_loop():
    X, counts, offset = draw(n_rows=45)
    X = np.hstack([X, np.random.default_rng(1).standard_normal((45, 150))])
    model = chooser().fit(X, counts, offset=offset)
    expected = loop(X, counts, folds_of(counts), None, offset)
    np.testing.assert_allclose(model.cv_scores_, expected, rtol=1e-5)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_model_is_the_fit_of_all_rows_at_the_chosen_C(n_classes):
    X, counts, offset = draw(n_classes=n_classes)
    model = chooser(label_smoothing=0.1).fit(X, counts, offset=offset)
    alone = SoftmaxRegression(model.C_, label_smoothing=0.1, tol=TOL).fit(X, counts, offset=offset)
    assert model.loss_ == pytest.approx(alone.loss_, rel=1e-8)
    for name in ("predict_proba", "decision_function", "predict_log_proba"):
        ours, theirs = (getattr(each, name)(X, offset=offset) for each in (model, alone))
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)
    for name in ("log_loss", "score"):
        ours, theirs = (getattr(each, name)(X, counts, offset=offset) for each in (model, alone))
        assert ours == pytest.approx(theirs)


# Tables


@pytest.mark.parametrize("cv", [3, CV, "loo"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_table_of_one_class_for_each_row_is_labels(cv, n_classes):
    X, counts, _ = draw(n_classes=n_classes)
    labels = counts.argmax(axis=1)
    named = chooser(cv=cv).fit(X, labels)
    table = chooser(cv=cv).fit(X, np.eye(n_classes)[labels])
    np.testing.assert_allclose(table.cv_scores_, named.cv_scores_, rtol=1e-6)
    np.testing.assert_allclose(table.std_error_, named.std_error_, rtol=1e-5)
    assert table.C_ == named.C_


def test_counts_are_so_many_rows_with_labels():
    X, counts, offset = draw(n_rows=60)
    rows, labels = np.nonzero(counts)
    weights = counts[rows, labels]
    folds = list(KFold(3).split(X))
    apart = [tuple(np.flatnonzero(np.isin(rows, part)) for part in fold) for fold in folds]
    table = chooser(cv=folds).fit(X, counts, offset=offset)
    labelled = chooser(cv=apart).fit(X[rows], labels, weights, offset[rows])
    np.testing.assert_allclose(table.cv_scores_, labelled.cv_scores_, rtol=1e-6)
    np.testing.assert_allclose(table.std_error_, labelled.std_error_, rtol=1e-5)


@pytest.mark.parametrize("cv", [CV, "loo"])
def test_classes_are_names_of_columns(cv):
    X, counts, _ = draw()
    plain, table = chooser(cv=cv).fit(X, counts), counts[:, [2, 0, 1]]
    named = chooser(cv=cv, classes=["c", "a", "b"]).fit(X, table)
    frame = chooser(cv=cv).fit(X, pd.DataFrame(table, columns=["c", "a", "b"]))
    for model in (named, frame):
        assert model.classes_.tolist() == ["a", "b", "c"]
        np.testing.assert_allclose(model.cv_scores_, plain.cv_scores_, rtol=1e-12)
    assert named.log_loss(X, table) == pytest.approx(plain.log_loss(X, counts))


@pytest.mark.parametrize("cv", [CV, "loo"])
def test_a_class_that_has_no_row_keeps_its_column(cv):
    X, counts, _ = draw()
    labels = counts.argmax(axis=1)
    model = chooser(cv=cv, classes=[0, 1, 2, 3]).fit(X, labels)
    np.testing.assert_allclose(model.cv_scores_, chooser(cv=cv).fit(X, labels).cv_scores_)
    assert model.predict_proba(X).shape == (len(X), 4)


def test_mass_of_a_class_that_the_fold_did_not_meet_is_left_out():
    X, counts, _ = draw(n_rows=60)
    counts[:40, 2] = 0.0
    rows, labels = np.nonzero(counts)
    folds = [(np.arange(40), np.arange(40, 60)), (np.arange(20, 60), np.arange(20))]
    apart = [tuple(np.flatnonzero(np.isin(rows, part)) for part in fold) for fold in folds]
    with pytest.warns(UserWarning, match="held-out rows are left out"):
        table = chooser(cv=folds).fit(X, counts)
    with pytest.warns(UserWarning, match="held-out rows are left out"):
        labelled = chooser(cv=apart).fit(X[rows], labels, counts[rows, labels])
    np.testing.assert_allclose(table.cv_scores_, labelled.cv_scores_, rtol=1e-6)
    np.testing.assert_allclose(table.mean_score_, labelled.mean_score_, rtol=1e-6)


@pytest.mark.parametrize("cv", [CV, "loo"])
@pytest.mark.parametrize("kind", INPUTS)
def test_rows_of_a_class_of_no_weight_have_no_score(cv, kind):
    X, counts, _ = draw()
    weights = {0: 1.0, 1: 0.0, 2: 2.0}
    model = chooser(cv=cv, class_weight=weights, label_smoothing=0.1)
    model.fit(X, as_handed_in(counts, kind))
    assert np.isfinite(model.cv_scores_).all()
    assert model.mean_score_.min() > -3.0


# Offsets


@pytest.mark.parametrize("cv", [CV, "loo"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_an_offset_that_all_rows_share_is_part_of_the_intercept(cv, n_classes):
    X, counts, _ = draw(n_classes=n_classes)
    offset = np.tile(np.arange(float(n_classes)), (len(X), 1))
    plain = chooser(cv=cv, tol=1e-12).fit(X, counts)
    shifted = chooser(cv=cv, tol=1e-12).fit(X, counts, offset=offset)
    np.testing.assert_allclose(shifted.cv_scores_, plain.cv_scores_, rtol=1e-5)


def test_two_classes_take_the_offset_of_their_log_odds():
    X, counts, offset = draw(n_classes=2)
    both = chooser().fit(X, counts, offset=offset)
    odds = chooser().fit(X, counts, offset=offset[:, 1] - offset[:, 0])
    np.testing.assert_allclose(both.cv_scores_, odds.cv_scores_, rtol=1e-9)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_scorers_see_predictions_with_the_offset(n_classes):
    X, counts, offset = draw(n_classes=n_classes)
    labels = counts.argmax(axis=1)
    model = chooser(scoring="neg_log_loss").fit(X, labels, offset=offset)
    expected = loop(X, labels, folds_of(counts), None, offset)
    np.testing.assert_allclose(model.cv_scores_, expected, rtol=1e-6)


def test_offsets_reach_scorers_that_ask_for_them():
    X, counts, offset = draw()
    labels, shapes = counts.argmax(axis=1), []

    def score(y, chances, offset):
        shapes.append((len(y), offset.shape))
        return -log_loss(y, chances)

    with config_context(enable_metadata_routing=True):
        scorer = make_scorer(score, response_method="predict_proba").set_score_request(offset=True)
        routed = clone(chooser(scoring=scorer)).fit(X, labels, offset=offset)
    assert {shape for _, shape in shapes} == {(30, 3)}
    plain = chooser().fit(X, labels, offset=offset)
    np.testing.assert_allclose(routed.cv_scores_, plain.cv_scores_, rtol=1e-9)


# Leaving out one row


@pytest.mark.parametrize("kind", INPUTS)
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(("share", "near"), [(None, 0.1), (0.5, 0.4)])
def test_leave_one_out_is_near_refits(kind, n_classes, share, near):
    X, counts, offset = draw(n_rows=40, n_classes=n_classes)
    y, weights = as_handed_in(counts, kind), 1.0 + np.arange(40) % 2
    options = {"label_smoothing": 0.1, "class_weight": {0: 1.0, 1: 2.0}, "tol": 1e-10}
    model = chooser(cv="loo", l1_ratios=share, **options)
    model.fit(X, y, sample_weight=weights, offset=offset)
    folds = [(np.delete(np.arange(40), i), np.array([i])) for i in range(40)]
    expected = loop(X, y, folds, weights, offset, l1_ratio=share, **options)
    found = model.cv_scores_.reshape(40, len(CS))
    np.testing.assert_allclose(found[:, 0], expected[:, 0], atol=near)
    totals = weights * (counts.sum(axis=1) if kind == "counts" else 1.0)
    mean = np.average(expected, axis=0, weights=totals)
    np.testing.assert_allclose(model.mean_score_.ravel()[:2], mean[:2], rtol=0.02)


# Errors


@pytest.mark.parametrize(
    ("params", "y", "offset", "message"),
    [
        ({"scoring": "accuracy"}, np.ones((9, 3)), None, "scoring must be None where y has a col"),
        ({"classes": ["a", "b"]}, np.ones((9, 3)), None, "y must have a column for each of the 2"),
        ({"classes": [0, 1]}, np.arange(9) % 3, None, "y must contain only the classes"),
        ({"label_smoothing": 1.0}, np.arange(9) % 3, None, "label_smoothing must be"),
        ({}, -np.ones((9, 3)), None, "y must not be negative"),
        ({}, np.ones((8, 3)), None, "inconsistent numbers of samples"),
        ({}, np.arange(9) % 3, np.ones(9), "offset must have shape"),
        ({}, np.arange(9) % 3, np.full((9, 3), np.nan), "offset contains NaN"),
    ],
)
def test_bad_input_is_refused(params, y, offset, message):
    X, _, _ = draw(n_rows=9)
    model = chooser(**params)
    with pytest.raises(ValueError, match=message):
        model.fit(X, y, offset=offset)
    assert not hasattr(model, "coef_")
