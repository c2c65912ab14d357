"""Laws and known answers of SoftmaxCalibratedClassifierCV."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from joblib import parallel_backend
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_digits, load_iris
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    LeaveOneOut,
    RepeatedKFold,
    StratifiedKFold,
    TimeSeriesSplit,
    cross_val_predict,
)
from sklearn.naive_bayes import GaussianNB, MultinomialNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from sklearn_softmax import SoftmaxCalibratedClassifierCV, SoftmaxCalibrator, SoftmaxRegression

TEMPERATURE = SoftmaxCalibrator("temperature")
CV = StratifiedKFold(3)
RESPONSES = ("decision_function", "predict_proba", "predict_log_proba")


def calibrated(estimator=None, calibrator=TEMPERATURE, **params):
    estimator = LinearDiscriminantAnalysis() if estimator is None else estimator
    return SoftmaxCalibratedClassifierCV(estimator, calibrator, **{"cv": CV, **params})


def draw(n_rows=240, n_classes=3, seed=0):
    """Overlapping classes."""
    rng = np.random.default_rng(seed)
    y = np.arange(n_rows) % n_classes
    X = 1.5 * np.eye(n_classes, 4)[y] + rng.standard_normal((n_rows, 4))
    return X, y


class Recorder(GaussianNB):
    """Keeps what it was fitted with."""

    def fit(self, X, y, sample_weight=None, note=None):
        self.X_, self.weights_, self.note_ = X, sample_weight, note
        return super().fit(X, y, sample_weight)


# Known answers


@pytest.mark.parametrize("method", RESPONSES)
def test_ensemble_is_the_mean_of_calibrated_folds(method):
    X, y = draw()
    model = calibrated(method=method).fit(X, y)
    parts = []
    for train, test in CV.split(X, y):
        part = LinearDiscriminantAnalysis().fit(X[train], y[train])
        scores = getattr(part, method)
        calibrator = SoftmaxCalibrator(
            "temperature", input="proba" if method == "predict_proba" else "logits"
        )
        parts.append(calibrator.fit(scores(X[test]), y[test]).predict_proba(scores(X)))
    np.testing.assert_allclose(model.predict_proba(X), np.mean(parts, axis=0), rtol=1e-12)
    assert model.method_ == method
    assert len(model.calibrated_classifiers_) == 3


@pytest.mark.parametrize("method", RESPONSES)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_single_model_is_calibrated_by_all_out_of_fold_scores(method, n_classes):
    X, y = draw(n_classes=n_classes)
    model = calibrated(method=method, ensemble=False).fit(X, y)
    lda = LinearDiscriminantAnalysis()
    scores = cross_val_predict(lda, X, y, cv=CV, method=method)
    kind = "proba" if method == "predict_proba" else "logits"
    calibrator = SoftmaxCalibrator("temperature", input=kind).fit(scores, y)
    expected = calibrator.predict_proba(getattr(lda.fit(X, y), method)(X))
    np.testing.assert_allclose(model.predict_proba(X), expected, rtol=1e-9)
    assert len(model.calibrated_classifiers_) == 1


def test_sigmoid_of_two_classes_is_that_of_sklearn():
    """Platt's method is bias-corrected temperature, but for targets that sklearn smooths."""
    X, y = draw(n_rows=4000, n_classes=2)
    ours = calibrated(calibrator=SoftmaxCalibrator("bias_corrected")).fit(X, y)
    peer = CalibratedClassifierCV(LinearDiscriminantAnalysis(), cv=CV).fit(X, y)
    np.testing.assert_allclose(ours.predict_proba(X), peer.predict_proba(X), atol=5e-3)


@pytest.mark.parametrize(
    ("estimator", "method"),
    [
        (LinearSVC(), "decision_function"),
        (LogisticRegression(), "decision_function"),
        (GaussianNB(), "predict_proba"),
        (make_pipeline(StandardScaler(), KNeighborsClassifier()), "predict_proba"),
    ],
)
def test_method_is_settled_once(estimator, method):
    X, y = draw()
    for ensemble in (True, False):
        model = calibrated(estimator, ensemble=ensemble).fit(X, y)
        assert model.method_ == method
        for part in model.calibrated_classifiers_:
            kind = "proba" if method == "predict_proba" else "logits"
            assert part.calibrator.input_ == part.calibrator.input == kind


