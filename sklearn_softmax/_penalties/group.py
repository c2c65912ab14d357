"""Group lasso: the Euclidean norms of columns, and a ridge."""

import numpy as np

from .composite import Composite
from .elastic_net import ElasticNet

_GRIDS, _GRID = 6, 32  # grids within each other, and their intervals
_NEAR = 0.05  # to zero, relative to where a column was: there the kink may hold it


class Group(Composite):
    """Σ_j a_j ‖θ_:j‖₂ + ½ b_j ‖θ_:j‖₂² (Yuan & Lin, 2006, J. R. Stat. Soc. B 68).

    All classes of a feature are zero together.
    """

    @classmethod
    def of(cls, n_outputs, norm, ridge):
        """With one output, whose lengths are absolute values, it is the elastic net."""
        return ElasticNet(norm, ridge) if n_outputs == 1 else cls(norm, ridge)

    @staticmethod
    def _lengths(params):
        return np.sqrt(np.einsum("k...,k...->...", params, params))

    def value(self, params):
        """Σ a ‖θ‖₂."""
        return np.add.reduce(self.norm * self._lengths(params), axis=-1)

    def slope(self, params):
        """a θ / ‖θ‖."""
        return params * self._rates(params)

    def _rates(self, params):
        lengths = self._lengths(params)
        return np.divide(self.norm, lengths, out=np.zeros_like(lengths), where=lengths > 0.0)

    def bend(self, params):
        """a (I - θθ'/‖θ‖²) / ‖θ‖ in each column."""
        rates, lengths = self._rates(params), self._lengths(params)
        roots = np.divide(np.sqrt(rates), lengths, out=np.zeros_like(lengths), where=lengths > 0.0)
        return np.broadcast_to(rates, params.shape), params * roots

    def metric(self, curvature):
        """Metrics that are the same for all classes of a column."""
        return np.broadcast_to(curvature.max(axis=0), curvature.shape)

    def shrink(self, params, metric):
        """Soft threshold of the lengths."""
        lengths = self._lengths(params)
        bound = np.minimum(self.norm / metric[0], lengths)
        return params * np.divide(
            lengths - bound, lengths, out=np.zeros_like(lengths), where=lengths > 0.0
        )

    def _sizes(self, dual):
        return np.broadcast_to(self._lengths(dual), dual.shape)

    def size(self, dual):
        """‖v‖₂."""
        return self._lengths(dual)

    def fenchel(self, params, dual):
        """Σ a‖θ‖ - θ'c + ½b‖θ - w‖², c = v within the ball of radius a and w = (v - c) / b."""
        lengths = self._lengths(dual)
        share = np.divide(self.norm, lengths, out=np.ones_like(lengths), where=lengths > self.norm)
        inner = dual * share
        kink = self.norm * self._lengths(params) - np.einsum("k...,k...->...", inner, params)
        return np.add.reduce(kink, axis=-1) + self._ridge_gap(params, dual - inner)

    def part(self, mask):
        """Whole columns."""
        columns = np.flatnonzero(mask[0])
        return self.restricted(columns), (len(mask), len(columns))

    def smooth_at(self, params):
        """Columns that are not zero, or have no norm."""
        columns = np.any(params, axis=0) | (self.norm == 0.0)
        return np.broadcast_to(columns, params.shape)

    def stopped(self, params, start):
        """Zero where a column turns by more than a right angle."""
        turned = np.einsum("kj,kj->j", params, start) < 0.0
        return np.where(turned & (self.norm > 0.0), 0.0, params)

    def along(self, params, direction, slope, curvature):
        """By nested grids, for the function is smooth but where columns vanish."""
        near, turn, far = (
            np.einsum("kj,kj->j", *pair)[:, None]
            for pair in ((params, params), (params, direction), (direction, direction))
        )

        def slopes(lengths):
            sizes = np.sqrt(np.maximum(near + lengths * (2.0 * turn + lengths * far), 0.0))
            rises = turn + lengths * far
            rates = np.divide(rises, sizes, out=np.zeros_like(sizes), where=sizes > 0.0)
            return slope + lengths * curvature + self.norm @ rates

        if not slopes(np.ones(1))[0] > 0.0:
            return [params + direction]
        low, high = 0.0, 1.0
        for _ in range(_GRIDS):
            lengths = np.linspace(low, high, _GRID + 1)
            last = np.argmax(slopes(lengths[1:]) > 0.0)
            low, high = lengths[last], lengths[last + 1]
        new = params + low * direction
        small = self._lengths(new) <= _NEAR * self._lengths(params)
        return [new, np.where(small & (self.norm > 0.0), 0.0, new)]

    def centred(self, params):
        """Columns of class sum zero."""
        return params if len(params) == 1 else self._without_mean(params, slice(None))
