"""Starts for losses of logits that are known to be far off: by cooling.

Offsets that are sure of wrong classes leave a loss that is as good as linear in pieces: at zero
coefficients its curvature is rounding. At a temperature T the parameters φ = θ/T minimise

    (1/T) F_T(Tφ) = Σ sᵢ ℓ((Lφ + o/T)ᵢ, yᵢ) + R(Tφ)/T,

a problem of the same kind whose offsets are as small as one likes, and T = 1 is the problem that
was asked. So T falls from where the loss is of ordinary size, each optimum being near the next (as
in deterministic annealing: Rose, 1998, Proc. IEEE 86).
"""

from copy import copy
from math import ceil, log

import numpy as np

FAR, _ORDINARY = 10.0, 2.0  # mean losses in nats
_COOLING = 4.0
_ROUGH, _STEPS = 0.05, 20  # gap and steps at each temperature; a loss that is small


def cooled(objective, start, minimise):
    """Parameters nearer to the optimum than `start`, which has no coefficients.

    Parameters
    ----------
    objective : Objective
        Its target may have offsets.
    start : ndarray of shape (n_params,)
        It is returned where offsets are not far.
    minimise : callable
        ``minimise(objective, T, params, tol=, max_iter=) -> Result`` at a temperature.

    Returns
    -------
    ndarray of shape (n_params,)
    """
    objective = copy(objective)
    objective.observer = None
    value = objective.at(start).value
    if not FAR < value < np.inf:
        return start
    params, last = start, 1.0
    hottest, number = value / _ORDINARY, ceil(log(value / _ORDINARY, _COOLING))
    for temperature in hottest ** (np.arange(number, 0, -1) / number):
        params, last = params * (last / temperature), temperature
        result = minimise(objective, temperature, params, tol=_ROUGH, max_iter=_STEPS)
        params = result.params
        if result.value <= _ROUGH:  # rows can all be right: no offset is in the way
            break
    return params * last


def may_be_far(target):
    """Whether a target has offsets that may make a loss large."""
    return getattr(target, "largest", 0.0) > 0.5 * FAR
