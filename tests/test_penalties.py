"""Laws of elastic net, group lasso and penalty factors."""

import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from sklearn_softmax import SoftmaxRegression, SoftmaxRegressionCV
from sklearn_softmax._core.objective import Objective
from sklearn_softmax._penalties import PENALTIES

NORMS = [
    {"l1_ratio": 1.0},
    {"l1_ratio": 0.4},
    {"penalty": "group"},
    {"penalty": "group", "l1_ratio": 0.4},
]


def ids(options):
    return "-".join(str(value) for value in options.values())


def make(n_rows=120, n_features=8, n_classes=4, seed=0):
    """Features of unequal scales, of which half matter."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_rows, n_features)) + 0.5
    W = rng.standard_normal((n_features, n_classes)) * 1.5
    W[n_features // 2 :] = 0.0
    y = np.argmax(X @ W + rng.gumbel(size=(n_rows, n_classes)), axis=1)
    y[:n_classes] = np.arange(n_classes)
    return X * np.logspace(-1, 1, n_features), y


def parts(model, X, y):
    """Gradient of C times the sum of losses, in coefficients and intercepts."""
    logits = X @ model.coef_.T + model.intercept_
    if len(model.coef_) == 1:
        chance = 1.0 / (1.0 + np.exp(-logits[:, 0]))
        residuals = (chance - (y == model.classes_[1]))[:, None]
    else:
        chance = np.exp(logits - logits.max(axis=1, keepdims=True))
        chance /= chance.sum(axis=1, keepdims=True)
        residuals = chance - (y[:, None] == model.classes_)
    return model.C * residuals.T @ X, model.C * residuals.sum(axis=0)


def prox(W, step, options, factors):
    """The proximal operator of the whole penalty."""
    group = options.get("penalty") == "group"
    ratio = options.get("l1_ratio", 1.0)
    if group:
        lengths = np.linalg.norm(W, axis=0)
        share = np.maximum(0.0, 1.0 - step * ratio * factors / np.maximum(lengths, 1e-300))
        W = W * share
    else:
        W = np.sign(W) * np.maximum(np.abs(W) - step * ratio * factors, 0.0)
    return W / (1.0 + step * (1.0 - ratio) * factors)


@pytest.mark.parametrize("n_classes", [2, 3, 5])
@pytest.mark.parametrize("options", NORMS, ids=ids)
def test_solutions_are_fixed_points_of_the_prox(options, n_classes):
    X, y = make(n_classes=n_classes)
    factors = np.linspace(0.5, 2.0, X.shape[1])
    model = SoftmaxRegression(C=0.03, tol=1e-12, penalty_factor=factors, **options).fit(X, y)
    gradient, balance = parts(model, X, y)
    step = 0.01
    expected = prox(model.coef_ - step * gradient, step, options, factors)
    np.testing.assert_allclose(model.coef_, expected, atol=1e-7)
    np.testing.assert_allclose(balance, 0.0, atol=1e-6)
    assert np.any(model.coef_ == 0.0)
    assert np.all((model.coef_ == 0.0) == (expected == 0.0))


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("ratio", [1.0, 0.5])
def test_elastic_net_equals_saga(ratio, n_classes):
    X, y = make(n_classes=n_classes)
    X = X / X.std(axis=0)
    ours = SoftmaxRegression(C=0.1, l1_ratio=ratio, tol=1e-12).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        saga = LogisticRegression(
            C=0.1,
            penalty="elasticnet",
            l1_ratio=ratio,
            solver="saga",
            tol=1e-10,
            max_iter=100_000,
            random_state=0,
        ).fit(X, y)
    np.testing.assert_allclose(ours.coef_, saga.coef_, atol=1e-6)
    np.testing.assert_allclose(ours.predict_proba(X), saga.predict_proba(X), atol=1e-6)


def test_group_equals_proximal_gradient():
    X, y = make()
    X = X / X.std(axis=0)
    options = {"penalty": "group"}
    model = SoftmaxRegression(C=0.1, tol=1e-12, **options).fit(X, y)
    other = SoftmaxRegression(C=0.1)
    other.classes_ = model.classes_
    other.coef_, other.intercept_ = np.zeros_like(model.coef_), np.zeros_like(model.intercept_)
    step = 1.0 / (0.1 * 0.5 * np.linalg.norm(np.column_stack([X, np.ones(len(X))]), 2) ** 2)
    for _ in range(4000):
        gradient, balance = parts(other, X, y)
        other.coef_ = prox(other.coef_ - step * gradient, step, options, 1.0)
        other.intercept_ = other.intercept_ - step * balance
    np.testing.assert_allclose(model.coef_, other.coef_, atol=1e-6)


@pytest.mark.parametrize("options", [{}, *NORMS], ids=ids)
def test_penalty_factor_is_a_rescaled_feature(options):
    """A norm's factor f, and a ridge's factor f², are a feature divided by f."""
    X, y = make()
    factors = np.linspace(0.5, 2.0, X.shape[1])
    ratio = options.get("l1_ratio", 1.0 if options else 0.0)
    if 0.0 < ratio < 1.0:
        pytest.skip("a factor means two things beside norm and ridge")
    asked = factors if ratio else factors**2
    ours = SoftmaxRegression(C=0.3, tol=1e-11, penalty_factor=asked, **options).fit(X, y)
    scaled = SoftmaxRegression(C=0.3, tol=1e-11, **options).fit(X / factors, y)
    np.testing.assert_allclose(ours.coef_, scaled.coef_ / factors, atol=1e-5)
    assert ours.loss_ == pytest.approx(scaled.loss_, rel=1e-10)


@pytest.mark.parametrize("options", [{}, *NORMS], ids=ids)
def test_features_of_factor_zero_are_free(options):
    X, y = make()
    factors = np.ones(X.shape[1])
    factors[2] = 0.0
    model = SoftmaxRegression(C=1e-3, tol=1e-10, penalty_factor=factors, **options).fit(X, y)
    gradient, _ = parts(model, X, y)
    np.testing.assert_allclose(gradient[:, 2], 0.0, atol=1e-6)
    assert np.all(model.coef_[:, 2] != 0.0)
    assert model.dual_gap_ <= 1e-10


def test_wide_ridge_takes_unequal_factors():
    X, y = make(n_rows=40, n_features=400)
    X = X / X.std(axis=0)
    factors = np.linspace(0.5, 2.0, X.shape[1])
    ours = SoftmaxRegression(tol=1e-10, penalty_factor=factors).fit(X, y)
    scaled = SoftmaxRegression(tol=1e-10).fit(X / np.sqrt(factors), y)
    np.testing.assert_allclose(ours.coef_, scaled.coef_ / np.sqrt(factors), atol=1e-6)
    factors[:3] = 0.0
    free = SoftmaxRegression(C=1e-3, penalty_factor=factors).fit(X, y)
    gradient, _ = parts(free, X, y)
    np.testing.assert_allclose(gradient[:, :3], 0.0, atol=1e-5)


def test_all_factors_zero_is_no_penalty():
    X, y = make()
    none = SoftmaxRegression(C=np.inf, tol=1e-12).fit(X, y)
    zeros = np.zeros(X.shape[1])
    for options in ({}, *NORMS):
        free = SoftmaxRegression(penalty_factor=zeros, tol=1e-12, **options).fit(X, y)
        np.testing.assert_allclose(free.predict_proba(X), none.predict_proba(X), atol=1e-6)
    lasso = SoftmaxRegression(C=np.inf, l1_ratio=1.0, tol=1e-12).fit(X, y)
    np.testing.assert_allclose(lasso.predict_proba(X), none.predict_proba(X), atol=1e-6)


@pytest.mark.parametrize("ratio", [0.3, 1.0])
def test_group_is_elastic_net_for_two_classes(ratio):
    X, y = make(n_classes=2)
    group = SoftmaxRegression(penalty="group", l1_ratio=ratio, tol=1e-11).fit(X, y)
    lasso = SoftmaxRegression(l1_ratio=ratio, tol=1e-11).fit(X, y)
    np.testing.assert_allclose(group.coef_, lasso.coef_, atol=1e-7)


@pytest.mark.parametrize("penalty", PENALTIES)
def test_ratio_zero_is_ridge(penalty):
    X, y = make()
    ridge = SoftmaxRegression().fit(X, y)
    same = SoftmaxRegression(penalty=penalty, l1_ratio=0).fit(X, y)
    np.testing.assert_array_equal(same.coef_, ridge.coef_)
    near = SoftmaxRegression(penalty=penalty, l1_ratio=1e-9, tol=1e-10).fit(X, y)
    np.testing.assert_allclose(near.coef_, ridge.coef_, atol=1e-3)


@pytest.mark.parametrize("options", NORMS, ids=ids)
def test_weights_are_repeated_rows(options):
    X, y = make()
    counts = np.random.default_rng(1).integers(0, 3, len(y))
    counts[:4] = 1
    ours = SoftmaxRegression(C=0.3, tol=1e-11, **options).fit(X, y, sample_weight=counts)
    repeated = SoftmaxRegression(C=0.3, tol=1e-11, **options).fit(
        np.repeat(X, counts, axis=0), np.repeat(y, counts)
    )
    np.testing.assert_allclose(ours.coef_, repeated.coef_, atol=1e-5)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("density", [0.02, 0.5])
@pytest.mark.parametrize("options", NORMS, ids=ids)
def test_sparse_is_dense(options, density, fit_intercept):
    rng = np.random.default_rng(0)
    X = sparse.random(300, 60, density, format="csr", random_state=0)
    X.data += 0.5
    y = np.argmax(X @ rng.standard_normal((60, 3)) * 4 + rng.gumbel(size=(300, 3)), axis=1)
    options = {"C": 2.0, "tol": 1e-10, "fit_intercept": fit_intercept} | options
    from_sparse = SoftmaxRegression(**options).fit(X, y)
    from_dense = SoftmaxRegression(**options).fit(X.toarray(), y)
    np.testing.assert_allclose(from_sparse.coef_, from_dense.coef_, atol=1e-4)
    assert from_sparse.loss_ == pytest.approx(from_dense.loss_, rel=1e-9)


@pytest.mark.parametrize("options", NORMS, ids=ids)
def test_permuted_classes_permute(options):
    X, y = make()
    order = np.array([2, 0, 3, 1])
    ours = SoftmaxRegression(C=0.3, tol=1e-11, **options).fit(X, y)
    other = SoftmaxRegression(C=0.3, tol=1e-11, **options).fit(X, order[y])
    np.testing.assert_allclose(other.coef_[order], ours.coef_, atol=1e-5)


@pytest.mark.parametrize("options", NORMS, ids=ids)
def test_threads_change_no_bit(options):
    X, y = make(n_rows=3000, n_features=70, n_classes=9)
    fits = []
    for limit in (1, 2):
        with threadpool_limits(limit):
            fits.append(SoftmaxRegression(C=0.03, **options).fit(X, y).coef_)
    np.testing.assert_array_equal(*fits)


@pytest.mark.parametrize("options", NORMS, ids=ids)
def test_float32_is_near_float64(options):
    X, y = make()
    model = SoftmaxRegression(C=0.3, **options).fit(X.astype(np.float32), y)
    assert model.coef_.dtype == np.float32
    exact = SoftmaxRegression(C=0.3, **options).fit(X, y)
    assert model.loss_ == pytest.approx(exact.loss_, rel=1e-5)


@pytest.mark.parametrize("options", NORMS, ids=ids)
def test_warm_start_at_the_optimum_stays(options):
    X, y = make()
    model = SoftmaxRegression(C=0.3, warm_start=True, **options).fit(X, y)
    coef = model.coef_
    model.fit(X, y)
    assert model.n_iter_ == 1
    np.testing.assert_allclose(model.coef_, coef, atol=1e-12)


@pytest.mark.parametrize("options", NORMS, ids=ids)
def test_collinear_features_are_certified(options):
    X, y = make()
    X = np.column_stack([X, X[:, :3], X[:, 0] + X[:, 1], np.ones(len(X))])
    model = SoftmaxRegression(C=10.0, **options).fit(X, y)
    assert model.dual_gap_ <= 1e-6
    assert not model.coef_[:, -1].any()


@pytest.mark.parametrize("options", NORMS, ids=ids)
def test_passes_over_the_data_are_few(options, monkeypatch):
    made, start = [], Objective.__init__

    def record(self, *args, **keywords):
        start(self, *args, **keywords)
        made.append(self)

    monkeypatch.setattr(Objective, "__init__", record)
    X, y = make(n_rows=400, n_features=40, n_classes=6)
    SoftmaxRegression(**options).fit(X, y)
    assert sum(each.n_passes for each in made) <= 40


@pytest.mark.parametrize("options", [{"l1_ratio": 1.0}, {"penalty": "group"}], ids=ids)
def test_certificate_bounds_the_distance(options):
    X, y = make()
    best = SoftmaxRegression(tol=1e-12, **options).fit(X, y).loss_
    for tol in (1e-1, 1e-2, 1e-4):
        model = SoftmaxRegression(tol=tol, **options).fit(X, y)
        assert model.loss_ - best <= model.dual_gap_ * model.loss_ + 1e-12
        assert model.dual_gap_ <= tol


@pytest.mark.parametrize(("n_rows", "n_features", "seed"), [(3, 30, 0), (6, 40, 1)])
def test_sure_rows_of_unequal_scales_are_certified(n_rows, n_features, seed):
    """Without the last digits of 1 - p the model of such rows falls without end."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_rows, n_features)) * 10.0 ** rng.uniform(-6, 6, n_features)
    model = SoftmaxRegression(C=1e5, penalty="group").fit(X, np.arange(n_rows) % 3)
    assert 0.0 <= model.dual_gap_ <= 1e-6


