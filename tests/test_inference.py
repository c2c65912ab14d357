"""Standard errors: numbers of statsmodels and R, laws of rescaling, and clear refusals."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.datasets import load_iris, load_wine
from sklearn.exceptions import NotFittedError

from sklearn_softmax import SoftmaxRegression
from sklearn_softmax._core.threads import Threads

KINDS = ("observed", "sandwich")
every_kind = pytest.mark.parametrize("kind", KINDS)
class_numbers = pytest.mark.parametrize("n_classes", [2, 3, 4])


def draw(n=400, p=3, n_classes=3, seed=0):
    rng = np.random.default_rng(seed)
    standard = rng.standard_normal((n, p))
    logits = standard @ rng.standard_normal((p, n_classes))
    X = standard * np.logspace(-1, 1, p) + np.linspace(-1, 3, p)
    return X, np.argmax(logits + rng.gumbel(size=logits.shape), axis=1)


def fit(X, y, sample_weight=None, offset=None, **options):
    model = SoftmaxRegression(**{"C": np.inf, "tol": 1e-14, **options})
    return model.fit(X, y, sample_weight, offset)


def errors(X, y, sample_weight=None, offset=None, kind="observed", **options):
    """Of a fit to the same data."""
    model = fit(X, y, sample_weight, offset, **options)
    return model.standard_errors(X, y, sample_weight, offset, kind=kind)


def assert_same(one, other, rtol=1e-6):
    np.testing.assert_allclose(one.coef, other.coef, atol=1e-6 * np.abs(other.coef).max())
    np.testing.assert_allclose(one.error, other.error, rtol=rtol)


# A textbook case. statsmodels 0.15.0, MNLogit(labels, [1, features]).fit(method="newton",
# tol=1e-14), with cov_type "nonrobust" and "HC0"; the constant first.


def wine():
    """Alcohol, malic acid and colour of wines, and cultivars of which a fifth is mistaken."""
    X, y = load_wine(return_X_y=True)
    i = np.arange(len(y))
    return X[:, [0, 1, 9]], np.where(i % 5 == 0, (y + 1 + i // 5 % 2) % 3, y)


STATSMODELS = {
    "coef": [
        [19.424045686089, -1.463766962376, 0.212452928964, -0.157552568553],
        [16.007118804479, -1.576063086992, 0.726992027114, 0.509920574769],
    ],
    "observed": [
        [4.345961041466, 0.363031361391, 0.214094344804, 0.154815428276],
        [4.740092617982, 0.387777176402, 0.215717850068, 0.13079308958],
    ],
    "sandwich": [
        [4.988860959977, 0.424912582068, 0.203821116107, 0.165261560935],
        [5.065807361747, 0.408891899535, 0.193718573517, 0.116469515684],
    ],
    "z": [
        [4.469447724165, -4.032067523777, 0.992333212531, -1.017680022639],
        [3.376963298936, -4.064352372705, 3.370106029172, 3.898681317238],
    ],
    "p_value": [
        [7.842182225465e-06, 5.528829547743e-05, 3.210350069102e-01, 3.088300441450e-01],
        [7.329082856568e-04, 4.816601297050e-05, 7.513926567417e-04, 9.671796452924e-05],
    ],
    "lower": [
        [10.906118566602064, -2.175295355960789, -0.2071642761451550, -0.4609852322244916],
        [6.71670798985085, -2.336092386766839, 0.30419281015860317, 0.25357082976558065],
    ],
    "upper": [
        [27.941972805576388, -0.7522385687917822, 0.6320701340728097, 0.1458800951191674],
        [25.29752961910687, -0.8160337872164997, 1.1497912440703202, 0.7662703197720325],
    ],
}
BINARY = {  # class 0 against the others
    "coef": [21.329457253312, -1.746291819474, 0.454267574948, 0.246332830459],
    "observed": [3.937096038323, 0.322899878348, 0.186121378072, 0.10885541681],
    "sandwich": [4.512303989626, 0.372334264288, 0.1658700093, 0.100031935616],
}


def constant_last(rows):
    return np.roll(np.atleast_2d(rows), -1, axis=1)


def test_numbers_of_mnlogit():
    X, y = wine()
    model = fit(X, y)
    table = model.standard_errors(X, y)
    for name in ("coef", "z", "p_value", "lower", "upper"):
        expected = constant_last(STATSMODELS[name])
        np.testing.assert_allclose(getattr(table, name), expected, rtol=1e-5)
    np.testing.assert_allclose(table.error, constant_last(STATSMODELS["observed"]), rtol=1e-6)
    robust = model.standard_errors(X, y, kind="sandwich")
    np.testing.assert_allclose(robust.error, constant_last(STATSMODELS["sandwich"]), rtol=1e-6)
    assert table.classes.tolist() == [1, 2]
    assert table.reference == 0
    assert table.names == ["x0", "x1", "x2", "intercept"]


def test_numbers_of_mnlogit_for_two_classes():
    X, y = wine()
    for kind in KINDS:
        table = errors(X, y > 0, kind=kind)
        np.testing.assert_allclose(table.coef, constant_last(BINARY["coef"]), rtol=1e-6)
        np.testing.assert_allclose(table.error, constant_last(BINARY[kind]), rtol=1e-6)


# R 4.2, summary(glm(b ~ X, family = binomial, offset = o, epsilon = 1e-14)): the case of
# `test_offset.made_up`, class 0 against the others.
GLM = [2.832335543986, 0.778123333349, 0.755623899070, 0.812776638264, 1.369354289252]


def test_numbers_of_glm_with_an_offset():
    X, y = load_iris(return_X_y=True)
    i = np.arange(len(y))
    labels = np.where(i % 4 == 0, (y + 1 + i // 4 % 2) % 3, y) > 0
    table = errors(X, labels, offset=np.cos(2 * i))
    np.testing.assert_allclose(table.error, constant_last(GLM), rtol=2e-5)


# Laws.


@every_kind
@class_numbers
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_formulas_by_hand(kind, n_classes, fit_intercept):
    """On dense arrays, with a row of scores for each row of data."""
    X, y = draw(n_classes=n_classes)
    rng = np.random.default_rng(1)
    weights = rng.uniform(0.5, 2.0, len(y))
    offset = rng.standard_normal((len(y), n_classes) if n_classes > 2 else len(y))
    model = fit(X, y, weights, offset, fit_intercept=fit_intercept)
    table = model.standard_errors(X, y, weights, offset, kind=kind)
    rows = np.column_stack([X, np.ones(len(X))]) if fit_intercept else X
    proba = model.predict_proba(X, offset=offset)[:, 1:]
    size = (n_classes - 1) * rows.shape[1]
    information, products = np.zeros((size, size)), np.zeros((size, size))
    for x, p, s, k in zip(rows, proba, weights, y, strict=True):
        information += s * np.kron(np.diag(p) - np.outer(p, p), np.outer(x, x))
        score = np.kron(p - np.eye(n_classes)[k, 1:], x)
        products += s * np.outer(score, score)
    inverse = np.linalg.inv(information)
    expected = inverse if kind == "observed" else inverse @ products @ inverse
    np.testing.assert_allclose(
        table.covariance.reshape(size, size), expected, atol=1e-6 * np.abs(expected).max()
    )
    np.testing.assert_allclose(table.error.ravel(), np.sqrt(np.diag(expected)), rtol=1e-6)


@every_kind
@class_numbers
def test_scales_of_features_are_taken_up(kind, n_classes):
    X, y = draw(n_classes=n_classes)
    scales = np.array([1e-6, 1.0, 1e4])
    table, other = errors(X, y, kind=kind), errors(X * scales, y, kind=kind)
    np.testing.assert_allclose(other.error[:, :3] * scales, table.error[:, :3], rtol=1e-6)
    np.testing.assert_allclose(other.z, table.z, rtol=1e-5)


@every_kind
def test_shift_of_a_feature_moves_the_intercept_only(kind):
    X, y = draw()
    table, other = errors(X, y, kind=kind), errors(X + [0.0, 1e4, 0.0], y, kind=kind)
    np.testing.assert_allclose(other.error[:, :3], table.error[:, :3], rtol=1e-6)
    assert np.all(other.error[:, 3] > table.error[:, 3])


@every_kind
@class_numbers
def test_integer_weights_are_repeated_rows(kind, n_classes):
    X, y = draw(n_classes=n_classes)
    counts = np.random.default_rng(2).integers(0, 4, len(y))
    repeated = errors(np.repeat(X, counts, axis=0), np.repeat(y, counts), kind=kind)
    assert_same(errors(X, y, counts, kind=kind), repeated)


@every_kind
def test_four_times_the_rows_halve_the_errors(kind):
    X, y = draw()
    more = errors(X, y, np.full(len(y), 4.0), kind=kind)
    np.testing.assert_allclose(2.0 * more.error, errors(X, y, kind=kind).error, rtol=1e-6)


def test_counts_have_the_observed_errors_of_repeated_rows():
    X, _ = draw(n=120)
    counts = np.random.default_rng(0).poisson(1.5, (len(X), 3))
    repeats = np.repeat(X, counts.sum(axis=1), axis=0)
    labels = np.concatenate([np.repeat(np.arange(3), row) for row in counts])
    assert_same(errors(X, counts), errors(repeats, labels))


def test_sandwich_takes_a_row_of_counts_for_one_row():
    """And so does not care how much its weight is, as far as all rows have the same."""
    X, _ = draw(n=120)
    chances = np.random.default_rng(0).dirichlet(np.ones(3), len(X))
    one, other = (errors(X, size * chances, kind="sandwich") for size in (1.0, 7.0))
    assert_same(one, other)


@every_kind
@class_numbers
def test_reference_is_a_change_of_coordinates(kind, n_classes):
    X, y = draw(n_classes=n_classes)
    model = fit(X, y)
    first = model.standard_errors(X, y, kind=kind)
    last = model.standard_errors(X, y, kind=kind, reference=n_classes - 1)
    assert last.classes.tolist() == list(range(n_classes - 1))
    np.testing.assert_allclose(last.coef[0], -first.coef[-1], rtol=1e-9)
    np.testing.assert_allclose(last.error[0], first.error[-1], rtol=1e-9)
    names = np.array(["c", "b", "a", "d"])[:n_classes]
    other = fit(X, names[y])
    swapped = other.standard_errors(X, names[y], kind=kind, reference="c")
    order = np.argsort(names[1:])
    np.testing.assert_allclose(swapped.error, first.error[order], rtol=1e-6)


def test_right_model_makes_both_kinds_agree():
    """Soft labels that are the model's own, drawn many times: information equality."""
    X, y = draw(n=40_000)
    model = fit(X, y)
    observed, robust = (model.standard_errors(X, y, kind=kind).error for kind in KINDS)
    np.testing.assert_allclose(observed, robust, rtol=0.03)


