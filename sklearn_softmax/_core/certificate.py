"""Duality gap: how far from the optimum can this point be?

Fenchel's dual of min Σ sᵢ ℓ(zᵢ, yᵢ) + ½ Σ αⱼ (θⱼ - cⱼ)² with z = Lθ is maximised by
distributions Qᵢ over the classes (entropy being the conjugate of log-sum-exp; see Yu, Huang &
Lin, 2011, Machine Learning 85, eq. 10). For any Q whose residuals are balanced, L*s(Q - Y) = 0
in the free parameters, value - optimum is at most

    gap(θ, Q) = Σ sᵢ KL(Qᵢ ‖ Pᵢ) + ½ Σⱼ rⱼ² / αⱼ,   r = ∇F(θ) + L*s(Q - P),

a sum of terms that are not negative: nothing cancels. Q = P + D(P) Lv, D(P) = diag(p) - pp',
where v moves only the free parameters and balances them to first order, which is exact
because Q is linear in v.
"""

import numpy as np

_ROUNDING = 1e-13
_LEFT = 1e-6  # of the imbalance may be left
_UNSOLVED = 1e-9  # of the gradient, in free parameters, after a Newton step


def residual_gap(objective, point):
    """The part ½ Σ rⱼ²/αⱼ at Q = P: the gap, but for the balance of free parameters."""
    scaled = point.gradient * point.gradient
    scaled *= objective.penalty.half_inverse
    return np.add.reduce(scaled)


def duality_gap(objective, point):
    """Bound on ``point.value`` minus the optimum, in nats.

    Returns
    -------
    gap : float
        inf where this Q is no distribution: far from the optimum.
    """
    if not imbalanced(objective, point):
        return residual_gap(objective, point)
    shift = _balance(objective, point)
    return np.inf if shift is None else _gap(objective, point, shift)[0]


def imbalanced(objective, point):
    """Whether the gradient of free parameters is more than rounding."""
    free = objective.penalty.curvature == 0
    most = np.abs(point.gradient[free]).max(initial=0.0)
    return most > _ROUNDING * point.value


def newton_gap(objective, point, direction):
    """The bound at Q = P + D(P) Ld for a Newton step d.

    There r = ∇F + L*s D(P) L d = -R''d: the gap is the decrement, to first order, although a
    weak penalty makes that at Q = P much larger.
    """
    bound = objective.map.bind(direction)
    objective.n_passes += 0.5
    forward = objective.map.forward
    gap, residual = _gap(objective, point, lambda rows, out: forward(bound, rows, out))
    left = np.abs(residual[objective.penalty.curvature == 0]).max(initial=0.0)
    allowed = max(_UNSOLVED * np.abs(point.gradient).max(), _ROUNDING * point.value)
    return gap if left <= allowed else np.inf


def _gap(objective, point, shift):
    """gap(θ, Q) and r for ``shift(rows, out)``, which writes Lv."""
    divergence, change = _shifted(objective, point, shift)
    residual = point.gradient + change
    return divergence + np.dot(residual**2, objective.penalty.half_inverse), residual


def balance(objective, point):
    """A shift of the free parameters that balances them, and its change of the gradient.

    Returns
    -------
    shift : callable or None
        ``shift(rows, out)`` writes Lv; None where there is none.
    change : ndarray of shape (n_params,) or None
    """
    shift = _balance(objective, point)
    return shift, None if shift is None else _shifted(objective, point, shift)[1]


def _balance(objective, point):
    """Shift of the logits that makes the gradient of the free parameters zero."""
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
    shift, *_ = np.linalg.lstsq(hessian, -imbalance, rcond=1e-12)
    left = hessian @ shift + imbalance
    allowed = max(_LEFT * np.abs(imbalance).max(), _ROUNDING * point.value)
    if np.abs(left).max() > allowed:
        return None
    return lambda rows, out: np.copyto(out, shift[:, None])


def _shifted(objective, point, shift):
    """KL(Q ‖ P), and the change of the gradient from P to Q."""

    def visit(probabilities, rows, totals):
        divergence, *sums = totals
        change = np.empty_like(probabilities)
        shift(rows, change)
        weights = objective.weights_of(rows)
        objective.target.curve(probabilities.copy(), change)
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
