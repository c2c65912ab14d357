"""Folds of cross-validation that see weights as repetitions of rows.

Rows are sorted by class and by how hard they are, and dealt to the folds like cards: folds then
have the same classes and the same difficulty. A row of weight w is dealt as w cards, perhaps to
several folds, so that an integer weight is the same as repeating the row. Nothing is random, and
the order of the rows does not matter.
"""

import numpy as np

_SLIVER = 1e-9  # of a unit: rounding of the running sum of weights


def held_out(labels, logits, weights, n_folds):
    """Weight of each row that each fold holds out.

    Parameters
    ----------
    labels : ndarray of shape (n_rows,)
        Class numbers.
    logits : ndarray of shape (n_rows, n_classes)
        With 0 as the largest of a row.
    weights : ndarray of shape (n_rows,)
        Positive. One card is a weight of 1, or the mean weight where that is less.
    n_folds : int
        The number of folds.

    Returns
    -------
    ndarray of shape (n_folds, n_rows)
        The sum over folds is `weights`, up to rounding.
    """
    order = _order(labels, logits, weights)
    unit = min(1.0, np.add.reduce(weights[order]) / len(weights))
    ends = np.cumsum(weights[order]) / unit
    edges = np.concatenate([[0.0], ends])
    held = np.empty((n_folds, len(weights)))
    for fold in range(n_folds):
        rounds = np.floor(edges / n_folds)
        dealt = rounds + np.clip(edges - n_folds * rounds - fold, 0.0, 1.0)
        part = np.diff(dealt)
        held[fold, order] = np.where(part > _SLIVER, part, 0.0) * unit
    return held


def _order(labels, logits, weights):
    """Rows by class, margin of the label over the best other class, and then by content."""
    rows = np.arange(len(labels))
    own = logits[rows, labels]
    others = logits.copy()
    others[rows, labels] = -np.inf
    margin = own - others.max(axis=1)
    n_classes = logits.shape[1]
    content = logits @ (1.0 / np.sqrt(np.arange(2.0, n_classes + 2.0)))
    total = np.bincount(labels, weights, n_classes)
    mean = np.bincount(labels, weights * margin, n_classes) / np.where(total > 0, total, 1.0)
    return np.lexsort((content, labels, margin, mean[labels], total[labels]))
