"""Arrays of other libraries: PyTorch, CuPy, JAX, ...

The formulas of `softmax` and `cross_entropy` stand here as functions of whole arrays that write
to nothing, in the array API standard, so that a library can differentiate through them.
"""

import numpy as np

from . import requirements

_WITHOUT_NAMESPACE = {"torch", "cupy"}  # array_api_compat knows them all the same


def is_foreign(array):
    """Whether `array` belongs to a library other than NumPy."""
    libraries = {base.__module__.split(".")[0] for base in type(array).__mro__}
    if "numpy" in libraries:
        return False
    return hasattr(array, "__array_namespace__") or not libraries.isdisjoint(_WITHOUT_NAMESPACE)


def normalised(logits, axis, where, out, dtype, *, log):
    """`softmax`, or its logarithm, of an array of another library."""
    xp, logits = _prepared(logits)
    axes = requirements.class_axes(axis, logits.ndim)
    if out is not None:
        raise TypeError(
            f"out must be None unless logits is a NumPy array; got {type(out).__name__}."
        )
    if dtype is None:
        dtype = logits.dtype
    elif not xp.isdtype(dtype, "real floating"):
        raise TypeError(f"dtype must be a floating dtype; got {dtype}.")
    logits = xp.astype(logits, xp.result_type(logits.dtype, dtype, xp.float32))
    if 0 in logits.shape:
        return xp.astype(logits, dtype)
    zero, low = _number(xp, 0.0, logits), _number(xp, -np.inf, logits)
    if where is not None:
        where = _like(xp, "where", where, logits)
        if not xp.isdtype(where.dtype, "bool"):
            raise TypeError(f"where must be an array of bool; got dtype {where.dtype}.")
        where = _broadcast_where(xp, where, logits.shape)
        logits = xp.where(where, logits, low)
    shifted = _shift(xp, logits, axes)
    result = _log_softmax(xp, shifted, axes) if log else _softmax(xp, shifted, axes)
    if where is not None:
        result = xp.where(where, result, low if log else zero)
    return xp.astype(result, dtype)


def cross_entropy(
    logits,
    target,
    axis,
    class_weight,
    sample_weight,
    label_smoothing,
    ignore_index,
    reduction,
    return_gradient,
):
    """Loss, and the gradient or None: `cross_entropy` of arrays of another library."""
    xp, logits = _prepared(logits)
    dtype, shape = logits.dtype, tuple(logits.shape)
    axis, rows, n_classes = requirements.class_axis(axis, shape)
    logits = xp.astype(logits, xp.result_type(dtype, xp.float32))
    target = _like(xp, "target", target, logits)
    class_weight = _weights(xp, "class_weight", class_weight, (n_classes,), logits)
    class_weight = xp.reshape(class_weight, (n_classes,) + (1,) * (len(shape) - axis - 1))
    weights = _weights(xp, "sample_weight", sample_weight, rows, logits)
    if requirements.is_soft(tuple(target.shape), shape, rows):
        spread = _soft(xp, target, axis, rows, ignore_index, logits)
        total = xp.sum(weights)
    else:
        spread, kept = _one_hot(xp, target, axis, n_classes, ignore_index, logits)
        weights = weights * kept
        total = xp.sum(weights * xp.sum(spread * class_weight, axis=axis))
    spread = ((1.0 - label_smoothing) * spread + label_smoothing / n_classes) * class_weight
    if reduction == "mean":
        weights = weights / requirements.checked_total(total)

    zero, weights = _number(xp, 0.0, logits), xp.expand_dims(weights, axis=axis)
    logits = xp.where(weights == 0.0, zero, logits)  # keeps NaN out of derivatives as well
    shifted = _shift(xp, logits, (axis,))
    terms = -spread * _log_softmax(xp, shifted, (axis,))
    losses = xp.sum(weights * xp.where(spread == 0.0, zero, terms), axis=axis)
    loss = xp.astype(losses if reduction == "none" else xp.sum(losses), dtype)
    if not return_gradient:
        return loss, None
    totals = xp.sum(spread, axis=axis, keepdims=True)
    residuals = totals * _softmax(xp, shifted, (axis,)) - spread
    return loss, xp.astype(weights * residuals, dtype)


def _one_hot(xp, labels, axis, n_classes, ignore_index, like):
    """Labels as soft targets, and 1 for rows that are kept, 0 for ignored ones."""
    if not xp.isdtype(labels.dtype, ("bool", "integral")):
        requirements.reject_label_dtype(labels)
    classes = xp.arange(n_classes, device=_device(like))
    labels = xp.astype(labels, classes.dtype)
    kept = xp.ones_like(labels, dtype=xp.bool)
    if ignore_index is not None:
        kept = labels != int(ignore_index)
    bad = _first(xp, ((labels < 0) | (labels >= n_classes)) & kept)
    if bad is not None:
        requirements.reject_label(int(xp.reshape(labels, (-1,))[bad]), bad, labels.shape, n_classes)
    classes = xp.reshape(classes, (n_classes,) + (1,) * (like.ndim - axis - 1))
    one_hot = xp.expand_dims(labels, axis=axis) == classes
    return xp.astype(one_hot, like.dtype), xp.astype(kept, like.dtype)


