"""Products of few coefficients with many rows, in pieces that BLAS multiplies fastest.

Small matrices are multiplied as they lie in memory, large ones are packed first, which takes
longer than their product where one side is thin. Pieces of rows also bound what a cast copies.
"""

import numpy as np

_SMALL = 1_000_000  # multiplications: OpenBLAS packs larger matrices
_LEAST_ROWS = 40  # of a piece that is worth its calls
_CAST = 1 << 16  # numbers of a piece that is copied


def transposed(coef, dtype):
    """Coefficients of shape (n_outputs, width), with columns contiguous: rows meet them so."""
    return np.ascontiguousarray(coef.T, dtype=dtype).T


def pieces(n_rows, n_outputs, width, cast):
    """Slices of a block of rows, for products of (n_outputs, width) with (width, n_rows)."""
    largest = _SMALL // max(1, n_outputs * width)
    largest = largest if largest >= _LEAST_ROWS else n_rows
    if cast:
        largest = min(largest, max(_LEAST_ROWS, _CAST // max(1, width)))
    count = -(-n_rows // max(1, largest))
    return [slice(n_rows * i // count, n_rows * (i + 1) // count) for i in range(count)]


def forward(coef, rows, out):
    """Write the products of coefficients with rows to `out`, shape (n_outputs, n_rows)."""
    if not np.any(coef):  # as at the start of a fit
        out[:] = 0.0
        return
    for part in pieces(len(rows), *coef.shape, rows.dtype != out.dtype):
        block = rows[part].astype(out.dtype, copy=False)
        np.matmul(coef, block.T, out=out[:, part])


def adjoint(residuals, rows, total):
    """Add the products of residuals with rows to `total`, shape (n_outputs, width)."""
    n_outputs, width = total.shape
    cast = rows.dtype != residuals.dtype
    whole = not cast and n_outputs * width * (width // 2) > _SMALL
    parts = [slice(None)] if whole else pieces(len(rows), n_outputs, width, cast)
    for part in parts:
        total += residuals[:, part] @ rows[part].astype(residuals.dtype, copy=False)
