"""A fitted model with the calibrator of its scores."""

import numpy as np
from sklearn.base import clone
from sklearn.utils.validation import has_fit_parameter

from .._core import mixture
from .responses import RESPONSES, read_scores

_CERTAIN = {"predict_proba": 1.0, "predict_log_proba": 0.0}


class CalibratedModel:
    """A fitted model, the calibrator of its scores, and classes that they do not know.

    A model may have met no row of a class. It says nothing about it: the calibrator then learns
    from the rows of the other classes, and the class gets the probability that Laplace's rule of
    succession gives after the calibration rows, ``(n_k + 1) / (n + n_classes)``.

    Parameters
    ----------
    estimator : estimator
        A fitted model.
    calibrator : estimator
        To be cloned and fitted.
    response : str
        Method of the model that gives the scores.
    classes : ndarray of shape (n_classes,)
        Sorted classes of the answer.

    Attributes
    ----------
    estimator : estimator
        The fitted model.
    calibrator : estimator or None
        The fitted calibrator; None for a model that knows one class only.
    """

    def __init__(self, estimator, calibrator, response, classes):
        self.estimator = estimator
        self.calibrator = calibrator
        self.response = response
        self.classes = classes
        self._known = np.sort(estimator.classes_)

    def fit(self, scores, y, weights):
        """Fit the calibrator.

        Parameters
        ----------
        scores : ndarray of shape (n_rows, n_known)
            A column for each class that the model knows.
        y : ndarray of shape (n_rows,)
            Labels, which may be of other classes too.
        weights : ndarray of shape (n_rows,) or None
            Not negative.

        Returns
        -------
        self
        """
        known = np.isin(y, self._known)
        if len(self._known) > 1:
            part = None if weights is None else weights[known]
            if not np.any(known if part is None else part):
                raise ValueError(
                    "Each calibration fold must have a row of positive weight and of a class "
                    f"among its training rows; got a fold of {len(y)} rows without."
                )
            self.calibrator = fit_calibrator(
                self.calibrator,
                scores[known],
                y[known],
                part,
                input=RESPONSES[self.response],
                classes=self._known,
            )
            self._known = self.calibrator.classes_
            unknown = np.setdiff1d(self._known, self.classes)
            if len(unknown):
                raise ValueError(
                    "calibrator must know only the classes of y, "
                    f"{self.classes.tolist()}; got {unknown.tolist()[0]!r}."
                )
        else:
            self.calibrator = None
        self._columns = np.searchsorted(self.classes, self._known)
        self._share = self._succession(y, weights)
        return self

    def predict_proba(self, X):
        """Calibrated probabilities, shape (n_samples, n_classes)."""
        known = self._known_classes("predict_proba", X)
        if len(self._columns) == len(self.classes):
            return known
        probabilities = np.tile(self._share, (len(known), 1))
        probabilities[:, self._columns] = known * (1.0 - self._share.sum())
        return probabilities

    def predict_log_proba(self, X):
        """Logarithms of `predict_proba`: those of the calibrator, where it has them."""
        if self.calibrator is not None and not hasattr(self.calibrator, "predict_log_proba"):
            return mixture.logarithms(self.predict_proba(X))
        known = self._known_classes("predict_log_proba", X)
        if len(self._columns) == len(self.classes):
            return known
        logs = np.tile(mixture.logarithms(self._share), (len(known), 1))
        logs[:, self._columns] = known + mixture.logarithms(1.0 - self._share.sum())
        return logs

    def _known_classes(self, method, X):
        """What a method of the calibrator gives; a single class is certain."""
        scores = read_scores(self.estimator, X, self.response)
        if self.calibrator is None:
            return np.full((len(scores), 1), _CERTAIN[method])
        return np.asarray(getattr(self.calibrator, method)(scores))

    def predict(self, X):
        """Most probable class of each row, also where probabilities round to the same."""
        if len(self._columns) < len(self.classes):
            return self.classes[np.argmax(self.predict_proba(X), axis=1)]
        return self.calibrator.predict(read_scores(self.estimator, X, self.response))

    def _succession(self, y, weights):
        """Probability of each class that is not known; 0 for the others."""
        counts = np.bincount(np.searchsorted(self.classes, y), weights, len(self.classes))
        share = (counts + 1.0) / (counts.sum() + len(self.classes))
        share[self._columns] = 0.0
        return share


def fit_calibrator(calibrator, scores, y, weights, *, input, classes):
    """Fit a clone that is told its classes and the kind of scores, where it asks for them.

    Parameters
    ----------
    calibrator : estimator
        Left as it is.
    scores, y, weights : ndarray, ndarray, ndarray or None
        Rows.
    input : {'logits', 'proba'}
        What the scores are.
    classes : ndarray of shape (n_classes,)
        Labels of the columns.

    Returns
    -------
    estimator

    Raises
    ------
    TypeError
        If there are weights that it does not accept.
    """
    calibrator = clone(calibrator)
    params = calibrator.get_params(deep=False)
    if params.get("input") == "auto":
        calibrator.set_params(input=input)
    if params.get("classes", ()) is None:
        calibrator.set_params(classes=classes)
    if weights is None:
        return calibrator.fit(scores, y)
    if not has_fit_parameter(calibrator, "sample_weight"):
        raise TypeError(
            "calibrator must accept sample_weight in fit, where weights are given; "
            f"got {type(calibrator).__name__}."
        )
    return calibrator.fit(scores, y, sample_weight=weights)
