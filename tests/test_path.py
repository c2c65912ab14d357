"""softmax_regression_path: its first C, and the fits along it."""

import numpy as np
import pytest
from scipy import sparse

from sklearn_softmax import SoftmaxRegression, softmax_regression_path
from sklearn_softmax._core.few_rows import FewRows
from sklearn_softmax._core.objective import Objective

NORMS = [
    {"l1_ratio": 1.0},
    {"l1_ratio": 0.4},
    {"penalty": "group"},
    {"penalty": "group", "l1_ratio": 0.4},
]


def make(n_rows=150, n_features=12, n_classes=3, seed=0):
    """Features of unequal scales, of which half matter."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_rows, n_features)) + 0.5
    W = rng.standard_normal((n_features, n_classes)) * 1.5
    W[n_features // 2 :] = 0.0
    y = np.argmax(X @ W + rng.gumbel(size=(n_rows, n_classes)), axis=1)
    y[:n_classes] = np.arange(n_classes)
    return X * np.logspace(-1, 1, n_features), y


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("options", NORMS)
def test_first_C_is_the_largest_with_zeros_only(options, n_classes, fit_intercept):
    X, y = make(n_classes=n_classes)
    options = {"fit_intercept": fit_intercept} | options
    first = softmax_regression_path(X, y, Cs=1, **options)
    assert not first.coefs.any()
    for factor, zeros in ((1 - 1e-6, True), (1.01, False)):
        model = SoftmaxRegression(C=factor * first.Cs[0], tol=1e-12, **options).fit(X, y)
        assert np.any(model.coef_) != zeros


@pytest.mark.parametrize("options", NORMS)
def test_first_C_leaves_free_features_alone(options):
    X, y = make()
    factors = np.linspace(0.5, 2.0, X.shape[1])
    factors[[1, 4]] = 0.0
    options = {"penalty_factor": factors} | options
    first = softmax_regression_path(X, y, Cs=1, **options)
    held = factors > 0.0
    assert not first.coefs[:, :, held].any()
    assert first.coefs[:, :, ~held].all()
    model = SoftmaxRegression(C=1.01 * first.Cs[0], tol=1e-12, **options).fit(X, y)
    assert np.any(model.coef_[:, held])


def test_first_C_of_a_ridge_is_that_of_a_small_share():
    X, y = make()
    ridge = softmax_regression_path(X, y, Cs=1).Cs[0]
    lasso = softmax_regression_path(X, y, Cs=1, l1_ratio=1.0).Cs[0]
    assert ridge == pytest.approx(1e-3 * lasso, rel=1e-6)


@pytest.mark.parametrize("make_X", [np.asarray, sparse.csr_matrix])
@pytest.mark.parametrize("options", [{}, *NORMS])
def test_fits_of_a_path_are_those_of_single_fits(options, make_X):
    X, y = make()
    path = softmax_regression_path(make_X(X), y, Cs=6, tol=1e-10, **options)
    np.testing.assert_allclose(path.Cs[1:] / path.Cs[:-1], 1000 ** (1 / 5))
    for number, C in enumerate(path.Cs):
        model = SoftmaxRegression(C=C, tol=1e-10, **options).fit(X, y)
        np.testing.assert_allclose(path.coefs[number], model.coef_, rtol=2e-5, atol=1e-4)
        assert path.losses[number] == pytest.approx(model.loss_, rel=1e-9)
    assert path.dual_gaps.max() <= 1e-10


def test_given_Cs_ascend():
    X, y = make()
    path = softmax_regression_path(X, y, Cs=[1.0, 0.01, 0.1], l1_ratio=1.0)
    np.testing.assert_array_equal(path.Cs, [0.01, 0.1, 1.0])
    assert path.coefs.shape == (3, 3, X.shape[1])
    assert path.intercepts.shape == (3, 3)


def test_absent_classes_keep_their_rows():
    X, y = make()
    weights = (y != 1).astype(float)
    path = softmax_regression_path(X, y, Cs=3, l1_ratio=1.0, sample_weight=weights)
    assert path.coefs.shape == (3, 3, X.shape[1])
    assert not path.coefs[:, 1].any()


@pytest.fixture
def made(monkeypatch):
    """All objectives that are made."""
    made, start = [], Objective.__init__

    def record(self, *args, **keywords):
        start(self, *args, **keywords)
        made.append(self)

    monkeypatch.setattr(Objective, "__init__", record)
    return made


@pytest.mark.parametrize("options", NORMS)
def test_fits_of_a_path_start_close(options, made):
    path = softmax_regression_path(*make(n_rows=300), Cs=50, eps=1 / 30, **options)
    assert path.n_iters.sum() <= 50 * 2
    assert sum(each.n_passes for each in made) <= 50 * 4
    assert path.dual_gaps.max() <= 1e-6


@pytest.mark.parametrize("options", NORMS)
def test_dear_hessians_serve_several_fits(options, monkeypatch):
    made = []

    def recorded(hessian):
        def record(loss, point, *which):
            made.append(hessian(loss, point, *which))
            return made[-1].copy()

        return record

    monkeypatch.setattr(Objective, "loss_hessian", recorded(Objective.loss_hessian))
    monkeypatch.setattr(FewRows, "hessian", recorded(FewRows.hessian))
    X, y = make(n_rows=4000, n_features=40, n_classes=6)
    path = softmax_regression_path(X, y, Cs=20, eps=0.2, **options)
    assert 0 < sum(len(each) >= 50 for each in made) <= 10
    assert path.dual_gaps.max() <= 1e-6


def test_paths_of_wide_data_make_few_passes(made):
    X, y = make(n_rows=60, n_features=2000)
    X = X / X.std(axis=0)
    path = softmax_regression_path(X, y, Cs=20, eps=0.05, l1_ratio=1.0)
    whole = sum(each.n_passes for each in made if each.map.n_features == 2000)
    assert whole <= 20 * 6
    assert path.dual_gaps.max() <= 1e-6


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"Cs": 0}, ValueError, "Cs must be an integer of at least 1; got 0"),
        ({"Cs": [1.0, -1.0]}, ValueError, "Cs must be an integer or positive numbers; got -1"),
        ({"Cs": [[1.0, 2.0]]}, ValueError, r"positive numbers, in one dimension; got shape"),
        ({"eps": 1.0}, ValueError, "eps must be"),
        ({"C": 1.0}, TypeError, "has no parameter C"),
        ({"penalty_factor": np.zeros(12)}, ValueError, "must have a positive number"),
        ({"l1_ratio": 2}, ValueError, "l1_ratio"),
    ],
)
def test_bad_arguments_are_told(options, error, message):
    with pytest.raises(error, match=message):
        softmax_regression_path(*make(), **options)


def test_constant_features_have_no_path():
    X, y = make()
    with pytest.raises(ValueError, match="must have penalised features that vary"):
        softmax_regression_path(np.ones_like(X), y, l1_ratio=1.0)
