"""Soft labels and label smoothing: laws, PyTorch's numbers and an independent minimisation."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import optimize, sparse
from scipy.special import log_softmax
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import cross_val_score

from sklearn_softmax import SoftmaxCalibrator, SoftmaxRegression
from sklearn_softmax._core.threads import Threads
from sklearn_softmax._solvers import SOLVERS

TIGHT = 1e-13
every_solver = pytest.mark.parametrize("solver", SOLVERS)
class_numbers = pytest.mark.parametrize("n_classes", [2, 3, 5])


def draw(n=150, p=4, n_classes=3, seed=0):
    """Features, a distribution for each row, and labels drawn from it."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) * np.logspace(-0.5, 0.5, p) + np.linspace(-1, 1, p)
    logits = X @ rng.standard_normal((p, n_classes)) + rng.standard_normal((n, n_classes))
    chances = np.exp(log_softmax(logits, axis=1))
    labels = np.argmax(np.log(chances) + rng.gumbel(size=chances.shape), axis=1)
    return X, chances, labels


def draw_weights(n, seed=1):
    return np.random.default_rng(seed).uniform(0.1, 3.0, n)


def fit(X, y, sample_weight=None, **options):
    return SoftmaxRegression(**{"tol": TIGHT, **options}).fit(X, y, sample_weight)


def assert_same(one, other, atol=1e-6):
    np.testing.assert_allclose(one.coef_, other.coef_, atol=atol)
    np.testing.assert_allclose(one.intercept_, other.intercept_, atol=atol)


def spread(model):
    """Coefficients of all classes, of sum zero."""
    coef, intercept = model.coef_, model.intercept_
    if len(coef) == 1:
        coef, intercept = np.vstack([-coef, coef]) / 2, np.append(-intercept, intercept) / 2
    return coef, intercept


def total_loss(model, X, mass):
    """Σ y_ik (-log p_ik), and the penalty of C = 1, from the coefficients alone."""
    coef, intercept = spread(model)
    logs = log_softmax(X @ coef.T + intercept, axis=1)
    return -np.sum(mass * logs) + 0.5 * np.sum(model.coef_**2)


BEST = {}


def minimum(X, mass):
    """`search`, once for each problem."""
    key = X.tobytes() + mass.tobytes()
    if key not in BEST:
        BEST[key] = search(X, mass)
    return BEST[key]


def search(X, mass):
    """The least `total_loss`, by scipy; two classes have a single row of coefficients."""
    free = mass.shape[1] if mass.shape[1] > 2 else 1
    rows = np.column_stack([X, np.ones(len(X))])

    def evaluate(flat):
        params = flat.reshape(free, -1)
        logits = rows @ params.T
        logits = np.column_stack([np.zeros(len(X)), logits]) if free == 1 else logits
        logs = log_softmax(logits, axis=1)
        slopes = np.exp(logs) * mass.sum(axis=1, keepdims=True) - mass
        gradient = slopes[:, -free:].T @ rows
        gradient[:, :-1] += params[:, :-1]
        return -np.sum(mass * logs) + 0.5 * np.sum(params[:, :-1] ** 2), gradient.ravel()

    start = np.zeros(free * rows.shape[1])
    options = {"maxiter": 5000, "ftol": 1e-15, "gtol": 1e-9, "maxcor": 50}
    found = optimize.minimize(evaluate, start, jac=True, method="L-BFGS-B", options=options)
    return found.fun


# The objective.


@every_solver
@class_numbers
@pytest.mark.parametrize("kind", ["probabilities", "counts", "weighted"])
def test_optimum_is_that_of_an_independent_minimisation(solver, n_classes, kind):
    X, y, _ = draw(n_classes=n_classes)
    weights = None
    if kind == "counts":
        y = np.random.default_rng(2).poisson(2.0 * y)
    if kind == "weighted":
        weights = draw_weights(len(y))
    model = fit(X, y, weights, solver=solver)
    mass = y if weights is None else y * weights[:, None]
    best, found = minimum(X, mass), total_loss(model, X, mass)
    np.testing.assert_allclose(found, best, rtol=1e-10)
    np.testing.assert_allclose(model.loss_, best / mass.sum(), rtol=1e-9)
    np.testing.assert_allclose(
        model.log_loss(X, y, weights),
        (found - 0.5 * np.sum(model.coef_**2)) / mass.sum(),
        rtol=1e-12,
    )


