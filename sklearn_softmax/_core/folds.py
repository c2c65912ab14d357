"""Folds of cross-validation that see weights as repetitions of rows.

The rows of each class are cards that are shuffled and dealt to the folds. A row of weight w is w
cards, perhaps of several folds, so that an integer weight is the same as repeating the row. The
shuffle has a fixed seed, and rows are first sorted by what they say of their class, up to
rounding: neither the order of the rows nor the names of the classes matter, nor a constant added
to a row.

Sorted rows must be shuffled: folds whose rows are alike hide how much a map owes to the rows it
was fitted to.
"""

import numpy as np

_SLIVER = 1e-9  # of a card: rounding of the running sum of weights
_MOST_CARDS = 1 << 20  # more would cost time, and tell nothing
_ROUNDING = 1e-6  # of the spread of logits: rows closer than this are alike


def card_weight(weights):
    """Weight of a card: 1, less where weights are small, and more where there were too many."""
    total = np.add.reduce(np.sort(weights))
    return max(min(1.0, total / len(weights)), total / _MOST_CARDS)


def count_cards(weights):
    """The number of cards: for integer weights that of the rows they stand for."""
    total = np.add.reduce(np.sort(weights))
    return max(1, int(np.ceil(total / card_weight(weights) - _SLIVER)))


def held_out(labels, logits, weights, n_folds):
    """Weight of each row that each fold holds out.

    Parameters
    ----------
    labels : ndarray of shape (n_rows,)
        Class numbers.
    logits : ndarray of shape (n_rows, n_classes)
        With 0 as the largest of a row.
    weights : ndarray of shape (n_rows,)
        Positive.
    n_folds : int
        The number of folds.

    Returns
    -------
    ndarray of shape (n_folds, n_rows)
        The sum over folds is `weights`, up to rounding.
    """
    order, unit = _order(labels, logits, weights), card_weight(weights)
    starts = np.flatnonzero(np.diff(labels[order], prepend=-1))
    held = np.empty((n_folds, len(weights)))
    rng, dealt = np.random.default_rng(0), 0
    for rows in np.split(order, starts[1:]):
        edges = np.concatenate([[0.0], np.cumsum(weights[rows] / unit)])
        n_cards = max(1, int(np.ceil(edges[-1] - _SLIVER)))
        folds = (dealt + rng.permutation(n_cards)) % n_folds
        held[:, rows] = unit * _shares(edges, folds, n_folds)
        dealt += n_cards
    return held


def _shares(edges, folds, n_folds):
    """How much of each row, an interval of cards, each fold has."""
    mine = np.arange(n_folds)[:, None] == np.append(folds, folds[-1])
    before = np.cumsum(mine, axis=1) - mine
    card = np.minimum(edges.astype(np.intp), len(folds))
    parts = np.diff(before[:, card] + (edges - card) * mine[:, card], axis=1)
    return np.where(parts > _SLIVER, parts, 0.0)


def _order(labels, logits, weights):
    """Rows by class, by margin of the label over the best other class, then by content.

    Classes are in the order of their weight and mean margin, which has nothing to do with their
    names.
    """
    rows, n_classes = np.arange(len(labels)), logits.shape[1]
    others = logits.copy()
    others[rows, labels] = -np.inf
    margin = logits[rows, labels] - others.max(axis=1)
    unit = _ROUNDING * max(-logits.min(), np.finfo(np.float64).tiny)
    total = np.bincount(labels, weights, n_classes)
    mean = np.bincount(labels, weights * margin, n_classes) / np.where(total > 0, total, 1.0)
    share = np.round(total / (_SLIVER * total.sum()))
    classes = np.lexsort((np.round(mean / unit), share))
    rank = np.argsort(classes)
    content = logits[:, classes] @ (1.0 / np.sqrt(np.arange(2.0, n_classes + 2.0)))
    return np.lexsort((np.round(content / unit), np.round(margin / unit), rank[labels]))
