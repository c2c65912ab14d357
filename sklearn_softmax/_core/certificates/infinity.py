"""Optima at infinity: classes that are separable, altogether or in part."""

import numpy as np

_ALMOST = 1.0 - 1e-15
_RECEDING = 0.5  # a change of logits that no converged Newton step makes
_FALLING = -0.05  # one that a class makes whose chance falls on, however slowly


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
    return lowest < -_RECEDING and highest < -_FALLING


def vanishing(objective, point, direction):
    """The part of the loss that vanishes where classes recede along a Newton step.

    Without those classes no row loses more, and what they make of the loss is as far as it can
    fall on their account: Σ s -log(1 - p), p being their chance in each row. The decrement tells
    about half of that where logits of all rows fall at one rate, as exponentials do, and as good
    as nothing of rows where they fall more slowly.
    """
    bound, map, target = objective.map.bind(direction), objective.map, objective.target

    def visit(probabilities, rows, totals):
        margins = objective.scratch.blocks(rows.stop - rows.start)[0]
        map.forward(bound, rows, margins)
        target.relate_direction(margins, rows)
        chances = np.where(margins < _FALLING, probabilities, 0.0)
        lost = np.minimum(np.add.reduce(chances, axis=0, dtype=np.float64), _ALMOST)
        weights = objective.weights_of(rows)
        terms = -np.log1p(-lost)
        totals[0][:] += np.add.reduce(terms if weights is None else weights * terms)

    (total,) = objective.probabilities_at(point, visit, lambda: (np.zeros(1),))
    return objective.scale * total[0]
