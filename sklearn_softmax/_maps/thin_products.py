"""Products of many rows with the parameters of few outputs, in pieces that BLAS likes.

For small matrices OpenBLAS has kernels that read factors where they lie; others copy both of
them first, which takes longer than a product with few outputs. They serve products of up to a
million multiplications; those that transpose a factor, for small results only.
Pieces depend on the shapes alone, and bound what a cast copies.
"""

from functools import lru_cache

import numpy as np

_SMALL = 1_000_000  # multiplications
_LEAST_ROWS = 40  # shorter pieces cost more in calls
_CAST = 1 << 16  # numbers of a piece that is cast
_WIDE = 48  # features
_SMALL_RESULT = 1200  # numbers
_COPIED = 3  # features for each output, from where on transposing logits costs less,
_FEW = 5  # but not for so many outputs


@lru_cache(maxsize=64)
def _cut(n_rows, most):
    """Even slices of at most so many rows."""
    n_pieces = max(1, -(-n_rows // most))
    edges = [n_rows * i // n_pieces for i in range(n_pieces + 1)]
    return tuple(slice(a, b) for a, b in zip(edges[:-1], edges[1:], strict=True))


def pieces(n_rows, n_each):
    """Even slices of rows, each of at most a million multiplications of `n_each` for a row."""
    most = _SMALL // max(1, n_each)
    return _cut(n_rows, most if most >= _LEAST_ROWS else max(1, n_rows))


def _parts(rows, n_outputs, dtype):
    """Pieces of rows that are multiplied in a dtype: smaller ones where they are cast to it."""
    n_rows, width = rows.shape
    parts = pieces(n_rows, n_outputs * width)
    if rows.dtype == dtype:
        return parts
    longest = max(part.stop - part.start for part in parts)
    return _cut(n_rows, max(1, min(longest, max(_LEAST_ROWS, _CAST // max(1, width)))))


def transposed(coef, dtype):
    """Coefficients of shape (n_outputs, n_features) in a dtype, a column beside the other."""
    return np.ascontiguousarray(coef.T, dtype=dtype).T


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
        Of the dtype of `out`; best `transposed` where the rows lie one beside the other.
    rows : ndarray of shape (n_rows, n_features)
        Cast piece by piece where they are of another dtype.
    out : ndarray of shape (n_outputs, n_rows)
        Overwritten.
    """
    if not np.any(coef):  # as at the start of a fit
        out[:] = 0.0
        return
    n_outputs, n_features = coef.shape
    by_rows, parts = rows.strides[1] == rows.itemsize, _parts(rows, n_outputs, out.dtype)
    coef = transposed(coef, coef.dtype) if by_rows else np.ascontiguousarray(coef)
    by_outputs = by_rows and n_outputs < _FEW and n_features >= _COPIED * n_outputs
    for part in parts:
        piece = rows[part].astype(out.dtype, copy=False)
        if by_outputs:
            out[:, part] = (piece @ coef.T).T
        else:
            np.matmul(coef, piece.T, out=out[:, part])


def add_product(residuals, rows, total):
    """Add ``residuals @ rows`` to `total`, shape (n_outputs, n_features)."""
    n_outputs, width = total.shape
    whole = rows.dtype == residuals.dtype and n_outputs * width * (width // 2) > _SMALL
    for part in (slice(None),) if whole else _parts(rows, n_outputs, residuals.dtype):
        total += residuals[:, part] @ rows[part].astype(residuals.dtype, copy=False)


def add_moments(weights, rows, totals, columns=None):
    """Add Σ w x x' of the rows, or some of their columns, for each row of non-negative weights.

    Narrow products are cut in pieces. A wide one is that of a matrix with its own transpose,
    of which BLAS makes but half.
    """
    rows = rows if columns is None else rows[:, columns]
    (n_rows, width), transposed_rows = rows.shape, rows.T
    if width < _WIDE or n_rows * width * width <= _SMALL:
        for part in pieces(n_rows, width * width):
            for weight, total in zip(weights, totals, strict=True):
                total += (transposed_rows[:, part] * weight[part]) @ rows[part]
        return
    for root, total in zip(np.sqrt(weights), totals, strict=True):
        scaled = transposed_rows * root
        total += scaled @ scaled.T
