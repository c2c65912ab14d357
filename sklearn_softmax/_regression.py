"""SoftmaxRegression."""

import numpy as np
from sklearn.base import BaseEstimator

from ._core.threads import Threads
from ._fitting.path import prepare
from ._inference.standard_errors import InferenceMixin
from ._inputs.features import read_features, remember_features
from ._inputs.offset import OffsetClassifierMixin
from ._inputs.outcomes import warn_outcome
from ._inputs.shrinkage import check_shrinkage, read_shrinkage
from ._inputs.training import in_dtype, read_training
from ._inputs.validation import check_bool, check_choice, check_integer, check_number
from ._maps.rounded import logit_map
from ._progress import CallbackSupportMixin, start_progress, with_callbacks
from ._solvers import SOLVERS
from ._sparse_coef import SparseCoefMixin, dense
from ._streams.partial_fit import PartialFitMixin


class SoftmaxRegression(
    SparseCoefMixin,
    InferenceMixin,
    PartialFitMixin,
    CallbackSupportMixin,
    OffsetClassifierMixin,
    BaseEstimator,
):
    r"""Softmax (multinomial logistic) regression, fitted to a certified optimum.

    Minimises the objective of scikit-learn's `LogisticRegression`,

    .. math:: C \sum_i s_i \left(\log\sum_k e^{z_{ik}} - z_{i y_i}\right) + R(W),
              \qquad z_i = W x_i + b,

    from raw features of any scale. The penalty R is :math:`\tfrac12\|W\|^2` unless another one
    is chosen; some make coefficients exactly zero. Instead of labels, y may be a table of
    probabilities or counts of the classes, and a known offset may be added to each row's logits.
    A duality gap bounds the distance to the optimum; the fit stops when the bound is below `tol`,
    and says so when it is not.

    Parameters
    ----------
    C : float, default=1.0
        Inverse strength of the penalty, positive; inf for none.
    penalty : {'elasticnet', 'group'}, default='elasticnet'
        With :math:`r` the `l1_ratio` and :math:`f_j` the `penalty_factor` of feature j, R is
        :math:`\sum_j f_j \left(r \|W_{:j}\| + \tfrac{1-r}{2} \|W_{:j}\|_2^2\right)`. For
        'elasticnet' the norm is :math:`\|W_{:j}\|_1`: coefficients are zero one by one. For
        'group' it is :math:`\|W_{:j}\|_2`: a feature is used for all classes or for none. Two
        classes have one row of coefficients, for which both are the same.
    l1_ratio : float, default=None
        The share r of the norm, from 0 to 1; None stands for 0, a pure ridge, with
        'elasticnet', and for 1 with 'group'.
    penalty_factor : array-like of shape (n_features,), default=None
        Non-negative factors of the penalty of each feature. 0 leaves it free; None stands for
        ones.
    fit_intercept : bool, default=True
        Whether to fit b, which is not penalised.
    class_weight : dict, 'balanced' or None, default=None
        Weights of classes, multiplied with the sample weights. 'balanced' gives all classes
        the same total weight. Where a row belongs to several classes, w_k multiplies the term of
        class k in its loss.
    classes : array-like of shape (n_classes,), default=None
        Labels of the classes, in the order of the columns of y where that is a table. By default
        the columns of a data frame, else 0, 1, ... With labels in y it may name classes that
        have no row. In any case `classes_` is sorted.
    label_smoothing : float, default=0.0
        Share of each row, at least 0 and below 1, that is spread evenly over all classes.
    tol : float, default=1e-6
        Bound on the certified gap, relative to the objective. Without a penalty, or with one so
        weak that it drowns in rounding (1e-27 in units of standardised features), half the
        squared Newton decrement takes the place of the gap: an estimate, and no bound. Where the
        optimum is at infinity it tells half of what is left, or less: then `dual_gap_` has what
        all chances add to the loss that recede, too.
    max_iter : int, default=1000
        The largest number of iterations; ten times that, the largest number of products with the
        data that Newton's method takes in all of them.
    solver : {'auto', 'lbfgs', 'newton'}, default='auto'
        'newton' has the explicit Hessian, for few parameters; 'lbfgs' follows the curvature
        of each class. 'auto' compares their costs in operations and passes over the data, and
        goes from 'lbfgs' to Newton's method where it takes long. For `l1_ratio` above 0 there
        is one solver, whatever is asked for.
    warm_start : bool, default=False
        Start from the coefficients of the previous fit where their shape is the same.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Sorted labels.
    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
        W. For two classes the coefficients of the log-odds of ``classes_[1]``. A CSR matrix
        after `sparsify`.
    intercept_ : ndarray of shape (1,) or (n_classes,)
        b, with mean zero for three or more classes.
    n_iter_ : int
        Iterations. Those that find a start beside offsets which are sure of wrong classes, at
        falling temperatures of the loss, are not among them.
    dual_gap_ : float
        Certified bound on the objective minus its optimum, relative to the objective; an
        estimate where there is next to no penalty: see `tol`.
    loss_ : float
        The objective divided by C times the total weight: mean loss plus penalty, in nats.
    n_samples_seen_ : int
        Rows of all calls to `partial_fit`, which leave no `dual_gap_` and no `loss_`.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where X has string names.

    Notes
    -----
    Coefficients come in the dtype of X, and the certificate is of them as they are stored: where
    float32 is too coarse, as for columns 1e7 standard deviations from zero, a warning says so.
    Large X is never copied as a whole: with a norm in the penalty, float32 data are cast to float64
    block by block.

    Rows of weight zero are as if they were not there. A class whose total weight is zero keeps
    its column: its coefficients are zero, and its intercept is so low, even without
    `fit_intercept`, that its probability rounds to zero. The others are fitted as without it: of
    two that are left, the penalty is that of the log-odds of two classes.

    A row of a table y adds :math:`s_i \sum_k y_{ik} (-\log p_{ik})` to the sum: counts are the
    same as so many rows with labels. With `class_weight` w and `label_smoothing` ε the factor of
    :math:`-\log p_{ik}` is :math:`w_k ((1 - ε) y_{ik} + ε \sum_l y_{il} / K)`, as in PyTorch's
    cross-entropy; 'balanced' looks at y before it is smoothed.

    References
    ----------
    Yu, Huang & Lin (2011), "Dual coordinate descent methods for logistic regression and
    maximum entropy models", Machine Learning 85 (the dual). Böhning (1992), "Multinomial
    logistic regression algorithm", Ann. Inst. Statist. Math. 44 (the curvature). Szegedy et al.
    (2016), "Rethinking the Inception architecture for computer vision", CVPR (label smoothing).
    Zou & Hastie (2005), "Regularization and variable selection via the elastic net", J. R. Stat.
    Soc. B 67. Yuan & Lin (2006), "Model selection and estimation in regression with grouped
    variables", J. R. Stat. Soc. B 68. Lee, Sun & Saunders (2014), "Proximal Newton-type methods
    for minimizing composite functions", SIAM J. Optim. 24. Ndiaye et al. (2017), "Gap safe
    screening rules for sparsity enforcing penalties", JMLR 18 (the dual of penalties with a kink).

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

    Probabilities in the place of labels, and a known change of the log-odds of the last class:

    >>> student = SoftmaxRegression().fit(X, model.predict_proba(X))
    >>> student.predict_proba(X[-1:]).round(2)
    array([[0.  , 0.31, 0.69]])
    >>> student.predict_proba(X[-1:], offset=[[0, 0, -1]]).round(2)
    array([[0.  , 0.54, 0.45]])
    """

    def __init__(
        self,
        C=1.0,
        *,
        penalty="elasticnet",
        l1_ratio=None,
        penalty_factor=None,
        fit_intercept=True,
        class_weight=None,
        classes=None,
        label_smoothing=0.0,
        tol=1e-6,
        max_iter=1000,
        solver="auto",
        warm_start=False,
    ):
        self.C = C
        self.penalty = penalty
        self.l1_ratio = l1_ratio
        self.penalty_factor = penalty_factor
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
        self.classes = classes
        self.label_smoothing = label_smoothing
        self.tol = tol
        self.max_iter = max_iter
        self.solver = solver
        self.warm_start = warm_start

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    @with_callbacks
    def fit(self, X, y, sample_weight=None, offset=None):
        """Fit to data.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Features. Arrays of float32 and float64 are not copied.
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Labels; or, with two columns or more, probabilities or counts of the classes. These
            are not negative, and what a row sums to multiplies its weight.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights; an integer weight is the same as repeating the row.
        offset : array-like of shape (n_samples,) or (n_samples, n_classes), default=None
            Known terms that are added to the logits, with columns in the order of `classes_`.
            Of two classes, the log-odds of the second; two columns stand for their difference.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            If a parameter, X, y, a weight or the offset is not as required; a previous fit stays.

        Warns
        -----
        ConvergenceWarning
            If the certified gap is above `tol`, or the optimum is at infinity.
        """
        self._check_parameters()
        data = read_training(self, X, y, sample_weight, offset)
        options = self.penalty, self.l1_ratio, self.penalty_factor
        shrinkage = read_shrinkage(*options, data.X.shape[1])

        def fitted(coef, intercept):
            coef, intercept = data.all_classes(coef, intercept)
            coef, intercept = (in_dtype(each, data.X.dtype) for each in (coef, intercept))
            return {"coef_": coef, "intercept_": intercept, "classes_": data.classes}

        metadata = {"sample_weight": sample_weight, "offset": offset}
        progress = start_progress(self, X, y, metadata, most=self.max_iter)
        with Threads() as threads:
            fits = prepare(
                data.X,
                data.target,
                data.weights,
                shrinkage,
                fit_intercept=self.fit_intercept,
                threads=threads,
                floor=max(self.tol, np.finfo(np.float64).eps),
            )
            fits.observe(progress.observer(fitted))
            coef, intercept, result = fits.fit(
                self.C,
                self._start(data),
                solver=SOLVERS[self.solver],
                tol=self.tol,
                max_iter=self.max_iter,
            )

        found = fitted(coef, intercept)
        remember_features(self, X)
        vars(self).update(found)
        self.n_iter_, self.loss_ = max(1, result.n_iter), float(result.value)
        self.dual_gap_ = float(result.gap / result.value)
        self._leave_stream(data.weights, len(data.target))
        progress.end()
        warn_outcome(result, self.tol)
        return self

    def _check_parameters(self):
        check_number("C", self.C, above=0, infinite=True)
        check_shrinkage(self.penalty, self.l1_ratio)
        check_number("label_smoothing", self.label_smoothing, at_least=0, below=1)
        check_number("tol", self.tol, at_least=0)
        check_integer("max_iter", self.max_iter, at_least=1)
        check_choice("solver", self.solver, SOLVERS)
        check_bool("fit_intercept", self.fit_intercept)
        check_bool("warm_start", self.warm_start)

    def _start(self, data):
        previous = dense(self.coef_) if self.warm_start and hasattr(self, "coef_") else None
        shape = data.target.n_outputs, data.X.shape[1]
        known = previous is not None and previous.shape == shape
        if known and np.array_equal(self.classes_, data.classes):
            start = previous.astype(np.float64), self.intercept_.astype(np.float64)
            return start if np.isfinite(start[0]).all() and np.isfinite(start[1]).all() else None
        return None

    def _linear_map(self, X):
        X = read_features(self, X, accept_sparse="csr")
        params = np.column_stack([dense(self.coef_), self.intercept_])
        return logit_map(X, params), params