def _soft(xp, target, axis, rows, ignore_index, like):
    """Soft targets, checked, in the dtype of `like`."""
    if ignore_index is not None:
        requirements.reject_ignore_index(ignore_index)
    if not xp.isdtype(target.dtype, ("bool", "integral", "real floating")):
        raise TypeError(f"target must be real numbers; got dtype {target.dtype}.")
    given = target.dtype if xp.isdtype(target.dtype, "real floating") else like.dtype
    tolerance = requirements.sum_tolerance(max(_eps(xp, given), _eps(xp, like.dtype)))
    target = xp.astype(target, like.dtype)
    sums, least = xp.sum(target, axis=axis), xp.min(target, axis=axis)
    bad = _first(xp, ~((least >= 0.0) & (xp.abs(sums - 1.0) <= tolerance)))
    if bad is not None:
        least, total = (float(xp.reshape(values, (-1,))[bad]) for values in (least, sums))
        requirements.reject_distribution(least, total, bad, rows)
    return target


def _weights(xp, name, weights, shape, like):
    """Non-negative weights of this shape, by default ones, in the dtype of `like`."""
    if weights is None:
        return xp.ones(shape, dtype=like.dtype, device=_device(like))
    weights = _like(xp, name, weights, like)
    if not xp.isdtype(weights.dtype, ("bool", "integral", "real floating")):
        raise TypeError(f"{name} must be real numbers; got dtype {weights.dtype}.")
    if tuple(weights.shape) != shape:
        raise ValueError(f"{name} must have shape {shape}; got {tuple(weights.shape)}.")
    weights = xp.astype(weights, like.dtype)
    bad = _first(xp, ~((weights >= 0.0) & (weights < np.inf)))
    if bad is not None:
        requirements.reject_weight(name, float(xp.reshape(weights, (-1,))[bad]), bad, shape)
    return weights


def _first(xp, bad):
    """Number of the first true entry, or None."""
    if 0 in bad.shape or not bool(xp.any(bad)):
        return None
    return int(xp.nonzero(xp.reshape(bad, (-1,)))[0][0])


def _prepared(logits):
    """The namespace, and floating logits."""
    try:
        from array_api_compat import array_namespace
    except ImportError:
        kind = f"{type(logits).__module__}.{type(logits).__qualname__}"
        raise ImportError(
            "logits must be a NumPy array unless the extra sklearn_softmax[array-api] is "
            f"installed; got {kind}."
        ) from None
    xp = array_namespace(logits)
    if xp.isdtype(logits.dtype, ("bool", "integral")):
        double = xp.result_type(xp.float64, xp.float32)  # JAX may hold itself to float32
        logits = xp.astype(logits, double)
    if not xp.isdtype(logits.dtype, "real floating"):
        raise TypeError(f"logits must be real numbers; got dtype {logits.dtype}.")
    return xp, logits


def _eps(xp, dtype):
    """The spacing of numbers at 1; not every library's finfo works with every NumPy."""
    third = xp.asarray(4.0 / 3.0, dtype=dtype) - 1.0
    return abs(float(3.0 * third - 1.0))


def _device(array):
    from array_api_compat import device

    return device(array)


def _like(xp, name, value, array):
    """`value` in the library and on the device of `array`."""
    if is_foreign(value):
        return value
    value = np.asarray(value)
    if value.dtype.kind not in "biufc":
        raise TypeError(f"{name} must be real numbers; got dtype {value.dtype}.")
    return xp.asarray(value, device=_device(array))


def _number(xp, value, array):
    return xp.asarray(value, dtype=array.dtype, device=_device(array))


def _broadcast_where(xp, where, shape):
    try:
        return xp.broadcast_to(where, shape)
    except (ValueError, RuntimeError):
        raise ValueError(
            f"where must be broadcastable to the shape {tuple(shape)} of logits; "
            f"got {tuple(where.shape)}."
        ) from None


def _shift(xp, logits, axes):
    """Subtract the maximum; where that is +inf, take the limit instead."""
    top = xp.max(logits, axis=axes, keepdims=True)
    top = top.detach() if hasattr(top, "detach") else top  # its derivative cancels
    zero, low = _number(xp, 0.0, logits), _number(xp, -np.inf, logits)
    limit = xp.where(logits == np.inf, zero, low)
    infinite = top == np.inf
    return xp.where(infinite, limit, logits) - xp.where(infinite, zero, top)


def _log_softmax(xp, shifted, axes):
    """As in `softmax.log_sum_exp`; expm1 is 0 at the maximum, and has the derivative of exp."""
    top = shifted == 0.0
    others = xp.where(top, xp.expm1(shifted), xp.exp(shifted))
    ties = xp.sum(xp.astype(top, shifted.dtype), axis=axes, keepdims=True) - 1.0
    return shifted - xp.log1p(xp.sum(others, axis=axes, keepdims=True) + ties)


def _softmax(xp, shifted, axes):
    exps = xp.exp(shifted)
    return exps / xp.sum(exps, axis=axes, keepdims=True)
