"""Metrics for maps of few parameters with any penalty.

`curvature.hessian` leaves out the last class, which needs a penalty that all classes share; the
whole Hessian of a design is that of all `pairs`.
"""

import numpy as np

from .moments import to_curvatures


def by_products(objective, point):
    """Columns of the Hessian as products with unit vectors: for a handful of parameters."""
    units = np.eye(len(point.params))
    return np.array([objective.hessian_product(point, unit) for unit in units])


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
        to_curvatures(objective, probabilities, rows)
        roots = np.sqrt(np.add.reduce(probabilities, axis=0))
        features = map.rows(rows) * roots[:, None]
        totals[0][:] += features.T @ features
        totals[1][:] += np.add.reduce(probabilities, axis=1)

    def zeros():
        return np.zeros((width, width)), np.zeros(map.shape[0])

    gram, shares = objective.probabilities_at(point, visit, zeros)
    return objective.scale * gram, shares / np.add.reduce(shares)
