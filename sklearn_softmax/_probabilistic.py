"""What classifiers with a softmax have in common: predictions and losses from logits."""

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from ._core import predict
from ._core.threads import Threads
from ._inputs.labels import read_known
from ._inputs.validation import check_weights


class SoftmaxClassifierMixin(ClassifierMixin):
    """Predictions of a classifier that knows its logits as a linear map.

    A subclass provides ``_linear_map(X) -> map, params`` for validated or raw X, and fitted
    `classes_`.
    """

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
        return self._decide(X)

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
        numbers = self._most_probable(X)
        return self.classes_[numbers]

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
        return self._probabilities(X)

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
        return self._log_probabilities(X)

    def log_loss(self, X, y, sample_weight=None):
        """Mean cross-entropy of y, from log-probabilities; nothing is clipped.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The data.
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Labels, all of them in `classes_`, or a table of their probabilities or counts.
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
        return self._mean_loss(X, y, sample_weight)

    def _check_fitted(self):
        if not hasattr(self, "classes_"):  # scikit-learn's question takes longer than the answer
            check_is_fitted(self)

    def _shifted_map(self, X, offset):
        """The map and its parameters; without offsets."""
        return self._linear_map(X)

    def _predict_with(self, function, X, offset):
        self._check_fitted()
        map, params = self._shifted_map(X, offset)
        with Threads() as threads:
            return function(map, params, threads)

    def _decide(self, X, offset=None):
        logits = self._predict_with(predict.logits, X, offset)
        return logits[:, 0] if logits.shape[1] == 1 else logits

    def _most_probable(self, X, offset=None):
        logits = self._decide(X, offset)
        return (logits > 0).astype(np.intp) if logits.ndim == 1 else np.argmax(logits, axis=1)

    def _probabilities(self, X, offset=None):
        return self._predict_with(predict.probabilities, X, offset)

    def _log_probabilities(self, X, offset=None):
        return self._predict_with(predict.log_probabilities, X, offset)

    def _known(self, y, sample_weight, n_rows):
        """What is known of the classes of rows, and their weights."""
        rows = read_known(y, self.classes_, getattr(self, "classes", None))
        if len(rows) != n_rows:
            raise ValueError(f"y must have as many rows as X, {n_rows}; got {len(rows)}.")
        weights = check_weights(sample_weight, n_rows)
        rows, totals = rows.weigh(None, 0.0)
        if totals is not None:
            weights = totals if weights is None else weights * totals
            check_weights(weights, n_rows, "row totals of y")
        return rows, weights

    def _mean_loss(self, X, y, sample_weight, offset=None):
        self._check_fitted()
        map, params = self._shifted_map(X, offset)
        rows, weights = self._known(y, sample_weight, map.n_rows)
        with Threads() as threads:
            return predict.mean_loss(map, params, rows.target(), weights, threads)
