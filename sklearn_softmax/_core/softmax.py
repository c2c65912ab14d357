"""Softmax and its logarithm, in cache-sized blocks of rows."""

import threading

import numpy as np

from . import array_api, requirements
from .class_blocks import ClassBlocks, add_classes, log_sum_exp, shift
from .threads import Threads

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
        axes = requirements.class_axes(axis, array.ndim)
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
            normalise(source, work, values, blocks.axis, log)
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


def normalise(logits, work, out, axis, log):
    """Write softmax of a block, or its logarithm, to `out`; `work` may be `logits`."""
    shift(logits, axis, out=work)
    if log:
        np.subtract(work, log_sum_exp(work, out, axis)[0], out=out)
    else:
        np.exp(work, out=out)
        out /= add_classes(out, axis)