@pytest.mark.parametrize("options", [{}, *NORMS], ids=ids)
def test_free_features_that_do_not_vary_change_nothing(options):
    X, y = make()
    without = SoftmaxRegression(C=0.1, tol=1e-10, **options).fit(X, y)
    X = np.column_stack([X, np.full(len(X), 1e3 / 7)])
    factors = np.append(np.ones(8), 0.0)
    model = SoftmaxRegression(C=0.1, tol=1e-10, penalty_factor=factors, **options).fit(X, y)
    assert model.dual_gap_ <= 1e-10
    assert model.loss_ == pytest.approx(without.loss_, rel=1e-9)
    np.testing.assert_allclose(model.coef_[:, :8], without.coef_, atol=1e-4)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("options", [{}, *NORMS], ids=ids)
def test_separable_by_a_free_feature_is_told(options, n_classes):
    """However strong the penalty of the others, the infimum is 0 and nothing attains it."""
    X = np.random.default_rng(0).standard_normal((40, 4))
    y = np.digitize(X[:, 0], [0.0, 1.0][: n_classes - 1])
    model = SoftmaxRegression(penalty_factor=[0, 1, 1, 1], **options)
    with pytest.warns(ConvergenceWarning, match="optimum is at infinity") as caught:
        model.fit(X, y)
    assert len(caught) == 1
    assert model.loss_ <= 1e-6
    assert model.dual_gap_ == 1.0
    assert model.score(X, y) == 1.0


