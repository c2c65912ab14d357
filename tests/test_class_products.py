"""Products of sparse columns under the weights of many classes: those of dense ones."""

import numpy as np
import pytest
from scipy import sparse

from sklearn_softmax import SoftmaxRegression
from sklearn_softmax._maps import class_products
from sklearn_softmax._maps.class_products import class_grams
from sklearn_softmax._maps.standardised import Standardised

N_ROWS, N_FEATURES, N_CLASSES = 70, 9, 4


def make(seed=0):
    rng = np.random.default_rng(seed)
    X = sparse.random(N_ROWS, N_FEATURES, density=0.3, format="csr", random_state=rng)
    return X, rng.random((N_ROWS, N_CLASSES)), rng.random(N_FEATURES), 0.5 + rng.random(N_FEATURES)


@pytest.mark.parametrize("columns", [[0, 2, 3, 7, 9], [1, 4, 8], [9], [], np.arange(10)], ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_grams_are_those_of_dense_columns(columns, dtype):
    X, table, mean, scale = make()
    X = X.astype(dtype)
    columns = np.array(columns, dtype=int)
    rows = np.column_stack([(X.toarray().astype(float) - mean) / scale, np.ones(N_ROWS)])[
        :, columns
    ]
    found = class_grams(X, mean, scale, columns, table)
    assert len(found) == N_CLASSES
    for k, gram in enumerate(found):
        np.testing.assert_allclose(gram, (rows * table[:, [k]]).T @ rows, atol=1e-12)


@pytest.mark.parametrize("size", [1, 7, 40])
def test_parts_are_the_whole(size, monkeypatch):
    X, table, mean, scale = make(1)
    X = sparse.csr_matrix(X.toarray() * (np.arange(N_ROWS) != 5)[:, None])
    whole = class_grams(X, mean, scale, np.arange(10), table)
    for name in ("_PAIRS", "_CACHED", "_NUMBERS"):
        monkeypatch.setattr(class_products, name, size)
    parts = class_grams(X, mean, scale, np.arange(10), table)
    np.testing.assert_allclose(parts, whole, atol=1e-12)


def test_classes_of_a_group_share_their_products(monkeypatch):
    rng = np.random.default_rng(2)
    X = sparse.random(3000, 2500, density=0.004, format="csr", random_state=rng)
    y = np.argmax(X[:, :5] @ np.eye(5) * 4.0 + rng.gumbel(size=(3000, 5)), axis=1)
    asked, gram = [], Standardised.pair_gram

    def record(self, columns, classes, table):
        asked.append(table.shape[1])
        return gram(self, columns, classes, table)

    monkeypatch.setattr(Standardised, "pair_gram", record)
    model = SoftmaxRegression(C=0.3, penalty="group", tol=1e-6).fit(X, y)
    assert model.dual_gap_ <= 1e-6
    assert model.coef_.any()
    assert 1 not in asked
