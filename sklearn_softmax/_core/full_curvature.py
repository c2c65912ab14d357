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
