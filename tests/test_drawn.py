"""Curvature from some of the rows stands for that of all."""

import numpy as np
import pytest
from scipy import sparse

from sklearn_softmax._core.curvature import drawn
from sklearn_softmax._core.objective import Objective
from sklearn_softmax._core.targets.labels import Labels
from sklearn_softmax._core.threads import Threads
from sklearn_softmax._maps.design import DenseDesign, SparseDesign
from sklearn_softmax._maps.kept_rows import KeptRows
from sklearn_softmax._maps.standardised import Standardised
from sklearn_softmax._penalties.ridge import Ridge


def make(n=30_000, p=6, weighted=False, kind="dense", rare=False):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, p)) @ rng.standard_normal((p, p)) + 1.0
    if rare:
        X[:, 0] = np.arange(n) == 17
    labels = rng.integers(0, 3, n)
    design = SparseDesign(sparse.csr_matrix(X), 3) if kind == "sparse" else DenseDesign(X, 3)
    weights = rng.uniform(0.5, 2.0, n) if weighted else None
    mean = np.average(X, axis=0, weights=weights)
    scale = np.sqrt(np.average((X - mean) ** 2, axis=0, weights=weights))
    map = Standardised(design, mean, scale)
    if kind == "kept":
        map = KeptRows(map._standardise(slice(None)), 3, p)
    penalty = Ridge(np.zeros(3 * (p + 1)))
    return Objective(map, Labels(labels, 3), penalty, weights, threads=Threads())


@pytest.mark.parametrize(("n_rows", "size"), [(10, 3), (1000, 999), (1000, 7), (12345, 6000)])
def test_spread_rows_come_from_every_stretch(n_rows, size):
    rows = drawn.spread(n_rows, size)
    assert len(rows) == size
    assert np.all(np.diff(rows) > 0)
    edges = np.arange(size + 1) * n_rows // size
    assert np.all((rows >= edges[:-1]) & (rows < edges[1:]))


@pytest.mark.parametrize("size", [5, 8])
def test_few_rows_are_all_taken(size):
    assert drawn.spread(5, size) is None


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", ["dense", "sparse", "kept"])
def test_gram_of_some_rows_is_near_that_of_all(weighted, kind, monkeypatch):
    some = make(weighted=weighted, kind=kind).gram()
    monkeypatch.setattr(drawn, "_ROWS_PER_COLUMN", 10**6)
    every = make(weighted=weighted, kind=kind).gram()
    assert not np.array_equal(some, every)
    np.testing.assert_allclose(np.diag(every), 1.0, rtol=1e-9)
    np.testing.assert_allclose(np.diag(some), 1.0, rtol=1e-9)
    root = np.linalg.inv(np.linalg.cholesky(every))
    values = np.linalg.eigvalsh(root @ some @ root.T)
    assert 0.6 < values[0] <= values[-1] < 1.6


def test_gram_knows_a_feature_that_no_drawn_row_has():
    objective = make(rare=True)
    assert 17 not in drawn.spread(30_000, 700)
    assert np.diag(objective.gram())[0] == 1.0


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", ["dense", "sparse", "kept"])
def test_table_of_some_rows_is_part_of_that_of_all(weighted, kind):
    objective = make(n=5000, weighted=weighted, kind=kind)
    point = objective.at(0.3 * np.random.default_rng(1).standard_normal(21))
    every = objective.variance_table(point, np.arange(5000))
    rows = drawn.spread(5000, 800)
    passes = objective.n_passes
    np.testing.assert_allclose(objective.variance_table(point, rows), every[:, rows], rtol=1e-5)
    assert objective.n_passes - passes == pytest.approx(0.5 * 800 / 5000)


@pytest.mark.parametrize("kind", ["dense", "sparse", "kept"])
def test_leverages_of_some_rows_are_in_proportion_to_those_of_all(kind):
    objective, rows = make(n=5000, kind=kind), drawn.spread(5000, 800)
    every, some = objective.leverages()[rows] - 0.5, objective.leverages(rows) - 0.5
    np.testing.assert_allclose(some / some.mean(), every / every.mean(), rtol=1e-4)


@pytest.mark.parametrize("kind", ["dense", "sparse", "kept"])
def test_class_gram_estimates_the_curvature_of_a_class(kind):
    objective = make(kind=kind)
    point = objective.at(0.3 * np.random.default_rng(1).standard_normal(21))
    blocks, _ = objective.class_blocks(point)
    rows = objective.candidates()
    table, importance = objective.variance_table(point, rows), objective.leverages(rows)
    for k, block in enumerate(blocks):
        drawn_numbers = np.random.default_rng(k).random(len(rows), dtype=np.float32)
        found, n_drawn = objective.class_gram(rows, table[k], importance, 6000, drawn_numbers)
        root = np.linalg.inv(np.linalg.cholesky(block))
        values = np.linalg.eigvalsh(root @ found @ root.T)
        assert 0.8 < values[0] <= values[-1] < 1.25
        assert 4000 < n_drawn <= 6500
