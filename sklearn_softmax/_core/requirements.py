"""What logits, targets and weights must satisfy, whichever library their arrays are of."""

import operator

import numpy as np


def is_integer(value):
    """Whether `value` is one integer, and no bool."""
    return hasattr(value, "__index__") and not isinstance(value, bool) and not np.ndim(value)


def class_axes(axis, ndim):
    """The axes meant by `axis`, ascending and not negative; a scalar has one class."""
    if axis is None:
        return tuple(range(ndim))
    given = axis if isinstance(axis, tuple) else (axis,)
    if not all(is_integer(item) for item in given):
        raise TypeError(f"axis must be an integer, a tuple of integers or None; got {axis!r}.")
    numbers = [operator.index(item) for item in given]
    if ndim == 0 and axis in (0, -1):
        return ()
    for number in numbers:
        if not -ndim <= number < ndim:
            raise ValueError(f"axis must be from {-ndim} to {ndim - 1}; got {axis!r}.")
    axes = {number % ndim for number in numbers}
    if len(axes) < len(numbers):
        raise ValueError(f"axis must name each axis once; got {axis!r}.")
    return tuple(sorted(axes))


def class_axis(axis, shape):
    """The class axis, not negative, the shape of the rows, and the number of classes."""
    if not shape:
        raise ValueError("logits must have a class axis; got a scalar.")
    (axis,) = class_axes(axis, len(shape))
    if shape[axis] == 0:
        raise ValueError(f"logits must have at least one class; got shape {shape}.")
    return axis, shape[:axis] + shape[axis + 1 :], shape[axis]


def is_soft(target_shape, logits_shape, rows):
    """Whether the target is soft: only soft targets have a class axis."""
    if target_shape not in (logits_shape, rows):
        raise ValueError(
            f"target must have shape {rows} for labels or {logits_shape} for soft targets; "
            f"got {target_shape}."
        )
    return target_shape == logits_shape


def checked_total(total):
    """What a mean divides by."""
    if not total > 0.0:
        raise ValueError(
            "reduction='mean' must have a row of positive weight that is not ignored; "
            f"got a total weight of {float(total)}."
        )
    return total


def sum_tolerance(eps):
    """How far from 1 a soft target may sum: rounding in a dtype of this precision may add up."""
    return max(1e-5, eps**0.5)


def reject_label(label, row, rows, n_classes):
    """Raise for a label that is no class."""
    raise ValueError(
        f"target must hold labels from 0 to {n_classes - 1}; got {label} in row {_at(row, rows)}."
    )


def reject_label_dtype(target):
    """Raise for a target that is neither labels nor soft."""
    raise TypeError(
        "target must hold integers (labels) or have the shape of logits (soft targets); "
        f"got dtype {target.dtype} and shape {tuple(target.shape)}."
    )


def reject_distribution(least, total, row, rows):
    """Raise for a row of a soft target that is no distribution."""
    found = f"the entry {least}" if least < 0.0 else f"the sum {total}"
    raise ValueError(
        f"target must be non-negative and sum to 1; got {found} in row {_at(row, rows)}."
    )


def reject_ignore_index(ignore_index):
    """Raise for an `ignore_index` beside soft targets."""
    raise ValueError(f"ignore_index must be None for soft targets; got {ignore_index}.")


def reject_weight(name, weight, row, shape):
    """Raise for a weight that is negative or not finite."""
    raise ValueError(
        f"{name} must be non-negative and finite; got {weight} at index {_at(row, shape)}."
    )


def _at(number, shape):
    """What the user would write between brackets to get the entry of this number."""
    return ", ".join(str(i) for i in np.unravel_index(int(number), shape))
