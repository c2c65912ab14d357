"""The objective F(θ) = Σ sᵢ ℓ((Lθ)ᵢ, yᵢ) + R(θ), evaluated in one pass over the rows."""

from copy import copy
from functools import partial
from math import prod

import numpy as np

from .blocks import RowBlocks, Scratch
from .cache import LogitCache
from .certificates import composite, infinity, smooth
from .certificates.balance import MOST, add_moments
from .curvature import drawn, matrices, pairs
from .curvature.active import active_rows
from .curvature.moments import RowMoments, RowProducts
from .few_ridge import FewRidge
from .lines import CachedLine, FusedLine


class Point:
    """Parameters, with the value and the gradient of the objective there.

    `cache` is a LogitCache of the relative logits there, or None; `moments` are those of the
    probabilities, or None: see `add_moments`.
    """

    __slots__ = ("params", "value", "gradient", "cache", "moments")

    def __init__(self, params, value, gradient, cache, moments=None):
        self.params, self.value, self.gradient = params, value, gradient
        self.cache, self.moments = cache, moments


class Objective:
    """Weighted mean loss of a linear map's logits, and a penalty.

    Parameters
    ----------
    map : linear map
        Parameters to logits, by rows: see `sklearn_softmax._maps`.
    target : target
        What the logits are compared with: see `sklearn_softmax._core.targets`.
    penalty : penalty
        Value, gradient and curvature: see `sklearn_softmax._penalties`.
    weights : ndarray of shape (n_rows,) or None
        Weights of the rows, normalised here to sum 1. None stands for equal weights.
    threads : Threads
        Runs the blocks.
    floor : float
        Loss, in nats, at which separable data count as fitted: see `at_infinity`.
    cached : bool
        Keep the relative logits of all rows, so that a line search touches no data.
    products : bool
        Keep the products of the features of all rows, so that curvature is one product.
    eager : bool
        Evaluate the gradient at each trial of a line: for data so small that calls cost more.

    Attributes
    ----------
    exact : bool
        Whether gaps may be certificates: not by products in float32.
    n_passes : float
        Products with the whole data so far, in units of one forward and one adjoint.
    trial : int
        Which trial of a line was taken last, and is expected to be the next time.
    observer : callable or None
        ``observer(params) -> stop``, called by solvers after each step to another point.
    near : bool
        Points are to come with the moments that certificates ask for.
    """

    observer, near = None, False

    def __init__(
        self,
        map,
        target,
        penalty,
        weights=None,
        *,
        threads,
        floor=0.0,
        cached=False,
        products=False,
        eager=False,
    ):
        self.map, self.target, self.penalty, self.threads = map, target, penalty, threads
        self.weights = weights
        self.scale = 1.0 / (map.n_rows if weights is None else np.add.reduce(weights))
        self.blocks = RowBlocks(map.n_rows, map.block_rows, 8 * prod(map.shape))
        self.rest()
        self.floor, self.cached, self.eager = floor, cached, eager
        self.exact = map.dtype == np.float64
        self.moments = (RowProducts if products else RowMoments)(map)
        self.n_passes, self.trial = 0.0, 1

    def rest(self):
        """Let go of work memory, until rows are visited again."""
        self.scratch = Scratch(2, self.target.n_outputs, self.blocks.largest, self.map.dtype)

    def weights_of(self, rows):
        """Weights of a slice of rows, or None."""
        return None if self.weights is None else self.weights[rows]

    def relate(self, params, visit, zeros=tuple):
        """Pass with relative logits: ``visit(relative, rows, totals)`` may overwrite them."""

        def relate_rows(logits, rows, totals):
            self.target.relate(logits, rows)
            visit(logits, rows, totals)

        return self.forward(params, relate_rows, zeros)

    def forward(self, params, visit, zeros=tuple):
        """Pass over the rows with the logits of `params`: ``visit(logits, rows, totals)``."""
        bound = self.map.bind(params)

        def visit_rows(rows, totals):
            logits = self.scratch.blocks(rows.stop - rows.start)[0]
            self.map.forward(bound, rows, logits)
            visit(logits, rows, totals)

        self.n_passes += 0.5
        return self.blocks.sum(visit_rows, zeros, self.threads)

    def at(self, params):
        """Evaluate value and gradient.

        Returns
        -------
        Point
        """
        cache = LogitCache(self.target.n_outputs, self.map.dtype) if self.cached else None
        bound = self.map.bind(params)

        def visit(rows, totals):
            relative, work = self.scratch.blocks(rows.stop - rows.start)
            if cache is not None:
                relative = cache.relative(rows)
            self.map.forward(bound, rows, relative)
            self.target.relate(relative, rows)
            self.add_residuals(relative, work, rows, totals)

        self.n_passes += 0.5
        totals = self.blocks.sum(visit, self.zeros, self.threads)
        return self.point(params, totals, cache)

    def zeros(self):
        """Totals that `add_residuals` adds to."""
        count = self.target.n_outputs if self.near else 0
        return np.zeros(1), np.zeros((count, count + 1)), *self.map.zeros()

    def add_residuals(self, relative, work, rows, totals):
        """Add loss and gradient of a block to `totals`; `work` receives its residuals."""
        loss, moments, *sums = totals
        weights = self.weights_of(rows)
        see = partial(add_moments, moments, weights) if moments.size else None
        loss += self.target.residuals(relative, rows, weights, work, see)
        self.map.adjoint(work, rows, sums)

    def point(self, params, totals, cache):
        """The point that the totals of all blocks make."""
        loss, moments, *sums = totals
        self.n_passes += 0.5
        value, slope = self.penalty.evaluate(params)
        gradient = self.map.release(sums)
        gradient *= self.scale
        gradient += slope
        moments = self.scale * moments if moments.size else None
        return Point(params, self.scale * loss[0] + value, gradient, cache, moments)

    def relate_point(self, point, visit, zeros=tuple):
        """Like `relate` at a point, from its cache where it has one; not to be overwritten."""
        if point.cache is None:
            return self.relate(point.params, visit, zeros)

        def visit_rows(rows, totals):
            visit(point.cache.relative(rows), rows, totals)

        return self.blocks.sum(visit_rows, zeros, self.threads)

    def probabilities_at(self, point, visit, zeros=tuple):
        """Pass over the probabilities of a point: ``visit(probabilities, rows, totals)``."""

        def visit_rows(relative, rows, totals):
            probabilities = self.scratch.blocks(rows.stop - rows.start)[1]
            if point.cache is None or not point.cache.probabilities(rows, probabilities):
                _, inverse = self.target.loss_rows(relative, rows, probabilities)
                self.target.probabilities(probabilities, inverse, rows)
                if point.cache is not None:
                    point.cache.keep(probabilities, rows)
            visit(probabilities, rows, totals)

        return self.relate_point(point, visit_rows, zeros)

    def line(self, point, direction):
        """The objective along ``point.params + t * direction``."""
        return (CachedLine if self.cached else FusedLine)(self, point, direction)

    @property
    def has_few_rows(self):
        """Whether `few` is of use."""
        return FewRidge.fits(self)

    def few(self):
        """The same of all rows at once, where they are few and no feature is free, or None."""
        return FewRidge(self) if self.has_few_rows else None

    def hessian_product(self, point, vector):
        """Product of the Hessian at `point` with a vector."""
        loss = self._derivative(point, vector, lambda p, u, rows: self.target.curve(p, u))
        return loss + self.penalty.curvature * vector

    def third(self, point, vector):
        """The third derivative at `point`, applied to a vector twice: a penalty has none."""
        return self._derivative(point, vector, self.target.bend)

    def _derivative(self, point, vector, change):
        """That of P which ``change(probabilities, logits, rows)`` makes of the vector's logits."""
        bound = self.map.bind(vector)

        def visit(probabilities, rows, totals):
            curved = self.scratch.blocks(rows.stop - rows.start)[0]
            self.map.forward(bound, rows, curved)
            self.target.anchor(curved, rows)
            change(probabilities, curved, rows)
            weights = self.weights_of(rows)
            if weights is not None:
                curved *= weights
            self.map.adjoint(curved, rows, totals)

        sums = self.probabilities_at(point, visit, self.map.zeros)
        self.n_passes += 0.5
        return self.scale * self.map.release(sums)

    def restricted(self, features, penalty):
        """The objective in the parameters of some features, the others being zero."""
        return Objective(
            self.map.restricted(features),
            self.target,
            penalty,
            self.weights,
            threads=self.threads,
            floor=self.floor,
            cached=self.cached,
        )

    def tempered(self, temperature, penalty):
        """The objective with offsets divided by a temperature, and another penalty."""
        tempered = copy(self)
        tempered.target, tempered.penalty = self.target.divided(temperature), penalty
        return tempered

    def moved(self, point, params):
        """`point` at other parameters that have the same logits, up to class sums."""
        (old, slope), (new, new_slope) = map(self.penalty.evaluate, (point.params, params))
        gradient = point.gradient - slope + new_slope
        return Point(params, point.value - old + new, gradient, point.cache, point.moments)

    gram = drawn.gram
    candidates = drawn.candidates
    leverages = drawn.leverages
    variance_table = drawn.variance_table
    class_gram = drawn.class_gram
    active_rows = active_rows
    class_blocks = matrices.class_blocks
    curvature_diagonal = matrices.diagonal
    hessian = matrices.hessian
    residual_gap = smooth.residual_gap
    residual_gaps = smooth.residual_gaps
    duality_gap = smooth.duality_gap
    newton_gap = smooth.newton_gap
    composite_gap = composite.composite_gap
    pair_hessian = pairs.pair_hessian
    loss_hessian = pairs.loss_hessian
    class_hessians = pairs.class_hessians
    at_infinity = infinity.at_infinity
    recedes = infinity.recedes
    vanishing = infinity.vanishing

    @property
    def noise(self):
        """Changes of the value below this share of it are rounding."""
        return 0.25 * float(np.finfo(self.map.dtype).eps)

    @property
    def certifiable(self):
        """Whether a duality gap can be small: all parameters but a few are penalised.

        Weights so small that to divide by them magnifies rounding are no better than none.
        """
        held = self.penalty.curvature.reshape(self.map.shape)[..., : self.map.n_features]
        few = np.count_nonzero(self.penalty.curvature == 0) <= MOST and np.any(held)
        return bool(np.all((held > smooth.LEAST_WEIGHT) | (few & (held == 0))))