def test_defaults():
    X, y = draw()
    model = SoftmaxCalibratedClassifierCV().fit(X, y)
    assert len(model.calibrated_classifiers_) == 5
    assert isinstance(model.calibrated_classifiers_[0].estimator, SoftmaxRegression)
    assert isinstance(model.calibrated_classifiers_[0].calibrator, SoftmaxCalibrator)
    assert model.n_features_in_ == 4


def test_zeros_are_as_their_logarithms():
    X, y = draw()
    tree = DecisionTreeClassifier(max_depth=3, random_state=0)
    assert tree.fit(X, y).predict_proba(X).min() == 0.0
    found = [calibrated(tree, method=method).fit(X, y).predict_proba(X) for method in RESPONSES[1:]]
    np.testing.assert_allclose(found[1], found[0], rtol=1e-9)


class Reversed(GaussianNB):
    """Its classes are not sorted."""

    def fit(self, X, y):
        super().fit(X, y)
        self.classes_ = self.classes_[::-1]
        return self

    def predict_proba(self, X):
        return super().predict_proba(X)[:, ::-1]


@pytest.mark.parametrize("ensemble", [True, False])
def test_columns_follow_the_classes_of_the_estimator(ensemble):
    X, y = draw()
    found, expected = (
        calibrated(model, ensemble=ensemble).fit(X, y).predict_proba(X)
        for model in (Reversed(), GaussianNB())
    )
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_calibration_helps_and_uses_no_training_rows():
    X, y = load_digits(return_X_y=True)
    raw = GaussianNB().fit(X[:900], y[:900])
    model = calibrated(GaussianNB()).fit(X[:900], y[:900])
    before, after = (log_loss(y[900:], m.predict_proba(X[900:])) for m in (raw, model))
    assert after < 0.4 * before


def test_what_the_user_declares_of_the_calibrator_stays():
    X, y = draw()
    declared = SoftmaxCalibrator("temperature", input="logits", classes=[0, 1, 2])
    model = calibrated(GaussianNB(), declared, ensemble=False).fit(X, y)
    assert model.calibrated_classifiers_[0].calibrator.input_ == "logits"
    assert (
        declared.get_params()
        == SoftmaxCalibrator("temperature", input="logits", classes=[0, 1, 2]).get_params()
    )


@pytest.mark.parametrize("ensemble", [True, False])
def test_any_classifier_of_scores_calibrates(ensemble):
    X, y = draw()
    calibrator = make_pipeline(StandardScaler(), LogisticRegression())
    model = calibrated(calibrator=calibrator, ensemble=ensemble).fit(X, y)
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1.0)
    assert model.score(X, y) > 0.6


# Laws


@pytest.mark.parametrize(
    "params",
    [{"estimator": e, "ensemble": False} for e in (LinearSVC(), GaussianNB())]
    + [{"estimator": FrozenEstimator(GaussianNB().fit(*draw(seed=1)))}],
    ids=["decision_function", "predict_proba", "frozen"],
)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_temperature_keeps_the_prediction(params, n_classes):
    X, y = draw(n_classes=3)
    X, y = X[y < n_classes], y[y < n_classes]
    model = calibrated(**params).fit(X, y)
    single = model.calibrated_classifiers_[0].estimator
    np.testing.assert_array_equal(model.predict(X), single.predict(X))


class Identity(LinearDiscriminantAnalysis):
    """Its features are its logits."""

    def decision_function(self, X):
        return X[:, :3]


def test_temperature_keeps_the_prediction_where_probabilities_round_to_the_same():
    X, y = draw()
    model = calibrated(Identity(), ensemble=False).fit(X, y)
    nearly = np.array([[-1e-18, 0.0, -3.0, 0.0], [-3.0, -1e-18, 0.0, 0.0]])
    np.testing.assert_array_equal(model.predict(nearly), [1, 2])