@every_kind
def test_level_and_ends(kind):
    X, y = draw()
    model = fit(X, y)
    wide, narrow = (model.standard_errors(X, y, kind=kind, level=level) for level in (0.99, 0.5))
    np.testing.assert_allclose(wide.upper - wide.lower, 2 * 2.5758293035489 * wide.error)
    np.testing.assert_allclose(narrow.upper - narrow.coef, 0.6744897501961 * narrow.error)


@every_kind
def test_class_weights_of_sandwich_are_those_of_rows(kind):
    X, y = draw()
    factors = np.array([0.5, 1.0, 3.0])
    weighted = fit(X, y, class_weight=dict(enumerate(factors)))
    if kind == "observed":
        with pytest.raises(ValueError, match=r"kind='observed' needs class_weight=None"):
            weighted.standard_errors(X, y)
        return
    table = weighted.standard_errors(X, y, kind=kind)
    rows = np.column_stack([X, np.ones(len(X))])
    proba, w = weighted.predict_proba(X)[:, 1:], factors[y]
    scores = w[:, None] * (proba - np.eye(3)[y, 1:])
    scores = np.einsum("ik,ij->ikj", scores, rows).reshape(len(X), -1)
    information = sum(
        s * np.kron(np.diag(p) - np.outer(p, p), np.outer(x, x))
        for s, p, x in zip(w, proba, rows, strict=True)
    )
    inverse = np.linalg.inv(information)
    expected = np.sqrt(np.diag(inverse @ scores.T @ scores @ inverse))
    np.testing.assert_allclose(table.error.ravel(), expected, rtol=1e-6)


