"""What classifiers with a softmax have in common: predictions and losses from logits."""

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from ._core import predict
from ._core.targets import BinaryLabels, Labels
from ._core.threads import Threads
from ._validation import check_weights, number_labels


def labels_target(labels, n_classes, n_outputs):
    """Target of class numbers: a single output stands for two classes."""
    return BinaryLabels(labels) if n_outputs == 1 else Labels(labels, n_classes)


class SoftmaxClassifierMixin(ClassifierMixin):
    """Predictions of a classifier that knows its logits as a linear map.

    A subclass provides ``_linear_map(X) -> map, params`` for validated or raw X, and fitted
    `classes_`.
    """

    def _predict_with(self, function, X):
        check_is_fitted(self)
        map, params = self._linear_map(X)
        with Threads() as threads:
            return function(map, params, threads)

    def decision_function(self, X):
        """Logits.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The data.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            For two classes the log-odds of ``classes_[1]``.
        """
        logits = self._predict_with(predict.logits, X)
        return logits[:, 0] if logits.shape[1] == 1 else logits

    def predict(self, X):
        """Most probable class of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The data.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        logits = self.decision_function(X)
        if logits.ndim == 1:
            return self.classes_[(logits > 0).astype(np.intp)]
        return self.classes_[np.argmax(logits, axis=1)]

    def predict_proba(self, X):
        """Softmax of the logits.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The data.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Columns in the order of `classes_`; rows sum to 1.
        """
        return self._predict_with(predict.probabilities, X)

    def predict_log_proba(self, X):
        """Log-softmax of the logits, never -inf where logits are finite.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The data.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In nats; columns in the order of `classes_`.
        """
        return self._predict_with(predict.log_probabilities, X)

    def log_loss(self, X, y, sample_weight=None):
        """Mean cross-entropy of the labels, from log-probabilities; nothing is clipped.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The data.
        y : array-like of shape (n_samples,)
            Labels, all of them in `classes_`.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the mean.

        Returns
        -------
        float
            In nats.

        Raises
        ------
        ValueError
            If a label is not in `classes_`, or lengths differ.
        """
        check_is_fitted(self)
        map, params = self._linear_map(X)
        labels = number_labels(y, self.classes_)
        if len(labels) != map.n_rows:
            raise ValueError(f"y must have as many rows as X, {map.n_rows}; got {len(labels)}.")
        weights = check_weights(sample_weight, map.n_rows)
        target = labels_target(labels, len(self.classes_), map.shape[0])
        with Threads() as threads:
            return predict.mean_loss(map, params, target, weights, threads)
