"""Targets: what the logits are compared with, and the loss, residuals and curvature that follow.

All arrays are class-major blocks ``(n_outputs, n_rows)``. A target first turns logits into
*relative logits*, the loss being a function of those alone: for labels they are
``z_k - z_y``, so that the loss is ``log1p(sum_{k != y} exp(z_k - z_y))``. Nothing is ever
computed as a difference of nearly equal numbers: tiny losses and residuals keep their
relative precision, in float32 too, and no class maximum is needed unless exp overflows.
"""

from functools import lru_cache

import numpy as np

from ..exponentials import exponentials
from ..others import others

KEPT = 0.9  # share of a probability that may be taken from it
_NEAR = 0.5  # changes of probabilities, relative to them


@lru_cache(maxsize=8)
def _least(dtype):
    return np.finfo(dtype).tiny


class Target:
    """What all targets share: the conduct of loss, residuals and probabilities.

    A subclass says how logits become relative logits (`relate`), what sums of their
    exponentials mean (`_close`), and how residuals leave the probabilities (`_finish`).
    """

    def prior_logits(self, weights):
        """Logits of the class priors, with mean zero; a class of weight zero is floored."""
        logits = np.log(np.maximum(self.frequencies(weights), np.finfo(np.float64).eps))
        return logits - np.add.reduce(logits) / len(logits)

    def loss_rows(self, relative, rows, out):
        """Loss of each row, in nats; `out` receives exp(relative) and is needed further on.

        Returns
        -------
        loss : ndarray of shape (n_rows,)
        inverse : ndarray of shape (n_rows,)
            What `out` must be multiplied with to become probabilities.
        """
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            self._exponentials(relative, rows, out)
            sums = np.add.reduce(out, axis=0)
            loss, inverse = self._close(sums)
            if not np.isfinite(np.add.reduce(sums)):
                self._rescue(relative, out, loss, inverse)
        return loss, inverse

    @staticmethod
    def _exponentials(relative, rows, out):
        """Exponentials of relative logits, without that of the row's own class."""
        exponentials(relative, out)

    def curvatures(self, relative, rows, out):
        """Write p (1 - p) of all classes to `out`."""
        _, inverse = self.loss_rows(relative, rows, out)
        self.probabilities(out, inverse, rows)
        self.variances(out)

    def residuals(self, relative, rows, weights, out, see=None):
        """Sum of weighted losses; `out` receives the weighted residuals s (P - Y).

        ``see(probabilities)`` is called on the way, if it is not None.
        """
        loss, inverse = self.loss_rows(relative, rows, out)
        if see is None:
            out *= inverse if weights is None else inverse * weights
        else:
            self.probabilities(out, inverse, rows)
            see(out)
            self._clear(out, rows)
            if weights is not None:
                out *= weights
        self._finish(out, rows, weights)
        if weights is not None:
            loss *= weights
        return np.add.reduce(loss, dtype=np.float64)

    @staticmethod
    def probabilities(exponentials, inverse, rows):
        """Turn `exponentials` into probabilities in place: at most 1, whatever rounding says."""
        exponentials *= inverse
        np.minimum(exponentials, 1.0, out=exponentials)

    def states(self, relative, rows):
        """Losses of rows, their probabilities P, and P - Y."""
        chances = np.empty_like(relative)
        losses, inverse = self.loss_rows(relative, rows, chances)
        self.probabilities(chances, inverse, rows)
        return losses, chances, self.excess(chances, rows)

    def excess(self, probabilities, rows):
        """P - Y from probabilities, which are kept."""
        excess = probabilities.copy()
        self._clear(excess, rows)
        self._finish(excess, rows, None)
        return excess

    @staticmethod
    def _clear(probabilities, rows):
        """Set what `_finish` writes to zero, where it reads it."""

    @staticmethod
    def anchor(margins, rows):
        """Measure margins from that of the row's own class, in place; a single output is one.

        What all classes have in common drops out before it can cancel.
        """

    @staticmethod
    def balance(residuals, rows):
        """Let residuals of each row sum to zero, in place: those of a single output stand for two.

        One of them is minus the sum of the others, which may be tiny beside its probability.
        """

    @staticmethod
    def slopes(exponentials, inverse, margins, rows):
        """Slope of each row's loss where relative logits change by `margins`.

        `exponentials` and `inverse` are what `loss_rows` gives; the former are used up.
        """
        exponentials *= inverse  # first, for exponentials may be as large as numbers can be
        exponentials *= margins
        return np.add.reduce(exponentials, axis=0)

    @staticmethod
    def proportional(relative, rows):
        """The part of relative logits that is linear in the parameters: all of it."""
        return relative

    @staticmethod
    def highest(margins, rows):
        """The highest margin of each row: no step along negative ones ever raises its loss."""
        return margins.max(axis=0)

    @staticmethod
    def variances(probabilities):
        """Diagonal of diag(p) - pp' for each row, in place."""
        probabilities *= others(probabilities)

    @staticmethod
    def divergence(probabilities, change, rows):
        """KL(P + change ‖ P) of each row; inf where P + change is no distribution."""
        return divergence(probabilities, change)

    @staticmethod
    def confine(probabilities, change, columns, rows):
        """Let P + change be distributions in some columns, in place: gains shrink with losses."""
        p, moved = probabilities[:, columns], change[:, columns]
        losses = np.clip(moved, -KEPT * p, 0.0)
        gains = np.maximum(moved, 0.0)
        total = np.maximum(np.add.reduce(gains, axis=0), _least(p.dtype))
        gains *= -np.add.reduce(losses, axis=0) / total
        change[:, columns] = gains + losses

    @staticmethod
    def curve(probabilities, direction):
        """Turn `direction` into (diag(p) - pp') direction, in place."""
        direction -= np.einsum("kb,kb->b", probabilities, direction)
        direction *= probabilities

    @staticmethod
    def derivatives(probabilities, direction, rows):
        """First and second derivative of p along `direction` u, p (u - p'u) and its own.

        The latter is p ((u - p'u)² - var u).
        """
        second = direction - np.einsum("kb,kb->b", probabilities, direction)
        first = probabilities * second
        second *= first
        second -= probabilities * np.add.reduce(second, axis=0)
        return first, second

    @staticmethod
    def third(probabilities, direction, bend, rows):
        """Third Taylor coefficient of p along t u + t² v, `direction` u and `bend` v.

        By p' = p (z' - p'z) for logits z, in powers of t.
        """
        first = direction - np.einsum("kb,kb->b", probabilities, direction)
        second = 2.0 * (bend - np.einsum("kb,kb->b", probabilities, bend))
        change = probabilities * first
        square = change * first
        second -= np.add.reduce(square, axis=0)
        total = 0.5 * first * (square + probabilities * second)
        total += change * second
        total -= probabilities * np.add.reduce(total, axis=0)
        total /= 3.0
        return total

    def bend(self, probabilities, direction, rows):
        """Turn `direction` into the second derivative of p along it, in place."""
        direction[:] = self.derivatives(probabilities, direction, rows)[1]

    @staticmethod
    def _rescue(relative, out, loss, inverse):
        """Repeat the rows where exp overflowed, shifted by their maximum."""
        bad = np.flatnonzero(~np.isfinite(loss))
        columns = relative[:, bad]
        largest = columns.max(axis=0)
        shifted = np.exp(columns - largest)
        sums = shifted.sum(axis=0)
        out[:, bad] = shifted / sums
        loss[bad], inverse[bad] = largest + np.log(sums), 1.0


def divergence(probabilities, change):
    """KL(P + change ‖ P) by rows, or slightly more: (1 + r) log(1 + r) - r <= (1 + m/2) r²/2
    where -m <= r <= m <= ½.
    """
    ratio = np.maximum(probabilities, _least(probabilities.dtype))
    np.divide(change, ratio, out=ratio)
    largest = max(ratio.max(initial=0.0), -ratio.min(initial=0.0))
    if largest <= _NEAR:
        ratio *= change
        return (0.5 + 0.25 * largest) * np.add.reduce(ratio, axis=0)
    least = ratio.min(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        np.log1p(ratio, out=ratio)
        ratio *= probabilities + change  # Q and not P, which may be 0 by rounding: see `tiny` above
        ratio -= change
        sums = np.maximum(0.0, np.add.reduce(ratio, axis=0))  # its terms are not, in sum they are
        return np.where(least > -1.0, sums, np.inf)
