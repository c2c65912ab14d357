"""Exponentials where the tiniest do not matter: of losses and probabilities of a fit."""

import numpy as np

_LEAST = -700.0


def exponentials(logits, out):
    """Write ``exp(logits)`` to `out`; what is below 1e-304 may become that.

    Of float64 numbers that small processors take up to 80 times as long.
    """
    if logits.dtype == np.float64:
        logits = np.maximum(logits, _LEAST, out=out)
    np.exp(logits, out=out)
    return out
