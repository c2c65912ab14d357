"""Products of the same sparse columns under the weights of many classes, from one list of pairs.

Each row is a list of products x_j x_l of what it stores, which is made once and multiplied by
the weights of all classes: Σ_i w_ik x_ij x_il is a product of a sparse matrix with a table.
"""

import numpy as np
from scipy import sparse

from .pair_products import chosen_columns

_PAIRS, _CACHED = 1 << 23, 1 << 16  # products of pairs at a time; of those that are made
_NUMBERS = 1 << 25  # sums for so many pairs and classes at a time


def class_grams(X, mean, scale, columns, table):
    """Σ_i w_ik x̃_i x̃_i' of standardised columns for each class k: see `pair_products`.

    Parameters
    ----------
    X : CSR matrix of shape (n_rows, n_features)
        Raw.
    mean, scale : ndarray of shape (n_features,)
        Of the columns.
    columns : ndarray of int, shape (n,)
        Which columns, ascending; n_features stands for the intercept.
    table : ndarray of shape (n_rows, n_classes)
        Weights w.

    Returns
    -------
    list of ndarray of shape (n, n)
    """
    features, part, shift, unit = chosen_columns(X, mean, scale, columns)
    part.sort_indices()
    n_taken = part.shape[1]
    sums = np.zeros((len(columns), table.shape[1]))
    sums[features] = part.T @ table
    totals, n_pairs = np.add.reduce(table, axis=0), max(1, n_taken * (n_taken + 1) // 2)
    step, grams = max(1, _NUMBERS // n_pairs), []
    numbers = np.arange(n_taken)
    larger, smaller = np.maximum(numbers, numbers[:, None]), np.minimum(numbers, numbers[:, None])
    places = larger * (larger + 1) // 2 + smaller
    for first in range(0, table.shape[1], step):
        moments = _moments(part, np.ascontiguousarray(table[:, first : first + step]))
        for k, own in enumerate(np.ascontiguousarray(moments.T), first):
            gram = np.outer(shift, totals[k] * shift - sums[:, k])
            gram -= np.outer(sums[:, k], shift)
            gram[:n_taken, :n_taken] += own[places]
            gram /= unit
            gram /= unit[:, None]
            grams.append(gram)
    return grams


def _moments(part, table):
    """Σ_i w_ik x_ij x_il for l ≤ j, a row for each pair."""
    n_rows, size = part.shape
    counts = np.diff(part.indptr).astype(np.intp)
    ends = np.append(0, np.cumsum(counts * (counts + 1) // 2))
    total = np.zeros((size * (size + 1) // 2, table.shape[1]))
    for rows in _slices(ends, slice(0, n_rows), _PAIRS):
        products = np.empty(ends[rows.stop] - ends[rows.start])
        places = np.empty(len(products), np.intp)
        for few in _slices(ends, rows, _CACHED):
            filled = slice(ends[few.start] - ends[rows.start], ends[few.stop] - ends[rows.start])
            products[filled], places[filled] = _pairs(part, few)
        pointers = ends[rows.start : rows.stop + 1] - ends[rows.start]
        shape = len(total), rows.stop - rows.start
        pairs = sparse.csc_matrix((products, places, pointers), shape=shape)
        total += pairs.tocsr() @ table[rows]  # by pairs: their sums stay where they are
    return total


def _slices(ends, rows, size):
    """Slices of rows that have at most so many pairs, or a single row."""
    start = rows.start
    while start < rows.stop:
        stop = np.searchsorted(ends, ends[start] + size, side="right") - 1
        stop = min(max(int(stop), start + 1), rows.stop)
        yield slice(start, stop)
        start = stop


def _pairs(part, rows):
    """Products of all pairs of entries in each of some rows, and the numbers of the pairs."""
    begin, end = part.indptr[rows.start], part.indptr[rows.stop]
    columns, data = part.indices[begin:end], part.data[begin:end].astype(np.float64, copy=False)
    begins = np.repeat(part.indptr[rows] - begin, np.diff(part.indptr[rows.start : rows.stop + 1]))
    numbers = np.arange(len(columns))
    partners = numbers - begins + 1  # an entry goes with those before it in its row, and itself
    offsets = begins - (np.cumsum(partners) - partners)
    seconds = np.repeat(offsets, partners)
    seconds += np.arange(len(seconds))
    bases = columns.astype(np.intp)
    bases = np.repeat(bases * (bases + 1) // 2, partners)
    bases += columns[seconds]
    products = np.repeat(data, partners)
    products *= data[seconds]
    return products, bases
