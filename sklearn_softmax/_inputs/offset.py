"""Offsets: known terms of the logits, read, and added to predictions."""

import numpy as np
from sklearn.metrics import accuracy_score
from sklearn.utils import check_array

from .._maps.shifted import Shifted
from .._probabilistic import SoftmaxClassifierMixin
from .features import FLOATS
from .labels import column_names, is_table
from .validation import check_no_words

_LARGEST = 1e30  # what float32 logits hold, with room for their sums


def read_offset(offset, n_rows, classes):
    """Class-major offsets of shape (1, n_rows) or (n_classes, n_rows), or None.

    Raises
    ------
    ValueError
        If the shape is not that of the logits, or an entry is not finite.
    """
    if offset is None:
        return None
    names, n_classes = column_names(offset), len(classes)
    check_no_words("offset", offset)
    offset = np.atleast_1d(offset) if np.isscalar(offset) else offset
    given = check_array(offset, ensure_2d=False, dtype=FLOATS, input_name="offset")
    flat = n_classes == 2 and given.shape in ((n_rows,), (n_rows, 1))
    if not flat and given.shape != (n_rows, n_classes):
        shapes = f"({n_rows},) or ({n_rows}, 2)" if n_classes == 2 else f"({n_rows}, {n_classes})"
        raise ValueError(
            f"offset must have shape {shapes}, a known term of each row's logits; "
            f"got shape {given.shape}."
        )
    large = np.argwhere(np.abs(given) > _LARGEST)
    if len(large):
        raise ValueError(
            f"offset must be at most {_LARGEST:g} in size; "
            f"got {given[tuple(large[0])]} in row {large[0][0]}."
        )
    if flat:
        return given.reshape(1, -1)
    if names is not None and set(names.tolist()) == set(classes.tolist()):
        given = given[:, np.argsort(names)]
    return of_classes(given.T, np.arange(n_classes))


def of_classes(offset, present):
    """Offsets of some of the classes; of two of them a single row, the difference."""
    if len(offset) == 1:
        return offset
    if len(present) == 2:
        return offset[present[1:]] - offset[present[:1]]
    return offset if len(present) == len(offset) else offset[present]


class OffsetClassifierMixin(SoftmaxClassifierMixin):
    """Predictions whose logits are those of the model plus an offset."""

    _known_offset = (None, None)  # rows, and their offset where none is given: see `Progress`

    def decision_function(self, X, offset=None):
        """Logits.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The data.
        offset : array-like of shape (n_samples,) or (n_samples, n_classes), default=None
            Added to the logits, as in `fit`; None for zero.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            For two classes the log-odds of ``classes_[1]``.
        """
        return self._decide(X, offset)

    def predict(self, X, offset=None):
        """Most probable class of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The data.
        offset : array-like of shape (n_samples,) or (n_samples, n_classes), default=None
            Added to the logits, as in `fit`; None for zero.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        numbers = self._most_probable(X, offset)
        return self.classes_[numbers]

    def predict_proba(self, X, offset=None):
        """Softmax of the logits.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The data.
        offset : array-like of shape (n_samples,) or (n_samples, n_classes), default=None
            Added to the logits, as in `fit`; None for zero.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Columns in the order of `classes_`; rows sum to 1.
        """
        return self._probabilities(X, offset)

    def predict_log_proba(self, X, offset=None):
        """Log-softmax of the logits, never -inf where logits are finite.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The data.
        offset : array-like of shape (n_samples,) or (n_samples, n_classes), default=None
            Added to the logits, as in `fit`; None for zero.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In nats; columns in the order of `classes_`.
        """
        return self._log_probabilities(X, offset)

    def log_loss(self, X, y, sample_weight=None, offset=None):
        """Mean cross-entropy of y, from log-probabilities; nothing is clipped.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The data.
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Labels, all of them in `classes_`, or probabilities or counts as in `fit`.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the mean.
        offset : array-like of shape (n_samples,) or (n_samples, n_classes), default=None
            Added to the logits, as in `fit`; None for zero.

        Returns
        -------
        float
            In nats.

        Raises
        ------
        ValueError
            If a label is not in `classes_`, or a shape is not as required.
        """
        return self._mean_loss(X, y, sample_weight, offset)

    def score(self, X, y, sample_weight=None, offset=None):
        """Mean accuracy: the share of y's weight that lies on the most probable classes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The data.
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Labels, or probabilities or counts as in `fit`.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the mean.
        offset : array-like of shape (n_samples,) or (n_samples, n_classes), default=None
            Added to the logits, as in `fit`; None for zero.

        Returns
        -------
        float
        """
        predicted = self._most_probable(X, offset)
        if not is_table(y):
            return accuracy_score(y, self.classes_[predicted], sample_weight=sample_weight)
        rows, weights = self._known(y, sample_weight, len(predicted))
        return float(np.average(rows.at(predicted), weights=weights))

    def _shifted_map(self, X, offset):
        rows, known = self._known_offset
        offset = known if offset is None and X is rows else offset
        map, params = self._linear_map(X)
        offset = read_offset(offset, map.n_rows, self.classes_)
        return (map if offset is None else Shifted(map, offset)), params
