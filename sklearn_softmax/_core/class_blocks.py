"""Cache-sized blocks of rows, and what softmax, its logarithm and cross-entropy do to them.

A *row* is all entries along the class axes.
"""

from math import prod

import numpy as np

# Where the time is least: a few blocks fit a common second-level cache, and above these
# numbers of classes it is faster to reduce along rows than to transpose them.
_BLOCK_BYTES = 3 << 17
_SHORT = 64
_SHORT_IF_STRIDED = 4096


def shift(logits, axis, out):
    """Subtract the maximum along `axis`; where that is +inf, take the limit instead."""
    top = np.maximum.reduce(logits, axis=axis, keepdims=True)
    infinite = top == np.inf
    if np.count_nonzero(infinite):
        logits = np.where(infinite, np.where(logits == np.inf, 0.0, -np.inf), logits)
        top = np.where(infinite, 0.0, top)
    np.subtract(logits, top, out=out, dtype=out.dtype, casting="unsafe")


def add_classes(work, axis):
    """Sums along `axis`, kept as an axis of length 1.

    NumPy adds a lone column in another order than one of many. Here a row has the same sum,
    bit for bit, whichever rows stand beside it.
    """
    if axis == 0 and work.shape[1] == 1:
        work = np.repeat(work, 2, axis=1)
        return np.add.reduce(work, axis=0, keepdims=True)[:, :1]
    return np.add.reduce(work, axis=axis, keepdims=True)


def log_sum_exp(shifted, exps, axis):
    """Logarithms of the sums of exp(shifted), and the sums; `exps` receives exp(shifted).

    A sum just above 1 has lost the digits that its logarithm consists of. Such a row has a
    single maximum, and the sum of its other entries has them all.
    """
    np.exp(shifted, out=exps)
    sums = add_classes(exps, axis)
    logs = np.log(sums)
    near_one = sums < 1.5
    if np.count_nonzero(near_one):
        others = np.compress(near_one.ravel(), exps, axis=1 - axis)
        others -= others == 1.0
        logs[near_one] = np.log1p(add_classes(others, axis)).ravel()
    return logs, sums


class ClassBlocks:
    """Blocks of rows, loaded into two-dimensional work arrays.

    Few classes are transposed to (n_classes, n_rows), so that reductions over them run along
    contiguous memory; many stay as (n_rows, n_classes). Rows are in C order.

    Parameters
    ----------
    logits : ndarray
        Its shape and memory layout decide.
    axes : tuple of int
        The class axes, ascending and not negative.
    dtype : dtype
        Of the work arrays.

    Attributes
    ----------
    axis : int
        The class axis of the work arrays, 0 or 1.
    n_classes : int
    rows : tuple of int
        The shape of `logits` without the class axes.
    """

    def __init__(self, logits, axes, dtype):
        self._axes, self._dtype = axes, np.dtype(dtype)
        self._order = [i for i in range(logits.ndim) if i not in axes] + list(axes)
        view = self.view(logits)
        self.rows = view.shape[: logits.ndim - len(axes)]
        self.n_classes = prod(logits.shape[i] for i in axes)
        strided = not axes or view.strides[-1] != view.itemsize
        self.axis = int(self.n_classes > (_SHORT_IF_STRIDED if strided else _SHORT))
        row_bytes = max(1, self.n_classes) * self._dtype.itemsize
        self._largest = max(1, min(_BLOCK_BYTES // row_bytes, prod(self.rows)))

    def view(self, array):
        """`array` with its class axes last."""
        return array.transpose(self._order)

    def scratch(self):
        """Memory for one work array."""
        return np.empty(self._largest * self.n_classes, self._dtype)

    def per_class(self, values):
        """Values of the classes, broadcastable to work arrays."""
        return values.reshape((-1, 1) if self.axis == 0 else (1, -1))

    def __iter__(self):
        """Yield the index of each block in a view, and its rows as a slice."""
        split, inner = len(self.rows), 1
        while split and inner * self.rows[split - 1] <= self._largest:
            split -= 1
            inner *= self.rows[split]
        if split == 0:
            yield (...,), slice(0, inner)
            return
        length, step = self.rows[split - 1], max(1, self._largest // inner)
        for number, lead in enumerate(np.ndindex(self.rows[: split - 1])):
            for start in range(0, length, step):
                stop = min(start + step, length)
                first = number * length
                rows = slice((first + start) * inner, (first + stop) * inner)
                yield (*lead, slice(start, stop), ...), rows

    def facing(self, scratch, shape):
        """Part of `scratch` for a block of a view that has this shape.

        Returns
        -------
        work : ndarray of shape (n_classes, n_rows) or (n_rows, n_classes)
        face : ndarray of this shape
            The same memory, in the order of the view.
        """
        work, n_row_axes = scratch[: prod(shape)], len(shape) - len(self._axes)
        if self.axis == 1:
            return work.reshape(-1, self.n_classes), work.reshape(shape)
        face = work.reshape(shape[n_row_axes:] + shape[:n_row_axes])
        n_class_axes = len(self._axes)
        face = face.transpose(*range(n_class_axes, len(shape)), *range(n_class_axes))
        return work.reshape(self.n_classes, -1), face

    def load(self, block, scratch):
        """Copy a block of a view into `scratch`; return the work array."""
        work, face = self.facing(scratch, block.shape)
        face[...] = block
        return work
