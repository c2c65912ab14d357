"""Elastic net: the sum of absolute values, and a ridge."""

import numpy as np

from .composite import Composite

_SPARSE = 64  # columns, of which those that are zero are left out


class ElasticNet(Composite):
    """Σ_j a_j Σ_k |θ_kj| + ½ b_j Σ_k θ_kj² (Zou & Hastie, 2005, J. R. Stat. Soc. B 67)."""

    straight = True

    def value(self, params):
        """Σ a |θ|."""
        return np.add.reduce(self.norm * np.abs(params), axis=(0, -1))

    def slope(self, params):
        """a sign(θ)."""
        return self.norm * np.sign(params)

    def bend(self, params):
        """None: the norm is made of straight lines."""
        return 0.0, None

    def metric(self, curvature):
        """Any metric."""
        return curvature

    def shrink(self, params, metric):
        """Soft threshold."""
        bound = self.norm / metric
        return params - np.clip(params, -bound, bound)

    @staticmethod
    def _sizes(dual):
        return np.abs(dual)

    def size(self, dual):
        """max_k |v_k|."""
        return np.abs(dual).max(axis=0)

    def fenchel(self, params, dual):
        """Σ a|θ| - cθ + ½b(θ - w)², c = v within [-a, a] and w = (v - c) / b."""
        if not self.has_ridge and params.shape[-1] > _SPARSE:
            on = _used(params)  # the others have no part in it
            used = ElasticNet(self.norm[..., on], self.ridge[..., on])
            return used._kinks(params[..., on], dual[..., on])[0]
        kinks, left = self._kinks(params, dual)
        return kinks + self._ridge_gap(params, left)

    def _kinks(self, params, dual):
        """Σ a|θ| - cθ, and v - c."""
        inner = np.maximum(np.minimum(dual, self.norm), -self.norm)
        return np.add.reduce(
            self.norm * np.abs(params) - inner * params, axis=(0, -1)
        ), dual - inner

    def part(self, mask):
        """Any parameters, as those of one output."""
        norm, ridge = (np.broadcast_to(each, mask.shape)[mask] for each in (self.norm, self.ridge))
        return ElasticNet(norm, ridge), (1, len(norm))

    def smooth_at(self, params):
        """Parameters that are not zero, or have no norm."""
        return (params != 0.0) | (self.norm == 0.0)

    def stopped(self, params, start):
        """Zero where the sign changes."""
        return np.where((params * start < 0.0) & (self.norm > 0.0), 0.0, params)

    def along(self, params, direction, slope, curvature):
        """The first kink, or point between kinks, where the slope is not negative."""
        turns = params * direction < 0.0
        times = np.divide(-params, direction, out=np.full_like(params, np.inf), where=turns)
        kinks = 2.0 * self.norm * np.abs(direction)
        order = np.argsort(times, axis=None, kind="stable")
        order = order[: np.count_nonzero(times < 1.0)]
        ends = np.append(times.ravel()[order], 1.0)
        jumps = np.append(0.0, np.cumsum(np.broadcast_to(kinks, params.shape).ravel()[order]))
        slopes = slope + np.vdot(self.slope(params), direction) + jumps
        before = slopes + ends * curvature  # where each piece ends
        piece = int(np.argmax(np.append(before[:-1], np.inf) >= 0.0))
        after = slopes[piece] + (0.0 if piece == 0 else ends[piece - 1] * curvature)
        if piece > 0 and after >= 0.0:
            new = params + ends[piece - 1] * direction
            new.ravel()[order[piece - 1]] = 0.0
            return [new]
        length = -slopes[piece] / curvature if curvature > 0.0 else ends[piece]
        return [params + min(length, ends[piece]) * direction]

    def ties(self, params):
        """Where no ridge decides, and as many entries are of one sign as are not."""
        norm, ridge = self.norm, self.ridge
        if params.shape[-1] > _SPARSE:
            on = _used(params)
            params, norm, ridge = params[..., on], norm[..., on], ridge[..., on]
        signs = np.sign(params)
        lead, n_off = np.abs(np.add.reduce(signs)), len(params) - np.add.reduce(np.abs(signs))
        even = (lead == n_off) & (norm > 0.0) & (ridge == 0.0)
        return even.any(axis=-1) & (len(params) > 1)

    def centred(self, params):
        """Shift each column by c, the least of Σ_k a|θ_k - c| + ½b(θ_k - c)².

        Without a ridge that is the median; of two, the one with more entries, which are zero
        then, or else the one nearer to the mean: no shift of the column changes the choice.
        """
        if len(params) == 1:
            return params
        signs, n_zero = np.sign(params), np.add.reduce(params == 0.0)
        pull = self.norm * np.add.reduce(signs)
        if self.has_ridge:
            pull += self.ridge * np.add.reduce(params)
        still = self.free | (np.abs(pull) < self.norm * n_zero)  # 0 is least in these
        params = self._without_mean(params, self.free.nonzero()[0])
        if not still.all():
            move = np.flatnonzero(~still)
            params[:, move] = self.restricted(move)._shifted(params[:, move])
        return params

    def _shifted(self, params):
        n_outputs = len(params)
        ordered, columns = np.sort(params, axis=0), np.arange(params.shape[1])
        pull = self.ridge * n_outputs * (ordered - params.mean(axis=0))
        ranks = np.arange(n_outputs)[:, None]
        below = self.norm * (2 * ranks - n_outputs) + pull  # slopes beside each entry
        above = below + 2 * self.norm
        number = np.argmax(above >= 0.0, axis=0)
        best, slope = ordered[number, columns], below[number, columns]
        between = slope > 0.0
        weight = np.where(self.ridge > 0.0, self.ridge * n_outputs, 1.0)
        best = np.where(between & (self.ridge > 0.0), best - slope / weight, best)
        other = ordered[np.minimum(number + 1, n_outputs - 1), columns]
        counts = [np.count_nonzero(params == each, axis=0) for each in (best, other)]
        middle = params.mean(axis=0)
        nearer = np.abs(other - middle) < np.abs(best - middle)
        better = (counts[1] > counts[0]) | ((counts[1] == counts[0]) & nearer)
        tie = (above[number, columns] == 0.0) & better
        return params - np.where(tie, other, best)


def _used(params):
    """Numbers of the columns that are not zero, in any of a stack."""
    return params.any(axis=tuple(range(params.ndim - 1))).nonzero()[0]
