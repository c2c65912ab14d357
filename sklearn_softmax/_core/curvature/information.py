"""What the covariance of estimated parameters is made of, in coordinates relative to a class.

Parameters are known by their differences to the last class, as in `curvature.hessian`; a single
output is such a difference itself.
"""

import numpy as np

_NUMBERS = 1 << 17  # of the scores of a block


def contrasts(per_output):
    """Of an array with a row for each output, the rows but the last; a single one stays."""
    return per_output[: max(1, len(per_output) - 1)]


def penalty_matrix(ridge, n_outputs):
    """Curvature of ½ Σ_j ridge_j ‖W_:j‖² where the classes of W sum to zero.

    Parameters
    ----------
    ridge : ndarray of shape (width,)
        The same for all outputs.
    n_outputs : int
        The number of outputs.

    Returns
    -------
    ndarray of shape (n * width, n * width), n = max(1, n_outputs - 1)
    """
    free = max(1, n_outputs - 1)
    tie = np.eye(free) - (1.0 / n_outputs if n_outputs > 1 else 0.0)
    return np.kron(tie, np.diag(ridge))


def score_products(objective, params, weights):
    """Σ_i w_i u_i u_i' of the scores u_i = (p - y) ⊗ x̃ of all rows.

    Parameters
    ----------
    objective : Objective
        With a map that has `rows`.
    params : ndarray of shape (n_params,)
        Where.
    weights : ndarray of shape (n_rows,)
        w.

    Returns
    -------
    ndarray of shape (n * width, n * width), n = max(1, n_outputs - 1)
    """
    n_outputs, width = objective.map.shape
    size = max(1, n_outputs - 1) * width
    step = max(16, _NUMBERS // size)

    def visit(relative, rows, totals):
        residuals = objective.scratch.blocks(rows.stop - rows.start)[1]
        objective.target.residuals(relative, rows, None, residuals)
        features = objective.map.rows(rows)
        for start in range(0, len(features), step):
            part = slice(start, start + step)
            outer = contrasts(residuals)[:, None, part] * features[part].T
            scores = outer.reshape(size, -1)
            total = scores * weights[rows][part]
            totals[0][:] += total @ scores.T

    (total,) = objective.relate(params, visit, lambda: (np.zeros((size, size)),))
    return total


def change_of_reference(free, reference):
    """Matrix from differences to the last of free + 1 classes to differences to another.

    Rows are those of all classes but the reference, in their order.
    """
    matrix = np.vstack([np.eye(free), np.zeros((1, free))])
    return np.delete(matrix - matrix[reference], reference, axis=0)