@every_solver
@class_numbers
@pytest.mark.parametrize("options", [{}, {"label_smoothing": 0.1}])
def test_default_fit_is_within_its_certificate(solver, n_classes, options):
    X, y, _ = draw(n_classes=n_classes)
    model = SoftmaxRegression(solver=solver, **options).fit(X, y)
    eps = options.get("label_smoothing", 0.0)
    mass = (1 - eps) * y + eps / n_classes
    found, best = total_loss(model, X, mass), minimum(X, mass)
    assert 0 <= model.dual_gap_ <= 1e-6
    assert -1e-10 <= found / best - 1 <= model.dual_gap_ + 1e-10


@class_numbers
@pytest.mark.parametrize("size", [1.0, 7.0])
def test_one_hot_is_label_to_the_last_bit(n_classes, size):
    X, _, labels = draw(n_classes=n_classes)
    weights = None if size == 1.0 else np.full(len(X), size)
    soft, hard = fit(X, size * np.eye(n_classes)[labels]), fit(X, labels, weights)
    np.testing.assert_array_equal(soft.coef_, hard.coef_)
    np.testing.assert_array_equal(soft.intercept_, hard.intercept_)


@class_numbers
def test_nearly_one_hot_is_nearly_label(n_classes):
    """So one row that is not certain changes nothing but by its own loss."""
    X, _, labels = draw(n_classes=n_classes)
    y = np.eye(n_classes)[labels]
    y[0] = 1e-12 + (1 - n_classes * 1e-12) * y[0]
    assert_same(fit(X, y), fit(X, labels), atol=1e-7)


@every_solver
@class_numbers
@pytest.mark.parametrize("doubt", [1e-3, 1e-9, 1e-12, 1e-15, 1e-30])
@pytest.mark.parametrize("p", [2, 60])
def test_next_to_one_hot_has_a_finite_optimum(solver, n_classes, doubt, p):
    """The least loss is the entropy, however small, and features enough reach it."""
    y = np.arange(40) % n_classes
    X = np.random.default_rng(0).standard_normal((40, p))
    X[:, 0] += 20.0 * y
    Y = np.full((40, n_classes), doubt / (n_classes - 1))
    Y[np.arange(40), y] = 1.0 - doubt
    model = SoftmaxRegression(np.inf, solver=solver).fit(X, Y)
    assert model.dual_gap_ <= 1e-6
    entropy = -doubt * np.log(doubt / (n_classes - 1)) - (1.0 - doubt) * np.log1p(-doubt)
    if p > 40:
        np.testing.assert_allclose(model.loss_, entropy, rtol=1e-5)
    assert model.loss_ > (1.0 - 1e-9) * entropy


@class_numbers
def test_counts_are_repeated_rows(n_classes):
    X, chances, _ = draw(n_classes=n_classes)
    counts = np.random.default_rng(3).poisson(3.0 * chances)
    repeats = np.repeat(X, counts.sum(axis=1), axis=0)
    labels = np.concatenate([np.repeat(np.arange(n_classes), row) for row in counts])
    model, repeated = fit(X, counts), fit(repeats, labels)
    assert_same(model, repeated)
    np.testing.assert_allclose(model.loss_, repeated.loss_, rtol=1e-9)
    np.testing.assert_allclose(
        model.log_loss(X, counts), model.log_loss(repeats, labels), rtol=1e-12
    )
    np.testing.assert_allclose(model.score(X, counts), model.score(repeats, labels), rtol=1e-12)


def test_row_totals_multiply_weights():
    X, y, _ = draw()
    weights = draw_weights(len(y))
    assert_same(fit(X, y * weights[:, None]), fit(X, y, weights))


def test_rows_of_total_zero_are_as_removed():
    X, y, _ = draw()
    y[::3], X[::3] = 0.0, 1e6
    kept = y.sum(axis=1) > 0
    assert_same(fit(X, y), fit(X[kept], y[kept]))


@class_numbers
def test_own_predictions_are_a_fixed_point(n_classes):
    """Without a penalty, the probabilities of a model as soft labels give the model."""
    X, _, labels = draw(n_classes=n_classes)
    teacher = fit(X, labels)
    assert_same(fit(X, teacher.predict_proba(X), C=np.inf), teacher, atol=1e-5)