@pytest.mark.parametrize("ensemble", [True, False])
@pytest.mark.parametrize(
    "names",
    [[1, 2, 3], [-1, 1, 7], [30, 10, 20], ["b", "a", "c"], [False, True]],
    ids=str,
)
def test_labels_of_any_kind(names, ensemble):
    X, y = draw(n_classes=len(names))
    names = np.array(names)
    order = np.argsort(names)
    expected = calibrated(ensemble=ensemble).fit(X, y).predict_proba(X)
    model = calibrated(ensemble=ensemble).fit(X, names[y])
    np.testing.assert_array_equal(model.classes_, names[order])
    np.testing.assert_allclose(model.predict_proba(X), expected[:, order], rtol=1e-8)
    expected = names[order][model.predict_proba(X).argmax(axis=1)]
    np.testing.assert_array_equal(model.predict(X), expected)


@pytest.mark.parametrize("ensemble", [True, False])
@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_frames_are_as_arrays(ensemble):
    X, y = draw()
    names = np.array(["low", "mid", "top"])[y]
    weights = np.random.default_rng(0).integers(1, 4, len(y))
    expected = calibrated(GaussianNB(), ensemble=ensemble).fit(X, names, weights).predict_proba(X)
    shuffled = np.random.default_rng(1).permutation(len(y))  # an index that is not the position
    columns = list("abcd")
    frames = [
        (
            pd.DataFrame(X, columns=columns, index=shuffled),
            pd.Series(names, index=shuffled[::-1]),
            pd.Series(weights, index=shuffled),
        ),
        (pl.DataFrame(X, schema=columns), pl.Series(names), pl.Series(weights)),
        (pd.DataFrame(X, columns=columns), pd.Series(names, dtype="category"), list(weights)),
    ]
    for frame in frames:
        model = calibrated(GaussianNB(), ensemble=ensemble).fit(*frame)
        np.testing.assert_array_equal(model.predict_proba(frame[0]), expected)
        assert model.feature_names_in_.tolist() == columns
    lists = calibrated(GaussianNB(), ensemble=ensemble).fit(X.tolist(), names.tolist(), weights)
    np.testing.assert_array_equal(lists.predict_proba(X.tolist()), expected)
    assert not hasattr(lists, "feature_names_in_")


@pytest.mark.parametrize("ensemble", [True, False])
def test_sparse_is_dense(ensemble):
    X, y = draw()
    X = np.maximum(X, 0.0)
    found = [
        calibrated(MultinomialNB(), ensemble=ensemble).fit(data, y).predict_proba(data)
        for data in (X, sparse.csr_matrix(X), sparse.coo_matrix(X))
    ]
    np.testing.assert_allclose(found[1], found[0], rtol=1e-9)
    np.testing.assert_allclose(found[2], found[0], rtol=1e-9)


@pytest.mark.parametrize("ensemble", [True, False])
def test_integer_weights_are_repeated_rows(ensemble):
    X, y = draw()
    weights = np.random.default_rng(0).integers(0, 3, len(y))
    folds = [
        (np.flatnonzero(np.arange(240) // 80 != k), np.arange(80 * k, 80 * k + 80))
        for k in range(3)
    ]
    weighted = calibrated(GaussianNB(), cv=folds, ensemble=ensemble).fit(X, y, weights)
    starts = np.repeat(np.arange(240), weights)
    repeated_folds = [
        (np.flatnonzero(np.isin(starts, train)), np.flatnonzero(np.isin(starts, test)))
        for train, test in folds
    ]
    repeated = calibrated(GaussianNB(), cv=repeated_folds, ensemble=ensemble)
    repeated.fit(X[starts], y[starts])
    np.testing.assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), rtol=1e-7)


def test_splitters_integers_iterables_and_masks_agree():
    X, y = draw()
    folds = list(CV.split(X, y))
    masks = [tuple(np.isin(np.arange(len(y)), rows) for rows in fold) for fold in folds]
    lists = [tuple(rows.tolist() for rows in fold) for fold in folds]
    expected = calibrated().fit(X, y).predict_proba(X)
    for cv in (3, folds, iter(folds), masks, lists):
        np.testing.assert_array_equal(calibrated(cv=cv).fit(X, y).predict_proba(X), expected)


