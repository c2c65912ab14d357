"""The objective F(θ) = Σ sᵢ ℓ((Lθ)ᵢ, yᵢ) + R(θ), evaluated in one pass over the rows."""

import numpy as np

from . import certificate, curvature
from .blocks import RowBlocks, Scratch


class Point:
    """Parameters, with the value and the gradient of the objective there."""

    __slots__ = ("params", "value", "gradient")

    def __init__(self, params, value, gradient):
        self.params, self.value, self.gradient = params, value, gradient


class Line:
    """The objective along ``point.params + t * direction``; every trial is an evaluation.

    Caching the logits of a line would save a product on a second trial. First trials are
    nearly always accepted, and nothing of the size of the logits is stored.
    """

    def __init__(self, objective, point, direction):
        self._objective, self._start, self._direction = objective, point.params, direction
        self._trials = {}

    def evaluate(self, step):
        """Value and slope at `step`."""
        trial = self._objective.at(self._start + step * self._direction)
        self._trials[step] = trial
        return trial.value, np.dot(trial.gradient, self._direction)

    def take(self, step):
        """The point at `step`, which must have been evaluated."""
        return self._trials[step]


class Objective:
    """Weighted mean loss of a linear map's logits, and a penalty.

    Parameters
    ----------
    map : linear map
        Parameters to logits, by rows: see `sklearn_softmax._maps`.
    target : Labels, BinaryLabels or SoftLabels
        What the logits are compared with.
    penalty : penalty
        Value, gradient and curvature: see `sklearn_softmax._penalties`.
    weights : ndarray of shape (n_rows,) or None
        Weights of the rows, normalised here to sum 1. None stands for equal weights.
    threads : Threads
        Runs the blocks.
    floor : float
        Loss, in nats, at which separable data count as fitted: see `at_infinity`.

    Attributes
    ----------
    n_passes : float
        Products with the whole data so far, in units of one forward and one adjoint.
    """

    def __init__(self, map, target, penalty, weights=None, *, threads, floor=0.0):
        self.map, self.target, self.penalty, self.threads = map, target, penalty, threads
        self.weights = weights
        self.scale = 1.0 / (map.n_rows if weights is None else np.add.reduce(weights))
        self.blocks = RowBlocks(map.n_rows, map.block_rows, 8 * map.shape[0] * map.shape[1])
        self.scratch = Scratch(2, map.shape[0], self.blocks.largest, map.dtype)
        self.floor = floor
        self.n_passes = 0.0

    def weights_of(self, rows):
        """Weights of a slice of rows, or None."""
        return None if self.weights is None else self.weights[rows]

    def relate(self, params, visit, zeros=tuple):
        """Pass over the rows with the relative logits of `params`.

        ``visit(relative, rows, totals)`` may overwrite `relative`; the totals are summed.
        """
        bound = self.map.bind(params)

        def visit_rows(rows, totals):
            relative = self.scratch.blocks(rows.stop - rows.start)[0]
            self.map.forward(bound, rows, relative)
            self.target.relate(relative, rows)
            visit(relative, rows, totals)

        self.n_passes += 0.5
        return self.blocks.sum(visit_rows, zeros, self.threads)

    def at(self, params):
        """Evaluate value and gradient.

        Returns
        -------
        Point
        """
        def visit(relative, rows, totals):
            loss, *sums = totals
            residuals = self.scratch.blocks(rows.stop - rows.start)[1]
            loss += self.target.residuals(relative, rows, self.weights_of(rows), residuals)
            self.map.adjoint(residuals, rows, sums)

        zeros = lambda: (np.zeros(1), *self.map.zeros())  # noqa: E731
        loss, *sums = self.relate(params, visit, zeros)
        self.n_passes += 0.5
        value, slope = self.penalty.evaluate(params)
        gradient = self.map.release(sums)
        gradient *= self.scale
        gradient += slope
        return Point(params, self.scale * loss[0] + value, gradient)

    def probabilities_at(self, point, visit, zeros=tuple):
        """Pass over the probabilities of a point: ``visit(probabilities, rows, totals)``."""

        def visit_rows(relative, rows, totals):
            probabilities = self.scratch.blocks(rows.stop - rows.start)[1]
            _, inverse = self.target.loss_rows(relative, rows, probabilities)
            self.target.probabilities(probabilities, inverse, rows)
            visit(probabilities, rows, totals)

        return self.relate(point.params, visit_rows, zeros)

    def line(self, point, direction):
        """The objective along ``point.params + t * direction``."""
        return Line(self, point, direction)

    def hessian_product(self, point, vector):
        """Product of the Hessian at `point` with a vector."""
        bound = self.map.bind(vector)

        def visit(probabilities, rows, totals):
            curved = self.scratch.blocks(rows.stop - rows.start)[0]
            self.map.forward(bound, rows, curved)
            self.target.curve(probabilities, curved)
            weights = self.weights_of(rows)
            if weights is not None:
                curved *= weights
            self.map.adjoint(curved, rows, totals)

        sums = self.probabilities_at(point, visit, self.map.zeros)
        self.n_passes += 0.5
        return self.scale * self.map.release(sums) + self.penalty.curvature * vector

    gram = curvature.gram
    variance_table = curvature.variance_table
    weighted_rows = curvature.weighted_rows
    curvature_diagonal = curvature.diagonal
    hessian = curvature.hessian
    residual_gap = certificate.residual_gap
    duality_gap = certificate.duality_gap

    @property
    def certifiable(self):
        """Whether a duality gap exists: all parameters but the intercept are penalised."""
        held = self.penalty.curvature.reshape(self.map.shape)[:, : self.map.n_features]
        return bool(np.all(held > 0))

    def at_infinity(self, point):
        """Whether the optimum is proved to lie at infinity, and the loss is below `floor`.

        Without a penalty, parameters that give every row the largest logit at its label can
        be multiplied by any number: the infimum is 0 and no parameters attain it.
        """
        if point.value > self.floor or np.any(self.penalty.curvature):
            return False
        margins = []

        def visit(relative, rows, _):
            weights = self.weights_of(rows)
            largest = relative.max(axis=0)
            margins.append((largest if weights is None else largest[weights > 0]).max(initial=-1.0))

        self.relate(point.params, visit)
        return max(margins) < 0.0
