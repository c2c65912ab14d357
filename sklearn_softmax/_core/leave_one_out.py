"""What each row would lose, had the model not seen it: approximate leave-one-out.

At the optimum of Σ s ℓ + R let H be the Hessian, zᵢ = Jᵢθ the logits of a row, rᵢ = pᵢ - yᵢ its
residuals and Dᵢ = diag(pᵢ) - pᵢpᵢ' its curvature. One Newton step on the objective without the
row changes its logits by

    (I - AᵢDᵢ)⁻¹ Aᵢ rᵢ,   Aᵢ = sᵢ Jᵢ H⁻¹ Jᵢ',

a block of K numbers squared for each row: no refit. Where a penalty has a kink, H is that of the
parameters that are not held by it (Rad & Maleki, 2020, J. R. Statist. Soc. B 82, "A scalable
estimate of the out-of-sample prediction error via approximate leave-one-out"; Stephenson &
Broderick, 2020, AISTATS, for sparse models).
"""

import numpy as np

from .blocks import RowBlocks

_NUMBERS = 1 << 20  # of a block of rows, in the largest array
_SMALL = 64
_JITTER = 1e-13  # of the largest curvature, where the Hessian is singular but for rounding


def leave_one_out_losses(objective, params, held_out, curvature=None, active=None):
    """Loss of each row under a model that has not seen it, to first order.

    Parameters
    ----------
    objective : Objective
        With a map that has `rows`; its weights are those of the fit.
    params : ndarray of shape (n_params,)
        The optimum.
    held_out : target
        What the logits of rows left out are compared with: not what the fit saw, where that
        smoothed or weighed the classes.
    curvature : ndarray of shape (width, n_outputs, n_outputs) or None
        Second derivative of the penalty between the classes of each feature; None stands for
        that of the objective's penalty.
    active : ndarray of shape (n_outputs, width), bool, or None
        Parameters that move; None stands for all.

    Returns
    -------
    losses : ndarray of shape (n_rows,)
        In nats.
    moves : ndarray of shape (n_rows,)
        Range over the classes by which the step changes the logits of the row.
    """
    shape = n_outputs, width = objective.map.shape
    if curvature is None:
        diagonal = objective.penalty.curvature.reshape(shape)
        curvature = np.einsum("kj,kl->jkl", diagonal, np.eye(n_outputs))
    active = np.ones(shape, dtype=bool) if active is None else active
    chances, logits = _probabilities(objective, params)
    features = _ActiveFeatures(objective.map, active)
    hessian = _hessian(objective, chances, features)
    hessian += features.between(curvature)
    hessian += features.between(_class_sums(hessian, active))
    root = _inverse_root(hessian)
    return _losses(objective, held_out, chances, logits, features, root)


