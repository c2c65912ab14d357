"""Targets: what the logits are compared with, and the loss, residuals and curvature that follow.

All arrays are class-major blocks ``(n_outputs, n_rows)``. A target first turns logits into
*relative logits*, the loss being a function of those alone: for labels they are
``z_k - z_y``, so that the loss is ``log1p(sum_{k != y} exp(z_k - z_y))``. Nothing is ever
computed as a difference of nearly equal numbers: tiny losses and residuals keep their
relative precision, in float32 too, and no class maximum is needed unless exp overflows.
"""

import numpy as np

from ..exponentials import exponentials
from ..others import others

_KEPT = 0.9  # share of a probability that may be taken from it
_NEAR = 0.5  # changes of probabilities, relative to them


class _Target:
    """What all targets share: the conduct of loss, residuals and probabilities.

    A subclass says how logits become relative logits (`relate`), what sums of their
    exponentials mean (`_close`), and how residuals leave the probabilities (`_finish`).
    """

    def prior_logits(self, weights):
        """Logits of the class priors, with mean zero; a class of weight zero is floored."""
        logits = np.log(np.maximum(self.frequencies(weights), np.finfo(np.float64).eps))
        return logits - logits.mean()

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

    def residuals(self, relative, rows, weights, out):
        """Sum of weighted losses; `out` receives the weighted residuals s (P - Y)."""
        loss, inverse = self.loss_rows(relative, rows, out)
        if weights is not None:
            loss *= weights
            inverse *= weights
        out *= inverse
        self._finish(out, rows, weights)
        return np.add.reduce(loss, dtype=np.float64)

    @staticmethod
    def probabilities(exponentials, inverse, rows):
        """Turn `exponentials` into probabilities in place."""
        exponentials *= inverse

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
        return _divergence(probabilities, change)

    @staticmethod
    def confine(probabilities, change, columns, rows):
        """Let P + change be distributions in some columns, in place: gains shrink with losses."""
        p, moved = probabilities[:, columns], change[:, columns]
        losses = np.clip(moved, -_KEPT * p, 0.0)
        gains = np.maximum(moved, 0.0)
        total = np.maximum(np.add.reduce(gains, axis=0), np.finfo(p.dtype).tiny)
        gains *= -np.add.reduce(losses, axis=0) / total
        change[:, columns] = gains + losses

    @staticmethod
    def curve(probabilities, direction):
        """Turn `direction` into (diag(p) - pp') direction, in place; uses up `probabilities`."""
        direction -= np.einsum("kb,kb->b", probabilities, direction)
        direction *= probabilities

    @staticmethod
    def bend(probabilities, direction, rows):
        """Turn `direction` u into the second derivative of p along it, p ((u - p'u)² - var u)."""
        direction -= np.einsum("kb,kb->b", probabilities, direction)
        direction *= direction
        direction -= np.einsum("kb,kb->b", probabilities, direction)
        direction *= probabilities

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


class Labels(_Target):
    """One of K classes for each row.

    Parameters
    ----------
    labels : ndarray of shape (n_rows,), intp
        Class numbers.
    n_outputs : int
        K.
    """

    def __init__(self, labels, n_outputs):
        self.labels = np.ascontiguousarray(labels, dtype=np.intp)
        self.n_outputs = n_outputs
        self._columns, self._whole = np.arange(min(len(labels), 1 << 16), dtype=np.intp), None

    def __len__(self):
        return len(self.labels)

    def where(self, rows, n_rows):
        """Where in a flat class-major block the entries of the labels are."""
        if n_rows == len(self.labels):  # a single block, which is asked for often
            if self._whole is None:
                self._whole = self.labels * n_rows + np.arange(n_rows, dtype=np.intp)
            return self._whole
        columns = self._columns if n_rows <= len(self._columns) else np.arange(n_rows)
        return self.labels[rows] * n_rows + columns[:n_rows]

    def relate(self, logits, rows):
        """Turn logits into relative logits in place.

        The entry of the label itself becomes -inf, so that its exponential leaves the sum.
        """
        logits.reshape(-1)[self.relate_direction(logits, rows)] = -np.inf

    def relate_direction(self, margins, rows):
        """Turn logits of a direction into its change of relative logits, in place."""
        where = self.where(rows, margins.shape[1])
        margins -= margins.reshape(-1)[where]
        return where

    anchor = relate_direction

    def balance(self, residuals, rows):
        """Let residuals of each row sum to zero, in place."""
        self._clear(residuals, rows)
        self._finish(residuals, rows, None)

    @staticmethod
    def _close(sums):
        return np.log1p(sums), 1.0 / (1.0 + sums)

    def _finish(self, scaled, rows, weights):
        scaled.reshape(-1)[self.where(rows, scaled.shape[1])] = -np.add.reduce(scaled, axis=0)

    def _clear(self, probabilities, rows):
        probabilities.reshape(-1)[self.where(rows, probabilities.shape[1])] = 0.0

    def probabilities(self, exponentials, inverse, rows):
        """Turn `exponentials` into probabilities in place."""
        exponentials *= inverse
        others = np.add.reduce(exponentials, axis=0)
        where = self.where(rows, exponentials.shape[1])
        exponentials.reshape(-1)[where] = np.maximum(0.0, 1.0 - others)

    def frequencies(self, weights):
        """Weighted mean of the target, shape (K,): the class priors."""
        counts = np.bincount(self.labels, weights, self.n_outputs)
        return counts / counts.sum()


