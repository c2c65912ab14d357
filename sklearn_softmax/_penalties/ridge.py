"""Ridge: a quadratic penalty with a weight for each parameter."""

import numpy as np


class Ridge:
    """½ Σ_j w_j (θ_j - c_j)².

    Parameters
    ----------
    weights : ndarray of shape (n_params,)
        Non-negative; 0 leaves a parameter free.
    centre : float or ndarray of shape (n_params,)
        Where the penalty is zero.

    Attributes
    ----------
    half_inverse : ndarray of shape (n_params,)
        1 / (2 w), the weights of the conjugate; 0 for parameters that are free.
    """

    def __init__(self, weights, centre=0.0):
        self.curvature, self.centre = weights, centre
        self._at_zero, held = not np.count_nonzero(centre), weights > 0
        self.half_inverse = np.divide(0.5, weights, out=np.zeros(weights.shape), where=held)

    def evaluate(self, params):
        """Value and gradient."""
        offset = params if self._at_zero else params - self.centre
        gradient = self.curvature * offset
        return 0.5 * np.dot(gradient, offset), gradient
