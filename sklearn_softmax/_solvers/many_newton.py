"""Newton's method on several small problems at once."""

import numpy as np

_DECREASE, _HALVINGS = 1e-4, 12
_MOST = 20  # steps: what takes longer is left to other solvers


def many_newton(problems, start, ridge, *, tol, max_iter):
    """Minimise all of several objectives by Newton steps, halved where they do not decrease.

    Parameters
    ----------
    problems : Weightings
        Values, gradients, Hessians and gaps of all objectives.
    start : ndarray of shape (n_problems, n, width)
        First parameters.
    ridge : ndarray of shape (n_problems, width)
        Of the penalty.
    tol : float
        Bound on the gap relative to the value.
    max_iter : int
        The largest number of steps.

    Returns
    -------
    state : State
        The last.
    gap : ndarray of shape (n_problems,)
        Certified bound on value minus optimum; inf where there is none.
    n_iter : ndarray of shape (n_problems,), int
        Steps.
    """
    state, n_iter = problems.at(start, ridge), np.zeros(len(start), dtype=int)
    gap = np.full(len(start), np.inf)
    for number in range(min(_MOST, max_iter) + 1):
        hessian = problems.hessian(state, ridge)
        try:
            right = -state.gradient.reshape(len(start), -1, 1)
            step = np.linalg.solve(hessian, right).reshape(start.shape)
        except np.linalg.LinAlgError:
            break
        decrement = -0.5 * np.einsum("fkj,fkj->f", state.gradient, step)
        open_ = gap > tol * state.value
        if np.any(decrement[open_] <= tol * state.value[open_]):
            found = problems.newton_gap(state, step, hessian, ridge)
            gap[open_] = found[open_]
            open_ = gap > tol * state.value
        if not np.any(open_) or number == min(_MOST, max_iter):
            break
        step *= open_[:, None, None]
        moved = _search(problems, state, step, ridge, decrement * open_)
        if moved is None:
            break
        state, n_iter = moved, n_iter + open_
    return state, gap, n_iter


def _search(problems, state, step, ridge, decrement):
    """The state after steps that decrease each objective; None where rounding allows none."""
    length = np.ones(len(step))
    for _ in range(_HALVINGS):
        moved = problems.at(state.params + length[:, None, None] * step, ridge)
        least = state.value - _DECREASE * 2.0 * length * decrement
        short = ~(moved.value <= least + 1e-15 * state.value)
        if not np.any(short):
            return moved
        length[short] *= 0.5
    return None
