"""Softmax and its logarithm, in cache-sized blocks of rows.

A *row* is all entries along the class axes. `shift`, `log_sum_exp` and `ClassBlocks` are what
softmax, log_softmax and cross_entropy share.
"""

import threading
from math import prod

import numpy as np

from . import array_api
from .threads import Threads

# Where the time is least: a few blocks fit a common second-level cache, and above these
# numbers of classes it is faster to reduce along rows than to transpose them.
_BLOCK_BYTES = 3 << 17
_SHORT = 64
_SHORT_IF_STRIDED = 4096
_WORTH_THREADS = 1 << 21  # numbers; rows are independent, so that threads change no bit


def softmax(logits, axis=-1, *, where=None, out=None, dtype=None):
    """Probabilities from logits: ``exp(z_k) / sum_j exp(z_j)``.

    Computed as ``exp(z_k - max z) / sum_j exp(z_j - max z)`` [1]_, which neither overflows nor
    depends on a constant that is added to a row.

    Parameters
    ----------
    logits : array-like of real numbers, any shape
        Integers, booleans, lists and scalars are taken as float64. Never written, unless it is
        also `out`. The mask of a ``numpy.ma`` array acts like ``where=~mask``. Arrays of other
        libraries (PyTorch, CuPy, JAX, ...) need the extra ``sklearn_softmax[array-api]``.
    axis : int, tuple of int or None, default=-1
        The class axis or axes; None for all.
    where : array-like of bool, broadcastable to logits, optional
        Entries that take part. The others have probability 0.
    out : ndarray of floats, shape of logits, optional
        Overwritten with the result. NumPy arrays only.
    dtype : floating dtype, optional
        Of the result; by default that of `out`, or else that of `logits`. float16 is computed
        in float32.

    Returns
    -------
    ndarray, shape of logits
        Sums to 1 along `axis`. An array of another library stays in its library, on its
        device, and differentiable.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or shape.
    ImportError
        If an array of another library comes and the extra is not installed.

    Notes
    -----
    Entries of +inf share the probability of their row equally; this is the limit. Entries of
    -inf have probability 0. A row with a NaN, or of -inf only, becomes NaN; a row that `where`
    leaves out entirely becomes 0. There are no warnings.

    References
    ----------
    .. [1] P. Blanchard, D. J. Higham, N. J. Higham (2021). Accurately computing the log-sum-exp
       and softmax functions. IMA Journal of Numerical Analysis 41(4), 2311-2330, equation (1.4).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_softmax import softmax
    >>> print(np.round(softmax([2.0, 1.0, 0.1]), 6))
    [0.659001 0.242433 0.098566]
    """
    return _normalised(logits, axis, where, out, dtype, log=False)


def log_softmax(logits, axis=-1, *, where=None, out=None, dtype=None):
    """Logarithms of probabilities from logits, in nats: ``z_k - log sum_j exp(z_j)``.

    Computed as ``(z_k - m) - log1p(sum' exp(z_j - m))`` with m the maximum and sum' over the
    other entries [1]_. It is finite for finite logits, and exact to rounding however close to 1
    or 0 a probability is.

    Parameters
    ----------
    logits : array-like of real numbers, any shape
        As for `softmax`.
    axis : int, tuple of int or None, default=-1
        The class axis or axes; None for all.
    where : array-like of bool, broadcastable to logits, optional
        Entries that take part. The others have log-probability -inf.
    out : ndarray of floats, shape of logits, optional
        Overwritten with the result. NumPy arrays only.
    dtype : floating dtype, optional
        Of the result; by default that of `out`, or else that of `logits`. float16 is computed
        in float32.

    Returns
    -------
    ndarray, shape of logits
        In nats, at most 0.

    Raises
    ------
    TypeError, ValueError, ImportError
        As for `softmax`.

    Notes
    -----
    Infinite entries, NaN and `where` act as in `softmax`.

    References
    ----------
    .. [1] P. Blanchard, D. J. Higham, N. J. Higham (2021). Accurately computing the log-sum-exp
       and softmax functions. IMA Journal of Numerical Analysis 41(4), 2311-2330, algorithm 4.1.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_softmax import log_softmax
    >>> print(np.round(log_softmax([1000.0, 0.0]), 6))
    [    0. -1000.]
    """
    return _normalised(logits, axis, where, out, dtype, log=True)


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