@class_numbers
def test_permuted_classes_permute(n_classes):
    X, y, _ = draw(n_classes=n_classes)
    order = np.random.default_rng(0).permutation(n_classes)
    first, second = fit(X, y), fit(X, y[:, order])
    np.testing.assert_allclose(second.predict_proba(X), first.predict_proba(X)[:, order], atol=1e-7)


def test_a_class_without_mass_keeps_its_column():
    X, y, _ = draw(n_classes=3)
    padded = np.insert(y, 1, 0.0, axis=1)
    model = fit(X, padded)
    assert model.coef_.shape == (4, 4)
    proba = model.predict_proba(X)
    assert proba[:, 1].max() < 1e-10
    np.testing.assert_allclose(proba[:, [0, 2, 3]], fit(X, y).predict_proba(X), atol=1e-7)


def test_two_of_three_classes_with_mass():
    X, y, _ = draw(n_classes=2)
    model = fit(X, np.insert(y, 1, 0.0, axis=1))
    np.testing.assert_allclose(
        model.predict_proba(X)[:, [0, 2]], fit(X, y).predict_proba(X), atol=1e-7
    )


# Class weights.


@class_numbers
def test_class_weights_multiply_the_mass_of_their_class(n_classes):
    X, y, _ = draw(n_classes=n_classes)
    factors = np.linspace(0.5, 3.0, n_classes)
    weighted = fit(X, y, class_weight=dict(enumerate(factors)))
    assert_same(weighted, fit(X, y * factors))


@class_numbers
def test_balanced_classes_have_the_same_mass(n_classes):
    X, y, _ = draw(n_classes=n_classes)
    weights = draw_weights(len(y))
    totals = weights @ y
    expected = fit(X, y * totals.sum() / (n_classes * totals), weights)
    assert_same(fit(X, y, weights, class_weight="balanced"), expected)


# Label smoothing.

# torch 2.13.0: C Σ CrossEntropyLoss(label_smoothing=, weight=, reduction="none") + ½ ‖W‖², C = 1,
# minimised on raw iris by LBFGS to gradients below 2e-7.
TORCH = [
    (0.1, None, 76.55582188800966, [0.027110100353, 0.734416611022, -1.25476710136]),
    (0.3, [0.5, 1, 2], 128.59977832903147, [0.019930988666, 0.304101829658, -0.524375318696]),
]
# The same, with the targets of `near_the_means`.
TORCH_SOFT = [
    (0.0, None, 41.78721893847213, [-0.556269634506, 0.632071878474, -2.14184097291]),
    (0.2, [0.5, 1, 2], 114.86322849856576, [-0.059847895093, 0.300539543704, -0.673376891397]),
]


def near_the_means(X, y):
    means = np.array([X[y == k].mean(axis=0) for k in range(3)])
    chances = np.exp(-((X[:, None] - means) ** 2).sum(axis=2))
    return chances / chances.sum(axis=1, keepdims=True)


@every_solver
@pytest.mark.parametrize(
    ("case", "soft"), [(case, False) for case in TORCH] + [(case, True) for case in TORCH_SOFT]
)
def test_smoothing_and_soft_labels_are_those_of_torch(solver, case, soft):
    (eps, factors, value, coef), (X, y) = case, load_iris(return_X_y=True)
    target = near_the_means(X, y) if soft else y
    class_weight = None if factors is None else dict(enumerate(factors))
    options = {"label_smoothing": eps, "class_weight": class_weight, "solver": solver}
    model = fit(X, target, **options)
    soft = target if soft else np.eye(3)[y]
    mass = ((1 - eps) * soft + eps / 3) * (1 if factors is None else np.array(factors))
    np.testing.assert_allclose(total_loss(model, X, mass), value, rtol=1e-10)
    np.testing.assert_allclose(model.loss_ * mass.sum(), value, rtol=1e-8)
    np.testing.assert_allclose(model.coef_[0, :3], coef, atol=2e-6)


