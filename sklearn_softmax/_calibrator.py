"""SoftmaxCalibrator."""

import warnings

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_X_y
from sklearn.utils.validation import check_is_fitted, validate_data

from ._calibration.inputs import (
    FLOATS,
    INPUTS,
    as_columns,
    choose_method,
    decide_input,
    one_per_class,
    read_labels,
    read_prior,
    to_logits,
    with_weight,
)
from ._calibration.methods import METHODS, choose_strength, method_of
from ._calibration.problem import CalibrationProblem
from ._core.threads import Threads
from ._inputs.validation import check_choice, check_integer, check_number, check_weights
from ._maps.shifted import Shifted
from ._probabilistic import SoftmaxClassifierMixin


class SoftmaxCalibrator(SoftmaxClassifierMixin, TransformerMixin, BaseEstimator):
    r"""Calibrated probabilities from the scores of another classifier.

    Learns from labelled rows that the classifier was not trained on. The default is a pool of maps
    of its logits z, from one with two parameters to matrices, and of the unchanged input, whose
    weights are learned from rows held out.

    ======================  ================================  =====================================
    method                  calibrated logits                 use it when
    ======================  ================================  =====================================
    "auto"                  a pool, see Notes                 nothing is known
    "temperature"           :math:`\beta z`                   the order of the classes must stay
    "ensemble_temperature"  a pool of temperature, the input  the order of the classes must stay,
                            and equal probabilities           and some rows are surprises
    "bias_corrected"        :math:`\beta z + b`               class frequencies differ from training
    "vector"                :math:`a \circ \bar z + b`        some classes are trusted too much
    "structured_vector"     :math:`a \circ \log q + b`        the same, and rows are few
    "matrix"                :math:`W \bar z + b`              rows are many, or columns are of
                                                              several models
    "dirichlet"             :math:`W \log p + b`              rows are many
    "structured_matrix"     :math:`W \log q + b`              a single matrix is wanted
    ======================  ================================  =====================================

    with :math:`\bar z` the logits minus their mean over the classes, :math:`p` their softmax and
    :math:`q = (1 - d) \, \mathrm{softmax}(\beta z) + d / K` with a learned uniform share d. A
    constant added to a row changes nothing.

    Parameters
    ----------
    method : str, default='auto'
        One of the table. Where there is no column for each class, 'auto' is 'matrix', which takes
        any columns: for example the scores of several models side by side.
    strength : float, default=None
        Factor of the prior that draws the parameters towards temperature. By default the linear
        methods have a prior only where the rows do not determine the parameters (0: never), and
        the structured ones, which must have one, have strength 1. 'auto' mixes strengths;
        'temperature' and 'ensemble_temperature' have none.
    prior : array-like of shape (n_classes,), default=None
        Class frequencies where the calibrator will be used, if they are known and are not those
        of the calibration rows. Probabilities are multiplied by the ratio (rule of Bayes).
    input : {'auto', 'logits', 'proba'}, default='auto'
        What the scores are. 'auto' decides once, in `fit`, and `input_` keeps it: rows that are
        not negative and sum to 1, up to rounding in their dtype, are probabilities. So is a
        single column between 0 and 1 that is not constant.
    classes : array-like of shape (n_classes,), default=None
        Sorted labels of the columns, where some have no row in y. By default the labels in y.
    tol : float, default=1e-10
        Where to stop: half the squared Newton decrement (or a certified gap, where there is
        one) relative to the loss. Temperature is always found to rounding.
    max_iter : int, default=1000
        The largest number of steps of each solver.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Sorted labels.
    method_ : str
        The method used.
    input_ : {'logits', 'proba'}
        What scores are taken for.
    temperature_ : float
        :math:`1 / \beta`, where the method has it.
    uniform_share_ : float
        d. Only for pools and structured methods, as the next three.
    members_ : list of str
        Members of the pool; "matrix(0.01)" has strength 0.01.
    member_weights_ : ndarray of shape (n_members,)
        Their shares, which sum to 1.
    member_losses_ : ndarray of shape (n_members,)
        Their mean losses in nats: for 'auto' of rows held out, else of the calibration rows.
    coef_ : ndarray of shape (1,), (n_logits,) or (n_logits, n_columns)
        :math:`\beta`, a or W of linear methods. Two classes have one logit, the log-odds of
        ``classes_[1]``.
    intercept_ : ndarray of shape (n_logits,)
        b of linear methods, with mean zero for three or more classes.
    separable_ : bool
        Whether the loss has its infimum at infinity, so that a finite slope was chosen.
    loss_ : float
        Mean loss of the calibration rows plus penalty, in nats. For 'auto' that of the pool on
        rows held out, which the weights have seen.
    n_iter_ : int
        Steps of the solver.
    n_features_in_ : int
        Number of columns of the scores.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, where scores have string names.

    Notes
    -----
    Scores are computed in float64. A probability 0, or a logit of -inf, is read as
    :math:`2^{-24}` (the least positive float16) in any dtype, or as the least positive probability
    of its row where that is smaller.

    Where all labels have the largest score, no finite slope is best. Temperature then stops where
    the mean loss is :math:`\log(1 + 1 / (n + 1))`: by Laplace's rule of succession a rule that was
    right n times is right again with probability (n + 1) / (n + 2). n is the total weight.

    :math:`\beta` is positive, and tiny where scores rank classes no better than chance. The slopes
    of 'vector', 'matrix' and 'dirichlet' may be negative, and reverse the order.

    **The pool.** First :math:`\beta` and d minimise the loss of q, minus log(d (1 - d)) / n: two
    rows more, one of which nothing is known and one that is what the scores say. Members are q, the
    input, and maps of log q near the identity: temperature that depends on the row's
    log-probabilities, probabilities and entropy (4 slopes for all classes); structured matrices of
    strengths 1, .01 and .0001; up to 32 classes also matrices of strengths .1 and .001 on log q, q
    and :math:`\log^2 q`, and from a total weight of K (K + 5) on with products of two log q; from
    257 classes on, own slopes and a matrix on the 16 main directions of log q instead, with no
    parameter for each pair of classes. A structured matrix of strength s adds to the sum of the
    losses s K times the squares of b and of the distance to the identity of what a class says of
    itself, and s K (K - 1) times those of all else. All members but the input are fitted again
    without each of 5 folds (3 from a total weight of 2000 on, 2 from 4000), and the weights
    maximise the likelihood of the mixture for the rows held out, with a prior worth one row. The
    matrices start from log q of all rows. Members are fitted until what is left to gain of the sum
    of the losses is about .005 nats for each parameter.

    **Linear methods.** Where a class has no row, where the rows do not tell of every parameter
    ten times as much as a prior does, or where no finite parameters are best, the prior is added
    to the sum of the losses: half the squared distance to the temperature map, in the nats by
    which slopes (root mean square) and intercepts change a logit.

    References
    ----------
    Guo, Pleiss, Sun & Weinberger (2017), "On calibration of modern neural networks", ICML
    (temperature, vector, matrix). Kull et al. (2019), "Beyond temperature scaling", NeurIPS
    (dirichlet). Alexandari, Kundaje & Shrikumar (2020), "Maximum likelihood with bias-corrected
    calibration is hard-to-beat at label shift adaptation", ICML (bias_corrected). Zhang, Kailkhura
    & Han (2020), "Mix-n-Match", ICML (ensemble_temperature). Berta, Holzmüller, Jordan & Bach
    (2025), "Structured matrix scaling for multi-class calibration", arXiv 2511.03685.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sklearn_softmax import SoftmaxCalibrator
    >>> X, y = load_digits(return_X_y=True)
    >>> bayes = GaussianNB().fit(X[:600], y[:600])
    >>> train, test = bayes.predict_proba(X[600:1200]), bayes.predict_proba(X[1200:])
    >>> calibrator = SoftmaxCalibrator().fit(train, y[600:1200])
    >>> round(calibrator.log_loss(test, y[1200:]), 2)
    0.8
    >>> round(SoftmaxCalibrator("temperature").fit(train, y[600:1200]).log_loss(test, y[1200:]), 2)
    1.18
    """

    def __init__(
        self,
        method="auto",
        *,
        strength=None,
        prior=None,
        input="auto",
        classes=None,
        tol=1e-10,
        max_iter=1000,
    ):
        self.method = method
        self.strength = strength
        self.prior = prior
        self.input = input
        self.classes = classes
        self.tol = tol
        self.max_iter = max_iter

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True  # features that are no scores predict nothing
        return tags

    def fit(self, scores, y, sample_weight=None):
        """Learn the map.

        Parameters
        ----------
        scores : array-like of shape (n_samples, n_columns) or (n_samples,)
            Logits or probabilities. For two classes also a single column: the log-odds, or the
            probability, of the second.
        y : array-like of shape (n_samples,)
            Labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative; an integer weight is the same as repeating the row. Beside priors the
            sum counts as a number of rows, from 1e-12 to 1e12.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            If a parameter, the scores, y or a weight is not as required; a previous fit stays.

        Warns
        -----
        ConvergenceWarning
            If the loss has no minimum at a positive finite slope, or the solver did not reach it.
        """
        self._check_parameters()
        columns = as_columns(scores)
        values, y = check_X_y(columns, y, dtype=FLOATS, ensure_all_finite=False, estimator=self)
        classes, labels = read_labels(y, self.classes)
        weights = check_weights(sample_weight, len(labels))
        matched = one_per_class(values.shape[1], len(classes))
        name = choose_method(self.method, matched, columns is not scores, values, classes)
        method = method_of(name, matched)
        strength = choose_strength(method, name, self.strength)
        input = decide_input(values, self.input, matched)
        logits = to_logits(values, input, matched, len(classes))

        rows = with_weight(logits, labels, weights)
        shift = read_prior(self.prior, *rows[1:], len(classes))
        with Threads() as threads:
            problem = CalibrationProblem(*rows, len(classes), threads)
            options = {"tol": self.tol, "max_iter": self.max_iter, "strength": strength}
            found = method.calibrate(problem, **options)

        for attribute in self._found.attributes() if hasattr(self, "_found") else ():
            vars(self).pop(attribute, None)
        validate_data(self, columns, skip_check_array=True)
        self.classes_, self.method_, self.input_ = classes, name, input
        self._found, self._shift = found, shift
        vars(self).update(found.attributes())
        for remark in found.remarks():
            warnings.warn(remark, ConvergenceWarning, stacklevel=2)
        return self

    def transform(self, scores):
        """Calibrated probabilities: `predict_proba`.

        Parameters
        ----------
        scores : array-like of shape (n_samples, n_columns)
            As in `fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Or what `set_output` asks for.
        """
        return self.predict_proba(scores)

    def get_feature_names_out(self, input_features=None):
        """Names of the columns of `transform`: one for each class.

        Parameters
        ----------
        input_features : ignored
            For scikit-learn's API.

        Returns
        -------
        ndarray of str objects
        """
        check_is_fitted(self)
        prefix = type(self).__name__.lower()
        return np.array([f"{prefix}_{label}" for label in self.classes_], dtype=object)

    def _check_parameters(self):
        check_choice("method", self.method, METHODS)
        check_choice("input", self.input, INPUTS)
        check_number("tol", self.tol, at_least=0)
        check_integer("max_iter", self.max_iter, at_least=1)

    def _linear_map(self, X):
        if self.n_features_in_ == 1:
            X = as_columns(X)
        values = validate_data(self, X, dtype=FLOATS, ensure_all_finite=False, reset=False)
        matched = one_per_class(values.shape[1], len(self.classes_))
        logits = to_logits(values, self.input_, matched, len(self.classes_))
        map, params = self._found.predictor(logits)
        return (map if self._shift is None else Shifted(map, self._shift)), params
