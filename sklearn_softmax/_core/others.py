"""1 - p, where p may be next to one."""

import numpy as np


def others(probabilities):
    """1 - p of all classes of a class-major block; of a likely one as a sum, to keep its digits.

    A Hessian of rows that are sure of their class has negative eigenvalues without them.
    """
    rest = 1.0 - probabilities
    if len(probabilities) > 1:
        likely = rest < 0.5
        unlikely = np.where(likely, 0.0, probabilities)
        np.copyto(rest, np.add.reduce(unlikely, axis=0), where=likely)
    return rest
