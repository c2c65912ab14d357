"""Any map, with a constant added to the logits of each class, or of each row and class."""

import numpy as np


class Shifted:
    """Logits (Lθ) + shift; only what predictions need of a map.

    Parameters
    ----------
    map : map
        L.
    shift : ndarray of shape (n_outputs,) or (n_outputs, n_rows)
        For each logit, or for each logit of each row.
    """

    def __init__(self, map, shift):
        shift = shift.reshape(map.shape[0], -1)
        self._map, self._shift = map, np.broadcast_to(shift, (map.shape[0], map.n_rows))
        self.n_rows, self.shape, self.dtype = map.n_rows, map.shape, map.dtype
        self.block_rows = map.block_rows

    def bind(self, params):
        """What `forward` needs of the parameters."""
        return self._map.bind(params)

    def forward(self, bound, rows, out):
        """Write the logits of the slice `rows` to `out`, shape (n_outputs, n_rows)."""
        self._map.forward(bound, rows, out)
        out += self._shift[:, rows]