@class_numbers
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("class_weight", [None, "balanced", {1: 3.0}])
def test_smoothed_labels_are_their_soft_labels(n_classes, weighted, class_weight):
    X, _, labels = draw(n_classes=n_classes)
    weights = draw_weights(len(labels)) if weighted else None
    options = {"class_weight": class_weight}
    smoothed = fit(X, labels, weights, label_smoothing=0.2, **options)
    one_hot = np.eye(n_classes)[labels]
    assert_same(fit(X, one_hot, weights, label_smoothing=0.2, **options), smoothed)
    if class_weight == "balanced":
        counts = np.bincount(labels, weights)
        options = {"class_weight": dict(enumerate(counts.sum() / (n_classes * counts)))}
    assert_same(fit(X, 0.8 * one_hot + 0.2 / n_classes, weights, **options), smoothed)


def test_smoothing_spreads_over_classes_without_rows():
    X, _, labels = draw()
    model = fit(X, 2 * labels, classes=[0, 1, 2, 3, 4], label_smoothing=0.2)
    mass = 0.8 * np.eye(5)[2 * labels] + 0.04
    assert_same(model, fit(X, mass))
    assert model.predict_proba(X)[:, 1].min() > 1e-3


@pytest.mark.parametrize("n_classes", [3, 4])
def test_smoothing_with_a_class_of_weight_zero(n_classes):
    """Its rows count with what they give to the others."""
    X, _, labels = draw(n_classes=n_classes)
    factors = np.ones(n_classes)
    factors[1] = 0.0
    model = fit(X, labels, label_smoothing=0.2, class_weight={1: 0.0})
    mass = (0.8 * np.eye(n_classes)[labels] + 0.2 / n_classes) * factors
    expected = fit(X, np.delete(mass, 1, axis=1))
    proba = np.delete(model.predict_proba(X), 1, axis=1)
    np.testing.assert_allclose(proba, expected.predict_proba(X), atol=1e-7)


def test_smoothing_makes_separable_data_finite():
    X = np.arange(10.0)[:, None]
    model = fit(X, X[:, 0] > 4.5, C=np.inf, label_smoothing=0.1)
    assert np.all(np.isfinite(model.coef_))
    assert abs(model.coef_[0, 0]) < 10


# Names of the classes.


def test_classes_name_the_columns_in_any_order():
    X, y, labels = draw()
    names = np.array(["low", "mid", "high"])
    model = fit(X, y, classes=names)
    assert model.classes_.tolist() == ["high", "low", "mid"]
    proba = fit(X, y).predict_proba(X)
    np.testing.assert_allclose(model.predict_proba(X), proba[:, [2, 0, 1]], atol=1e-7)
    np.testing.assert_allclose(model.log_loss(X, y), fit(X, y).log_loss(X, y), rtol=1e-7)
    shares = y[np.arange(len(y)), np.argmax(proba, axis=1)]
    np.testing.assert_allclose(model.score(X, y), shares.mean(), rtol=1e-12)
    assert model.score(X, names[labels]) == np.mean(model.predict(X) == names[labels])


def test_columns_without_names_are_numbered():
    X, y, _ = draw()
    for given in (y, y.tolist(), pd.DataFrame(y)):
        assert fit(X, given).classes_.tolist() == [0, 1, 2]


@pytest.mark.parametrize("frame", [pd.DataFrame, lambda data: pl.DataFrame(data)])
@pytest.mark.parametrize("named", [False, True])
def test_columns_of_a_data_frame_name_the_classes(frame, named):
    X, y, _ = draw()
    table = frame({"low": y[:, 0], "mid": y[:, 1], "high": y[:, 2]})
    classes = ["high", "mid", "low"] if named else None
    model = fit(X, table, classes=classes)
    expected = fit(X, y, classes=["low", "mid", "high"])
    assert model.classes_.tolist() == expected.classes_.tolist()
    assert_same(model, expected)
    np.testing.assert_allclose(model.log_loss(X, table), expected.log_loss(X, y), rtol=1e-7)


@pytest.mark.parametrize("names", [["b", "c", "a"], [7, 3, 5], [0, 1, 2]])
def test_dummies_are_labels(names):
    """pandas.get_dummies names the columns, which are boolean, by the labels."""
    X, _, labels = draw()
    named = np.array(names)[labels]
    model, same = fit(X, pd.get_dummies(named)), fit(X, named)
    assert model.classes_.tolist() == same.classes_.tolist()
    np.testing.assert_array_equal(model.coef_, same.coef_)
    np.testing.assert_array_equal(model.predict(X), same.predict(X))


