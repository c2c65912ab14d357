"""Line search on a convex function, by safeguarded cubic interpolation."""

_DECREASE = 1e-4
_CURVATURE = 0.5
_ROUNDING = 1e-15
_MAX_TRIALS = 30
_MAX_GROWTH = 4.0
_LARGEST = 1e150  # squares are finite


def search(line, value, slope, curvature=_CURVATURE, noise=0.0):
    """Find a step with sufficient decrease and a much smaller slope.

    Steps satisfy Armijo's rule and ``|slope(t)| <= curvature * |slope(0)|`` (strong Wolfe).

    Parameters
    ----------
    line : line
        ``evaluate(t) -> (value, slope)``.
    value, slope : float
        At step 0; the slope is negative.
    curvature : float
        Bound on the slope at the step, relative to the slope at 0.
    noise : float
        Changes of the value below this share of it are rounding.

    Returns
    -------
    step : float or None
        None where no step decreases the value beyond rounding.
    """
    low, high, best = (0.0, value, slope), None, None
    step = 1.0
    noise = max(noise, _ROUNDING) * abs(value)
    for _ in range(_MAX_TRIALS):
        trial = (step, *line.evaluate(step))
        if not trial[1] <= value + _DECREASE * step * slope + noise:
            high = trial
        elif abs(trial[2]) <= -curvature * slope:
            return step
        elif trial[2] > 0:
            high, best = trial, step
        else:
            low, best = trial, step
        step = _extrapolate(low, slope) if high is None else _interpolate(low, high)
        if high is not None and high[0] - low[0] <= 1e-9 * high[0]:
            break
    return best


def _extrapolate(low, slope):
    step, _, low_slope = low
    drop = slope - low_slope
    secant = step * slope / drop if drop < 0 else float("inf")
    return min(max(secant, 1.5 * step), _MAX_GROWTH * step)


def _interpolate(low, high):
    """Minimum of the cubic through two values and slopes (Nocedal & Wright, eq. 3.59)."""
    (left, left_value, left_slope), (right, right_value, right_slope) = low, high
    width = right - left
    if not (right_value < _LARGEST and abs(right_slope) < _LARGEST):
        return left + 0.1 * width
    mean = left_slope + right_slope - 3.0 * (right_value - left_value) / width
    if not abs(mean) < _LARGEST:
        return left + 0.1 * width
    root = mean * mean - left_slope * right_slope
    share = 0.5
    if root >= 0.0:
        root = root**0.5
        bottom = right_slope - left_slope + 2.0 * root
        share = 1.0 - (right_slope + root - mean) / bottom if bottom > 0 else 0.5
    return left + width * min(max(share, 0.02), 0.95)
