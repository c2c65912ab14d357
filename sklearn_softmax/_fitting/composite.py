"""Fits with a penalty that has a kink."""

from collections import deque
from dataclasses import replace
from itertools import islice

import numpy as np

from .._core.few_rows import FewRows
from .._kept import kept
from .._penalties import PENALTIES
from .._solvers.composite.curvatures import LastHessian
from .._solvers.composite.few_steps import FewSteps
from .._solvers.composite.working_set import stages, working_sets
from .._solvers.outcome import Outcome
from .._solvers.related.trail import Trail
from .problem import RidgeProblem, alpha_from_C, canonical
from .ridge_fits import RidgeFits

_MARGIN = 1.01  # over the largest gradient that a standardised feature can have
_TIGHT, _MOST_STEPS = 1e-11, 200
_WEAK, _NONE = 1e-20, 1e-100  # norm that may drown in rounding; whose square is no number
_ROUNDING = 1e-13  # of gradients, whose features are standardised


class CompositeProblem(RidgeProblem):
    """Softmax regression with norm and ridge, and a free intercept.

    Parameters
    ----------
    X, target, weights
        See `RidgeProblem`, which `options` are for, too.
    penalty : str
        One of `PENALTIES`.
    l1_ratio : float
        Share of the norm in the penalty.
    Cs : sequence of float
        Those that will be asked for one after the other, if that is known.
    """

    def __init__(self, X, target, weights, *, penalty, l1_ratio, Cs=(), **options):
        self._make, self._l1_ratio = PENALTIES[penalty], l1_ratio
        self._coming, self._made = deque(Cs), {}
        self._trail, self._hessian, self._last = Trail(), LastHessian(), (None, None, None)
        self._few, self._has_penalty = None, False
        super().__init__(X, target, weights, **options)

    def strongest(self, C):
        """The largest weight of norm and ridge at some C."""
        penalty = self._at(C)
        return max(penalty.norm.max(), penalty.ridge.max())

    def penalty_of(self, coef, intercept, C):
        """The penalty of coefficients at some C, in nats."""
        params = self.from_coefficients(coef, intercept).reshape(self.map.shape)
        return self._at(C).whole(params)

    def set_strength(self, C):
        """Set C; what is known of the data is kept."""
        self._strength = alpha_from_C(C, self._total)
        while self._coming and self._coming.popleft() != C:
            pass
        self.composite = self._at(C)
        del self._made[C]
        if self.composite.has_ridge or not self._has_penalty:
            self._has_penalty = True
            self._penalise(self.composite.smooth(self.map.shape[0]))

    def _at(self, C):
        """The penalty at some C, made once until that is set."""
        if C not in self._made:
            self._made[C] = self._composite(C)
        return self._made[C]

    def _composite(self, C):
        alpha = alpha_from_C(C, self._total)
        norm, ridge = alpha * self._units
        if self.map.still is not None:
            held = ridge[: self.map.n_features]
            held[:] = self.map.held(held, alpha * self._factors)
        return self._make.of(self.map.shape[0], norm, ridge)

    @kept
    def _units(self):
        """Norm and ridge of a strength of 1."""
        units, scale = np.zeros((2, self.map.shape[1])), self.map.scale
        units[0, : self.map.n_features] = self._l1_ratio * self._factors / scale
        units[1, : self.map.n_features] = (1.0 - self._l1_ratio) * self._factors / scale**2
        return units

    def _following(self, number):
        """Penalties of the next C, as long as these ascend."""
        found, last = [], self._strength
        for C in islice(self._coming, number):
            strength = alpha_from_C(C, self._total)
            if not strength < last:
                break
            last = strength
            found.append(self._at(C))
        return found

    def smallest_C(self):
        """The largest C at which all penalised coefficients are zero.

        Raises
        ------
        ValueError
            If they are zero for every C.
        """
        unit = self._l1_ratio * self._factors / self.map.scale
        n_outputs, n_features = self.map.shape[0], self.map.n_features
        surely = _MARGIN * np.sqrt(n_outputs) / np.min(unit, where=unit > 0.0, initial=np.inf)
        self.set_strength(1.0 / (surely * self._total))
        null = self.minimise(None, tol=_TIGHT, max_iter=_MOST_STEPS).params
        gradient = self.objective(np.float64).at(null).gradient.reshape(self.map.shape)
        sizes = self.composite.size(gradient)[:n_features]
        matter = (unit > 0.0) & (sizes > _ROUNDING)
        alpha = np.max(sizes[matter] / unit[matter], initial=0.0)
        if not alpha > 0.0:
            raise ValueError("X must have penalised features that vary; got none.")
        return 1.0 / (alpha * self._total)

    def minimise(self, start, *, tol, max_iter):
        """Minimise and certify, with products in float64."""
        objective = self.objective(np.float64)
        known = start is not None and start[0] is self._last[0]
        if FewRows.fits(objective) and not np.any(self._free_features()):
            few = self._few_steps(objective, start, known, tol=tol, max_iter=max_iter)
            if few.outcome is not None:
                return few
            point, n_iter = self._after(objective, few, start), few.n_iter
        else:
            point = self._next(objective) if known else objective.at(self._better_start(start))
            n_iter = 0
        options = {"kept": self._hessian, "tol": tol, "max_iter": max_iter - n_iter}
        result = working_sets(objective, self.composite, point, **options)
        return replace(result, n_iter=n_iter + result.n_iter)

    def _few_steps(self, objective, start, known, **options):
        if self._few is None or self._few.objective is not objective:
            self._few = FewSteps(objective, FewRows(objective))
        params = self._last[1] if known else self._better_start(start)
        options["following"] = self._following
        bends = known and not self.composite.straight
        options["guess"] = self._trail.ahead(self._strength) if bends else None
        return self._few.minimise(self.composite, params, **options)

    def _after(self, objective, few, start):
        """Where steps end that led nowhere, or where they began if the way is long from there."""
        if start is None:
            point = objective.at(self.start())
            params, gradient = (
                each.reshape(self.map.shape) for each in (point.params, point.gradient)
            )
            if len(stages(self.composite, params, gradient)):
                return point
        return objective.at(few.params)

    def _free_features(self):
        return self.composite.free[: self.map.n_features]

    def _next(self, objective):
        """The point that the fits before point to, or the last one where that is better."""
        _, params, loss = self._last
        guess = self._trail.ahead(self._strength)
        point = objective.at(guess)
        if guess is params or self._total_at(point) <= loss + self._penalties(params):
            return point
        return objective.at(params)

    def warm(self, objective, temperature, params, **limits):
        """Minimise at a temperature: see `cooled`."""
        penalty = self.composite.heated(temperature)
        heated = objective.tempered(temperature, penalty.smooth(self.map.shape[0]))
        limits["kept"] = LastHessian()
        return working_sets(heated, penalty, heated.at(params), **limits)

    def remember(self, coef, result):
        """Coefficients, which are known again as a start, and what they were fitted with."""
        self._trail.add(self._strength, result.params)
        self._last = coef, result.params, result.value - self._penalties(result.params)

    def _penalties(self, params):
        return self.composite.whole(params.reshape(self.map.shape))

    def _total_at(self, point):
        return point.value + self.composite.value(point.params.reshape(self.map.shape))

    @staticmethod
    def _keeps_logits(map):
        return True

    def value_at(self, params):
        """The objective, norm included, by products in float64."""
        return self._total_at(self.objective(np.float64).at(params))


