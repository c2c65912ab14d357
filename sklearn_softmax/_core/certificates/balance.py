"""Residuals that are balanced in the free parameters: certificates need them.

With Q = P + D(P) Lv, D(P) = diag(p) - pp', where v moves only the free parameters, one Newton
step balances them to first order, which is exact because Q is linear in v.
"""

import contextlib

import numpy as np

from ..curvature.pairs import chances, products

ROUNDING, _FEW = 1e-13, 8  # of the value; units of rounding of the products, where more
LEFT = 1e-6  # of the imbalance may be left
MOST = 1000  # free parameters: their Hessian is needed


def free_parameters(objective):
    """Mask of the parameters without penalty."""
    return objective.penalty.curvature == 0


def imbalanced(objective, point, free):
    """Whether the gradient of free parameters is more than rounding."""
    most = np.abs(point.gradient[free]).max(initial=0.0)
    return most > _rounding(objective) * point.value


def balanced(objective, point, residual, allowed):
    """Whether residuals of free parameters are balanced, to `allowed` or rounding."""
    left = np.abs(residual).max(initial=0.0)
    return left <= max(allowed, _rounding(objective) * point.value)


def _rounding(objective):
    return max(ROUNDING, _FEW * float(np.finfo(objective.map.dtype).eps))


def balance(objective, point, free):
    """A shift of the logits by free parameters that makes their gradient zero.

    Parameters
    ----------
    free : ndarray of bool, shape (n_params,)
        The same parameters for all classes.

    Returns
    -------
    shift : callable or None
        ``shift(rows, out)`` writes Lv; None where there is none.
    """
    map = objective.map
    columns = np.flatnonzero(free.reshape(map.shape)[0])
    features = columns[columns < map.n_features]
    imbalance = point.gradient[free]
    if len(imbalance) > MOST:
        return None
    if len(features):
        map = map.restricted(features)
        hessian = _hessian(objective, map, point)
    else:
        hessian = intercepts(objective, point)
    shift = solve(hessian, -imbalance, objective.target.n_outputs)
    if not balanced(objective, point, hessian @ shift + imbalance, LEFT * np.abs(imbalance).max()):
        return None
    if not len(features):
        return lambda rows, out: np.copyto(out, shift[:, None])
    bound = map.bind(shift)
    return lambda rows, out: map.forward(bound, rows, out)


def solve(hessian, right, n_outputs):
    """Solution for a matrix that does not see sums over classes, and perhaps no more."""
    solution, held = np.full(len(right), np.nan), hessian
    if n_outputs > 1 and len(right) % n_outputs == 0:
        held, shape = hessian.copy(), (n_outputs, len(right) // n_outputs)
        level = np.trace(hessian) / (n_outputs * len(right))
        np.einsum("kjlj->klj", held.reshape(shape + shape))[:] += level
    with contextlib.suppress(np.linalg.LinAlgError):
        solution = np.linalg.solve(held, right)
    if not np.all(np.abs(held @ solution - right) <= LEFT * np.abs(right).max()):
        solution = np.linalg.lstsq(hessian, right, rcond=1e-12)[0]
    return solution


def _hessian(objective, map, point):
    """Of the parameters of a map, at the probabilities of a point."""
    classes, columns = np.nonzero(np.ones(map.shape, bool))
    total = products(objective, map, chances(objective, point), classes, columns)
    if map.shape[0] == objective.target.n_outputs:
        _close(total, map.shape[0])
    return objective.scale * total


def add_moments(totals, weights, probabilities):
    """Add Σ s pp' and, in the last column, Σ s p of a block of rows."""
    weighted = probabilities if weights is None else probabilities * weights
    totals[:, -1] += np.add.reduce(weighted, axis=1, dtype=np.float64)
    totals[:, :-1] += weighted @ probabilities.T


def intercepts(objective, point):
    """Hessian of the intercepts, from moments that the point may have come with."""
    n_outputs, moments = objective.target.n_outputs, point.moments
    if moments is None:

        def visit(probabilities, rows, totals):
            add_moments(totals[0], objective.weights_of(rows), probabilities)

        (moments,) = objective.probabilities_at(
            point, visit, lambda: (np.zeros((n_outputs, n_outputs + 1)),)
        )
        moments *= objective.scale
    total = np.diag(moments[:, -1]) - moments[:, :-1]
    _close(total, n_outputs)
    return total


def _close(hessian, n_outputs):
    """Let blocks of classes sum to zero, in place: a block p(1 - p) of its own is a difference."""
    if n_outputs == 1:
        return
    width = len(hessian) // n_outputs
    blocks = hessian.reshape(n_outputs, width, n_outputs, width)
    for k in range(n_outputs):
        blocks[k, :, k] = 0.0
        blocks[k, :, k] = -np.add.reduce(blocks[:, :, k], axis=0)
