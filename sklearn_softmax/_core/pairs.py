"""The Hessian of chosen parameters: pairs of a class and a feature."""

import numpy as np

from .blocks import RowBlocks

_NUMBERS = 1 << 18  # of a block of scaled features


def pair_hessian(objective, point, mask):
    """The Hessian in the parameters of a mask, penalty included.

    With u = (p_k x_j) for a row, the data part is Σ s (diag_k(p_k xx') - uu'): one product of
    a matrix with its transpose, and a smaller one for each class.

    Parameters
    ----------
    objective : Objective
        With a map that has `rows`.
    point : Point
        Where.
    mask : ndarray of bool, shape (n_outputs, width)
        Which parameters.

    Returns
    -------
    ndarray of shape (n_pairs, n_pairs)
    """
    map, single = objective.map, len(mask) == 1
    table = np.empty((map.n_rows, len(mask)))

    def keep(probabilities, rows, _):
        table[rows] = probabilities.T

    objective.probabilities_at(point, keep)
    classes, columns = np.nonzero(mask)
    edges = np.searchsorted(classes, np.arange(len(mask) + 1))

    def visit(rows, totals):
        features, weights, total = map.rows(rows), objective.weights_of(rows), totals[0]
        chances = table[rows]
        if single:
            weights = (
                chances * (1.0 - chances)
                if weights is None
                else weights[:, None] * chances * (1.0 - chances)
            )
            scaled = features[:, columns] * np.sqrt(weights)
            total += scaled.T @ scaled
            return
        roots = np.sqrt(chances if weights is None else chances * weights[:, None])
        root_chances = np.sqrt(chances)
        scaled = np.empty((len(features), len(classes)))
        for k in range(len(mask)):
            part = slice(edges[k], edges[k + 1])
            own = features[:, columns[part]] * roots[:, k, None]
            total[part, part] += own.T @ own
            scaled[:, part] = own * root_chances[:, k, None]
        total -= scaled.T @ scaled

    size = len(classes)
    blocks = RowBlocks(map.n_rows, max(256, _NUMBERS // max(1, size)), 8 * size**2)
    (total,) = blocks.sum(visit, lambda: (np.zeros((size, size)),), objective.threads)
    total *= objective.scale
    curvature = objective.penalty.curvature.reshape(mask.shape)[mask]
    np.einsum("ii->i", total)[:] += curvature
    return total
