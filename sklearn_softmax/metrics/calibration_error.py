"""Expected calibration error."""

import numpy as np

from .._inputs.validation import check_bool, check_choice, check_integer
from .binning import KINDS, N_BINS, STRATEGIES, fill_bins
from .inputs import read_predictions


def expected_calibration_error(
    y_true,
    y_proba,
    *,
    kind="top-label",
    norm="l1",
    n_bins=N_BINS,
    strategy="uniform",
    debias=False,
    sample_weight=None,
    labels=None,
):
    r"""Distance between confidence and accuracy, in bins of the confidence.

    With :math:`w_b` the share of the rows in bin b and :math:`d_b` the mean confidence minus the
    share of rows that were right,

    .. math:: \mathrm{ECE}_1 = \sum_b w_b |d_b|, \quad
              \mathrm{ECE}_2 = \Big(\sum_b w_b d_b^2\Big)^{1/2}, \quad
              \mathrm{ECE}_{\max} = \max_b |d_b|

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels.
    y_proba : array-like of shape (n_samples, n_classes) or (n_samples,)
        Probabilities, columns in the order of the sorted labels. A single column is that of the
        second of two classes.
    kind : {'top-label', 'classwise'}, default='top-label'
        'top-label' looks at the most probable class of each row. 'classwise' looks at each
        class in turn: the mean over the classes ('l1'), the root of the mean square ('l2'), or
        the largest ('max').
    norm : {'l1', 'l2', 'max'}, default='l1'
        How bins are put together.
    n_bins : int, default=15
        Number of bins.
    strategy : {'uniform', 'quantile'}, default='uniform'
        Bins of equal width, closed on the left, with confidence 1 in the last; or of nearly
        equal weight, where equal confidences share a bin.
    debias : bool, default=False
        Subtract from each :math:`d_b^2` its expectation under perfect calibration,
        :math:`a_b (1 - a_b) / (n_b - 1)` with :math:`a_b` the share that was right and
        :math:`n_b` the number of rows, the sum of their weights; bins with one row or less count
        nothing. The square of the error is then unbiased for these bins; where it
        is negative the answer is 0. Only for 'l2': for the other norms no such term is known.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights; an integer weight is the same as repeating the row.
    labels : array-like of shape (n_classes,), default=None
        Labels of the columns, where some have no row in `y_true`.

    Returns
    -------
    float
        Between 0 and 1; 0 is best.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as required.

    Notes
    -----
    The binned error is biased: it is positive for a perfectly calibrated model, 'l1' by up to
    about :math:`0.4 \sqrt{B / n}` with n rows in B bins. It depends on the bins, and no proper
    scoring rule is behind it: choose models by log-loss or Brier score, and see
    `score_decomposition`.

    References
    ----------
    Guo, Pleiss, Sun & Weinberger (2017), "On calibration of modern neural networks", ICML
    (top-label). Kull et al. (2019), "Beyond temperature scaling", NeurIPS (classwise). Kumar,
    Liang & Ma (2019), "Verified uncertainty calibration", NeurIPS (debias).

    Examples
    --------
    Of four rows with confidence 0.9 three are right:

    >>> from sklearn_softmax.metrics import expected_calibration_error
    >>> y_proba = [[0.9, 0.1], [0.9, 0.1], [0.1, 0.9], [0.1, 0.9]]
    >>> print(f"{expected_calibration_error([0, 0, 1, 0], y_proba):.2f}")
    0.15
    """
    check_choice("kind", kind, tuple(KINDS))
    check_choice("norm", norm, ("l1", "l2", "max"))
    check_choice("strategy", strategy, tuple(STRATEGIES))
    check_integer("n_bins", n_bins, at_least=1)
    check_bool("debias", debias)
    if debias and norm != "l2":
        raise ValueError(f"norm must be 'l2' where debias=True; got {norm!r}.")
    predictions = read_predictions(y_true, y_proba, labels, sample_weight)
    of_bins, together = _NORMS["l2, debiased" if debias else norm]
    errors = [
        of_bins(fill_bins(confidences, events, predictions.weights, n_bins, strategy))
        for confidences, events in KINDS[kind](predictions)
    ]
    return float(together(errors))


def _mean(values, bins):
    return np.sum(bins.weight * values) / np.sum(bins.weight)


def _gaps(bins):
    return bins.confidence - bins.accuracy


def _absolute(bins):
    return _mean(np.abs(_gaps(bins)), bins)


def _square(bins):
    return _mean(_gaps(bins) ** 2, bins)


def _largest(bins):
    return np.max(np.abs(_gaps(bins)))


def _square_debiased(bins):
    spare = bins.weight - 1.0
    noise = bins.accuracy * (1.0 - bins.accuracy) / np.where(spare > 0.0, spare, 1.0)
    return _mean(np.where(spare > 0.0, _gaps(bins) ** 2 - noise, 0.0), bins)


def _root(squares):
    return np.sqrt(max(np.mean(squares), 0.0))


_NORMS = {
    "l1": (_absolute, np.mean),
    "l2": (_square, _root),
    "max": (_largest, np.max),
    "l2, debiased": (_square_debiased, _root),
}
