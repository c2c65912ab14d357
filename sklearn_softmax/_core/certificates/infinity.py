"""Optima at infinity: classes that are separable, altogether or in part."""

import numpy as np

_RECEDING = 0.5  # a change of logits that no converged Newton step makes


def at_infinity(objective, point, free=None):
    """Whether the optimum is proved to lie at infinity, and the loss is below `floor`.

    Parameters without a penalty that give every row the largest logit at its label can
    be multiplied by any number: the infimum is 0 and no parameters attain it. `free` is
    their mask, where another penalty stands beside that of the objective.
    """
    free = objective.penalty.curvature == 0 if free is None else free
    features = free.reshape(objective.map.shape)[..., : objective.map.n_features]
    if point.value > objective.floor or not np.any(features):
        return False
    margins = []

    def visit(relative, rows, _):
        weights = objective.weights_of(rows)
        largest = objective.target.highest(objective.target.proportional(relative, rows), rows)
        margins.append((largest if weights is None else largest[weights > 0]).max(initial=-1.0))

    if np.all(free):
        objective.relate_point(point, visit)
    else:
        objective.relate(np.where(free, point.params, 0.0), visit)
    return max(margins) < 0.0


def recedes(objective, direction):
    """Whether a Newton step still separates rows, although the loss has converged.

    Where the classes are separable in part, the loss falls forever along a direction that
    lowers the relative logits of some rows and raises none. Newton's method takes steps
    of about -1 in those: of exp(u) it is the slope divided by the curvature.
    """
    if np.any(objective.penalty.curvature):
        return False
    extremes = []

    def visit(margins, rows, _):
        objective.target.relate_direction(margins, rows)
        extremes.append((margins.min(), objective.target.highest(margins, rows).max()))

    objective.forward(direction, visit)
    lowest, highest = min(low for low, _ in extremes), max(high for _, high in extremes)
    return lowest < -_RECEDING and highest < 0.1 * _RECEDING