class _ActiveFeatures:
    """Rows of features for the parameters that move, class after class."""

    def __init__(self, map, active):
        self._map, self.active = map, active
        self.counts = np.count_nonzero(active, axis=1)
        self.edges = np.concatenate([[0], np.cumsum(self.counts)])
        self.size = int(self.edges[-1])
        _, self._columns = np.nonzero(active)
        self._classes = np.repeat(np.arange(len(active)), self.counts)

    def blocks(self, numbers_per_row):
        """Row blocks whose largest array has some numbers for each row."""
        step = max(8, _NUMBERS // max(1, numbers_per_row))
        return RowBlocks(self._map.n_rows, step, 8 * self.size**2)

    def parts(self):
        """The place of each class among the parameters, and its columns."""
        for k, columns in enumerate(self.active):
            yield slice(self.edges[k], self.edges[k + 1]), np.flatnonzero(columns)

    def rows(self, rows):
        """Features of a slice of rows."""
        return self._map.rows(rows)

    def scaled(self, block, chances):
        """p ⊗ x for each row, at the parameters that move."""
        return block[:, self._columns] * chances[:, self._classes]

    def between(self, matrices):
        """Matrices between the classes of each feature, as one of all parameters that move."""
        full = np.zeros((self.size, self.size))
        same = self._columns[:, None] == self._columns
        first, second = np.nonzero(same)
        column = self._columns[first]
        full[first, second] = matrices[column, self._classes[first], self._classes[second]]
        return full


def _probabilities(objective, params):
    """Probabilities and logits without offsets, shape (n_rows, n_outputs)."""
    shape = objective.map.n_rows, objective.map.shape[0]
    chances, logits = np.empty(shape), np.empty(shape)

    def visit(relative, rows, _):
        logits[rows] = relative.T
        objective.target.relate(relative, rows)
        work = np.empty_like(relative)
        _, inverse = objective.target.loss_rows(relative, rows, work)
        objective.target.probabilities(work, inverse, rows)
        chances[rows] = work.T

    objective.forward(params, visit)
    return chances, logits


def _weights(objective):
    """Weights of the rows that sum to one."""
    if objective.weights is None:
        return np.full(objective.map.n_rows, objective.scale)
    return objective.scale * objective.weights


def _hessian(objective, chances, features):
    """Σ s (diag(p) ⊗ xx' - (p ⊗ x)(p ⊗ x)') of the parameters that move."""
    weights, size = _weights(objective), features.size
    parts = list(features.parts())

    def visit(rows, totals):
        block, weight = features.rows(rows), weights[rows]
        scaled = features.scaled(block, np.sqrt(weight)[:, None] * chances[rows])
        totals[0][:] -= scaled.T @ scaled
        for (place, columns), chance in zip(parts, chances[rows].T, strict=True):
            own = block[:, columns]
            totals[0][place, place] += (own.T * (weight * chance)) @ own

    blocks = features.blocks(size)
    (hessian,) = blocks.sum(visit, lambda: (np.zeros((size, size)),), objective.threads)
    return hessian


def _class_sums(hessian, active):
    """A curvature for what is the same for all classes: no logit shows it, and A must not.

    With one feature's parameters of all classes active, the loss is flat along their sum, and
    the penalty has it as an eigenvector: bending it changes nothing else.
    """
    n_outputs, width = active.shape
    level = np.trace(hessian) / max(1, len(hessian))
    flat = active.all(axis=0) & (n_outputs > 1)
    return np.broadcast_to(level * flat[:, None, None], (width, n_outputs, n_outputs))


def _inverse_root(hessian):
    """Lower triangular T with T'T the inverse."""
    diagonal = np.einsum("ii->i", hessian)
    jitter = _JITTER * max(diagonal.max(initial=0.0), np.finfo(np.float64).tiny)
    while np.isfinite(jitter):
        try:
            return _inverse_lower(np.linalg.cholesky(hessian))
        except np.linalg.LinAlgError:
            diagonal += jitter
            jitter *= 10.0
    raise FloatingPointError("A curvature is not finite.")


def _inverse_lower(lower):
    """Inverse of a lower triangular matrix, by halves: NumPy has none that knows the zeros."""
    if len(lower) <= _SMALL:
        return np.linalg.inv(lower)
    half, inverse = len(lower) // 2, np.zeros(lower.shape)
    inverse[:half, :half] = _inverse_lower(lower[:half, :half])
    inverse[half:, half:] = _inverse_lower(lower[half:, half:])
    corner = inverse[half:, half:] @ lower[half:, :half]
    inverse[half:, :half] = -corner @ inverse[:half, :half]
    return inverse


def _losses(objective, held_out, chances, logits, features, root):
    target, weights = objective.target, _weights(objective)
    (losses, moves), n_outputs = np.empty((2, len(chances))), chances.shape[1]
    parts = list(features.parts())

    def visit(rows):
        block, weight = features.rows(rows), np.sqrt(weights[rows])[:, None]
        rooted = np.zeros((len(block), n_outputs, features.size))
        for k, (place, columns) in enumerate(parts):
            below = root[place.start :, place]
            rooted[:, k, place.start :] = (block[:, columns] * weight) @ below.T
        response = rooted @ rooted.transpose(0, 2, 1)
        relative, residuals = logits[rows].T.copy(), np.empty((n_outputs, len(block)))
        target.relate(relative, rows)
        target.residuals(relative, rows, None, residuals)
        change = _change(response, _curvatures(chances[rows]), residuals.T)
        moves[rows] = _range(change)
        moved = np.ascontiguousarray((logits[rows] + change).T)
        held_out.relate(moved, rows)
        losses[rows], _ = held_out.loss_rows(moved, rows, residuals)

    blocks = features.blocks(n_outputs * features.size)
    blocks.for_each(visit, objective.threads)
    return losses, moves


def _range(change):
    """Of logits of each row; a single output stands for two, one of which is zero."""
    return np.abs(change[:, 0]) if change.shape[1] == 1 else np.ptp(change, axis=1)


def _curvatures(chances):
    """diag(p) - pp' of each row; p (1 - p) for a single output."""
    negative = -chances[:, :, None] * chances[:, None, :]
    np.einsum("bkk->bk", negative)[:] += chances
    return negative


def _change(response, curvature, residuals):
    """(I - A D)⁻¹ A r of each row."""
    left = np.eye(residuals.shape[1]) - response @ curvature
    right = response @ residuals[:, :, None]
    return np.linalg.solve(left, right)[:, :, 0]
