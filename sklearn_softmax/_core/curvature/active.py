"""Hessian products from copies of the rows that have curvature: of separable data few have.

A row has the curvature Σ_k s p_k (1 - p_k), which is next to nothing where one class is sure.
"""

import numpy as np

from ..blocks import RowBlocks
from ..others import others

_BLOCK_NUMBERS = 1 << 19  # of a block of rows
_NEGLIGIBLE = 1e-3  # curvature of a row for one class, over the mean: for metrics


def active_rows(objective, point, importance, omitted, most):
    """The rows that carry all curvature but a share.

    Parameters
    ----------
    objective : Objective
        With a map that has `rows`.
    point : Point
        Where.
    importance : ndarray of shape (n_rows,)
        What curvature is multiplied with: see `leverages`.
    omitted : float
        The share of the total that may be left out.
    most : int
        The largest number of rows.

    Returns
    -------
    ActiveRows or None
        None where they are more than that.
    """
    sizes = np.empty(objective.map.n_rows)

    def visit(probabilities, rows, _):
        objective.target.variances(probabilities)
        sizes[rows] = np.add.reduce(probabilities, axis=0, dtype=np.float64)
        weights = objective.weights_of(rows)
        if weights is not None:
            sizes[rows] *= weights

    objective.probabilities_at(point, visit)
    sizes *= importance
    order = np.argsort(-sizes, kind="stable")
    rest = np.cumsum(sizes[order][::-1])[::-1]
    n_active = np.count_nonzero(rest > omitted * rest[0])
    if not 0 < n_active <= most:
        return None
    return ActiveRows(objective, point, np.sort(order[:n_active]))


class ActiveRows:
    """Products with the Hessian of some rows: copies of them in float32, sums in float64.

    Parameters
    ----------
    objective : Objective
        Of which the Hessian is.
    point : Point
        Where it is.
    chosen : ndarray of int
        Numbers of the rows, sorted.
    """

    def __init__(self, objective, point, chosen):
        self._objective, map = objective, objective.map
        self._shape, n_active = map.shape, len(chosen)
        self._blocks = RowBlocks(
            n_active,
            max(64, _BLOCK_NUMBERS // self._shape[1]),
            8 * objective.penalty.curvature.size,
        )
        self._rows = np.empty((n_active, self._shape[1]), np.float32)
        self._chances = np.empty((self._shape[0], n_active), np.float32)
        self._copy(point, chosen)
        self._top = self._chances.argmax(axis=0)
        self._cost = n_active / map.n_rows

    def _copy(self, point, chosen):
        objective = self._objective

        def visit(probabilities, rows, _):
            part = slice(*np.searchsorted(chosen, (rows.start, rows.stop)))
            own = chosen[part] - rows.start
            if self._shape[0] == 1:
                objective.target.variances(probabilities)
            self._chances[:, part] = probabilities[:, own]
            self._rows[part] = objective.map.rows(chosen[part])

        objective.probabilities_at(point, visit)
        weights = objective.weights
        self._weights = None if weights is None else weights[chosen].astype(np.float32)

    def __len__(self):
        return len(self._rows)

    def hessian_product(self, _, vector):
        """Product of the Hessian, penalty included, with a vector."""
        objective, coef = self._objective, vector.reshape(self._shape).astype(np.float32).T

        def visit(rows, totals):
            features = self._rows[rows]
            curved = np.ascontiguousarray((features @ coef).T)
            self._curve(curved, rows)
            if self._weights is not None:
                curved *= self._weights[rows]
            totals[0][:] += curved @ features

        (total,) = self._blocks.sum(visit, lambda: (np.zeros(self._shape),), objective.threads)
        objective.n_passes += self._cost
        return objective.scale * total.ravel() + objective.penalty.curvature * vector

    def class_blocks(self):
        """The class blocks of the Hessian's data part, but for rows that hardly matter to them.

        Returns
        -------
        ndarray of shape (n_outputs, width, width)
        """
        objective, width = self._objective, self._shape[1]
        blocks, table = np.empty((self._shape[0], width, width)), self._variances()

        def assemble(k):
            weights = table[k]
            chosen = np.flatnonzero(weights > _NEGLIGIBLE * weights.mean())
            scaled = self._rows[chosen]
            scaled *= np.sqrt(weights[chosen])[:, None]
            np.matmul(scaled.T, scaled, out=blocks[k])

        objective.threads.for_each(assemble, range(len(blocks)))
        blocks *= objective.scale
        return blocks

    def _variances(self):
        """Curvatures of the rows, shape of the chances."""
        chances = self._chances
        table = chances if len(chances) == 1 else chances * others(chances)
        return table if self._weights is None else table * self._weights

    def _curve(self, margins, rows):
        """(diag(p) - pp') of the margins, in place: measured from the most likely class, whose
        own change is minus the sum of the others, so that nothing cancels.
        """
        chances = self._chances[:, rows]
        if len(margins) == 1:
            margins *= chances
            return
        top = self._top[rows], np.arange(margins.shape[1])
        margins -= margins[top]
        margins -= np.einsum("kb,kb->b", chances, margins)
        margins *= chances
        margins[top] = 0.0
        margins[top] = -np.add.reduce(margins, axis=0)
