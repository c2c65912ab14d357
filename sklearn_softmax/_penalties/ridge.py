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
    """

    def __init__(self, weights, centre=0.0):
        self.curvature, self.centre = weights, centre

    def evaluate(self, params):
        """Value and gradient."""
        offset = params - self.centre
        gradient = self.curvature * offset
        return 0.5 * np.dot(gradient, offset), gradient
