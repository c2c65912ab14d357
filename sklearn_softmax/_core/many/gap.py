"""Duality gaps of many ridge problems at once: see `certificates.smooth` and `weightings`."""

import numpy as np

_UNSOLVED, _ROUNDING = 1e-9, 1e-13  # of gradients, and of values, left in free parameters
_NEAR = 0.25  # exp(2m) / 2 is less than 1


def cost(many, state, residual):
    """½ Σ r'T⁻¹r / ridge of residuals in the penalised parameters."""
    squares = np.add.reduce(residual**2, axis=1)
    if many.n_free > 1:
        squares += np.add.reduce(residual, axis=1) ** 2
    inverse = np.divide(0.5, state.ridge, out=np.zeros(state.ridge.shape), where=state.ridge > 0)
    return np.einsum("fj,fj->f", squares, inverse)


def balanced_gap(many, state, step, left):
    """`newton_gap` of steps that leave something of the Newton equation: intercepts move, too.

    inf where parameters without penalty are others than an intercept.

    Parameters
    ----------
    state : State
    step : ndarray of shape (n_problems, n, width)
    left : ndarray of shape (n_problems, n, width)
        Minus the gradient, less the products of the Hessians with the steps.
    """
    step, free = step.copy(), state.ridge[:, -1] == 0
    chances, weights = state.chances[free], many.weights[state.which[free]]
    weighted = chances * weights[:, None]
    curvature = -(weighted @ chances.transpose(0, 2, 1))
    np.einsum("fkk->fk", curvature)[:] += np.add.reduce(weighted, axis=2)
    step[free, :, -1] += _solutions(curvature, left[free, :, -1, None])[:, :, 0]
    ranges = np.zeros(len(step))
    return _gap(many, state, step, many.product(state, step, ranges), ranges)


def _solutions(matrices, right):
    try:
        return np.linalg.solve(matrices, right)
    except np.linalg.LinAlgError:  # a class may have no chance left
        return np.linalg.pinv(matrices, hermitian=True) @ right


def newton_gap(many, state, step, curved):
    """Bound on value minus optimum at Q = P + D(P) Ld for Newton steps d.

    See `certificates.smooth`: here the residual is what the linear solver left, minus the ridge,
    and KL(Q ‖ P) at most ½ (1 + m) Σ p r² where ratios Q / P - 1 = r are at most m < 1 in size.

    Parameters
    ----------
    state : State
    step : ndarray of shape (n_problems, n, width)
        d.
    curved : ndarray of shape (n_problems, n, width)
        Hessian times d.

    Returns
    -------
    gap : ndarray of shape (n_problems,)
    falls : ndarray of shape (n_problems,), bool
        Whether the objectives are lower after the steps: along them curvature, which changes by
        exp(2m) at most, is too small to make up for the slope.
    """
    ranges = np.zeros(len(step))
    for rows in many.slices(len(step)):
        width = widest(many.forward(step, rows), many.weights[state.which][:, rows])
        np.maximum(ranges, width, out=ranges)
    return _gap(many, state, step, curved, ranges)


def widest(change, weights):
    """Range over the classes of the changes of logits, where it is widest in rows of weight."""
    width = np.maximum(change.max(axis=1), 0.0) - np.minimum(change.min(axis=1), 0.0)
    return np.max(width, axis=1, where=weights > 0, initial=0.0)


def _gap(many, state, step, curved, ranges):
    curved = curved - state.ridge[:, None] * (many.tie @ step)
    residual = curved + state.gradient
    free = state.ridge == 0
    imbalance = np.where(free[:, None], np.abs(residual), 0.0).max(axis=(1, 2))
    size = np.abs(state.gradient).max(axis=(1, 2))
    allowed = np.maximum(_UNSOLVED * size, _ROUNDING * state.value)
    gap = 0.5 * (1.0 + ranges) * np.einsum("fkj,fkj->f", step, curved)
    gap += cost(many, state, residual)
    gap = np.where((imbalance <= allowed) & (ranges < 1.0), gap, np.inf)
    return gap, ranges <= _NEAR
