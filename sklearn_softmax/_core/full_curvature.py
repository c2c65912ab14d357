"""The whole Hessian of the objective, for maps of few parameters with any penalty.

`curvature.hessian` leaves out the last class, which needs a penalty that all classes share.
"""

import numpy as np

from .blocks import RowBlocks

_NUMBERS = 1 << 17  # of a block of scaled features


def by_products(objective, point):
    """Columns of the Hessian as products with unit vectors: for a handful of parameters."""
    units = np.eye(len(point.params))
    return np.array([objective.hessian_product(point, unit) for unit in units])


def of_design(objective, point):
    """The Hessian of a dense design.

    With p ⊗ x for a row, the data part is Σ s (diag(p) ⊗ xx' - (p ⊗ x)(p ⊗ x)').

    Returns
    -------
    ndarray of shape (n_params, n_params)
    """
    map, n_outputs = objective.map, objective.map.shape[0]
    width = map.shape[1]
    table = np.empty((map.n_rows, n_outputs))

    def keep(probabilities, rows, _):
        table[rows] = probabilities.T

    objective.probabilities_at(point, keep)
    weights = np.ones(map.n_rows) if objective.weights is None else objective.weights

    def visit(rows, totals):
        features = map.full_rows(rows)
        scaled = np.sqrt(weights[rows])[:, None] * table[rows]
        products = (scaled[:, :, None] * features[:, None, :]).reshape(len(features), -1)
        totals[0][:] -= products.T @ products
        for k, chances in enumerate(table[rows].T):
            part = slice(k * width, (k + 1) * width)
            totals[0][part, part] += features.T @ ((weights[rows] * chances)[:, None] * features)

    size = n_outputs * width
    blocks = RowBlocks(map.n_rows, max(32, _NUMBERS // size), 8 * size**2)
    (total,) = blocks.sum(visit, lambda: (np.zeros((size, size)),), objective.threads)
    total *= objective.scale
    np.einsum("ii->i", total)[:] += objective.penalty.curvature
    return total


def shared_block(objective, point):
    """One block for all classes, as if they differed by how much curvature they have.

    Returns
    -------
    gram : ndarray of shape (width, width)
        Sum over the classes of their diagonal blocks of the data's Hessian.
    shares : ndarray of shape (n_outputs,)
        Of each class in it.
    """
    map, width = objective.map, objective.map.shape[1]

    def visit(probabilities, rows, totals):
        objective.target.variances(probabilities)
        weights = objective.weights_of(rows)
        if weights is not None:
            probabilities *= weights
        roots = np.sqrt(np.add.reduce(probabilities, axis=0))
        features = map.full_rows(rows) * roots[:, None]
        totals[0][:] += features.T @ features
        totals[1][:] += np.add.reduce(probabilities, axis=1)

    def zeros():
        return np.zeros((width, width)), np.zeros(map.shape[0])

    gram, shares = objective.probabilities_at(point, visit, zeros)
    return objective.scale * gram, shares / np.add.reduce(shares)
