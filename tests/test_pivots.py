"""Block pivoting: the minima of a quadratic beside an L1 norm, told by their optimality."""

import numpy as np
import pytest

from sklearn_softmax import SoftmaxRegression
from sklearn_softmax._core.few_rows import FewRows
from sklearn_softmax._core.targets.labels import Labels
from sklearn_softmax._core.threads import Threads
from sklearn_softmax._fitting.composite import CompositeFits
from sklearn_softmax._solvers.composite.guessed_face import GuessedFace
from sklearn_softmax._solvers.composite.pivots import Pivots
from sklearn_softmax._solvers.composite.quadratic import Quadratic

SIZE = 8


@pytest.fixture(params=range(6))
def problem(request):
    """H, start, g, one free parameter, and one that stays."""
    rng = np.random.default_rng(request.param)
    root = rng.standard_normal((SIZE + 3, SIZE))
    start = rng.standard_normal(SIZE) * (rng.random(SIZE) < 0.5)
    norm = rng.random(SIZE) + 0.5
    norm[-2:] = 0.0
    pins = np.arange(SIZE) == SIZE - 1
    return root.T @ root, start, 3.0 * rng.standard_normal(SIZE), norm, pins


def slopes_of(problem, change, bent=0.0):
    matrix, _, gradient, _, _ = problem
    return gradient + bent + matrix @ change


def assert_optimal(problem, change, norm, bent=0.0):
    _, start, _, _, pins = problem
    found, slopes = start + change, slopes_of(problem, change, bent)
    on = (found != 0.0) | (norm == 0.0)
    np.testing.assert_allclose(
        np.where(on & ~pins, slopes + norm * np.sign(found), 0.0), 0.0, atol=1e-11
    )
    assert np.all((np.abs(slopes) <= norm * (1.0 + 1e-8)) | on | pins)
    assert np.all(change[pins] == 0.0)


def make(problem):
    matrix, start, gradient, _, pins = problem
    return Pivots(matrix, start, gradient, pins, None)


def test_all_norms_get_their_minimum(problem):
    norms = np.geomspace(5.0, 0.05, 40)[:, None] * problem[3]
    faces = make(problem).faces(norms)
    changes = np.concatenate([face.changes for face in faces])
    assert len(changes) == 40
    assert len(faces) <= 12
    for change, norm in zip(changes, norms, strict=True):
        assert_optimal(problem, change, norm)


def test_what_is_promised_is_the_decrease(problem):
    matrix, start, gradient, norm, _ = problem
    face = make(problem).faces(norm[None])[0]
    change = face.changes[0]
    bent = change @ matrix @ change
    fall = norm @ (np.abs(start) - np.abs(start + change)) - gradient @ change - 0.5 * bent
    assert face.bents[0] == pytest.approx(bent)
    assert face.decrease == pytest.approx(fall)
    assert face.decrease > 0.0


def test_corrected_steps_are_minima_with_another_gradient(problem):
    """Those too where the correction leaves the face; zeros are exact."""
    norms = np.geomspace(2.0, 0.2, 20)[:, None] * problem[3]
    faces = make(problem).faces(norms)
    rng, number = np.random.default_rng(9), 0
    for face in faces:
        third = rng.standard_normal((len(face), SIZE))
        changes, small = face.corrected(third)
        for change, plain, bent, one in zip(changes, face.changes, third / 2, small, strict=True):
            if one:
                assert_optimal(problem, change, norms[number], bent)
            else:
                np.testing.assert_array_equal(change, plain)
            number += 1
        first = next(face.cut(1)).corrected(third[:1])
        np.testing.assert_allclose(first[0], changes[:1], atol=1e-12)
    assert number == 20


def test_functions_that_fall_without_end_are_given_up(problem):
    matrix, start, gradient, norm, pins = problem
    matrix = matrix.copy()
    matrix[:, 0], start = matrix[:, 1], np.ones(SIZE)
    matrix[0] = matrix[1]
    matrix[0, 0] = matrix[1, 1]
    assert Pivots(matrix, start, gradient, pins, None).faces(1e-6 * norm[None]) == []


def test_whole_hessians_are_pivoted_in_large_problems(monkeypatch):
    """They take as many Cholesky factors as there are exchanges, and no small steps."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((4000, 30))
    y = np.argmax(X[:, :12] + rng.gumbel(size=(4000, 12)), axis=1)
    small = []
    monkeypatch.setattr(Quadratic, "minimise", lambda self, *args: small.append(self.model))
    model = SoftmaxRegression(C=0.05, l1_ratio=1.0, tol=1e-8).fit(X, y)
    assert not FewRows.fits(model_objective(X, y))
    assert model.dual_gap_ <= 1e-8
    assert small == []


def model_objective(X, y):
    fits = CompositeFits(
        X,
        Labels(y, 12),
        None,
        penalty="elasticnet",
        l1_ratio=1.0,
        fit_intercept=True,
        threads=Threads(),
        floor=1e-6,
        factors=None,
    )
    fits.problem.set_strength(1.0)
    return fits.problem.objective(np.float64)


@pytest.fixture(params=range(4))
def tied(request):
    """Columns that add up to another, and copies: H is singular on the faces of most guesses."""
    rng = np.random.default_rng(request.param)
    root = rng.standard_normal((SIZE, 4 * SIZE))
    root[:, :10], root[:, 20] = root[:, 10:20], root[:, 21] + root[:, 22]
    matrix, norm = root.T @ root, np.full(4 * SIZE, 1.0)
    start = rng.standard_normal(4 * SIZE)
    gradient = root.T @ rng.standard_normal(SIZE)
    return matrix, start, 9.0 * gradient, norm, np.zeros(4 * SIZE, bool)


@pytest.mark.parametrize("size", [1.0, 0.3, 0.01])
def test_tied_parameters_stay_zero_or_trade_places(tied, size):
    norm = size * tied[3]
    (face,) = make(tied).faces(norm[None])
    found = tied[1] + face.changes[0]
    slopes = slopes_of(tied, face.changes[0])
    on = found != 0.0
    assert 0 < np.count_nonzero(on) <= SIZE
    np.testing.assert_allclose(slopes[on], -norm[on] * np.sign(found[on]), rtol=1e-7)
    assert np.all(np.abs(slopes) <= norm * (1.0 + 1e-7))


@pytest.mark.parametrize("n_copies", [1, 40])
def test_of_tied_parameters_the_first_are_kept(n_copies, monkeypatch):
    """Whatever their number, all of the face is factored twice."""
    rng, calls, factor = np.random.default_rng(0), [], GuessedFace._factor
    columns = rng.standard_normal((60, 50))
    sums = columns @ rng.integers(0, 3, (50, n_copies))
    size = 50 + n_copies
    both = np.hstack([columns, sums])
    monkeypatch.setattr(GuessedFace, "_factor", lambda self, p: calls.append(p) or factor(self, p))
    nowhere = np.zeros(size, bool)
    face = GuessedFace(both.T @ both, np.ones(size), nowhere, nowhere)
    found = face.factor()
    np.testing.assert_array_equal(face.places, np.arange(50))
    np.testing.assert_allclose(np.tril(found), np.linalg.cholesky(columns.T @ columns), atol=1e-9)
    assert len(calls) == 2
    np.testing.assert_array_equal(face.untied(np.ones(size, bool)), np.arange(size) < 50)
