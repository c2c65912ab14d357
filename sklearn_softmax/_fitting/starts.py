"""Where fits start: from given coefficients, or from none."""

import numpy as np

from .._solvers.cooling import FAR, cooled, may_be_far


def better_start(problem, given):
    """The given coefficients where they are better than none, and else a cold start.

    From far off, rounding of huge logits would stay in all that follow. Where offsets are far the
    optimum at another strength is far, too, and the way from there through no curvature.
    """
    if given is None:
        return problem.start()
    objective, warm = problem.objective(np.float64), problem.from_coefficients(*given)
    if problem.cold_value is None:
        problem.cold_value = objective.at(problem.priors()).value
    if may_be_far(problem.target) and problem.cold_value > FAR:
        return problem.start()
    with np.errstate(over="ignore", invalid="ignore"):
        better = objective.at(warm).value <= problem.cold_value
    return warm if better else problem.start()


def cold_start(problem):
    """No coefficients and the class priors as intercept, or where `cooled` leads from there."""
    start = problem.priors()
    if not may_be_far(problem.target):
        return start
    return cooled(problem.objective(np.float64), start, problem.warm)
