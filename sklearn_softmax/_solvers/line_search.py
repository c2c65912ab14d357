"""Line search on a convex function, by safeguarded secants of its slope."""

_DECREASE = 1e-4
_CURVATURE = 0.5
_MAX_TRIALS = 30
_MAX_GROWTH = 4.0


def search(line, value, slope, first=1.0, curvature=_CURVATURE):
    """Find a step with sufficient decrease and a much smaller slope.

    Steps satisfy Armijo's rule and ``|slope(t)| <= curvature * |slope(0)|`` (strong Wolfe);
    between two slopes of opposite sign the next trial is where the secant vanishes.

    Parameters
    ----------
    line : line
        ``evaluate(t) -> (value, slope)``.
    value, slope : float
        At step 0; the slope is negative.
    first : float
        First trial.
    curvature : float
        Bound on the slope at the step, relative to the slope at 0.

    Returns
    -------
    step : float or None
        None where no step decreases the value beyond rounding.
    """
    low, low_slope, high, high_slope = 0.0, slope, None, None
    step, best = first, None
    noise = 1e-15 * abs(value)
    for _ in range(_MAX_TRIALS):
        trial, trial_slope = line.evaluate(step)
        if not trial <= value + _DECREASE * step * slope + noise or not trial_slope < float("inf"):
            high, high_slope = step, trial_slope
        elif abs(trial_slope) <= -curvature * slope:
            return step
        elif trial_slope > 0:
            high, high_slope, best = step, trial_slope, step
        else:
            low, low_slope, best = step, trial_slope, step
        step = _next(low, low_slope, high, high_slope, slope)
        if high is not None and high - low <= 1e-9 * high:
            break
    return best


def _next(low, low_slope, high, high_slope, slope):
    if high is None:
        drop = slope - low_slope
        secant = low * slope / drop if drop < 0 else float("inf")
        return min(max(secant, 1.5 * low), _MAX_GROWTH * low)
    width = high - low
    if high_slope is not None and 0 < high_slope < float("inf"):
        share = -low_slope / (high_slope - low_slope)
        return low + width * min(max(share, 0.05), 0.95)
    return low + 0.25 * width
