"""Linear discriminant analysis with a ridge: a start for Newton's method, without a step.

At the class priors Newton's step is that of least squares on the indicators of the classes,
whose directions are those of discriminant analysis but for their lengths, which are too short by
one minus the share of the variance that they explain (Hastie, Tibshirani & Friedman, "The
elements of statistical learning", ex. 4.2).
"""

import numpy as np
from scipy.linalg import lapack

_SHARE = 0.75  # of what is explained: separable classes would be far off with all of it


def discriminant(scatter, sums, priors, ridge):
    """Coefficients and intercepts of Gaussian classes with one covariance.

    Parameters
    ----------
    scatter : ndarray of shape (n_features, n_features)
        S, the mean of xx' over all classes; the mean of x is zero.
    sums : ndarray of shape (n_classes, n_features)
        C, the mean of y_k x.
    priors : ndarray of shape (n_classes,)
        π, the mean of y_k, positive.
    ridge : ndarray of shape (n_features,)
        α, positive: that of the objective, on coefficients of each class.

    Returns
    -------
    ndarray of shape (n_classes, n_features + 1), or None where S is singular
        W = (I - TC')⁻¹ T for T_k = (π_k S + α)⁻¹ C_k, and the intercepts.
    """
    held = priors[:, None, None] * scatter
    held.reshape(len(priors), -1)[:, :: len(ridge) + 1] += ridge
    steps = np.empty_like(sums)
    for k, matrix in enumerate(held):
        _, steps[k], failed = lapack.dposv(matrix.T, sums[k], lower=1, overwrite_a=1)
        if failed:
            return None
    matrix = -_SHARE * (steps @ sums.T)
    matrix.reshape(-1)[:: len(priors) + 1] += 1.0
    *_, coef, failed = lapack.dgesv(matrix, steps)
    if failed:
        return None
    distances = np.add.reduce(coef * sums, axis=1)
    params = np.empty((len(priors), len(ridge) + 1))
    params[:, :-1], params[:, -1] = coef, np.log(priors) - 0.5 * distances / priors
    return params