def test_limit_of_iterations_is_told():
    X, y = make()
    with pytest.warns(Warning, match="relative gap"):
        model = SoftmaxRegression(l1_ratio=1.0, max_iter=2).fit(X, y)
    assert 1e-6 < model.dual_gap_ <= 1.0


@pytest.mark.parametrize("n_classes", [2, 4])
def test_sparse_coefficients_predict_the_same(n_classes):
    X, y = make(n_classes=n_classes)
    model = SoftmaxRegression(C=0.1, l1_ratio=1.0, warm_start=True).fit(X, y)
    before, coef = model.predict_proba(X), model.coef_
    assert model.sparsify() is model
    assert sparse.issparse(model.coef_)
    np.testing.assert_array_equal(model.predict_proba(X), before)
    np.testing.assert_array_equal(model.densify().coef_, coef)
    model.sparsify().fit(X, y)
    assert model.n_iter_ == 1


def test_standard_errors_need_a_ridge():
    X, y = make(n_classes=2)
    model = SoftmaxRegression(l1_ratio=0.5).fit(X, y)
    with pytest.raises(ValueError, match=r"needs l1_ratio=0 or C=inf"):
        model.standard_errors(X, y)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"penalty": "l1"}, "penalty must be one of 'elasticnet', 'group'; got 'l1'"),
        ({"l1_ratio": -0.1}, "l1_ratio must be a number of at least 0; got -0.1"),
        ({"l1_ratio": 1.5}, "l1_ratio must be a number of at most 1; got 1.5"),
        ({"penalty_factor": [1.0]}, "penalty_factor must have shape"),
        ({"penalty_factor": -np.ones(8)}, "penalty_factor must be non-negative numbers; got -1"),
    ],
)
def test_bad_penalties_are_told(options, message):
    with pytest.raises(ValueError, match=message):
        SoftmaxRegression(**options).fit(*make())


def test_words_where_numbers_are_asked_are_told():
    X, y = make()
    for option, message in (("Cs", "an integer or positive"), ("l1_ratios", "None or numbers")):
        with pytest.raises(TypeError, match=f"{option} must be {message}.*; got 'strong'"):
            SoftmaxRegressionCV(**{option: "strong"}).fit(X, y)
    with pytest.raises(TypeError, match="penalty_factor must be non-negative numbers; got 'all'"):
        SoftmaxRegression(penalty_factor="all").fit(X, y)


@pytest.mark.parametrize("options", NORMS, ids=ids)
def test_streams_have_no_norm(options):
    assert not hasattr(SoftmaxRegression(**options), "partial_fit")
    assert hasattr(SoftmaxRegression(penalty="group", l1_ratio=0), "partial_fit")
