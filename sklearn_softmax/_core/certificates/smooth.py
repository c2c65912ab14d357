"""Duality gap: how far from the optimum can this point be?

Fenchel's dual of min Σ sᵢ ℓ(zᵢ, yᵢ) + ½ Σ αⱼ (θⱼ - cⱼ)² with z = Lθ is maximised by
distributions Qᵢ over the classes (entropy being the conjugate of log-sum-exp; see Yu, Huang &
Lin, 2011, Machine Learning 85, eq. 10). For any Q whose residuals are balanced, L*s(Q - Y) = 0
in the free parameters, value - optimum is at most

    gap(θ, Q) = Σ sᵢ KL(Qᵢ ‖ Pᵢ) + ½ Σⱼ rⱼ² / αⱼ,   r = ∇F(θ) + L*s(Q - P),

a sum of terms that are not negative: nothing cancels. Q = P + D(P) Lv, D(P) = diag(p) - pp',
where v moves the free parameters, or all or some with a Newton step, and balances them to first
order, which is exact because Q is linear in v. In rows where that Q is no distribution it stays
one; what is then out of balance counts.
"""

import numpy as np

from .balance import LEFT, balance, balanced, free_parameters, imbalanced

LEAST_WEIGHT = 1e-27  # of a penalty: rounding of gradients, squared, over what gaps are wanted
UNSOLVED = 1e-9  # of the gradient, in free parameters, after a Newton step


def residual_gaps(objective, point):
    """The part ½ Σ rⱼ²/αⱼ at Q = P for each feature: the gap, but for free parameters."""
    scaled = point.gradient * point.gradient
    scaled *= objective.penalty.half_inverse
    return np.add.reduce(scaled.reshape(objective.map.shape), axis=0)


def residual_gap(objective, point):
    """The part ½ Σ rⱼ²/αⱼ at Q = P of all features."""
    return np.add.reduce(residual_gaps(objective, point))


def duality_gap(objective, point):
    """Bound on ``point.value`` minus the optimum, in nats.

    Returns
    -------
    gap : float
        inf where this Q is no distribution: far from the optimum.
    """
    free = free_parameters(objective)
    if not imbalanced(objective, point, free):
        return residual_gap(objective, point)
    shift = balance(objective, point, free)
    if shift is None:
        return np.inf
    return _gap(objective, point, shift, LEFT * np.abs(point.gradient[free]).max())


def newton_gap(objective, point, direction):
    """The bound at Q = P + D(P) Ld for a Newton step d.

    There r = ∇F + L*s D(P) L d = -R''d: the gap is the decrement, to first order, although a
    weak penalty makes that at Q = P much larger.
    """
    bound = objective.map.bind(direction)
    objective.n_passes += 0.5
    forward = objective.map.forward
    allowed = UNSOLVED * np.abs(point.gradient).max()
    return _gap(objective, point, lambda rows, out: forward(bound, rows, out), allowed)


def _gap(objective, point, shift, allowed):
    """gap(θ, Q) for ``shift(rows, out)``, which writes Lv; inf where free parameters are not
    balanced, to `allowed` or rounding.
    """
    divergence, change = shifted(objective, point, shift)
    residual = point.gradient + change
    if not balanced(objective, point, residual[free_parameters(objective)], allowed):
        return np.inf
    return divergence + np.dot(residual**2, objective.penalty.half_inverse)


def moved(target, probabilities, shift, rows, out):
    """KL(Q ‖ P) of a block of rows; `out` receives Q - P = D(P) Lv, kept within distributions."""
    shift(rows, out)
    target.curve(probabilities, out)
    return divergences(target, probabilities, out, rows)


def divergences(target, probabilities, change, rows):
    """KL(Q ‖ P) of each row for a change Q - P, which is kept within distributions, in place."""
    target.balance(change, rows)
    terms = target.divergence(probabilities, change, rows)
    if not np.isfinite(np.add.reduce(terms)):
        outside = np.flatnonzero(np.isinf(terms))
        target.confine(probabilities, change, outside, rows)
        terms = target.divergence(probabilities, change, rows)
    return terms


def shifted(objective, point, shift):
    """KL(Q ‖ P), and the change of the gradient from P to Q."""

    def visit(probabilities, rows, totals):
        divergence, *sums = totals
        change = objective.scratch.blocks(rows.stop - rows.start)[0]
        terms = moved(objective.target, probabilities, shift, rows, change)
        weights = objective.weights_of(rows)
        if weights is not None:
            change *= weights
            terms *= weights
        divergence += np.add.reduce(terms, dtype=np.float64)
        objective.map.adjoint(change, rows, sums)

    divergence, *sums = objective.probabilities_at(
        point, visit, lambda: (np.zeros(1), *objective.map.zeros())
    )
    objective.n_passes += 0.5
    return objective.scale * divergence[0], objective.scale * objective.map.release(sums)
