"""SoftmaxCalibratedClassifierCV."""

import warnings

import numpy as np
from sklearn import get_config
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import check_cv
from sklearn.utils import assert_all_finite, column_or_1d, get_tags, indexable
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

from ._calibration.cross_fitting import CrossFit, all_classes
from ._calibration.responses import RESPONSES, choose_response
from ._calibrator import SoftmaxCalibrator
from ._core.mixture import log_mean
from ._inputs.validation import check_bool, check_choice, check_weights
from ._regression import SoftmaxRegression


class SoftmaxCalibratedClassifierCV(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):
    r"""A classifier whose probabilities are calibrated on rows that it was not trained on.

    scikit-learn's `CalibratedClassifierCV` with a calibrator of all classes together. With
    ``ensemble=True`` each of the m folds gives a model of the other rows and a calibrator g of
    the model's scores f in the fold, and probabilities are

    .. math:: p(x) = \frac{1}{m} \sum_{j=1}^m g_j(f_j(x))

    With ``ensemble=False`` there is one model of all rows, and one calibrator of the scores that
    the models of the folds give to the rows that they did not see.

    Parameters
    ----------
    estimator : classifier, default=None
        With `decision_function`, `predict_proba` or `predict_log_proba`. `SoftmaxRegression()`
        by default. A fitted classifier in a `FrozenEstimator` stays as it is, and all rows
        calibrate it: they should not be the rows that it was trained on.
    calibrator : classifier of scores, default=None
        `SoftmaxCalibrator()` by default. Where it has parameters `input='auto'` or
        `classes=None`, as `SoftmaxCalibrator` has, it is told what `method` gives and which
        classes the columns are.
    cv : int, splitter or iterable of (train, test), default=None
        Folds. None is 5, and an integer makes them stratified.
    ensemble : bool or 'auto', default='auto'
        'auto' is False for a `FrozenEstimator`, and else True.
    method : {'auto', 'decision_function', 'predict_proba', 'predict_log_proba'}, default='auto'
        Where the scores come from: a column for each class, or one for two classes. 'auto' is
        the first of `decision_function` and `predict_proba` that the estimator has. A decision
        function and logarithms of probabilities are logits to the calibrator.
    n_jobs : int, default=None
        Folds fitted at the same time, as in joblib.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Sorted labels: those in y, and those that a frozen estimator knows.
    calibrated_classifiers_ : list of CalibratedModel
        One for each fold, or a single one; their `estimator` and `calibrator` are fitted.
    method_ : str
        The method of the estimator that gives the scores.
    n_features_in_ : int
        Number of features, where the estimator tells.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where the estimator tells.

    Notes
    -----
    A model that met no row of a class in its fold says nothing about that class. Its calibrator
    then learns from the rows of the classes that it knows, and the class gets the probability
    :math:`(n_k + 1) / (n + K)` after the calibration rows: Laplace's rule of succession.

    With ``ensemble=False`` a row in several test sets counts as one row, its weight shared, and a
    row in none is not used for calibration. Rows whose class was new to the model of their fold
    are left out.

    The prediction is the class with the largest probability. With a single calibrated model and
    temperature it is the prediction of the model.

    References
    ----------
    Zadrozny & Elkan (2002), "Transforming classifier scores into accurate multiclass probability
    estimates", KDD. Guo, Pleiss, Sun & Weinberger (2017), "On calibration of modern neural
    networks", ICML.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.metrics import log_loss
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sklearn_softmax import SoftmaxCalibratedClassifierCV
    >>> X, y = load_digits(return_X_y=True)
    >>> bayes = GaussianNB().fit(X[:1200], y[:1200])
    >>> calibrated = SoftmaxCalibratedClassifierCV(GaussianNB(), cv=3).fit(X[:1200], y[:1200])
    >>> print(f"{log_loss(y[1200:], bayes.predict_proba(X[1200:])):.0f} nats before")
    4 nats before
    >>> print(f"{log_loss(y[1200:], calibrated.predict_proba(X[1200:])):.0f} nats after")
    1 nats after
    """

    def __init__(
        self,
        estimator=None,
        calibrator=None,
        *,
        cv=None,
        ensemble="auto",
        method="auto",
        n_jobs=None,
    ):
        self.estimator = estimator
        self.calibrator = calibrator
        self.cv = cv
        self.ensemble = ensemble
        self.method = method
        self.n_jobs = n_jobs

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = get_tags(self._estimator()).input_tags.sparse
        return tags

    def get_metadata_routing(self):
        """How metadata reach the estimator and the splitter.

        `sample_weight` always reaches the calibrator; the estimator gets it where it asks.

        Returns
        -------
        MetadataRouter
        """
        to_fit = MethodMapping().add(caller="fit", callee="fit")
        to_split = MethodMapping().add(caller="fit", callee="split")
        router = MetadataRouter(owner=type(self).__name__).add_self_request(self)
        router.add(estimator=self._estimator(), method_mapping=to_fit)
        return router.add(splitter=self.cv, method_mapping=to_split)

    def fit(self, X, y, sample_weight=None, **params):
        """Fit models and calibrators.

        Parameters
        ----------
        X : indexable of shape (n_samples, n_features)
            What the estimator takes.
        y : array-like of shape (n_samples,)
            Labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights, for the calibrator and, where it accepts them, the estimator.
        **params : dict
            Parameters of the estimator's `fit`, and `groups` for the splitter; with metadata
            routing enabled, what they request.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError, AttributeError
            If a parameter, y or a weight is not as required; a previous fit stays.

        Warns
        -----
        UserWarning
            If the estimator does not accept weights that are given.
        """
        self._check_parameters()
        estimator, calibrator = self._estimator(), self.calibrator
        response = choose_response(estimator, self.method)
        X, y = indexable(X, y)
        y = column_or_1d(y, warn=True)
        assert_all_finite(y, input_name="y")
        weights = check_weights(sample_weight, len(y))
        params, split = self._route(estimator, weights, params)
        rows = CrossFit(
            estimator=estimator,
            calibrator=SoftmaxCalibrator() if calibrator is None else calibrator,
            response=response,
            classes=all_classes(y, estimator),
            X=X,
            y=y,
            weights=weights,
            params=params,
        )
        models = self._calibrate(rows, split)

        self.classes_, self.method_ = rows.classes, response
        self.calibrated_classifiers_ = models
        for name in ("n_features_in_", "feature_names_in_"):
            self.__dict__.pop(name, None)
            if hasattr(models[0].estimator, name):
                setattr(self, name, getattr(models[0].estimator, name))
        return self

    def predict_proba(self, X):
        """Calibrated probabilities: the mean over the calibrated models.

        Parameters
        ----------
        X : indexable of shape (n_samples, n_features)
            What the estimator takes.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Columns in the order of `classes_`; rows sum to 1.
        """
        check_is_fitted(self)
        models = self.calibrated_classifiers_
        return np.mean([model.predict_proba(X) for model in models], axis=0)

    def predict_log_proba(self, X):
        """Logarithms of calibrated probabilities, never -inf where the calibrators' are finite.

        Parameters
        ----------
        X : indexable of shape (n_samples, n_features)
            What the estimator takes.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In nats; columns in the order of `classes_`.
        """
        check_is_fitted(self)
        models = self.calibrated_classifiers_
        return log_mean(np.array([model.predict_log_proba(X) for model in models]))

    def predict(self, X):
        """Most probable class of each row.

        Parameters
        ----------
        X : indexable of shape (n_samples, n_features)
            What the estimator takes.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        check_is_fitted(self)
        if len(self.calibrated_classifiers_) == 1:
            return self.calibrated_classifiers_[0].predict(X)
        return self.classes_[np.argmax(self.predict_proba(X), axis=1)]

    def _estimator(self):
        """The estimator, or the default one, which asks for weights."""
        if self.estimator is not None:
            return self.estimator
        default = SoftmaxRegression()
        return default.set_fit_request(sample_weight=True) if _routing() else default

    def _check_parameters(self):
        if self.ensemble != "auto":
            check_bool("ensemble", self.ensemble)
        check_choice("method", self.method, ("auto", *RESPONSES))
        for role, value in (("estimator", self.estimator), ("calibrator", self.calibrator)):
            if value is not None and not hasattr(value, "fit"):
                raise TypeError(f"{role} must be an estimator with fit; got {value!r}.")

    def _route(self, estimator, weights, params):
        """Parameters of the estimator's `fit` and of the splitter's `split`."""
        if _routing():
            routed = process_routing(self, "fit", sample_weight=weights, **params)
            return routed.estimator.fit, routed.splitter.split
        params = dict(params)
        split = {"groups": params.pop("groups")} if "groups" in params else {}
        if weights is not None and has_fit_parameter(estimator, "sample_weight"):
            params["sample_weight"] = weights
        elif weights is not None and not isinstance(estimator, FrozenEstimator):
            warnings.warn(
                f"{type(estimator).__name__} does not accept sample_weight: weights are used for "
                "the calibration alone.",
                stacklevel=3,
            )
        return params, split

    def _calibrate(self, rows, split):
        frozen = isinstance(rows.estimator, FrozenEstimator)
        ensemble = not frozen if self.ensemble == "auto" else self.ensemble
        if frozen and not ensemble:
            return [rows.calibrated(slice(None), slice(None))]
        folds = rows.folds(check_cv(self.cv, rows.y, classifier=True), split)
        parallel = Parallel(n_jobs=self.n_jobs)
        if ensemble:
            return parallel(delayed(rows.calibrated)(*fold) for fold in folds)
        scored = parallel(delayed(rows.scores)(*fold) for fold in folds)
        return [rows.calibrated_together(folds, scored)]


def _routing():
    return get_config()["enable_metadata_routing"]
