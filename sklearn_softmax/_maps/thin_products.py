"""Products of many rows with the parameters of few outputs, in pieces that BLAS likes.

For small matrices OpenBLAS has kernels that read factors where they lie; others copy both of
them first, which takes longer than a product with few outputs. They serve products of up to a
million multiplications; those that transpose a factor, for small results only.
Pieces depend on the shapes alone.
"""

from functools import lru_cache

import numpy as np

_SMALL = 1_000_000  # multiplications
_LEAST_ROWS = 64  # shorter pieces cost more in calls
_WIDE = 48  # features
_SMALL_RESULT = 1200  # numbers
_COPIED = 3  # features for each output, from where on transposing logits costs less


@lru_cache(maxsize=64)
def pieces(n_rows, n_each):
    """Even slices of rows, each of at most a million multiplications of `n_each` for a row."""
    most = _SMALL // max(1, n_each)
    if most < _LEAST_ROWS:
        return (slice(0, n_rows),)
    n_pieces = max(1, -(-n_rows // most))
    edges = [n_rows * i // n_pieces for i in range(n_pieces + 1)]
    return tuple(slice(a, b) for a, b in zip(edges[:-1], edges[1:], strict=True))


def transposed_pays(rows, n_outputs):
    """Whether logits are best made by rows, from the transposed coefficients."""
    by_rows = rows.strides[1] == rows.itemsize
    return by_rows and rows.shape[1] >= _COPIED * n_outputs


def gather(rows, indices):
    """Rows of a slice, or a copy of those with these indices; `take` is fast in order C alone."""
    if isinstance(indices, slice) or not rows.flags.c_contiguous:
        return rows[indices]
    return rows.take(indices, axis=0)


def columns_serve(n_outputs, n_features):
    """Whether sums over rows, too, are as fast from columns: one copy stays in the cache."""
    return n_outputs * n_features <= _SMALL_RESULT


def logits(coef, rows, out):
    """Write ``coef @ rows.T`` to `out`.

    Parameters
    ----------
    coef : ndarray of shape (n_outputs, n_features)
    rows : ndarray of shape (n_rows, n_features)
        Of the same dtype.
    out : ndarray of shape (n_outputs, n_rows)
        Overwritten.
    """
    n_outputs, n_features = coef.shape
    parts = pieces(len(rows), n_outputs * n_features)
    if not transposed_pays(rows, n_outputs):
        columns = rows.T
        for part in parts:
            np.matmul(coef, columns[:, part], out=out[:, part])
        return
    coef = np.ascontiguousarray(coef.T)
    work = np.empty((-(-len(rows) // len(parts)), n_outputs), out.dtype)
    for part in parts:
        piece = work[: part.stop - part.start]
        np.matmul(rows[part], coef, out=piece)
        out[:, part] = piece.T


def add_product(residuals, rows, total):
    """Add ``residuals @ rows`` to `total`, shape (n_outputs, n_features)."""
    for part in pieces(len(rows), total.size):
        total += residuals[:, part] @ rows[part]


def add_moments(weights, rows, totals):
    """Add Σ w x x' of the rows to `totals`, for each row of non-negative weights.

    Narrow products are cut in pieces. A wide one is that of a matrix with its own transpose,
    of which BLAS makes but half.
    """
    n_rows, width = rows.shape
    columns = rows.T
    if width < _WIDE or n_rows * width * width <= _SMALL:
        for part in pieces(n_rows, width * width):
            for weight, total in zip(weights, totals, strict=True):
                total += (columns[:, part] * weight[part]) @ rows[part]
        return
    for root, total in zip(np.sqrt(weights), totals, strict=True):
        scaled = columns * root
        total += scaled @ scaled.T