@every_kind
def test_kind_of_X_and_light_penalties_change_nothing(kind):
    X, y = draw()
    X[np.abs(X) < 0.3] = 0.0
    table = errors(X, y, kind=kind)
    assert_same(errors(sparse.csr_matrix(X), y, kind=kind), table)
    light = errors(X, y, kind=kind, C=1e6)
    np.testing.assert_allclose(light.error, table.error, rtol=1e-3)
    narrow = X.astype(np.float32)
    found = SoftmaxRegression(np.inf).fit(narrow, y).standard_errors(narrow, y, kind=kind)
    np.testing.assert_allclose(found.error, table.error, rtol=1e-2)


@every_kind
def test_threads_change_no_bit(kind, monkeypatch):
    X, y = draw(60_000)
    model, construct, found = fit(X, y, tol=1e-10), Threads.__init__, []
    for count in (1, 3):

        def limited(self, *args, count=count, **kwargs):
            construct(self, *args, **kwargs)
            self.count = count

        monkeypatch.setattr(Threads, "__init__", limited)
        found.append(model.standard_errors(X, y, kind=kind).error.tolist())
    assert found[0] == found[1]


# The table.


def test_table_is_readable_and_a_data_frame():
    X, y = wine()
    frame = pd.DataFrame(X, columns=["alcohol", "malic_acid", "color_intensity"])
    names = np.array(["barolo", "grignolino", "barbera"])[y]
    model = fit(frame, names)
    table = model.standard_errors(frame, names, reference="barolo")
    assert table.names == ["alcohol", "malic_acid", "color_intensity", "intercept"]
    data = pd.DataFrame(table.to_dict())
    assert data.shape == (8, 8)
    assert data["class"].unique().tolist() == ["barbera", "grignolino"]
    row = data[(data["class"] == "grignolino") & (data["name"] == "malic_acid")]
    np.testing.assert_allclose(row["error"], 0.214094344804, rtol=1e-6)
    lines = str(table).splitlines()
    assert lines[0] == "Log-odds against barolo: observed errors, 95% intervals"
    assert str(model.standard_errors(frame, names, level=0.999)).startswith(
        "Log-odds against barbera: observed errors, 99.9% intervals"
    )
    assert len(lines) == 2 + 8
    assert len({len(line) for line in lines[1:]}) == 1
    assert lines[2].split()[:3] == ["barbera", "alcohol", "-1.576"]


