"""What a stream of batches remembers, and how its parameters follow.

After n rows the estimate minimises what `fit` minimises on all of them,

    Σ_{i ≤ n} s_i ℓ(W x_i + b, y_i) + ‖W‖² / (2 C),

with the losses of rows that memory cannot hold replaced by their second-order expansion at the
estimate of the time. This is recursive Bayesian estimation by Laplace's approximation
(Spiegelhalter & Lauritzen, 1990, Networks 20), with exact losses for the rows that are kept: those
of which the expansion would be worst. There is no step size; steps shrink like 1/n of themselves.
"""

from dataclasses import dataclass, replace

import numpy as np

from .._core import predict
from .._fitting.ridge_fits import RidgeFits
from .._penalties.expansion import Expansion, Scaled
from .._solvers.anchored import anchored_newton
from .._solvers.stream_costs import KEPT_NUMBERS, exact_rows, refit_pays
from .rows import Coordinates, Rows

_UNSEEN = 0.5  # of a row: what a class counts for that has none yet (Krichevsky & Trofimov, 1981)
_STEP_TOL = 1e-5  # of the objective: far less than what the next rows change
_REFIT_EFFORT = {"max_iter": 10, "max_products": 20}
_STEP_EFFORT = {"max_iter": 4, "max_products": 10}  # they go on with the next batch


@dataclass(frozen=True)
class Settings:
    """What `fit` is told, too."""

    C: float
    solver: object
    tol: float
    max_iter: int
    threads: object

    @property
    def alpha(self):
        """Strength of the penalty beside the sum of losses; `fit` multiplies that with C."""
        return 0.0 if np.isinf(self.C) else 1.0 / self.C


