"""Composite problems by way of the features that matter: the others stay at zero."""

import numpy as np

from .. import costs
from ..outcome import Outcome, Result
from .curvatures import LastHessian
from .prox_newton import ProxNewton

_LEAST = 200  # features of a working set
_GROWTH = 2.0
_MOST = 0.6  # share of the features above which all are taken
_SMALL = 3.0  # passes whose calls take as long as their operations: nothing is left out
_ARRAYS = 10  # of the size of the parameters that a pass touches
_FEW, _NEAR = 450, 1e4  # parameters that are solved for at once; the first factor till where
_STAGE, _MOST_STAGES = 4.0, 60
_MANY_STAGE, _FEW_STAGE = (0.05, 2), (0.3, 6)  # gap and steps of a stage
_CLOSER, _SHARE = 0.3, 0.3
_NEW = 0.05  # of a working set that is settled
_NOTHING = 1e-250  # value: curvature beside it is no number any more
_LITTLE = 0.03  # of what a working set gained: then others gain more


def stages(penalty, params, gradient):
    """Multiples of a norm on the way from that at which all is zero, to 1.

    There are none where parameters are not zero, or few and the way is not long. A long way is
    not left out: where classes can be told apart, the loss falls far before a small norm is
    felt, and then hardly any of its parameters are those that the norm leaves.
    """
    if np.any(params[:, penalty.norm > 0.0]):
        return np.ones(0)
    pressure = penalty.pressure(params, gradient)
    largest = np.max(pressure, where=pressure < np.inf, initial=0.0)
    few = params.size <= _FEW
    if largest <= (_NEAR if few else 1.0):
        return np.ones(0)
    n_steps = min(int(np.ceil(np.log(largest) / np.log(_STAGE))), _MOST_STAGES)
    return largest ** np.linspace(1.0, 0.0, n_steps + 1)[1:-1]


class _Problem:
    """A composite problem at a point, with its certificate."""

    def __init__(self, objective, penalty, start, kept):
        self.objective, self.penalty, self._asked = objective, penalty, penalty
        self._kept = kept
        self.shape, self._features = objective.map.shape, np.zeros(0, int)
        self.move(start)

    def move(self, point):
        """Go to a point of this objective."""
        params = self.penalty.centred(point.params.reshape(self.shape))
        self._stay(self.objective.moved(point, params.ravel()))

    def _stay(self, point):
        self.point, self._known = point, None
        self.value = point.value + self.penalty.value(self.params)

    def gap(self, enough=np.inf):
        """Certified bound on the value minus the optimum, where that can be `enough`."""
        known = self._known  # a bound where it is what was wanted, else perhaps none
        if known is None or not known <= enough < np.inf:
            known = self._known = self.objective.composite_gap(self.penalty, self.point, enough)
        return known

    @property
    def params(self):
        """Of the point, by class and column."""
        return self.point.params.reshape(self.shape)

    @property
    def gradient(self):
        """Of the loss and the ridge."""
        return self.point.gradient.reshape(self.shape)

    def relax(self, factor):
        """Multiply the norm."""
        self.penalty = self._asked.scaled(factor)
        self.value = self.point.value + self.penalty.value(self.params)
        self._known = None

    def features(self):
        """Numbers of the features that are not zero, or press most against their bounds."""
        map = self.objective.map
        n_features = map.n_features
        entries = max(map.n_entries, _ARRAYS * n_features)
        if 4.0 * entries * self.shape[0] <= _SMALL * costs.CALLS:
            return np.arange(n_features)
        pressure = self.penalty.pressure(self.params, self.gradient)[:, :n_features].max(axis=0)
        n_support = np.count_nonzero(pressure == np.inf)
        most = int(max(_LEAST, _GROWTH * n_support))
        if most >= _MOST * n_features:
            return np.arange(n_features)
        order = np.argpartition(-pressure, most)[:most]
        return np.sort(order)

    def _settled(self, features):
        """Whether nearly all of these features were in the last working set, too."""
        last, self._features = self._features, features
        n_new = len(features) - np.count_nonzero(np.isin(features, last, assume_unique=True))
        return n_new <= _NEW * len(features)

    def descend(self, tol, gap, max_iter):
        """Solve in some features; returns the solver, which counts its steps."""
        features = self.features()
        whole = len(features) == self.objective.map.n_features
        goal = (1.0 if whole else _SHARE) * tol * self.value
        settled = whole or self._settled(features)
        if not settled:
            goal = max(goal, _CLOSER * min(gap, self.value))
        columns = np.append(features, np.arange(self.objective.map.n_features, self.shape[1]))
        objective, penalty, point = self.objective, self.penalty, self.point
        if not whole:
            penalty = self.penalty.restricted(columns)
            objective = objective.restricted(features, penalty.smooth(self.shape[0]))
            point = objective.at(self.params[:, columns].ravel())
            self._show(objective, columns)
        solver = ProxNewton(objective, penalty, self._kept if whole else LastHessian())
        little = 0.0 if settled else _LITTLE
        point = solver.minimise(point, goal=goal, max_iter=max_iter, little=little)
        if whole:
            self._stay(point)
            self._known = solver.gap
        else:
            share = objective.map.n_entries / max(1, self.objective.map.n_entries)
            self.objective.n_passes += share * objective.n_passes
            self.move(self.objective.at(self._embedded(point.params, columns)))
        return solver

    def _show(self, objective, columns):
        """Let the observer of this objective see the steps of one in fewer features."""
        observer = self.objective.observer
        if observer is not None:
            objective.observer = lambda params: observer(self._embedded(params, columns))

    def _embedded(self, params, columns):
        every = np.zeros(self.shape)
        every[:, columns] = params.reshape(self.shape[0], -1)
        return every.ravel()


