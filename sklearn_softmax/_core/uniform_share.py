"""Temperature and a uniform share: log[(1 - d) softmax(β l) + d / K], learned together.

The share d is the chance that a row is not what the scores say. It minimises the mean loss minus
log(d (1 - d)) / n: two rows more, one of which nothing is known and one that is what the scores
say. That is the rule of Laplace as a prior, so that no event is ever impossible, nor the scores
ever without value. The slope has a prior as weak, ½ log²(β / β₀) / n, with β₀ of
plain temperature scaling: it bounds β where the share leaves separable rows alone.
"""

from dataclasses import dataclass

import numpy as np

from .blocks import RowBlocks

_BLOCK_NUMBERS = 40_000  # of a block of logits
_CONVERGED = 1e-7  # Newton decrement of the last step, relative to the value: it is squared
_MAX_ITER = 60
_HALVINGS = 30
_STIFFER = 1.0 + 1e-12  # each coordinate by its own size: they may differ by any factor


@dataclass(frozen=True)
class UniformShare:
    """Slope β and share d, in coordinates log β and log(d / (1 - d))."""

    slope: float
    share: float

    @property
    def point(self):
        """The coordinates."""
        return np.array([np.log(self.slope), np.log(self.share) - np.log1p(-self.share)])

    @classmethod
    def at(cls, point):
        """From the coordinates."""
        return cls(float(np.exp(point[0])), float(1.0 / (1.0 + np.exp(-point[1]))))

    def log_probabilities(self, logits):
        """Calibrated log-probabilities, class-major: from and to shape (n_classes, n_rows)."""
        result = self.slope * logits
        if self.share == 0.0:
            return result - np.log(np.add.reduce(np.exp(result), axis=0))
        np.exp(result, out=result)
        result *= (1.0 - self.share) / np.add.reduce(result, axis=0)
        result += self.share / len(result)
        return np.log(result, out=result)


class ShareProblem:
    """The objective of `UniformShare`, with gradient and Hessian.

    Parameters
    ----------
    logits : ndarray of shape (n_rows, n_classes)
        With 0 as the largest of a row.
    labels : ndarray of shape (n_rows,)
        Class numbers.
    slope : float
        β₀.
    held : bool
        Whether β must stay at β₀.
    threads : Threads
        Runs the blocks.
    """

    def __init__(self, logits, labels, slope, held, threads):
        self._logits, self._labels = logits, labels
        self._slope, self._held, self._threads = slope, held, threads
        n_rows, n_classes = logits.shape
        self._blocks = RowBlocks(n_rows, max(64, _BLOCK_NUMBERS // n_classes))

    def minimise(self, weights, start=None):
        """The best slope and share, by Newton's method.

        Parameters
        ----------
        weights : ndarray of shape (n_rows,)
            Non-negative weights of the rows.
        start : UniformShare or None
            Where to start.

        Returns
        -------
        UniformShare
        """
        total = np.add.reduce(weights)
        start = start or UniformShare(self._slope, 1.0 / (total + 2.0))
        point = start.point
        value, gradient, curvature = self._evaluate(point, weights, total)
        for _ in range(_MAX_ITER):
            step = -np.linalg.solve(curvature, gradient)
            step *= min(1.0, 3.0 / np.abs(step).max(initial=1e-300))
            slope = np.dot(gradient, step)
            if -slope <= _CONVERGED * value:
                return UniformShare.at(point + step)
            for _ in range(_HALVINGS):
                trial = self._evaluate(point + step, weights, total)
                if trial[0] <= value + 1e-4 * slope:
                    break
                step, slope = 0.5 * step, 0.5 * slope
            else:
                break
            point = point + step
            value, gradient, curvature = trial
        return UniformShare.at(point)

    def _evaluate(self, point, weights, total):
        found = UniformShare.at(point)
        relative = UniformShare(found.slope / self._slope, found.share)

        def visit(rows, totals):
            unit = self._slope * self._logits[rows].T  # logits may be as large as numbers can be
            chance, bend = _terms(relative, unit, self._labels[rows], weights[rows])
            totals[0][:] += chance
            totals[1][:] += bend

        sums, outer = self._blocks.sum(visit, lambda: (np.zeros(6), np.zeros(3)), self._threads)
        value, gradient, hessian = sums[0], sums[1:3], sums[3:]
        doubt = found.share * (1.0 - found.share)
        value, gradient = value - np.log(doubt), gradient - [0.0, 1.0 - 2.0 * found.share]
        offset = point[0] - np.log(self._slope)
        pull = 1e12 * (total + 1.0) if self._held else 1.0
        value, gradient = value + 0.5 * pull * offset**2, gradient + [pull * offset, 0.0]
        prior = np.array([pull, 0.0, 2.0 * doubt])
        curvature = _positive(hessian + prior, outer + prior)
        scale = 1.0 / (total + 1.0)
        return scale * value, scale * gradient, scale * curvature


def _terms(found, logits, labels, weights):
    """Sums over rows of loss, gradient and Hessian, and of the squared gradients."""
    slope, share = found.slope, found.share
    columns = np.arange(len(labels))
    work = np.exp(slope * logits)
    inverse = 1.0 / np.add.reduce(work, axis=0)
    chance = work[labels, columns] * inverse
    work *= logits
    mean = np.add.reduce(work, axis=0) * inverse
    variance = np.einsum("kb,kb->b", work, logits) * inverse - mean**2
    pull = slope * (logits[labels, columns] - mean)
    mixed = (1.0 - share) * chance + share / len(logits)
    doubt, ratio = share * (1.0 - share), chance / mixed
    steep = (1.0 - share) * ratio * pull
    lift = doubt * (1.0 / len(logits) / mixed - ratio)
    bent = (1.0 - share) * ratio * (pull**2 + pull - slope**2 * variance)
    outer = np.array([steep**2, steep * lift, lift**2])
    inner = np.array([bent, -doubt * ratio * pull, (1.0 - 2.0 * share) * lift])
    terms = np.vstack([-np.log(mixed), -steep, -lift, outer - inner])
    return terms @ weights, outer @ weights


def _positive(hessian, fallback):
    """The Hessian as a matrix where it is safely positive, else that of Gauss and Newton."""
    first, cross, last = hessian
    if not (first > 0 and first * last - cross**2 > 1e-8 * first * abs(last)):
        first, cross, last = fallback
    return np.array([[first * _STIFFER, cross], [cross, last * _STIFFER]])
