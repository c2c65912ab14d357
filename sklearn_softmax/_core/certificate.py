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

import contextlib

import numpy as np

_ROUNDING = 1e-13
_RESOLUTION = 1e-17  # of means of soft targets' residuals: differences of numbers near 1
_LEFT = 1e-6  # of the imbalance may be left
_UNSOLVED = 1e-9  # of the gradient, in free parameters, after a Newton step


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
    free = objective.penalty.curvature == 0
    if not np.any(free) or np.abs(point.gradient[free]).max() <= _ROUNDING * point.value:
        return residual_gap(objective, point)
    shift = _balance(objective, point)
    if shift is None:
        return np.inf
    share = _LEFT * np.abs(point.gradient[free]).max()
    return _gap(objective, point, lambda rows, out: np.copyto(out, shift[:, None]), share)


def newton_gap(objective, point, direction):
    """The bound at Q = P + D(P) Ld for a Newton step d.

    There r = ∇F + L*s D(P) L d = -R''d: the gap is the decrement, to first order, although a
    weak penalty makes that at Q = P much larger.
    """
    bound = objective.map.bind(direction)
    objective.n_passes += 0.5
    forward = objective.map.forward
    allowed = _UNSOLVED * np.abs(point.gradient).max()
    return _gap(objective, point, lambda rows, out: forward(bound, rows, out), allowed)


def _gap(objective, point, shift, allowed):
    """gap(θ, Q) for ``shift(rows, out)``, which writes Lv; inf where free parameters are not
    balanced, to `allowed` or rounding.
    """
    divergence, change = _shifted(objective, point, shift)
    residual = point.gradient + change
    left = np.abs(residual[objective.penalty.curvature == 0]).max(initial=0.0)
    if not left <= max(allowed, _ROUNDING * point.value, _RESOLUTION):
        return np.inf
    return divergence + np.dot(residual**2, objective.penalty.half_inverse)


def _balance(objective, point):
    """Shift of the logits of each class, which makes class residuals sum to zero."""
    n_outputs = objective.target.n_outputs

    def visit(probabilities, rows, totals):
        weights = objective.weights_of(rows)
        weighted = probabilities if weights is None else probabilities * weights
        totals[0][:] += np.add.reduce(weighted, axis=1, dtype=np.float64)
        totals[1][:] += weighted @ probabilities.T

    sums, products = objective.probabilities_at(
        point, visit, lambda: (np.zeros(n_outputs), np.zeros((n_outputs, n_outputs)))
    )
    hessian = objective.scale * (np.diag(sums) - products)
    gradient = point.gradient.reshape(objective.map.shape)
    imbalance = gradient[..., objective.map.n_features :].ravel()
    shift = _solve(hessian, -imbalance)
    left = hessian @ shift + imbalance
    allowed = max(_LEFT * np.abs(imbalance).max(), _ROUNDING * point.value)
    return shift if np.abs(left).max() <= allowed else None


def _solve(hessian, right):
    """Solution for a matrix that does not see the sum of all classes, and perhaps no more."""
    n_outputs, solution = len(hessian), np.full(len(hessian), np.nan)
    held = hessian + (np.trace(hessian) / n_outputs**2 if n_outputs > 1 else 0.0)
    with contextlib.suppress(np.linalg.LinAlgError):
        solution = np.linalg.solve(held, right)
    if not np.all(np.abs(held @ solution - right) <= _LEFT * np.abs(right).max()):
        solution = np.linalg.lstsq(hessian, right, rcond=1e-12)[0]
    return solution


def _shifted(objective, point, shift):
    """KL(Q ‖ P), and the change of the gradient from P to Q."""

    def visit(probabilities, rows, totals):
        divergence, *sums = totals
        change = np.empty_like(probabilities)
        shift(rows, change)
        weights = objective.weights_of(rows)
        objective.target.curve(probabilities.copy(), change)
        terms = objective.target.divergence(probabilities, change, rows)
        outside = np.flatnonzero(np.isinf(terms))
        if len(outside):
            objective.target.confine(probabilities, change, outside, rows)
            terms = objective.target.divergence(probabilities, change, rows)
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