def working_sets(objective, penalty, start, *, kept, tol, max_iter):
    """Minimise a smooth objective plus a norm with a kink.

    Parameters
    ----------
    objective : Objective
        Loss and ridge.
    penalty : Composite
        The norm; its ridge is that of `objective`.
    start : Point
        Of this objective.
    kept : LastHessian
        Of this loss; for the fits that follow, too.
    tol : float
        Bound on the gap relative to the value.
    max_iter : int
        The largest number of steps.

    Returns
    -------
    Result
        Its value includes the norm.
    """
    problem = _Problem(objective, penalty, start, kept)
    n_iter, outcome, idle = 0, Outcome.CONVERGED, 0
    loose, n_steps = _FEW_STAGE if problem.params.size <= _FEW else _MANY_STAGE
    for factor in stages(penalty, problem.params, problem.gradient):
        problem.relax(factor)
        solver = problem.descend(loose, 0.0, min(n_steps, max_iter - n_iter))
        n_iter += solver.n_iter
        if solver.interrupted:
            outcome = Outcome.INTERRUPTED
            break
    problem.relax(1.0)
    gap = problem.gap(tol * problem.value)
    while outcome is Outcome.CONVERGED and gap > tol * problem.value:
        if n_iter >= max_iter or idle == 2 or problem.value < _NOTHING:
            outcome = Outcome.MAX_ITER if n_iter >= max_iter else Outcome.STALLED
            break
        solver = problem.descend(tol, gap, max_iter - n_iter)
        idle = idle + 1 if solver.stalled or not solver.n_iter else 0
        n_iter += solver.n_iter
        if solver.interrupted:
            outcome = Outcome.INTERRUPTED
        if solver.at_infinity:
            outcome = Outcome.AT_INFINITY
            break
        gap = problem.gap(tol * problem.value)
    if outcome is Outcome.AT_INFINITY:
        gap = problem.value
    elif outcome is not Outcome.CONVERGED:
        gap = problem.gap()
    return Result(problem.point.params, problem.value, min(gap, problem.value), n_iter, outcome)
