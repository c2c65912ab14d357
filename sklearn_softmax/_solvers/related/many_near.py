"""Inexact Newton steps on several problems at once, in the metric of an optimum near theirs."""

import numpy as np

from ..steps.metric import cholesky, inverse_from
from .many_newton import descend, many_newton

_FEW = 8  # steps: what takes longer has another curvature
_PRODUCTS = 8  # for one step
_FORCING = 0.1  # part of a step, in the metric, that may be wrong
_TINY = np.finfo(np.float64).tiny
_SURE = 0.2  # share of the tolerance that what is left of the Newton equation may cost


def many_near(problems, state, inverse, *, tol, max_iter):
    """Minimise several objectives by Newton steps from conjugate gradients.

    The step that gives the certificate is taken, too, where it is sure to be better. Where the
    metric is about their Hessian, a few products with it solve the Newton equation, and
    no Hessian has to be made. Others are left to `many_newton`.

    Parameters
    ----------
    problems : Weightings
        Values, gradients, products with the Hessian, and gaps of all objectives.
    state : State
        Where they start.
    inverse : ndarray of shape (n * width, n * width)
        Inverse of the metric.
    tol : float
        Bound on the gap relative to the value.
    max_iter : int
        The largest number of steps.

    Returns
    -------
    params : ndarray of shape (n_problems, n, width)
        The last.
    value : ndarray of shape (n_problems,)
        The objectives before the last step.
    gap : ndarray of shape (n_problems,)
        Certified bound on value minus optimum; inf where there is none.
    n_iter : ndarray of shape (n_problems,), int
        Steps.
    """
    found = params, value, gap, n_iter = inexact(
        problems, state, inverse, tol=tol, max_iter=max_iter
    )
    left = np.flatnonzero(~(gap <= tol * value) & (n_iter < max_iter))
    if len(left):
        start = problems.at(state.which[left], params[left], state.ridge[left])
        more = many_newton(problems, start, tol=tol, max_iter=max_iter - n_iter.max(), last=True)
        for all_of_it, part in zip(found[:3], more[:3], strict=True):
            all_of_it[left] = part
        n_iter[left] += more[3]
    return found


def inexact(problems, state, inverse, *, tol, max_iter):
    """See `many_near`; ends where the metric is not that of the problem."""
    params, value, gap = state.params.copy(), state.value.copy(), np.full(len(state), np.inf)
    n_iter, places, point = np.zeros(len(state), dtype=int), np.arange(len(state)), state
    for number in range(min(_FEW, max_iter) + 1):
        step, rest, solved = _newton_steps(problems, point, inverse, tol)
        decrement = -0.5 * np.einsum("fkj,fkj->f", point.gradient, step)
        near = np.flatnonzero(decrement <= tol * point.value)
        if len(near):
            found, falls = problems.balanced_gap(_some(point, near), step[near], rest[near])
            gap[places[near]] = found
            falls &= found <= tol * point.value[near]
            params[places[near[falls]]] += step[near[falls]]
        left = np.flatnonzero(~(gap[places] <= tol * point.value) & (decrement > 0))
        if not len(left) or number == min(_FEW, max_iter):
            break
        slope = 2.0 * decrement[left]
        point, falls = descend(problems, _some(point, left), step[left], slope)
        places, good = places[left[falls]], np.flatnonzero(solved[left[falls]])
        params[places], value[places] = point.params, point.value
        n_iter[places] += 1
        if not len(good):
            break
        point, places = _some(point, good), places[good]
    return params, value, gap, n_iter


def inverse_of(matrix):
    """Inverse of a positive definite matrix, which is overwritten."""
    return inverse_from(cholesky(matrix))


def _some(state, numbers):
    return state if len(numbers) == len(state) else state.take(numbers)


def _newton_steps(problems, point, inverse, tol):
    """Directions that nearly solve the Newton equation, what is left of it, and whether they do.

    Near the optimum they have to solve it well enough for a certificate.
    """
    shape, bound = point.gradient.shape, tol * point.value
    left = -point.gradient.reshape(len(point), -1)
    step, towards = np.zeros_like(left), left @ inverse
    direction, energy = towards, np.einsum("fi,fi->f", left, towards)
    goal = _FORCING**2 * energy
    for _ in range(_PRODUCTS):
        curved = problems.product(point, direction.reshape(shape)).reshape(left.shape)
        length = energy / np.maximum(np.einsum("fi,fi->f", direction, curved), _TINY)
        step = step + length[:, None] * direction
        left = left - length[:, None] * curved
        far = -0.5 * np.einsum("fi,fi->f", point.gradient.reshape(left.shape), step) > bound
        towards = left @ inverse
        last, energy = energy, np.einsum("fi,fi->f", left, towards)
        solved = energy <= goal
        if not np.all(far):
            solved &= far | (problems.cost(point, left.reshape(shape)) <= _SURE * bound)
        if np.all(solved):
            break
        direction = towards + (energy / np.maximum(last, _TINY))[:, None] * direction
    return step.reshape(shape), left.reshape(shape), solved
