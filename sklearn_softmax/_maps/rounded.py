"""Logits of float32 rows far from zero: products in float64, rounded when they are summed."""

import numpy as np
from scipy import sparse

from .design import DenseDesign, SparseDesign

_LARGE = 256.0  # intercept: what it cancels would leave float32 logits an error of 1e-4


def logit_map(X, params):
    """The map of rows to logits for parameters ``[W, b]``: in the dtype of X, or `Rounded`."""
    make = SparseDesign if sparse.issparse(X) else DenseDesign
    if X.dtype == np.float32 and np.abs(params[:, -1]).max() > _LARGE:
        return Rounded(make(X, len(params), dtype=np.float64))
    return make(X, len(params))


class Rounded:
    """Logits of a design in float64 as float32; only what predictions need of a map.

    Parameters
    ----------
    design : DenseDesign or SparseDesign
        With products in float64.
    """

    dtype = np.dtype(np.float32)

    def __init__(self, design):
        self._design = design
        self.n_rows, self.shape, self.block_rows = design.n_rows, design.shape, design.block_rows

    def bind(self, params):
        """What `forward` needs of the parameters."""
        return self._design.bind(params)

    def forward(self, bound, rows, out):
        """Write the logits of the slice `rows` to `out`, shape (n_outputs, n_rows)."""
        logits = np.empty(out.shape)
        self._design.forward(bound, rows, logits)
        out[:] = logits
