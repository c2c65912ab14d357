"""What users hand in: parameters, labels and weights, checked with one sentence each."""

from numbers import Integral, Real

import numpy as np
from sklearn.utils import check_array, column_or_1d
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets

_DISCRETE = ("b", "i", "u", "U", "S")  # kinds of dtypes that hold nothing but labels
_INTEGERS = ("i", "u")
_LEAST_SUM = np.finfo(np.float64).tiny  # of weights


def check_number(name, value, *, above=None, at_least=None, below=None, infinite=False):
    """Raise unless `value` is a real number in the range.

    Raises
    ------
    TypeError, ValueError
        Naming the parameter, the requirement and the value.
    """
    kind = "a number" if above is None and at_least is None else "a positive number"
    if at_least is not None:
        kind = f"a number of at least {at_least}"
    if below is not None:
        kind += f" and below {below}"
    if infinite:
        kind += " or inf"
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Real):
        raise TypeError(f"{name} must be {kind}; got {value!r}.")
    too_low = (above is not None and value <= above) or (at_least is not None and value < at_least)
    too_high = below is not None and value >= below
    if np.isnan(value) or too_low or too_high or (np.isinf(value) and not infinite):
        raise ValueError(f"{name} must be {kind}; got {value!r}.")


def check_bool(name, value):
    """Raise unless `value` is True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False; got {value!r}.")


def check_integer(name, value, *, at_least):
    """Raise unless `value` is an integer of at least `at_least`."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Integral):
        raise TypeError(f"{name} must be an integer of at least {at_least}; got {value!r}.")
    if value < at_least:
        raise ValueError(f"{name} must be an integer of at least {at_least}; got {value!r}.")


def check_choice(name, value, choices):
    """Raise unless `value` is one of `choices`."""
    if not isinstance(value, str) or value not in choices:
        options = ", ".join(repr(choice) for choice in choices)
        raise ValueError(f"{name} must be one of {options}; got {value!r}.")


def check_strengths(name, values):
    """Positive numbers in ascending order; an integer stands for so many from 1e-4 to 1e4.

    Raises
    ------
    TypeError, ValueError
        Naming the parameter, the requirement and the value.
    """
    if isinstance(values, Real):
        check_integer(name, values, at_least=1)
        return np.geomspace(1e-4, 1e4, values) if values > 1 else np.ones(1)
    asked = f"{name} must be an integer or positive numbers"
    found = _as_sequence(asked, values)
    bad = found[~((found > 0) & np.isfinite(found))]
    if len(bad) or not len(found):
        got = f"{bad[0]:g}" if len(bad) else "none"
        raise ValueError(f"{asked}; got {got}.")
    return np.unique(found)


def check_shares(name, values):
    """Numbers from 0 to 1 as floats, or None.

    Raises
    ------
    TypeError, ValueError
        Naming the parameter, the requirement and the value.
    """
    if values is None:
        return None
    asked = f"{name} must be None or numbers from 0 to 1"
    found = _as_sequence(asked, values)
    bad = found[~((found >= 0) & (found <= 1))]
    if len(bad) or not len(found):
        got = f"{bad[0]:g}" if len(bad) else "none"
        raise ValueError(f"{asked}; got {got}.")
    return found.tolist()


def check_factors(name, values, n_features):
    """A non-negative number for each feature, or None.

    Raises
    ------
    TypeError, ValueError
        Naming the parameter, the requirement and the value.
    """
    if values is None:
        return None
    asked = f"{name} must be non-negative numbers"
    found = _as_numbers(asked, values)
    if found.shape != (n_features,):
        raise ValueError(
            f"{name} must have shape ({n_features},), one number for each feature; "
            f"got shape {found.shape}."
        )
    bad = found[~((found >= 0) & np.isfinite(found))]
    if len(bad):
        raise ValueError(f"{asked}; got {bad[0]:g}.")
    return found


def check_no_words(name, values):
    """Raise a TypeError where strings are handed in for numbers."""
    found = np.asarray(values)
    if found.dtype.kind in ("U", "S"):
        raise TypeError(f"{name} must be numbers; got {found.ravel()[:1].tolist()[0]!r}.")


def _as_numbers(asked, values):
    """An array of float64; a TypeError with what is `asked` where that cannot be."""
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise TypeError(f"{asked}; got {values!r}.") from None


