"""Group lasso: the Euclidean norms of columns, and a ridge."""

import numpy as np

from .composite import Composite

_BISECTIONS = 40
_NEAR = 0.05  # to zero, relative to where a column was: there the kink may hold it


class Group(Composite):
    """Σ_j a_j ‖θ_:j‖₂ + ½ b_j ‖θ_:j‖₂² (Yuan & Lin, 2006, J. R. Stat. Soc. B 68).

    All classes of a feature are zero together.
    """

    @staticmethod
    def _lengths(params):
        return np.sqrt(np.einsum("kj,kj->j", params, params))

    def value(self, params):
        """Σ a ‖θ‖₂."""
        return np.dot(self.norm, self._lengths(params))

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
        best = np.divide(
            dual - inner, self.ridge, out=np.zeros_like(params), where=self.ridge > 0.0
        )
        kink = self.norm * self._lengths(params) - np.einsum("kj,kj->j", inner, params)
        return np.sum(kink) + 0.5 * np.sum(self.ridge * (params - best) ** 2)

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
        """By bisection, for the function is smooth but where columns vanish."""

        def rises(length):
            norm = np.vdot(self.slope(params + length * direction), direction)
            return slope + length * curvature + norm > 0.0

        low, high = 0.0, 1.0
        if not rises(high):
            return [params + direction]
        for _ in range(_BISECTIONS):
            middle = 0.5 * (low + high)
            low, high = (low, middle) if rises(middle) else (middle, high)
        new = params + low * direction
        near = self._lengths(new) <= _NEAR * self._lengths(params)
        return [new, np.where(near & (self.norm > 0.0), 0.0, new)]

    def centred(self, params):
        """Columns of class sum zero."""
        return params if len(params) == 1 else self._without_mean(params, slice(None))
