"""Products of columns (x_j - m_j) / s_j, scaled by tables, of a sparse matrix: never densified.

With U = X̃ ∘ T, where column c of U is column j(c) of X̃ times column k(c) of a table,

    U'U = (X'ₜXₜ - A m' - m A' + m m' ∘ B) / s s',   A = Xₜ'T,   B = T'T.

An intercept is a column of zeros with m = -1 and s = 1.
"""

import numpy as np
from scipy import sparse


def chosen_columns(X, mean, scale, columns):
    """Which of the columns are features, a copy of those, and m and s of all of them."""
    features = columns < X.shape[1]
    taken = columns[features]
    shift, unit = np.full(len(columns), -1.0), np.ones(len(columns))
    shift[features], unit[features] = mean[taken], scale[taken]
    return features, sparse.csr_matrix(X[:, taken]), shift, unit


def pair_gram(X, mean, scale, columns, classes, table):
    """U'U of standardised columns, scaled by columns of a table.

    Parameters
    ----------
    X : CSR matrix of shape (n_rows, n_features)
        Raw.
    mean, scale : ndarray of shape (n_features,)
        m and s.
    columns : ndarray of int, shape (n_pairs,)
        j(c); n_features stands for the intercept.
    classes : ndarray of int, shape (n_pairs,)
        k(c).
    table : ndarray of shape (n_rows, n_classes)
        T.

    Returns
    -------
    ndarray of shape (n_pairs, n_pairs)
    """
    features, part, shift, unit = chosen_columns(X, mean, scale, columns)
    kinds = classes[features]
    rows = np.repeat(np.arange(len(table)), np.diff(part.indptr))
    data = part.data * table[rows, kinds[part.indices]]
    scaled = sparse.csr_matrix((data, part.indices, part.indptr), part.shape)
    gram = np.zeros((len(columns), len(columns)))
    gram[np.ix_(features, features)] = (scaled.T @ scaled).toarray()
    mixed = np.zeros((len(columns), table.shape[1]))
    mixed[features] = scaled.T @ table
    cross = mixed[:, classes] * shift
    gram -= cross
    gram -= cross.T
    gram += np.outer(shift, shift) * (table.T @ table)[np.ix_(classes, classes)]
    gram /= np.outer(unit, unit)
    return gram
