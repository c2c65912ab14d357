"""Models of folds, and calibrators of their scores of the rows that they did not see."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone

from .._inputs.validation import encode_labels
from .calibrated_model import CalibratedModel
from .responses import NO_SCORE, RESPONSES, read_scores


@dataclass(frozen=True)
class CrossFit:
    """Rows, and what is to be fitted to parts of them.

    Attributes
    ----------
    estimator, calibrator : estimator
        Cloned before they are fitted.
    response : str
        Method of the estimator that gives the scores.
    classes : ndarray of shape (n_classes,)
        Sorted classes of the answer.
    X, y, weights : indexable, ndarray of shape (n_rows,), ndarray of shape (n_rows,) or None
        The rows.
    params : dict
        For the estimator's `fit`; those with an entry for each row are cut like the rows.
    """

    estimator: Any
    calibrator: Any
    response: str
    classes: np.ndarray
    X: Any
    y: np.ndarray
    weights: np.ndarray | None
    params: dict

    def folds(self, cv, params):
        """Numbers of the rows of each (train, test) that a splitter gives."""
        numbers = np.arange(len(self.y))
        return [
            (numbers[np.asarray(train)], numbers[np.asarray(test)])
            for train, test in cv.split(self.X, self.y, **params)
        ]

    def model(self, train=slice(None)):
        """A clone of the estimator fitted to rows."""
        params = {name: self._cut(value, train) for name, value in self.params.items()}
        return clone(self.estimator).fit(take(self.X, train), self.y[train], **params)

    def calibrated(self, train, test):
        """A model of the rows `train`, calibrated on the rows `test`."""
        model = self.model(train)
        scores = read_scores(model, take(self.X, test), self.response)
        weights = None if self.weights is None else self.weights[test]
        return self._with_calibrator(model, scores, self.y[test], weights)

    def scores(self, train, test):
        """Scores of the rows `test` by a model of the rows `train`, and its sorted classes."""
        model = self.model(train)
        return read_scores(model, take(self.X, test), self.response), np.sort(model.classes_)

    def calibrated_together(self, folds, scored):
        """A model of all rows, with a calibrator of the scores from all folds.

        Parameters
        ----------
        folds : list of (train, test)
            Rows.
        scored : list of (scores, classes)
            What `scores` gave for each.

        Returns
        -------
        CalibratedModel
        """
        model = self.model()
        rows = np.concatenate([test for _, test in folds])
        known = np.concatenate(
            [
                np.isin(self.y[test], classes)
                for (_, test), (_, classes) in zip(folds, scored, strict=True)
            ]
        )
        scores = np.concatenate([self._in_columns_of(model, *part) for part in scored])
        weights = self._shared_weights(rows)
        weights = None if weights is None else weights[known]
        return self._with_calibrator(model, scores[known], self.y[rows[known]], weights)

    def _with_calibrator(self, model, scores, y, weights):
        pair = CalibratedModel(model, self.calibrator, self.response, self.classes)
        return pair.fit(scores, y, weights)

    def _in_columns_of(self, model, scores, classes):
        """Scores of some classes, with the columns of `model`, which knows them all."""
        columns = np.searchsorted(np.sort(model.classes_), classes)
        shape = len(scores), len(model.classes_)
        full = np.full(shape, NO_SCORE[RESPONSES[self.response]], dtype=scores.dtype)
        full[:, columns] = scores
        return full

    def _shared_weights(self, rows):
        """Weights of rows, shared among those that are repeated; None for equal weights."""
        times = np.bincount(rows, minlength=len(self.y))
        if self.weights is None and times.max() == 1:
            return None
        weights = 1.0 if self.weights is None else self.weights
        return (weights / np.maximum(times, 1))[rows]

    def _cut(self, value, rows):
        """The entries of a parameter that has one for each row."""
        sized = (len(value),) if isinstance(value, (list, tuple)) else ()
        shape = getattr(value, "shape", sized)
        return take(value, rows) if shape[:1] == (len(self.y),) else value


def all_classes(y, estimator):
    """Sorted labels in y, and those that a frozen estimator knows.

    Raises
    ------
    ValueError
        If there are fewer than two, or y is not a vector of labels.
    """
    found, _ = encode_labels(y)
    classes = np.unique(np.concatenate([found, getattr(clone(estimator), "classes_", found)]))
    if len(classes) < 2:
        raise ValueError(
            f"y must contain at least two classes, not one class or none; got {classes.tolist()}."
        )
    return classes


def take(rows, numbers):
    """Rows of an array, a sparse matrix, a data frame or a list."""
    if isinstance(numbers, slice):
        return rows
    if hasattr(rows, "iloc"):
        return rows.iloc[numbers]
    return rows[numbers] if hasattr(rows, "shape") else [rows[number] for number in numbers]