class BinaryLabels(_Target):
    """Labels 0 or 1, with a single output: the log-odds of class 1.

    With u = z for class 0 and -z for class 1 the loss is log1p(exp(u)): the same formula as
    for K classes, with one other class.
    """

    n_outputs = 1

    def __init__(self, labels):
        self.sign = 1.0 - 2.0 * np.asarray(labels, dtype=np.float64)

    def __len__(self):
        return len(self.sign)

    def relate(self, logits, rows):
        """Turn log-odds into relative logits in place."""
        logits *= self.sign[rows]

    relate_direction = relate
    _close = staticmethod(Labels._close)

    def _finish(self, scaled, rows, weights):
        scaled *= self.sign[rows]

    def divergence(self, probabilities, change, rows):
        """KL of both classes together, for a change of the probability of class 1."""
        change = change * self.sign[rows]
        return _divergence(probabilities, change) + _divergence(1.0 - probabilities, -change)

    def confine(self, probabilities, change, columns, rows):
        """Let probabilities of class 1 stay between 0 and 1 in some columns, in place."""
        p, sign = probabilities[:, columns], self.sign[rows][columns]
        moved = np.clip(change[:, columns] * sign, -_KEPT * p, _KEPT * (1.0 - p))
        change[:, columns] = moved * sign

    @staticmethod
    def curve(probabilities, direction):
        """Turn `direction` into p (1 - p) direction, in place; uses up `probabilities`."""
        _Target.variances(probabilities)
        direction *= probabilities

    def bend(self, probabilities, direction, rows):
        """Turn `direction` into the second derivative of the probability of class 1 along it."""
        direction *= direction
        direction *= (1.0 - 2.0 * probabilities) * self.sign[rows]
        self.curve(probabilities.copy(), direction)

    def prior_logits(self, weights):
        """Log-odds of the class priors, shape (1,)."""
        first, second = np.maximum(self.frequencies(weights), np.finfo(np.float64).eps)
        return np.array([np.log(second / first)])

    def frequencies(self, weights):
        """Weighted mean of the target: the class priors, shape (2,)."""
        both = self.sign > 0, self.sign < 0
        return np.array([np.average(own, weights=weights) for own in both])


def _divergence(probabilities, change):
    """KL(P + change ‖ P) by rows, or slightly more: (1 + r) log(1 + r) - r <= (1 + m/2) r²/2
    where -m <= r <= m <= ½.
    """
    ratio = change / np.maximum(probabilities, np.finfo(probabilities.dtype).tiny)
    largest = max(ratio.max(initial=0.0), -ratio.min(initial=0.0))
    if largest <= _NEAR:
        ratio *= change
        return (0.5 + 0.25 * largest) * np.add.reduce(ratio, axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        # of Q and not of P, which may be 0 by rounding: see `tiny` above
        terms = (probabilities + change) * np.log1p(ratio) - change
        return np.where(ratio.min(axis=0) > -1.0, np.add.reduce(terms, axis=0), np.inf)