def as_logits(logits):
    """A real array, and where its mask (if it has one) lets entries take part."""
    mask = np.ma.getmask(logits)
    array = np.asarray(np.ma.getdata(logits) if mask is not np.ma.nomask else logits)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"logits must be real numbers; got dtype {array.dtype}.")
    return array, None if mask is np.ma.nomask else ~mask


def floating(dtype):
    """The dtype in which results come: `dtype` itself, and float64 for integers."""
    return dtype.newbyteorder("=") if dtype.kind == "f" else np.dtype(np.float64)


def _taking_part(where, allowed, shape):
    """`where` and what the mask allows, with the shape of the logits."""
    if where is None:
        return None if allowed is None else np.broadcast_to(allowed, shape)
    where = np.asarray(where)
    if where.dtype != bool:
        raise TypeError(f"where must be an array of bool; got dtype {where.dtype}.")
    try:
        where = np.broadcast_to(where, shape)
    except ValueError:
        raise ValueError(
            f"where must be broadcastable to the shape {shape} of logits; got {where.shape}."
        ) from None
    return where if allowed is None else where & allowed


def _result(logits, out, dtype):
    """The array that receives the result."""
    if dtype is not None:
        dtype = np.dtype(dtype)
        if dtype.kind != "f":
            raise TypeError(f"dtype must be a floating dtype; got {dtype}.")
    if out is None:
        return np.empty_like(logits, dtype=dtype or floating(logits.dtype), subok=False)
    if not isinstance(out, np.ndarray) or out.dtype.kind != "f":
        kind = f"dtype {out.dtype}" if isinstance(out, np.ndarray) else type(out).__name__
        raise TypeError(f"out must be a NumPy array of floats; got {kind}.")
    if out.shape != logits.shape:
        raise ValueError(f"out must have the shape {logits.shape} of logits; got {out.shape}.")
    if dtype not in (None, out.dtype):
        raise ValueError(f"out must have the dtype {dtype} asked for; got {out.dtype}.")
    if not out.flags.writeable:
        raise ValueError("out must be writeable; got a read-only array.")
    return out


def _normalised(logits, axis, where, out, dtype, *, log):
    """Softmax or its logarithm, of an array of any library."""
    with np.errstate(all="ignore"):
        if array_api.is_foreign(logits):
            return array_api.normalised(logits, axis, where, out, dtype, log=log)
        array, allowed = as_logits(logits)
        axes = array_api.class_axes(axis, array.ndim)
        where = _taking_part(where, allowed, array.shape)
        result = _result(array, out, dtype)
        if out is not array and np.may_share_memory(result, array):
            array = array.copy()
        if result.size:
            _fill(result, array, axes, where, log)
    return result if result.ndim or out is not None else result[()]


def _fill(result, logits, axes, where, log):
    """Write softmax(logits), or its logarithm, into `result`, block by block."""
    dtype = np.result_type(floating(logits.dtype), result.dtype, np.float32)
    blocks = ClassBlocks(logits, axes, dtype)
    logits, result = blocks.view(logits), blocks.view(result)
    where = None if where is None else blocks.view(where)
    in_place = blocks.axis == 1 and result.flags.c_contiguous and result.dtype == dtype
    memory = threading.local()

    def visit(index):
        if not hasattr(memory, "scratch"):
            memory.scratch = blocks.scratch()
            memory.spare = None if in_place else blocks.scratch()
        block, room = logits[index], result[index]
        work, face = blocks.facing(memory.scratch, block.shape)
        spare = room.reshape(-1) if in_place else memory.spare
        values, shown = blocks.facing(spare, block.shape)
        if where is None and blocks.axis == 1:
            source = block.reshape(work.shape)
        else:
            face[...] = block
            source = work
        if where is not None:
            np.copyto(face, -np.inf, where=~where[index])
        with np.errstate(all="ignore"):
            _normalise(source, work, values, blocks.axis, log)
        if where is not None:
            np.copyto(shown, -np.inf if log else 0.0, where=~where[index])
        if not in_place:
            room[...] = shown

    indices = [index for index, _ in blocks]
    if logits.size < _WORTH_THREADS:
        for index in indices:
            visit(index)
    else:
        with Threads() as threads:
            threads.for_each(visit, indices)


def _normalise(logits, work, out, axis, log):
    """Softmax of a block, or its logarithm; `work` is overwritten and may be `logits`."""
    shift(logits, axis, out=work)
    if log:
        np.subtract(work, log_sum_exp(work, out, axis)[0], out=out)
    else:
        np.exp(work, out=out)
        out /= add_classes(out, axis)