def test_repeated_folds_share_the_weight_of_a_row():
    """Two equal rounds are as one; a prior of fixed weight would tell them apart."""
    X, y = draw(n_rows=30)
    few = SoftmaxCalibrator("matrix")
    folds = list(KFold(3).split(X))
    once, twice = (
        calibrated(calibrator=few, cv=cv, ensemble=False).fit(X, y).predict_proba(X)
        for cv in (folds, folds + folds)
    )
    np.testing.assert_allclose(twice, once, rtol=1e-6)
    calibrated(cv=RepeatedKFold(n_splits=3, n_repeats=2), ensemble=False).fit(X, y)


def test_rows_in_no_test_set_do_not_calibrate():
    X, y = draw()
    model = calibrated(cv=TimeSeriesSplit(3), ensemble=False).fit(X, y)
    assert model.score(X, y) > 0.6


def test_leaving_one_out():
    X, y = draw(n_rows=40, n_classes=2)
    model = calibrated(cv=LeaveOneOut(), ensemble=False).fit(X, y)
    scores = cross_val_predict(
        LinearDiscriminantAnalysis(), X, y, cv=LeaveOneOut(), method="decision_function"
    )
    expected = SoftmaxCalibrator("temperature", input="logits").fit(scores, y)
    np.testing.assert_allclose(
        model.calibrated_classifiers_[0].calibrator.temperature_, expected.temperature_
    )


def test_jobs_change_no_bit():
    X, y = draw()
    with parallel_backend("threading"):  # starts at once
        one, two = (calibrated(n_jobs=n_jobs).fit(X, y).predict_proba(X) for n_jobs in (1, 2))
    np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("ensemble", [True, False])
def test_clone_and_pickle(ensemble):
    X, y = draw()
    model = calibrated(ensemble=ensemble).fit(X, y)
    expected = model.predict_proba(X)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict_proba(X), expected)
    np.testing.assert_array_equal(clone(model).fit(X, y).predict_proba(X), expected)
    with pytest.raises(NotFittedError):
        clone(model).predict(X)


def test_the_estimator_and_the_calibrator_stay_as_they_are():
    X, y = draw()
    estimator, calibrator = LinearDiscriminantAnalysis(), SoftmaxCalibrator()
    calibrated(estimator, calibrator).fit(X, y)
    assert not hasattr(estimator, "classes_")
    assert not hasattr(calibrator, "classes_")
    assert calibrator.input == "auto"


# Classes that a fold does not know


def without(y, label):
    """Folds of which the first has all rows of `label` in its test set."""
    number = np.random.default_rng(5).integers(0, 3, len(y))
    number[y == label] = 0
    return [(np.flatnonzero(number != k), np.flatnonzero(number == k)) for k in range(3)]


@pytest.mark.parametrize("estimator", [GaussianNB(), LinearSVC(), LinearDiscriminantAnalysis()])
@pytest.mark.parametrize("ensemble", [True, False])
@pytest.mark.parametrize("n_classes", [3, 4])
def test_class_missing_from_training_rows(estimator, ensemble, n_classes):
    X, y = draw(n_classes=n_classes)
    names = np.array(["a", "b", "c", "d"])[y]
    model = calibrated(estimator, cv=without(y, 1), ensemble=ensemble).fit(X, names)
    proba = model.predict_proba(X)
    assert model.classes_.tolist() == ["a", "b", "c", "d"][:n_classes]
    assert proba.min() > 0.0
    np.testing.assert_allclose(proba.sum(axis=1), 1.0)
    assert model.score(X, names) > 0.6


def test_class_that_a_model_does_not_know_has_the_share_of_its_fold():
    """Laplace: (n_k + 1) / (n + K); the others keep what the calibrator says of them."""
    X, y = draw()
    train, test = without(y, 1)[0]
    model = calibrated(GaussianNB(), cv=[(train, test)], ensemble=True).fit(X, y)
    share = (np.sum(y[test] == 1) + 1) / (len(test) + 3)
    proba = model.predict_proba(X)
    np.testing.assert_allclose(proba[:, 1], share)

    known = test[y[test] != 1]
    scores = GaussianNB().fit(X[train], y[train]).predict_proba
    part = SoftmaxCalibrator("temperature", input="proba").fit(scores(X[known]), y[known])
    expected = (1.0 - share) * part.predict_proba(scores(X))
    np.testing.assert_allclose(proba[:, [0, 2]], expected, rtol=1e-12)


