"""Labels: one class for each row; never a one-hot array."""

import numpy as np

from ..others import others
from .target import KEPT, Target, divergence


class Labels(Target):
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
        self._columns = self._whole = None
        self._chosen = None, 0, None

    def __len__(self):
        return len(self.labels)

    def where(self, rows, n_rows):
        """Where in a flat class-major block the entries of the labels are."""
        if n_rows == len(self.labels):  # a single block, which is asked for often
            if self._whole is None:
                self._whole = self.labels * n_rows + np.arange(n_rows, dtype=np.intp)
            return self._whole
        last, n_last, found = self._chosen
        if last is rows and n_last == n_rows:
            return found
        columns = self._columns
        if columns is None or len(columns) < n_rows:
            columns = self._columns = np.arange(n_rows, dtype=np.intp)
        found = self.labels[rows] * n_rows + columns[:n_rows]
        if isinstance(rows, np.ndarray):  # numbers of a stack of rows, which are asked for often
            self._chosen = rows, n_rows, found
        return found

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
        Target.probabilities(exponentials, inverse, rows)
        others = np.add.reduce(exponentials, axis=0)
        where = self.where(rows, exponentials.shape[1])
        exponentials.reshape(-1)[where] = np.maximum(0.0, 1.0 - others)

    def states(self, relative, rows):
        """Losses of rows, their probabilities P, and P - Y, whose sums are shared."""
        excess = np.empty_like(relative)
        losses, inverse = self.loss_rows(relative, rows, excess)
        excess *= inverse
        others = np.add.reduce(excess, axis=0)
        chances, where = excess.copy(), self.where(rows, excess.shape[1])
        chances.reshape(-1)[where] = np.maximum(0.0, 1.0 - others)
        excess.reshape(-1)[where] = -others
        return losses, chances, excess

    def curvatures(self, relative, rows, out):
        """Write p (1 - p) of all classes to `out`: for the label it is that of the others' sum."""
        _, inverse = self.loss_rows(relative, rows, out)
        out *= inverse
        others = np.add.reduce(out, axis=0)
        out.reshape(-1)[self.where(rows, out.shape[1])] = np.minimum(1.0, others, out=others)
        out *= 1.0 - out

    def frequencies(self, weights):
        """Weighted mean of the target, shape (K,): the class priors."""
        counts = np.bincount(self.labels, weights, self.n_outputs)
        return counts / counts.sum()


class BinaryLabels(Target):
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
        return divergence(probabilities, change) + divergence(1.0 - probabilities, -change)

    def confine(self, probabilities, change, columns, rows):
        """Let probabilities of class 1 stay between 0 and 1 in some columns, in place."""
        p, sign = probabilities[:, columns], self.sign[rows][columns]
        moved = np.clip(change[:, columns] * sign, -KEPT * p, KEPT * (1.0 - p))
        change[:, columns] = moved * sign

    @staticmethod
    def curve(probabilities, direction):
        """Turn `direction` into p (1 - p) direction, in place."""
        direction *= probabilities
        direction *= others(probabilities)

    def derivatives(self, probabilities, direction, rows):
        """First and second derivative of the probability of class 1 along `direction`."""
        first = probabilities * direction
        first *= others(probabilities)
        second = first * direction
        second *= (1.0 - 2.0 * probabilities) * self.sign[rows]
        return first, second

    def third(self, probabilities, direction, bend, rows):
        """Third Taylor coefficient of the probability of class 1 along t u + t² v."""
        curvature = probabilities * others(probabilities)
        total = (1.0 - 2.0 * probabilities) * self.sign[rows] * bend
        total += (1.0 - 6.0 * curvature) / 6.0 * direction**2
        total *= curvature
        total *= direction
        return total

    def prior_logits(self, weights):
        """Log-odds of the class priors, shape (1,)."""
        first, second = np.maximum(self.frequencies(weights), np.finfo(np.float64).eps)
        return np.array([np.log(second / first)])

    def frequencies(self, weights):
        """Weighted mean of the target: the class priors, shape (2,)."""
        both = self.sign > 0, self.sign < 0
        return np.array([np.average(own, weights=weights) for own in both])