@pytest.mark.parametrize("kind", [np.asarray, pd.Series, pd.Categorical, list])
def test_classes_may_name_any_kind_of_labels(kind):
    X, _, labels = draw()
    named = np.array(["b", "c", "a"])[labels]
    model = fit(X, kind(named), classes=["c", "b", "a"])
    assert model.classes_.tolist() == ["a", "b", "c"]
    np.testing.assert_array_equal(model.coef_, fit(X, named).coef_)


def test_a_single_column_holds_labels():
    X, _, labels = draw()
    with pytest.warns(Warning, match="column-vector"):
        model = fit(X, labels[:, None] + 5)
    assert model.classes_.tolist() == [5, 6, 7]


def test_classes_of_labels_may_have_no_row():
    X, _, labels = draw()
    model = fit(X, labels, classes=[3, 2, 1, 0])
    assert model.classes_.tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(
        model.predict_proba(X)[:, :3], fit(X, labels).predict_proba(X), atol=1e-7
    )
    with pytest.raises(ValueError, match="y must contain only the classes"):
        SoftmaxRegression(classes=[0, 1]).fit(X, labels)


def test_calibrators_compare_with_soft_labels():
    X, y, labels = draw()
    scores = fit(X, labels).decision_function(X)
    model = SoftmaxCalibrator("temperature").fit(scores, labels)
    expected = -np.mean(np.sum(y * model.predict_log_proba(scores), axis=1))
    np.testing.assert_allclose(model.log_loss(scores, y), expected, rtol=1e-12)


# Kinds of data.


@class_numbers
@pytest.mark.parametrize("container", [sparse.csr_matrix, np.asfortranarray])
def test_kind_of_X_changes_nothing(n_classes, container):
    X, y, _ = draw(n_classes=n_classes)
    X[np.abs(X) < 0.5] = 0.0
    assert_same(fit(container(X), y), fit(X, y))
    assert_same(fit(X, np.asfortranarray(y)), fit(X, y), atol=1e-9)


@class_numbers
@pytest.mark.parametrize("options", [{}, {"label_smoothing": 0.1}])
def test_more_features_than_rows(n_classes, options):
    X, y, labels = draw(n=30, p=90, n_classes=n_classes)
    for target in (y, labels):
        wide, same = fit(X, target, **options), fit(sparse.csr_matrix(X), target, **options)
        np.testing.assert_allclose(wide.loss_, same.loss_, rtol=1e-9)
        np.testing.assert_allclose(wide.predict_proba(X), same.predict_proba(X), atol=1e-5)


@class_numbers
@pytest.mark.parametrize("n", [150, 60_000])
def test_float32(n, n_classes):
    X, y, _ = draw(n, n_classes=n_classes)
    X = X.astype(np.float32)
    for target in (y, y.astype(np.float32)):
        narrow = SoftmaxRegression().fit(X, target)
        wide = fit(X.astype(np.float64), target)
        assert narrow.coef_.dtype == narrow.predict_proba(X).dtype == np.float32
        assert narrow.dual_gap_ <= 1e-6
        assert narrow.loss_ <= wide.loss_ * (1 + 2e-6)
        np.testing.assert_allclose(narrow.predict_proba(X), wide.predict_proba(X), atol=3e-3)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("options", [{}, {"label_smoothing": 0.1}])
def test_threads_change_no_bit(n_classes, options, monkeypatch):
    X, y, labels = draw(20_000, n_classes=n_classes)
    construct, found = Threads.__init__, []
    for count in (1, 3):

        def limited(self, *args, count=count, **kwargs):
            construct(self, *args, **kwargs)
            self.count = count

        monkeypatch.setattr(Threads, "__init__", limited)
        target = labels if options else y
        model = SoftmaxRegression(**options).fit(X, target)
        found.append((*model.coef_.ravel(), *model.intercept_, model.log_loss(X, target)))
    assert found[0] == found[1]


def test_clone_pickle_and_cross_validation():
    X, y, _ = draw()
    model = SoftmaxRegression(classes=["a", "b", "c"], label_smoothing=0.1)
    assert clone(model).get_params() == model.get_params()
    model.fit(X, y)
    same = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(same.predict_proba(X), model.predict_proba(X))
    losses = cross_val_score(
        SoftmaxRegression(), X, y, scoring=lambda m, X, y: -m.log_loss(X, y), cv=3
    )
    assert losses.shape == (3,)
    shares = cross_val_score(SoftmaxRegression(), X, y, cv=3)
    assert np.all((shares > 0.3) & (shares < 1.0))


