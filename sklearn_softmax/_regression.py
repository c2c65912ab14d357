"""SoftmaxRegression."""

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils import check_X_y
from sklearn.utils.validation import validate_data

from ._core.threads import Threads
from ._maps.design import DenseDesign, SparseDesign
from ._path import Shrinkage, prepare
from ._probabilistic import SoftmaxClassifierMixin, labels_target
from ._solvers import SOLVERS
from ._validation import (
    apply_class_weight,
    check_bool,
    check_choice,
    check_integer,
    check_number,
    check_weights,
    encode_labels,
    warn_outcome,
)

_ABSENT_LOGIT = -36.0  # log of the float64 epsilon, about: a probability that rounds away


class SoftmaxRegression(SoftmaxClassifierMixin, BaseEstimator):
    r"""Softmax (multinomial logistic) regression, fitted to a certified optimum.

    Minimises the objective of scikit-learn's `LogisticRegression`,

    .. math:: C \sum_i s_i \left(\log\sum_k e^{z_{ik}} - z_{i y_i}\right) + \tfrac12\|W\|^2,
              \qquad z_i = W x_i + b,

    from raw features of any scale. A duality gap bounds the distance to the optimum; the fit
    stops when the bound is below `tol`, and says so when it is not.

    Parameters
    ----------
    C : float, default=1.0
        Inverse strength of the L2 penalty, positive; inf for none.
    fit_intercept : bool, default=True
        Whether to fit b, which is not penalised.
    class_weight : dict, 'balanced' or None, default=None
        Weights of classes, multiplied with the sample weights. 'balanced' gives all classes
        the same total weight.
    tol : float, default=1e-6
        Bound on the certified gap, relative to the objective. Without a penalty, half the
        squared Newton decrement takes the place of the gap.
    max_iter : int, default=1000
        The largest number of iterations.
    solver : {'auto', 'lbfgs', 'newton'}, default='auto'
        'newton' has the explicit Hessian, for few parameters; 'lbfgs' follows the curvature
        of each class. 'auto' compares their costs in operations and passes over the data, and
        goes from 'lbfgs' to Newton's method where it takes long.
    warm_start : bool, default=False
        Start from the coefficients of the previous fit where their shape is the same.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Sorted labels.
    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
        W. For two classes the coefficients of the log-odds of ``classes_[1]``.
    intercept_ : ndarray of shape (1,) or (n_classes,)
        b, with mean zero for three or more classes.
    n_iter_ : int
        Iterations.
    dual_gap_ : float
        Certified bound on the objective minus its optimum, relative to the objective.
    loss_ : float
        The objective divided by C times the total weight: mean loss plus penalty, in nats.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where X has string names.

    Notes
    -----
    Coefficients come in the dtype of X. The certificate is of their float64 values, before they
    are rounded to it.

    A class whose total weight is zero keeps its column: with an intercept, its coefficients
    are zero and its probability rounds to zero.

    References
    ----------
    Yu, Huang & Lin (2011), "Dual coordinate descent methods for logistic regression and
    maximum entropy models", Machine Learning 85 (the dual). Böhning (1992), "Multinomial
    logistic regression algorithm", Ann. Inst. Statist. Math. 44 (the curvature).

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_softmax import SoftmaxRegression
    >>> X, y = load_iris(return_X_y=True)
    >>> model = SoftmaxRegression().fit(X, y)
    >>> model.predict_proba(X[:1]).round(3)
    array([[0.982, 0.018, 0.   ]])
    >>> round(model.log_loss(X, y), 2)
    0.12
    >>> model.dual_gap_ <= 1e-6
    True
    """

    def __init__(
        self,
        C=1.0,
        *,
        fit_intercept=True,
        class_weight=None,
        tol=1e-6,
        max_iter=1000,
        solver="auto",
        warm_start=False,
    ):
        self.C = C
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
        self.tol = tol
        self.max_iter = max_iter
        self.solver = solver
        self.warm_start = warm_start

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def fit(self, X, y, sample_weight=None):
        """Fit to data.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Features. Arrays of float32 and float64 are not copied.
        y : array-like of shape (n_samples,)
            Labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights; an integer weight is the same as repeating the row.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            If a parameter, X, y or a weight is not as required; a previous fit stays.

        Warns
        -----
        ConvergenceWarning
            If the certified gap is above `tol`, or the optimum is at infinity.
        """
        self._check_parameters()
        given = X
        X, y = check_X_y(X, y, accept_sparse="csr", dtype=[np.float64, np.float32], estimator=self)
        classes, labels = encode_labels(y)
        weights = check_weights(sample_weight, len(labels))
        weights = apply_class_weight(self.class_weight, classes, labels, weights)
        X, labels, weights, present = _with_weight(X, labels, weights, classes)

        n_outputs = 1 if len(present) == 2 else len(present)
        target = labels_target(labels, len(present), n_outputs)
        with Threads() as threads:
            fits = prepare(
                X,
                target,
                weights,
                Shrinkage(),
                fit_intercept=self.fit_intercept,
                threads=threads,
                floor=max(self.tol, np.finfo(np.float64).eps),
            )
            coef, intercept, result = fits.fit(
                self.C,
                self._start(classes, n_outputs, X.shape[1]),
                solver=SOLVERS[self.solver],
                tol=self.tol,
                max_iter=self.max_iter,
            )

        coef, intercept = _all_classes(coef, intercept, present, len(classes))
        validate_data(self, given, skip_check_array=True)  # names; not before the fit succeeded
        self.coef_, self.intercept_ = coef.astype(X.dtype), intercept.astype(X.dtype)
        self.classes_, self.n_iter_ = classes, max(1, result.n_iter)
        self.loss_, self.dual_gap_ = float(result.value), float(result.gap / result.value)
        warn_outcome(result, self.tol)
        return self

    def _check_parameters(self):
        check_number("C", self.C, above=0, infinite=True)
        check_number("tol", self.tol, at_least=0)
        check_integer("max_iter", self.max_iter, at_least=1)
        check_choice("solver", self.solver, SOLVERS)
        check_bool("fit_intercept", self.fit_intercept)
        check_bool("warm_start", self.warm_start)

    def _start(self, classes, n_outputs, n_features):
        previous = getattr(self, "coef_", None) if self.warm_start else None
        known = previous is not None and previous.shape == (n_outputs, n_features)
        if known and np.array_equal(self.classes_, classes):
            start = previous.astype(np.float64), self.intercept_.astype(np.float64)
            return start if np.isfinite(start[0]).all() and np.isfinite(start[1]).all() else None
        return None

    def _linear_map(self, X):
        X = validate_data(
            self,
            X,
            accept_sparse="csr",
            dtype=[np.float64, np.float32],
            reset=False,
        )
        design = (SparseDesign if sparse.issparse(X) else DenseDesign)(X, len(self.coef_))
        return design, np.column_stack([self.coef_, self.intercept_])


def _with_weight(X, labels, weights, classes):
    """Rows of positive weight, and the numbers of the classes that have any."""
    if weights is not None and not np.all(weights > 0):
        rows = np.flatnonzero(weights > 0)
        X, labels, weights = X[rows], labels[rows], weights[rows]
    present = np.flatnonzero(np.bincount(labels, minlength=len(classes)))
    if len(present) < len(classes):
        labels = np.searchsorted(present, labels)
    if len(present) < 2:
        raise ValueError(
            "y must contain at least two classes of positive weight; "
            f"got {len(present)} class: {classes[present].tolist()}."
        )
    return X, labels, weights, present


def _all_classes(coef, intercept, present, n_classes):
    """Coefficients with a row for every class, those of absent classes included."""
    if len(present) == n_classes:
        return coef, intercept
    if len(coef) == 1:
        coef, intercept = np.vstack([-coef, coef]) / 2, np.append(-intercept, intercept) / 2
    all_coef = np.zeros((n_classes, coef.shape[1]))
    all_intercept = np.full(n_classes, _ABSENT_LOGIT)
    all_coef[present], all_intercept[present] = coef, intercept
    return all_coef, all_intercept