@pytest.mark.parametrize("ensemble", [True, False])
@pytest.mark.filterwarnings("ignore:The least populated class")
def test_class_with_a_single_row(ensemble):
    X, y = draw()
    y[7] = 9
    proba = calibrated(GaussianNB(), ensemble=ensemble).fit(X, y).predict_proba(X)
    assert proba.shape == (240, 4)
    assert np.all(proba > 0.0)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_model_that_knows_one_class():
    X, y = draw(n_classes=2)
    folds = [(np.flatnonzero(y == k), np.flatnonzero(y != k)[:7]) for k in range(2)]
    model = calibrated(DummyClassifier(), cv=folds).fit(X, y)
    np.testing.assert_allclose(model.predict_proba(X), 0.5)
    single = calibrated(DummyClassifier(), cv=folds[:1]).fit(X, y)
    np.testing.assert_allclose(single.predict_proba(X)[:, 1], 8 / 9)
    assert set(single.predict(X)) == {1}


def test_class_missing_from_calibration_rows():
    X, y = draw()
    test = np.flatnonzero(y != 1)[::2]
    model = calibrated(cv=[(np.arange(len(y)), test)]).fit(X, y)
    proba = model.predict_proba(X)
    assert np.all(proba > 0.0)
    assert proba[y == 1, 1].mean() > 0.5


# Frozen


@pytest.mark.parametrize("ensemble", ["auto", False])
def test_all_rows_calibrate_a_frozen_model(ensemble):
    X, y = draw()
    lda = LinearDiscriminantAnalysis().fit(X[:100], y[:100])
    model = calibrated(FrozenEstimator(lda), ensemble=ensemble)
    model.fit(X[100:], y[100:], sample_weight=np.ones(140))
    part = SoftmaxCalibrator("temperature").fit(lda.decision_function(X[100:]), y[100:])
    expected = part.predict_proba(lda.decision_function(X))
    np.testing.assert_array_equal(model.predict_proba(X), expected)
    assert len(model.calibrated_classifiers_) == 1


def test_a_frozen_model_needs_no_folds():
    """Not even as many rows as there would be folds, or two of each class."""
    X, y = draw()
    frozen = FrozenEstimator(LinearDiscriminantAnalysis().fit(X[:100], y[:100]))
    few = [100, 101, 102, 104]
    model = calibrated(frozen, SoftmaxCalibrator("bias_corrected"), cv=5).fit(X[few], y[few])
    assert np.isfinite(model.predict_proba(X)).all()


def test_folds_calibrate_a_frozen_model_where_asked():
    X, y = draw()
    lda = LinearDiscriminantAnalysis().fit(X[:100], y[:100])
    model = calibrated(FrozenEstimator(lda), ensemble=True).fit(X[100:], y[100:])
    assert len(model.calibrated_classifiers_) == 3
    coef = {part.estimator.coef_.tobytes() for part in model.calibrated_classifiers_}
    assert coef == {lda.coef_.tobytes()}


@pytest.mark.parametrize("ensemble", [True, False])
def test_frozen_model_keeps_classes_without_calibration_rows(ensemble):
    X, y = draw()
    lda = LinearDiscriminantAnalysis().fit(X[:100], y[:100])
    few = np.flatnonzero(y[100:] != 2) + 100
    for frozen in (FrozenEstimator(lda), make_pipeline(FrozenEstimator(lda))):
        model = calibrated(frozen, ensemble=ensemble).fit(X[few], y[few])
        assert model.classes_.tolist() == [0, 1, 2]
        assert model.score(X[y == 2], y[y == 2]) > 0.5


# Weights, groups and metadata


