"""Curvature of the data part of an objective, in arrays that can be added up over rows.

Each function returns sums over the rows, not means, without the penalty.
"""

import numpy as np

from . import matrices, pairs


def dense(objective, point):
    """Σ s (diag(p) ⊗ x̃x̃' - (p ⊗ x̃)(p ⊗ x̃)').

    Returns
    -------
    ndarray of shape (n_outputs, width, n_outputs, width)
    """
    shape, table = objective.map.shape, pairs.chances(objective, point)
    numbers = np.nonzero(np.ones(shape, bool))
    return pairs.products(objective, objective.map, table, *numbers).reshape(*shape, *shape)


def blocks(objective, point):
    """The blocks of `dense` that belong to one class each: Σ s p_k (1 - p_k) x̃x̃'.

    Returns
    -------
    ndarray of shape (n_outputs, width, width)
    """
    return np.stack(pairs.class_sums(objective, point, np.ones(objective.map.shape, bool)))


diagonal = matrices.square_sums
