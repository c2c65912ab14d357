"""What users hand a calibrator -> float64 logits and labels, by rules settled once in `fit`."""

import numpy as np
from sklearn.utils import check_array

from .._core import scores as core
from .._inputs.validation import encode_labels, number_labels

INPUTS = ("auto", "logits", "proba")
FLOATS = (np.float64, np.float32, np.float16)
_TOTALS = 1e-12, 1e12  # weights beside which a row is all there is, or nothing
_ROUNDED = 1e-3  # row sums of probabilities that were rounded on their way here


def as_columns(scores):
    """Scores with one dimension as a column; all else as it is."""
    array = scores if hasattr(scores, "ndim") else np.asarray(scores)
    return np.asarray(scores).reshape(-1, 1) if array.ndim == 1 else scores


def one_per_class(n_columns, n_classes):
    """Whether scores have a column for each class; one column will do for two."""
    return n_columns == n_classes or (n_columns == 1 and n_classes == 2)


def decide_input(scores, input, matched):
    """Whether scores are logits or probabilities.

    Rows of probabilities are not negative and sum to 1; a single column of them lies between 0
    and 1 without being constant.

    Parameters
    ----------
    scores : ndarray of shape (n_rows, n_columns)
        In the dtype that they came in.
    input : {'auto', 'logits', 'proba'}
        What the user says.
    matched : bool
        Whether there is a column for each class; else the scores are taken as they are.

    Returns
    -------
    {'logits', 'proba'}
    """
    if input != "auto":
        return input
    if not matched:
        return "logits"
    if scores.shape[1] == 1:
        unit = scores.min() >= 0.0 and scores.max() <= 1.0 and scores.min() < scores.max()
        return "proba" if unit else "logits"
    if scores.min() < 0.0 or not scores[0].max() <= 1.0 + _ROUNDED:
        return "logits"
    return "proba" if np.all(_sum_errors(scores) <= _tolerance(scores)) else "logits"


def to_logits(scores, input, matched, n_classes):
    """Logits of scores in float64; log-odds in one column for two classes.

    Raises
    ------
    ValueError
        Naming the first row that cannot be read.
    """
    _refuse(np.isnan(scores.min()), lambda: np.isnan(scores), "be numbers", scores)
    scores = np.ascontiguousarray(scores)  # sums over columns then have an order
    if not matched:
        return _side_by_side(scores, input)
    read = {"proba": _read_probabilities, "logits": _read_logits}[input]
    logits = read(scores)
    return core.log_odds(logits) if n_classes == 2 else logits


def _read_probabilities(scores):
    low, high = scores.min(), scores.max()
    _refuse(low < 0.0, lambda: scores < 0.0, "be probabilities, not negative", scores)
    _refuse(high > 1.0 + _tolerance(scores), lambda: scores > 1.0, "be probabilities", scores)
    if scores.shape[1] == 1:
        scores = np.minimum(scores, 1.0, dtype=np.float64)
        return core.from_probabilities(np.hstack([1.0 - scores, scores]))
    errors = _sum_errors(scores)
    bad = np.flatnonzero(~(errors <= _tolerance(scores)))
    if len(bad):
        total = scores[bad[0]].sum(dtype=np.float64)
        raise ValueError(
            "scores must be probabilities that sum to 1 in each row; "
            f"got {total:g} in row {bad[0]}."
        )
    return core.from_probabilities(scores.astype(np.float64))


def _read_logits(scores):
    scores = scores.astype(np.float64, copy=False)
    if scores.shape[1] == 1:
        scores = np.hstack([np.zeros_like(scores), scores])
    top = core.largest(scores)
    _refuse(
        top.min() == -np.inf, lambda: top == -np.inf, "have an entry above -inf in each row", scores
    )
    return core.from_logits(scores, top)


