"""Newton's method on several small problems at once."""

import numpy as np
from scipy.linalg import lapack

_DECREASE, _HALVINGS = 1e-4, 12
_MOST = 20  # steps: what takes longer is left to other solvers
_FAR, _LONGEST = 0.2, 4.0  # share of the slope that is left after a step, lengths of steps
_SMALL = 48  # unknowns: a call for all systems at once takes less than one for each


def many_newton(problems, state, metric=None, *, tol, max_iter, last=False):
    """Minimise all of several objectives by Newton steps.

    Parameters
    ----------
    problems : Weightings
        Values, gradients, Hessians and gaps of all objectives.
    state : State
        Where they start.
    metric : ndarray or None
        Hessians of some point near, for the first step; None for those where they start.
    tol : float
        Bound on the gap relative to the value.
    max_iter : int
        The largest number of steps.
    last : bool
        Whether to take the step that gives the certificate, too, where that is sure to be better:
        parameters are more accurate then, but `value` is that before it.

    Returns
    -------
    params : ndarray of shape (n_problems, n, width)
        The last.
    value : ndarray of shape (n_problems,)
        The objectives there.
    gap : ndarray of shape (n_problems,)
        Certified bound on value minus optimum; inf where there is none.
    n_iter : ndarray of shape (n_problems,), int
        Steps.
    """
    n_iter, gap = np.zeros(len(state), dtype=int), np.full(len(state), np.inf)
    params, value = state.params.copy(), state.value.copy()
    places, point = np.arange(len(state)), state
    for number in range(min(_MOST, max_iter) + 1):
        hessian = problems.hessian(point) if metric is None else metric
        step = _solve(hessian, -point.gradient)
        decrement = -0.5 * np.einsum("fkj,fkj->f", point.gradient, step)
        if metric is None:
            near = decrement <= tol * point.value
            gap[places], falls = _gaps(problems, point, step, hessian, near)
            if last:
                falls &= gap[places] <= tol * point.value
                params[places[falls]] += step[falls]
        left = np.flatnonzero(~(gap[places] <= tol * point.value) & (decrement > 0))
        if not len(left) or number == min(_MOST, max_iter):
            break
        if len(left) < len(point):
            places, point = places[left], point.take(left)
        point, found = descend(problems, point, step[left], 2.0 * decrement[left])
        places, metric = places[found], None
        params[places], value[places] = point.params, point.value
        n_iter[places] += 1
        if not len(found):
            break
    return params, value, gap, n_iter


def _gaps(problems, point, step, hessian, near):
    """Gaps of those that are near, inf of the others; and whether they fall along the steps."""
    gaps, falls = np.full(len(point), np.inf), np.zeros(len(point), dtype=bool)
    if np.any(near):
        step = step[near]
        curved = (hessian[near] @ step.reshape(len(step), -1, 1)).reshape(step.shape)
        gaps[near], falls[near] = problems.newton_gap(point.take(near), step, curved)
    return gaps, falls


def differences(params):
    """Parameters relative to the last class; those of a single output as they are."""
    return params if len(params) == 1 else params[:-1] - params[-1]


def centred(relative):
    """Flat parameters of class sum zero."""
    if len(relative) == 1:
        return relative.ravel()
    params = np.concatenate([relative, np.zeros((1, relative.shape[1]))])
    return (params - params.mean(axis=0)).ravel()


def _solve(matrices, right):
    """Solutions of symmetric systems; nan where a matrix is not positive definite."""
    shape = right.shape
    flat = right.reshape(len(right), -1)
    if flat.shape[1] <= _SMALL:
        try:
            return np.linalg.solve(matrices, flat[:, :, None]).reshape(shape)
        except np.linalg.LinAlgError:
            pass
    found = np.full(flat.shape, np.nan)
    for place, (matrix, vector) in enumerate(zip(matrices, flat, strict=True)):
        _, solution, info = lapack.dposv(matrix, vector)
        if info == 0:
            found[place] = solution
    return found.reshape(shape)


def descend(problems, point, step, slope):
    """Points after steps that decrease each objective, and which they are of.

    Steps are halved where they do not decrease, and made longer where they end far from the
    minimum along them. Those are missing that no step decreases, for rounding.
    """
    length, left, moved = np.ones(len(step)), np.arange(len(step)), None
    for _ in range(_HALVINGS):
        trial = _after(problems, point, step, length, left)
        if moved is None:
            moved = trial
        else:
            moved.put(left, trial)
        least = point.value[left] - _DECREASE * length[left] * slope[left]
        left = left[~(trial.value <= least + 1e-15 * point.value[left])]
        if not len(left):
            break
        length[left] *= 0.5
    falls = np.ones(len(step), dtype=bool)
    falls[left] = False
    found = np.flatnonzero(falls)
    _lengthen(problems, point, step, slope, moved, found[length[found] == 1.0])
    return (moved, found) if not len(left) else (moved.take(found), found)


def _lengthen(problems, point, step, slope, moved, whole):
    """Go on, where the slope after whole steps tells that the minimum is far ahead."""
    ahead = -np.einsum("fkj,fkj->f", moved.gradient[whole], step[whole]) / slope[whole]
    far, length = whole[ahead > _FAR], np.ones(len(step))
    if not len(far):
        return
    length[far] = np.minimum(_LONGEST, 1.0 / (1.0 - np.minimum(ahead[ahead > _FAR], 0.99)))
    trial = _after(problems, point, step, length, far)
    better = np.flatnonzero(trial.value < moved.value[far])
    moved.put(far[better], trial.take(better))


def _after(problems, point, step, length, places):
    """Some points after steps of some length."""
    start = point if len(places) == len(point) else point.take(places)
    params = start.params + length[places, None, None] * step[places]
    return problems.at(start.which, params, start.ridge)
