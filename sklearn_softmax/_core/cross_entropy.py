"""Softmax cross-entropy of labels or soft targets, with its gradient."""

from numbers import Real

import numpy as np

from . import array_api, requirements
from .class_blocks import ClassBlocks, log_sum_exp, shift
from .class_targets import Labels, SmoothedLabels, SoftTargets
from .softmax import as_logits, floating

_REDUCTIONS = ("none", "mean", "sum")


def cross_entropy(
    logits,
    target,
    *,
    axis=-1,
    class_weight=None,
    sample_weight=None,
    label_smoothing=0.0,
    ignore_index=None,
    reduction="mean",
    return_gradient=False,
):
    """Cross-entropy of softmax(logits) against labels or soft targets, in nats.

    The loss of a row with logits z, target t and class weights w is ::

        -sum_k w_k t_k log softmax(z)_k

    where t is one-hot for a label, and ``(1 - label_smoothing) t + label_smoothing / n_classes``
    takes its place [1]_. These are the numbers of PyTorch's ``nn.CrossEntropyLoss`` [2]_. They
    come from logits shifted by their maximum, so tiny losses and large logits cost no digits.

    Parameters
    ----------
    logits : array-like of real numbers, any shape with a class axis
        Never written. As for `softmax`, integers become float64, and arrays of other libraries
        need the extra ``sklearn_softmax[array-api]``. Entries that a ``numpy.ma`` mask hides
        are taken as -inf.
    target : array-like
        Labels: integers from 0 to n_classes - 1, in the shape of `logits` without the class
        axis. Or soft targets: non-negative, in the shape of `logits`, with sum 1 along the
        class axis.
    axis : int, default=-1
        The class axis.
    class_weight : array-like of shape (n_classes,), optional
        Non-negative.
    sample_weight : array-like in the shape of the losses, optional
        Non-negative. A row of weight 0 is left out, whatever its logits are.
    label_smoothing : float, default=0.0
        From 0 to 1.
    ignore_index : int, optional
        Rows with this label are left out. For labels only.
    reduction : {"none", "mean", "sum"}, default="mean"
        "mean" divides by the sum of ``sample_weight * class_weight[target]`` for labels, and by
        the sum of `sample_weight` for soft targets.
    return_gradient : bool, default=False
        Whether to return the gradient too.

    Returns
    -------
    loss : scalar, or ndarray in the shape of logits without the class axis
        In the dtype of `logits`; summed in float64 and, for float16, computed in float32.
    gradient : ndarray, shape and dtype of logits
        Only with `return_gradient`: of the loss, or for "none" of the sum of the losses, with
        respect to `logits`.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or shape; for a label out of range, a soft target
        that is no distribution, and a mean over a total weight of 0.
    ImportError
        If an array of another library comes and the extra is not installed.

    Notes
    -----
    A class with target 0 adds nothing to the loss, even where its log-probability is -inf.

    References
    ----------
    .. [1] C. Szegedy et al. (2016). Rethinking the Inception architecture for computer vision.
       CVPR, section 7.
    .. [2] https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_softmax import cross_entropy
    >>> loss, gradient = cross_entropy([[2.0, 1.0, 0.1]], [0], return_gradient=True)
    >>> print(round(float(loss), 6), np.round(gradient, 6))
    0.41703 [[-0.340999  0.242433  0.098566]]
    """
    _check_options(axis, label_smoothing, ignore_index, reduction)
    options = axis, class_weight, sample_weight, label_smoothing, ignore_index, reduction
    implementation = array_api.cross_entropy if array_api.is_foreign(logits) else _cross_entropy
    with np.errstate(all="ignore"):
        loss, gradient = implementation(logits, target, *options, return_gradient)
    return (loss, gradient) if return_gradient else loss


def _check_options(axis, label_smoothing, ignore_index, reduction):
    if not requirements.is_integer(axis):
        raise TypeError(f"axis must be an integer; got {axis!r}.")
    if not isinstance(label_smoothing, Real) or not 0.0 <= label_smoothing <= 1.0:
        raise ValueError(f"label_smoothing must be a number from 0 to 1; got {label_smoothing!r}.")
    if ignore_index is not None and not requirements.is_integer(ignore_index):
        raise TypeError(f"ignore_index must be an integer or None; got {ignore_index!r}.")
    if not isinstance(reduction, str) or reduction not in _REDUCTIONS:
        raise ValueError(f"reduction must be 'none', 'mean' or 'sum'; got {reduction!r}.")


def _cross_entropy(
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
    logits, allowed = as_logits(logits)
    dtype = floating(logits.dtype)
    if allowed is not None:
        logits = np.where(allowed, logits, np.array(-np.inf, dtype))
    axis, rows, n_classes = requirements.class_axis(axis, logits.shape)
    blocks = ClassBlocks(logits, (axis,), np.result_type(dtype, np.float32))
    class_weight = _weights("class_weight", class_weight, (n_classes,))
    sample_weight = _weights("sample_weight", sample_weight, rows)

    target = np.asarray(target)
    if requirements.is_soft(target.shape, logits.shape, rows):
        kind = SoftTargets
    else:
        kind = SmoothedLabels if label_smoothing else Labels
    target = kind(target, blocks, class_weight, label_smoothing, ignore_index)
    weights, total = target.weigh(sample_weight.reshape(-1))
    if reduction == "mean":
        weights = weights / requirements.checked_total(total)

    losses = np.zeros(weights.shape, np.result_type(dtype, np.float64))
    gradient = np.empty_like(logits, dtype=dtype, subok=False) if return_gradient else None
    if logits.size:
        _fill(losses, gradient, logits, target, weights, blocks)
    if reduction == "none":
        return losses.astype(dtype).reshape(rows)[()], gradient
    return np.add.reduce(losses).astype(dtype)[()], gradient


def _fill(losses, gradient, logits, target, weights, blocks):
    """Write the weighted losses of rows, and unless it is None the gradient, block by block."""
    logits, slopes = blocks.view(logits), None if gradient is None else blocks.view(gradient)
    scratch, spare, axis = blocks.scratch(), blocks.scratch(), blocks.axis
    for index, rows in blocks:
        block, weight = logits[index], weights[rows]
        shifted, (exps, face) = blocks.load(block, scratch), blocks.facing(spare, block.shape)
        shift(shifted, axis, out=shifted)
        logs, sums = log_sum_exp(shifted, exps, axis)
        absent = weight == 0.0
        loss = weight * target.losses(shifted, logs, index, rows)
        losses[rows] = np.where(absent, 0.0, loss)
        if slopes is not None:
            exps /= sums
            target.residuals(exps, rows)
            exps *= np.expand_dims(weight, axis).astype(exps.dtype)
            np.copyto(exps, 0.0, where=np.expand_dims(absent, axis))
            slopes[index] = face


def _weights(name, weights, shape):
    """Non-negative float64 weights of this shape; by default ones."""
    if weights is None:
        return np.ones(shape)
    weights = np.asarray(weights)
    if weights.dtype.kind not in "biuf":
        raise TypeError(f"{name} must be real numbers; got dtype {weights.dtype}.")
    if weights.shape != shape:
        raise ValueError(f"{name} must have shape {shape}; got {weights.shape}.")
    weights = weights.astype(np.float64)
    bad = np.flatnonzero(~((weights >= 0.0) & (weights < np.inf)))
    if bad.size:
        requirements.reject_weight(name, weights.reshape(-1)[bad[0]], bad[0], shape)
    return weights
