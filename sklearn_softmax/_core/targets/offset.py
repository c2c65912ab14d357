"""Any target, seen from logits to which a known offset is added."""

import numpy as np


class Offset:
    """Compares Lθ + offset with a target.

    Only relative logits at parameters know of the offset; those of directions, and all that
    follows from relative logits, do not.

    Parameters
    ----------
    target : target
        See `sklearn_softmax._core.targets`.
    offset : ndarray of shape (n_outputs, n_rows)
        Finite, any strides.
    """

    def __init__(self, target, offset):
        self._target, self._offset = target, offset
        self.n_outputs, self.frequencies = target.n_outputs, target.frequencies
        self.relate_direction = target.relate_direction
        self.loss_rows, self.residuals = target.loss_rows, target.residuals
        self.slopes, self.probabilities = target.slopes, target.probabilities
        self.variances, self.curve = target.variances, target.curve
        self.curvatures = target.curvatures
        self.bend, self.anchor = target.bend, target.anchor
        self.states, self.derivatives = target.states, target.derivatives
        self.third = target.third
        self.highest = target.highest
        self.divergence, self.confine = target.divergence, target.confine
        self.excess, self.balance = target.excess, target.balance

    @property
    def largest(self):
        """The size of the largest offset."""
        return float(max(self._offset.max(initial=0.0), -self._offset.min(initial=0.0)))

    def divided(self, temperature):
        """The same with offsets divided by a number."""
        return Offset(self._target, self._offset / temperature)

    def __len__(self):
        return len(self._target)

    def relate(self, logits, rows):
        """Turn logits without offset into relative logits with it, in place."""
        logits += self._offset[:, rows]
        self._target.relate(logits, rows)

    def proportional(self, relative, rows):
        """The part of relative logits that is linear in the parameters."""
        known = np.array(self._offset[:, rows], dtype=np.float64)
        self._target.relate_direction(known, rows)
        return relative - known

    def prior_logits(self, weights):
        """Those of the target, less the mean offset."""
        logits = self._target.prior_logits(weights)
        logits = logits - np.average(self._offset, axis=1, weights=weights)
        return logits if len(logits) == 1 else logits - logits.mean()