def _as_sequence(asked, values):
    """The same, of one dimension; a ValueError where there are more."""
    found = _as_numbers(asked, values)
    if found.ndim > 1:
        raise ValueError(f"{asked}, in one dimension; got shape {found.shape}.")
    return np.atleast_1d(found)


def are_labels(y):
    """Whether y is a plain array of what can be nothing but labels."""
    return type(y) is np.ndarray and y.ndim == 1 and y.dtype.kind in _DISCRETE


def encode_labels(y):
    """Sorted classes, and the number of each row's class.

    Raises
    ------
    ValueError
        If y is continuous or multilabel.
    """
    y = np.asarray(y)
    if not are_labels(y):
        check_classification_targets(y)
    elif y.dtype.kind in _INTEGERS and len(y) and y.min() >= 0 and y.max() < len(y):
        return _encode_counts(y)
    return np.unique(y, return_inverse=True)


def _encode_counts(y):
    """Classes and class numbers of small integers, without sorting the rows."""
    numbers = y.astype(np.intp, copy=False)
    found = np.bincount(numbers) > 0
    if not found.all():
        numbers = (np.cumsum(found) - 1)[numbers]
    return np.flatnonzero(found).astype(y.dtype), numbers


def number_labels(y, classes):
    """Numbers of the labels in `classes`, sorted.

    Raises
    ------
    ValueError
        Naming the first label that is not among the classes.
    """
    y = column_or_1d(y)
    numbers = np.minimum(np.searchsorted(classes, y), len(classes) - 1)
    unknown = np.flatnonzero(classes[numbers] != y)
    if len(unknown):
        raise ValueError(
            f"y must contain only the classes {classes.tolist()}; "
            f"got {y[unknown].tolist()[0]!r} in row {unknown[0]}."
        )
    return numbers


def check_weights(sample_weight, n_rows, name="sample_weight"):
    """Weights as float64, or None for equal weights.

    Raises
    ------
    ValueError
        If the length is wrong, a weight is negative or not finite, or all are zero; or if their
        sum, or its inverse, is not finite.
    """
    if sample_weight is None:
        return None
    check_no_words(name, sample_weight)
    if isinstance(sample_weight, Real):
        sample_weight = np.full(n_rows, sample_weight, dtype=np.float64)
    weights = check_array(sample_weight, ensure_2d=False, dtype=np.float64, input_name=name)
    if weights.shape != (n_rows,):
        raise ValueError(
            f"{name} must have shape ({n_rows},), one weight for each row; "
            f"got shape {weights.shape}."
        )
    negative = np.flatnonzero(weights < 0)
    if len(negative):
        raise ValueError(
            f"{name} must not be negative (Negative values in data passed to `{name}`); "
            f"got {weights[negative[0]]} in row {negative[0]}."
        )
    if not np.any(weights):
        raise ValueError(f"{name} must have a positive sum; got zero weights only.")
    with np.errstate(over="ignore"):
        total = np.add.reduce(weights)
    if not _LEAST_SUM <= total < np.inf:
        raise ValueError(
            f"{name} must have a sum that is finite and at least {_LEAST_SUM:.1e}; got {total:g}."
        )
    return weights


def class_factors(class_weight, classes, masses):
    """Factors of the classes' weights.

    Parameters
    ----------
    class_weight : dict or 'balanced'
        See `SoftmaxRegression`.
    classes : ndarray of shape (n_classes,)
        Sorted labels.
    masses : ndarray of shape (n_classes,)
        Total weight of each class.

    Returns
    -------
    ndarray of shape (n_classes,)
    """
    if isinstance(class_weight, str) and class_weight == "balanced":
        present = np.count_nonzero(masses)
        return masses.sum() / (present * np.where(masses > 0, masses, np.inf))
    if isinstance(class_weight, dict):
        factors = compute_class_weight(class_weight, classes=classes, y=classes)
        return check_weights(factors, len(classes), "class_weight")
    error = ValueError if isinstance(class_weight, str) else TypeError
    raise error(f"class_weight must be a dict, 'balanced' or None; got {class_weight!r}.")


__all__ = [
    "are_labels",
    "check_choice",
    "check_bool",
    "check_factors",
    "check_integer",
    "check_no_words",
    "check_number",
    "check_shares",
    "check_strengths",
    "check_weights",
    "class_factors",
    "encode_labels",
    "number_labels",
]
