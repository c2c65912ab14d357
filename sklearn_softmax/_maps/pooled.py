"""The logarithm of a linear pool of members, in the place of a linear map's logits."""

import numpy as np

_BLOCK_BYTES = 640_000


class Pooled:
    """Logits log Σ_m w_m p_m, by rows; of two classes their log-odds.

    Only what predictions need of a map: there are no parameters.

    Parameters
    ----------
    logits : ndarray of shape (n_rows, n_classes)
        The input, with 0 as the largest of a row.
    base : UniformShare
        From logits to calibrated log-probabilities.
    members : list
        With ``logits(z, logits)``, class-major.
    weights : ndarray of shape (n_members,)
        Positive; they sum to 1.
    """

    dtype = np.dtype(np.float64)

    def __init__(self, logits, base, members, weights):
        self._logits, self._base, self._members, self._weights = logits, base, members, weights
        self.n_rows, self._n_classes = logits.shape
        self.shape = (1 if self._n_classes == 2 else self._n_classes, 0)

    @property
    def block_rows(self):
        """Rows of a block such that some arrays of logits stay in the cache."""
        return max(64, _BLOCK_BYTES // (16 * self._n_classes))

    def bind(self, params):
        """Nothing."""
        return params

    def forward(self, bound, rows, out):
        """Write the logits of the slice `rows` to `out`, shape (n_outputs, n_rows)."""
        logits = np.ascontiguousarray(self._logits[rows].T)
        if logits.shape[1] == 1:  # NumPy adds up a lone column in another order
            logits = np.repeat(logits, 2, axis=1)
        mixed = np.log(self._mixed(logits))[:, : out.shape[1]]
        out[:] = mixed if self._n_classes > 2 else mixed[1:] - mixed[:1]

    def _mixed(self, logits):
        z = self._base.log_probabilities(logits)
        total = np.zeros(logits.shape)
        for weight, member in zip(self._weights, self._members, strict=True):
            calibrated = member.logits(z, logits)
            chances = np.exp(calibrated - calibrated.max(axis=0))
            chances *= weight / np.add.reduce(chances, axis=0)
            total += chances
        return total