class CompositeFits:
    """Fits with norm and ridge to one prepared set of data, for any number of C.

    Parameters are those of `CompositeProblem`.
    """

    def __init__(self, X, target, weights, **options):
        self._data, self._options = (X, target, weights), dict(options)
        self.problem = CompositeProblem(canonical(X), target, weights, **options)

    def observe(self, observer):
        """Call an observer after each iteration: see `RidgeFits.observe`."""
        self.problem.observer = observer

    def fit(self, C, start, *, solver, tol, max_iter):
        """Coefficients at one C: see `RidgeFits.fit`. There is one solver, but for no penalty."""
        problem, strongest = self.problem, self.problem.strongest(C)
        if strongest <= _WEAK:
            free = self._unpenalised(start, solver=solver, tol=tol, max_iter=max_iter)
            if strongest <= _NONE or self._serves(free, C, tol):
                return free
        problem.set_strength(C)
        result = problem.minimise(start, tol=tol, max_iter=max_iter)
        coef, intercept = problem.coefficients(result.params)
        problem.remember(coef, result)
        return coef, intercept, result

    def _serves(self, free, C, tol):
        """Whether a penalty adds next to nothing at the optimum without it: that bounds the gap."""
        coef, intercept, result = free
        added = self.problem.penalty_of(coef, intercept, C)
        return result.outcome is Outcome.CONVERGED and added + result.gap <= tol * result.value

    def _unpenalised(self, start, **options):
        names = ("fit_intercept", "threads", "floor")
        fits = RidgeFits(*self._data, **{name: self._options[name] for name in names})
        fits.observe(self.problem.observer)
        return fits.fit(np.inf, start, **options)
