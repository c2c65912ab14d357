"""Hessians of the classes that serve several steps."""

import numpy as np

from .. import costs

_MAX_BYTES = 400 << 20
_MOST_OF, _WORTH = 0.3, 0.5  # of all blocks are wanted; of what they cost, they serve
_FEW = 0.05  # of the parameters: their products with the others may wait
_SERVES = 10  # steps, one short step counting as many
_SHORT_STEP = 4


class KeptBlocks:
    """The blocks of a Hessian for one class each, of the last points at which they were made.

    Where most are wanted all are made; else those of some more parameters are renewed, when they
    are many or when those that there are have served for long. A model of curvature need not be
    exact, and few new parameters are taken as if they did not curve together with the old ones.

    Parameters
    ----------
    objective : Objective
        Loss and ridge.
    """

    def __init__(self, objective):
        self._objective, self._shape = objective, objective.map.shape
        self._mask, self._blocks, self._served, self._made = None, None, 0, -np.inf
        n_outputs, width = self._shape
        small = 8 * n_outputs * width**2 <= _MAX_BYTES
        self._may_keep_all = small and not objective.map.sparse

    def stepped(self, step):
        """Learn how far a step with them led."""
        self._served += 1 if step >= 1.0 else _SHORT_STEP

    def at(self, point, mask):
        """The blocks of the parameters in a mask: arrays that may be written to."""
        if not self._serve(mask):
            self._make(point, mask)
        new = mask & ~self._mask
        extra = self._objective.class_hessians(point, new) if np.any(new) else None
        return [self._part(k, mask, new, extra) for k in range(len(mask))]

    def _serve(self, mask):
        if self._mask is None:
            return False
        if np.all(self._mask):
            n_outputs, width = self._shape
            n_rows, n_entries = self._objective.map.n_rows, self._objective.map.n_entries
            cost = costs.blocks_cost(n_outputs, n_rows, width)
            cost /= costs.pass_cost(n_entries, n_outputs)
            return self._objective.n_passes - self._made < _WORTH * cost
        n_new = np.count_nonzero(mask & ~self._mask)
        return self._served < _SERVES and n_new <= _FEW * np.count_nonzero(mask)

    def _make(self, point, mask):
        sizes = np.count_nonzero(mask, axis=1).astype(float)
        most = np.sum(sizes**2) >= _MOST_OF * self._shape[0] * self._shape[1] ** 2
        self._mask = np.ones(self._shape, bool) if self._may_keep_all and most else mask
        self._blocks = self._objective.class_hessians(point, self._mask)
        self._served, self._made = 0, self._objective.n_passes

    def _part(self, k, mask, new, extra):
        wanted = mask[k]
        old = wanted & self._mask[k]
        places = (np.cumsum(self._mask[k]) - 1)[old]
        if extra is None or not len(extra[k]):
            return self._blocks[k][np.ix_(places, places)]
        within = np.cumsum(wanted) - 1
        total = np.zeros((np.count_nonzero(wanted),) * 2)
        total[np.ix_(within[old], within[old])] = self._blocks[k][np.ix_(places, places)]
        fresh = within[new[k]]
        total[np.ix_(fresh, fresh)] = extra[k]
        return total