def test_warm_start_at_the_optimum_takes_no_steps():
    X, y, _ = draw()
    model = SoftmaxRegression(tol=1e-9, warm_start=True).fit(X, y)
    assert model.set_params(tol=1e-6).fit(X, y).n_iter_ == 1


# Bad input.


def table(change):
    y = draw()[1]
    return change(y)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (lambda y: y[:-1], "inconsistent numbers of samples"),
        (lambda y: y - 0.5, "y must not be negative"),
        (lambda y: np.where(y > 0.8, np.nan, y), "y contains NaN"),
        (lambda y: np.where(y > 0.8, np.inf, y), "y contains infinity"),
        (lambda y: y * 0.0, "at least two classes of positive weight"),
        (lambda y: y * [0.0, 0.0, 1.0], "at least two classes of positive weight; got 1 class"),
        (lambda y: y * 1e308, "row totals of 0 or between 1e-290 and 1e\\+30; got .* in row 0"),
        (lambda y: y * 1e-310, "row totals of 0 or between"),
        (lambda y: y[:, :, None], "dim 3"),
        (lambda y: pd.DataFrame(y, columns=["a", "a", "b"]), "different labels"),
    ],
)
def test_bad_tables(y, message):
    X = draw()[0]
    model = SoftmaxRegression()
    with pytest.raises(ValueError, match=message):
        model.fit(X, table(y))
    assert not hasattr(model, "coef_")


def test_weights_times_totals_must_be_finite():
    X, y, _ = draw()
    with pytest.raises(ValueError, match="sample_weight times the row totals of y contains inf"):
        SoftmaxRegression().fit(X, 1e25 * y, np.full(len(y), 1e300))


def test_sparse_tables_are_refused():
    X, y, _ = draw()
    with pytest.raises(TypeError, match="Sparse data was passed for y"):
        SoftmaxRegression().fit(X, sparse.csr_matrix(y))


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ([0, 1], "y must have a column for each of the 2 classes; got 3 columns"),
        ([0, 1, 1], "classes must be at least two different labels"),
        ([0], "classes must be at least two different labels"),
        (3, "classes must be at least two different labels"),
        ([[0, 1, 2]], "classes must be at least two different labels"),
        ([None, 1, 2], "all of them strings or numbers"),
        ([np.nan, 1, 2], "all of them strings or numbers"),
        (["a", 1, 2], "all of them strings or numbers"),
    ],
)
def test_bad_classes(classes, message):
    X, y, _ = draw()
    with pytest.raises(ValueError, match=message):
        SoftmaxRegression(classes=classes).fit(X, y)
    if np.shape(classes) != (3,) or "all of them" in message:
        with pytest.raises(ValueError, match=message):
            SoftmaxRegression().partial_fit(X, y, classes=classes)


def test_columns_must_be_the_classes():
    X, y, _ = draw()
    named = pd.DataFrame(y, columns=["a", "b", "c"])
    with pytest.raises(ValueError, match="y must have the classes"):
        SoftmaxRegression(classes=["a", "b", "d"]).fit(X, named)
    model = SoftmaxRegression().fit(X, named)
    with pytest.raises(ValueError, match="y must have the classes"):
        model.log_loss(X, named.rename(columns={"a": "z"}))
    with pytest.raises(ValueError, match="y must have a column for each of the 3 classes"):
        model.log_loss(X, y[:, :2])
    with pytest.raises(ValueError, match="classes must be those of the fit"):
        model.set_params(classes=["x", "y", "z"]).log_loss(X, y)
    with pytest.raises(ValueError, match="row totals of y must have a positive sum"):
        model.set_params(classes=None).log_loss(X, 0 * y)


@pytest.mark.parametrize("value", [-0.1, 1.0, 2, np.nan, np.inf])
def test_bad_smoothing(value):
    X, _, labels = draw()
    with pytest.raises(
        ValueError, match="label_smoothing must be a number of at least 0 and below"
    ):
        SoftmaxRegression(label_smoothing=value).fit(X, labels)
    with pytest.raises(TypeError, match="label_smoothing"):
        SoftmaxRegression(label_smoothing="a").fit(X, labels)