def _side_by_side(scores, input):
    finite = np.isfinite(scores.min()) and np.isfinite(scores.max())
    _refuse(not finite, lambda: ~np.isfinite(scores), "be finite, not inf", scores)
    if input != "proba":
        return scores.astype(np.float64, copy=False)
    wrong = scores.min() < 0.0 or scores.max() > 1.0 + _tolerance(scores)
    _refuse(wrong, lambda: (scores < 0) | (scores > 1), "be probabilities", scores)
    return core.log_entries(scores.astype(np.float64))


def _sum_errors(scores):
    return np.abs(np.add.reduce(scores, axis=1, dtype=np.float64) - 1.0)


def _tolerance(scores):
    """Of row sums: what the dtype rounds for that many classes, and rounding before it."""
    resolution = np.finfo(scores.dtype).eps if scores.dtype.kind == "f" else 0.0
    return _ROUNDED + 2.0 * np.sqrt(scores.shape[1]) * resolution


def _refuse(wrong, where, requirement, scores):
    if wrong:
        row, column = np.argwhere(np.broadcast_to(where(), scores.shape))[0]
        value = "NaN" if np.isnan(scores[row, column]) else scores[row, column]
        raise ValueError(f"scores must {requirement}; got {value} in row {row}.")


def read_labels(y, classes):
    """Sorted classes, and the number of each row's class.

    Raises
    ------
    ValueError
        If there is one class only, or a label is not among the classes.
    """
    if classes is None:
        found, labels = encode_labels(y)
        if len(found) < 2:
            raise ValueError(
                f"y must contain at least two classes; got one class, {found.tolist()[0]!r}. "
                "Name the others with classes=."
            )
        return found, labels
    named = np.asarray(classes)
    if named.ndim != 1 or len(named) < 2 or not np.array_equal(np.unique(named), named):
        raise ValueError(
            "classes must be at least two labels, different and sorted like the columns of the "
            f"scores; got {classes!r}."
        )
    return named, number_labels(y, named)


def choose_method(method, matched, flat, scores, classes):
    """Name of the method for these scores.

    Raises
    ------
    ValueError
        If the method needs a column for each class, or a flat array is not of two classes.
    """
    n_columns, n_classes = scores.shape[1], len(classes)
    if flat and not matched:
        raise ValueError(
            f"scores with one dimension must be those of two classes; got {n_classes} classes. "
            "Reshape your data to (n_samples, n_columns)."
        )
    if matched:
        return method
    if method in ("auto", "matrix"):
        return "matrix"
    message = (
        f"method={method!r} needs a column of scores for each of the {n_classes} classes; "
        f"got {n_columns} columns."
    )
    if n_columns < n_classes:
        missing = classes.tolist()[n_columns]
        raise ValueError(f"{message} The first label without a column is {missing!r}.")
    raise ValueError(f"{message} Name classes without rows with classes=, or use method='matrix'.")


def with_weight(logits, labels, weights):
    """Rows of positive weight, with a total that numbers of the size of 1 can be added to."""
    if weights is None:
        return logits, labels, None
    total = np.add.reduce(weights)
    weights = weights * (np.clip(total, *_TOTALS) / total)
    if np.all(weights > 0):
        return logits, labels, weights
    rows = np.flatnonzero(weights > 0)
    return logits[rows], labels[rows], weights[rows]


def read_prior(prior, labels, weights, n_classes):
    """Change of the logits that target priors ask for, or None.

    Raises
    ------
    ValueError
        If the priors are no distribution over the classes, or one of them has no row.
    """
    if prior is None:
        return None
    given = check_array(prior, ensure_2d=False, dtype=np.float64, input_name="prior")
    if given.shape != (n_classes,) or given.min() <= 0.0 or abs(given.sum() - 1.0) > _ROUNDED:
        raise ValueError(
            f"prior must be {n_classes} positive numbers that sum to 1, one for each class; "
            f"got {prior!r}."
        )
    frequencies = np.bincount(labels, weights, n_classes)
    absent = np.flatnonzero(frequencies == 0.0)
    if len(absent):
        raise ValueError(
            "prior must be None unless all classes have rows, whose frequencies it replaces; "
            f"got no row of class {absent[0]} (counted from 0)."
        )
    return core.prior_shift(given, frequencies / frequencies.sum())