# Where errors mean nothing.


@every_kind
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("C", [np.inf, 1e8, 1.0])
def test_separable_classes_are_refused(kind, C):
    """Two of them, one of three, and where only a penalty keeps coefficients finite."""
    X, y = load_iris(return_X_y=True)
    half = 1 + np.arange(len(y)) % 2
    for labels in (y > 0, np.where(y == 0, 0, half)):
        model = SoftmaxRegression(C).fit(X, labels)
        with pytest.raises(ValueError, match="separable" if np.isinf(C) else "separable|penalty"):
            model.standard_errors(X, labels, kind=kind)


@every_kind
@pytest.mark.parametrize("change", ["double", "sum", "constant"])
def test_collinear_features_are_refused(kind, change):
    X, y = draw()
    extra = {"double": 3.0 * X[:, 0], "sum": X[:, 0] + 0.1 * X[:, 2], "constant": 0 * X[:, 0] + 5}
    X = np.column_stack([X, extra[change]])
    for C in (np.inf, 1e6):
        model = SoftmaxRegression(C, tol=1e-9).fit(X, y)
        with pytest.raises(ValueError, match="singular information matrix, first of all for 'x"):
            model.standard_errors(X, y, kind=kind)


@every_kind
@class_numbers
def test_penalties_of_weight_are_refused(kind, n_classes):
    X, y = draw(n_classes=n_classes)
    X /= X.std(axis=0)
    model = SoftmaxRegression(0.1).fit(X, y)
    with pytest.raises(ValueError, match=r"at most 1% of the curvature.* for C=0.1"):
        model.standard_errors(X, y, kind=kind)


@every_kind
def test_unfinished_fits_and_other_data_are_refused(kind):
    X, y = draw()
    with pytest.warns(Warning, match="limit of iterations"):
        model = SoftmaxRegression(np.inf, max_iter=1, solver="lbfgs").fit(X, y)
    with pytest.raises(ValueError, match="within 0.1 standard errors of the optimum; got"):
        model.standard_errors(X, y, kind=kind)
    model = fit(X, y)
    with pytest.raises(ValueError, match="needs the data of the fit"):
        model.standard_errors(X, y, np.linspace(0, 2, len(y)), kind=kind)
    with pytest.raises(ValueError, match="needs the data of the fit"):
        model.standard_errors(X[:200], y[:200], kind=kind)


def test_smoothed_labels_have_no_observed_errors():
    X, y = draw()
    model = fit(X, y, label_smoothing=0.1)
    with pytest.raises(ValueError, match=r"kind='observed' needs label_smoothing=0.0"):
        model.standard_errors(X, y)
    assert np.all(model.standard_errors(X, y, kind="sandwich").error > 0)


def test_classes_without_weight_are_refused():
    X, y = draw()
    model = fit(X, y, classes=[0, 1, 2, 3])
    with pytest.raises(ValueError, match=r"y must have weight in each of the classes \[0, 1, 2, 3"):
        model.standard_errors(X, y)
    model = fit(X, y)
    with pytest.raises(ValueError, match="y must have weight in each of the classes"):
        model.standard_errors(X[y < 2], y[y < 2])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "hc3"}, "kind must be one of 'observed', 'sandwich'; got 'hc3'"),
        ({"level": 0}, "level must be a positive number and below 1; got 0"),
        ({"level": 1.0}, "level must be a positive number and below 1; got 1.0"),
        ({"reference": 7}, r"reference must be one of the classes \[0, 1, 2\]; got 7"),
    ],
)
def test_bad_options(options, message):
    X, y = draw()
    with pytest.raises(ValueError, match=message):
        fit(X, y).standard_errors(X, y, **options)


def test_bad_data():
    X, y = draw()
    with pytest.raises(NotFittedError):
        SoftmaxRegression().standard_errors(X, y)
    model = fit(X, y)
    with pytest.raises(ValueError, match="X has 2 features, but"):
        model.standard_errors(X[:, :2], y)
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    with pytest.raises(ValueError, match="feature names"):
        fit(frame, y).standard_errors(frame[["b", "a", "c"]], y)