def test_weights_reach_both_without_routing():
    X, y = draw()
    weights = np.random.default_rng(0).exponential(size=len(y))
    model = calibrated(Recorder()).fit(X, y, weights, note="kept")
    for part, (train, test) in zip(model.calibrated_classifiers_, CV.split(X, y), strict=True):
        np.testing.assert_array_equal(part.estimator.weights_, weights[train])
        assert part.estimator.note_ == "kept"
        expected = SoftmaxCalibrator("temperature", input="proba").fit(
            part.estimator.predict_proba(X[test]), y[test], weights[test]
        )
        assert part.calibrator.loss_ == expected.loss_


def test_estimator_without_weights_is_told():
    X, y = draw()
    with pytest.warns(UserWarning, match="KNeighborsClassifier does not accept sample_weight"):
        calibrated(KNeighborsClassifier()).fit(X, y, np.ones(len(y)))
    with pytest.raises(TypeError, match="calibrator must accept sample_weight"):
        calibrated(GaussianNB(), KNeighborsClassifier()).fit(X, y, np.ones(len(y)))


@pytest.mark.parametrize("routing", [False, True])
def test_groups_reach_the_splitter(routing):
    X, y = draw()
    groups = np.random.default_rng(0).integers(0, 9, len(y))
    X[:, 3] = groups
    with config_context(enable_metadata_routing=routing):
        model = calibrated(Recorder(), cv=GroupKFold(3)).fit(X, y, groups=groups)
    seen = [set(part.estimator.X_[:, 3]) for part in model.calibrated_classifiers_]
    assert [len(groups) for groups in seen] == [6, 6, 6]


@pytest.mark.parametrize("asks", [True, False])
def test_routed_weights(asks):
    X, y = draw()
    weights = np.random.default_rng(0).exponential(size=len(y))
    with config_context(enable_metadata_routing=True):
        estimator = Recorder().set_fit_request(sample_weight=asks, note=True)
        model = calibrated(estimator, ensemble=False).fit(X, y, sample_weight=weights, note=y)
        with pytest.raises(TypeError, match="unexpected argument"):
            calibrated(estimator).fit(X, y, other=weights)
    single = model.calibrated_classifiers_[0].estimator
    assert (single.weights_ is not None) is asks
    np.testing.assert_array_equal(single.note_, y)


@pytest.mark.parametrize("note", [3, np.float64(3), np.array(3), "240", [1, 2], {"a": 1}, None])
def test_parameters_that_are_not_of_rows_stay_whole(note):
    X, y = draw()
    model = calibrated(Recorder()).fit(X, y, note=note)
    assert model.calibrated_classifiers_[0].estimator.note_ is note


@pytest.mark.parametrize("kind", [list, np.array, pd.Series, pl.Series])
def test_parameters_that_are_of_rows_are_cut(kind):
    X, y = draw()
    model = calibrated(Recorder()).fit(X, y, note=kind(np.arange(240)))
    train, _ = next(iter(CV.split(X, y)))
    assert list(model.calibrated_classifiers_[0].estimator.note_) == train.tolist()


def test_weights_calibrate_a_frozen_model_with_routing():
    X, y = draw()
    weights = np.random.default_rng(0).integers(1, 5, len(y))
    frozen = FrozenEstimator(GaussianNB().fit(X, y))
    plain = calibrated(frozen).fit(X, y, weights)
    with config_context(enable_metadata_routing=True):
        routed = calibrated(frozen).fit(X, y, sample_weight=weights)
    np.testing.assert_array_equal(plain.predict_proba(X), routed.predict_proba(X))


def test_search_reaches_both():
    X, y = draw()
    grid = {
        "estimator__var_smoothing": [1e-9, 1e-2],
        "calibrator__method": ["temperature", "vector"],
    }
    search = GridSearchCV(calibrated(GaussianNB()), grid, scoring="neg_log_loss", cv=2).fit(X, y)
    assert set(search.best_params_) == set(grid)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_default_estimator_asks_for_weights():
    X, y = draw()
    weights = np.random.default_rng(0).integers(1, 5, len(y))
    plain = calibrated(SoftmaxRegression()).fit(X, y, weights)
    with config_context(enable_metadata_routing=True):
        routed = SoftmaxCalibratedClassifierCV(None, TEMPERATURE, cv=CV).fit(X, y, weights)
    np.testing.assert_array_equal(plain.predict_proba(X), routed.predict_proba(X))