@dataclass(frozen=True)
class Stream:
    """The state after some batches; `updated` returns the next one.

    Attributes
    ----------
    coordinates : Coordinates
        In which parameters and expansions are written.
    params : ndarray of shape (n_params,) or None
        The estimate.
    kept, pending : Rows or None
        Rows before and since the last fit of all of them.
    seen : ndarray of shape (n_classes,), bool
        Classes that had a row.
    gone : Expansion or None
        Losses of the rows that are not kept.
    exact : Rows or None
        Of `kept`, those whose losses bend most: steps know them as they are.
    known : Expansion or None
        Losses of all rows but the exact and the pending ones.
    metric : metric or None
        Inverse of the curvature of all losses but those of pending rows, and of the penalty.
    n_iter : int
        Newton or quasi-Newton steps of the last update.
    """

    coordinates: object
    params: object = None
    kept: object = None
    pending: object = None
    seen: object = False
    exact: object = None
    gone: object = None
    known: object = None
    metric: object = None
    n_iter: int = 0

    @classmethod
    def start(cls, n_classes, fit_intercept):
        """Nothing has been seen."""
        return cls(Coordinates(n_classes, fit_intercept), seen=np.zeros(n_classes, bool))

    @classmethod
    def after_fit(cls, coef, intercept, loss, total, rows, settings, coordinates):
        """Rows that `fit` has seen, of which coefficients, loss and total weight are known.

        At an optimum the gradient of their losses is that of the penalty, with the other sign.
        For their curvature the rows of the first batch are a sample, the smaller the less what
        it says about products of features.
        """
        coordinates = coordinates.of(rows, settings.threads)
        params, ridge = coordinates.from_raw(coef, intercept), coordinates.ridge(settings.alpha)
        sample = coordinates.expansion(rows, params, settings.threads).form
        share = total / np.add.reduce(rows.weights)
        form = (sample * share).shrunk(sample.shape[1] / (sample.shape[1] + len(rows)))
        slope = ridge * params
        value = max(0.0, loss * total - 0.5 * np.dot(slope, params))
        gone = Expansion(value, -slope, form, params)
        seen = np.ones(coordinates.n_classes, bool)
        metric = form.metric(ridge)
        return cls(coordinates, params, seen=seen, gone=gone, known=gone, metric=metric)

    def coefficients(self):
        """Raw coefficients and intercept, shapes (n_outputs, n_features) and (n_outputs,)."""
        return self.coordinates.to_raw(self.params)

    def updated(self, rows, settings):
        """The stream after some rows more."""
        if not len(rows):
            return self
        new = rows.masses() > 0
        pending = rows if self.pending is None else self.pending + rows
        stream = replace(self, pending=pending, seen=self.seen | new)
        if np.any(new & ~self.seen) or stream._refit_pays():
            return stream._refitted(settings, len(rows))
        effort = {"tol": max(settings.tol, _STEP_TOL), **_STEP_EFFORT}
        params, n_iter = stream._minimise(self.exact + pending, self.known, settings, effort)
        return replace(stream, params=params, n_iter=n_iter)

    def _refit_pays(self):
        if self.kept is None:
            return True
        sizes = self._sizes(self.kept, self.pending)
        return refit_pays(len(self.pending), *sizes)

    def _sizes(self, *parts):
        """Rows, stored numbers, outputs and width of a problem."""
        n_entries = sum(rows.n_numbers for rows in parts)
        return sum(map(len, parts)), n_entries, *self.coordinates.shape(parts[0].X)

    def _minimise(self, rows, expansion, settings, effort):
        objective = self.coordinates.objective(rows, expansion, settings.alpha, settings.threads)
        result = anchored_newton(
            objective,
            self.params,
            Scaled(self.metric, objective.scale),
            **effort,
        )
        return result.params, result.n_iter

    def _refitted(self, settings, n_batch):
        """All rows that are kept fitted, as many given up as memory demands, the rest expanded."""
        rows = self.pending if self.kept is None else self.kept + self.pending
        coef, intercept, n_iter = self._fit(rows + self._pseudo_rows(rows), settings)
        coordinates, gone = self._coordinates(rows, settings.threads)
        params = coordinates.from_raw(coef, intercept)
        bends = rows.weights * predict.uncertainties(
            coordinates.map(rows.X), params, settings.threads
        )
        order = np.argsort(-bends, kind="stable")

        def expand(rows):
            return coordinates.expansion(rows, params, settings.threads)

        n_kept = _n_kept(rows)
        if n_kept < len(rows):
            left = expand(rows[np.sort(order[n_kept:])])
            gone = left if gone is None else left + gone
        n_exact = min(n_kept - 1, exact_rows(n_batch, *self._sizes(rows)))
        exact, rest = rows[np.sort(order[:n_exact])], rows[np.sort(order[n_exact:n_kept])]
        known = expand(rest + self._pseudo_rows(rows))
        known = known if gone is None else known + gone
        form = known.form + expand(exact).form if n_exact else known.form
        return replace(
            self,
            coordinates=coordinates,
            params=params,
            kept=rows[np.sort(order[:n_kept])],
            exact=exact,
            pending=rows[:0],
            gone=gone,
            known=known,
            metric=form.metric(coordinates.ridge(settings.alpha)),
            n_iter=n_iter,
        )

    def _pseudo_rows(self, rows):
        return rows.pseudo_rows(np.flatnonzero(~self.seen), _UNSEEN)

    def _fit(self, rows, settings):
        """Coefficients, intercept and number of iterations."""
        if self.gone is not None:
            effort = {"tol": settings.tol, **_REFIT_EFFORT}
            params, n_iter = self._minimise(rows, self.gone, settings, effort)
            return *self.coordinates.to_raw(params), n_iter
        fits = RidgeFits(
            rows.X,
            rows.known.target(),
            rows.weights,
            fit_intercept=self.coordinates.fit_intercept,
            threads=settings.threads,
            floor=max(settings.tol, np.finfo(np.float64).eps),
        )
        coef, intercept, result = fits.fit(
            settings.C,
            None if self.params is None else self.coefficients(),
            solver=settings.solver,
            tol=settings.tol,
            max_iter=settings.max_iter,
        )
        return coef, intercept, result.n_iter

    def _coordinates(self, rows, threads):
        """Coordinates that suit the kept rows, and what is gone written in them."""
        after = self.coordinates.of(rows, threads)
        if self.gone is None:
            return after, None
        if after.near(self.coordinates):
            return self.coordinates, self.gone
        return after, self.coordinates.move(self.gone, after)


def _n_kept(rows):
    """How many rows memory can hold."""
    share = KEPT_NUMBERS / max(1, rows.n_numbers)
    return len(rows) if share >= 1.0 else max(1, int(share * len(rows)))


__all__ = ["Rows", "Settings", "Stream"]
