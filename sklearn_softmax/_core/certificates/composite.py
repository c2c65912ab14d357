"""Duality gap of penalties with a kink.

With residuals s(Q - Y) as dual variables, value - optimum is at most

    gap(θ, Q) = Σ sᵢ KL(Qᵢ ‖ Pᵢ) + R(θ) + R*(v) - θ'v,   v = -L*s(Q - Y),

where v must be 0 for free parameters, and within the ball of a norm that no ridge stands beside.
As in `smooth`, a shift of the free parameters balances Q. Then Q - Y is multiplied by a
t ≤ 1 that brings v into the balls: Y + t(Q - Y) is a distribution, and KL is of second order in
1 - t (Ndiaye, Fercoq, Gramfort & Salmon, 2017, JMLR 18, "Gap safe screening rules").
"""

import numpy as np

from .balance import LEFT, balance, balanced, imbalanced
from .smooth import moved, shifted

HOPE = 2.0  # the balance of free parameters changes the kinks' part, but not much


def composite_gap(objective, penalty, point, enough=np.inf):
    """Bound on ``point.value + penalty.value(params)`` minus the optimum, in nats.

    Parameters
    ----------
    objective : Objective
        Loss and ridge.
    penalty : Composite
        See `sklearn_softmax._penalties`.
    point : Point
        Where.
    enough : float
        A bound that is wanted. Where it is out of reach no pass is made, and what is returned
        is above it but no bound.

    Returns
    -------
    float
        inf where this Q is no distribution: far from the optimum.
    """
    shape = objective.map.shape
    params, shift = point.params.reshape(shape), None
    dual = objective.penalty.evaluate(point.params)[1] - point.gradient
    least = min(kinks_of(penalty, params, dual.reshape(shape)))[0]
    if least > HOPE * enough:
        return least
    free = np.tile(penalty.free, shape[0])
    if imbalanced(objective, point, free):
        shift = balance(objective, point, free)
        if shift is None:
            return np.inf
        _, change = shifted(objective, point, shift)
        allowed = LEFT * np.abs(point.gradient[free]).max()
        if not balanced(objective, point, (point.gradient + change)[free], allowed):
            return np.inf
        dual -= change
    parts = kinks_of(penalty, params, dual.reshape(shape))
    return tightest(parts, lambda share: _divergence(objective, point, shift, share))


def tightest(parts, divergence):
    """The smallest of the gaps ``kinks + divergence(share)`` of the parts that `kinks_of` gives."""
    gap = np.inf
    for kinks, share in parts:
        if kinks < gap:
            gap = min(gap, kinks + divergence(share))
    return gap


def kinks_of(penalty, params, dual):
    """Parts of the gap that the penalty makes, and the t that they are for.

    Once t serves the columns that have no ridge, and once all of them.
    """
    sizes, found = penalty.size(dual), {}
    outside = (sizes > penalty.norm) & ~penalty.free
    masks = (outside & (penalty.ridge == 0.0), outside) if penalty.has_ridge else (outside,)
    for held in masks:
        share = np.min(penalty.norm[held] / sizes[held], initial=1.0)
        if share not in found:
            found[share] = max(penalty.fenchel(params, share * dual), 0.0)  # but for rounding
    return [(kinks, share) for share, kinks in found.items()]


def _divergence(objective, point, shift, share):
    """Σ s KL(Y + t(Q - Y) ‖ P), where Q = P + D(P) L shift."""
    if shift is None and share == 1.0:
        return 0.0
    target = objective.target

    def visit(probabilities, rows, totals):
        change = objective.scratch.blocks(rows.stop - rows.start)[0]
        if shift is None:
            change[:] = 0.0
        else:
            moved(target, probabilities, shift, rows, change)
            change *= share
        change -= (1.0 - share) * target.excess(probabilities, rows)
        terms = target.divergence(probabilities, change, rows)
        weights = objective.weights_of(rows)
        if weights is not None:
            terms *= weights
        totals[0][:] += np.add.reduce(terms, dtype=np.float64)

    (total,) = objective.probabilities_at(point, visit, lambda: (np.zeros(1),))
    return objective.scale * total[0]