# Temperature scaling of scikit-learn goes wrong here


@pytest.mark.parametrize("ensemble", [True, False])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_labels_from_one_on(ensemble):
    X, y = load_iris(return_X_y=True)
    model = calibrated(ensemble=ensemble).fit(X, pd.Series(y + 1, index=np.arange(150)[::-1]))
    assert log_loss(y, model.predict_proba(X)) < 0.1


class Half(GaussianNB):
    """Its probabilities are float16: rows do not quite sum to 1."""

    def predict_proba(self, X):
        return super().predict_proba(X).astype(np.float16)


def test_half_precision_probabilities_are_no_logits():
    X, y = draw()
    half, full = (calibrated(model, ensemble=False).fit(X, y) for model in (Half(), GaussianNB()))
    np.testing.assert_allclose(half.predict_proba(X), full.predict_proba(X), atol=3e-3)


class Scaled(LinearDiscriminantAnalysis):
    """Logits in other units."""

    def decision_function(self, X):
        return 1e6 * super().decision_function(X)


def test_units_of_logits_do_not_matter():
    X, y = draw()
    for ensemble in (True, False):
        plain = calibrated(ensemble=ensemble).fit(X, y).predict_proba(X)
        large = calibrated(Scaled(), ensemble=ensemble).fit(X, y).predict_proba(X)
        np.testing.assert_allclose(large, plain, rtol=1e-6)


def test_one_row_at_a_time_is_as_a_batch():
    X, y = draw()
    model = calibrated(GaussianNB()).fit(X, y)
    single = np.vstack([model.predict_proba(row[None]) for row in X[:20]])
    np.testing.assert_allclose(single, model.predict_proba(X[:20]), rtol=1e-13)


# Errors


class Narrow(GaussianNB):
    """One column too few."""

    def predict_proba(self, X):
        return super().predict_proba(X)[:, 1:]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"method": "temperature"}, ValueError, "method must be one of 'auto', 'decision_fun"),
        ({"ensemble": "yes"}, TypeError, "ensemble must be True or False; got 'yes'"),
        ({"estimator": 3}, TypeError, "estimator must be an estimator with fit; got 3"),
        ({"calibrator": "sigmoid"}, TypeError, "calibrator must be an estimator with fit"),
        (
            {"estimator": LinearSVC(), "method": "predict_proba"},
            AttributeError,
            "estimator must have predict_proba; got LinearSVC",
        ),
        ({"estimator": Narrow()}, ValueError, "a column for each of its 3 classes; got shape"),
        (
            {"cv": [(np.arange(240) % 3 < 2, np.arange(240) % 3 == 2)]},
            ValueError,
            "of 80 rows without",
        ),
    ],
)
def test_bad_parameters(change, error, message):
    X, y = draw()
    with pytest.raises(error, match=message):
        calibrated(**change).fit(X, y)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": np.zeros(240)}, "at least two classes, not one class or none; got \\[0.0\\]"),
        ({"y": np.linspace(0, 1, 240)}, "Unknown label type: continuous"),
        ({"y": np.ones(239)}, "inconsistent numbers of samples"),
        ({"sample_weight": -np.ones(240)}, "sample_weight must not be negative"),
        ({"sample_weight": np.zeros(240)}, "sample_weight must have a positive sum"),
    ],
)
def test_bad_data_leave_a_fitted_model_as_it_was(change, message):
    X, y = draw()
    model = calibrated().fit(X, y)
    expected = model.predict_proba(X)
    with pytest.raises(ValueError, match=message):
        model.fit(**{"X": X, "y": y, **change})
    np.testing.assert_array_equal(model.predict_proba(X), expected)


def test_warnings_of_calibrators_are_heard():
    X, y = load_iris(return_X_y=True)
    with pytest.warns(ConvergenceWarning, match="best slope is infinite"):
        calibrated().fit(X[y < 2], y[y < 2])
