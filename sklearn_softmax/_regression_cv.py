"""SoftmaxRegressionCV."""

import numpy as np
from sklearn.base import BaseEstimator

from ._inputs.features import remember_features
from ._inputs.offset import OffsetClassifierMixin
from ._inputs.outcomes import warn_outcomes
from ._inputs.shrinkage import read_shrinkage
from ._inputs.validation import (
    check_bool,
    check_choice,
    check_integer,
    check_number,
    check_shares,
    check_strengths,
)
from ._progress import CallbackSupportMixin, start_progress, with_callbacks
from ._regression import SoftmaxRegression
from ._selection.cross_scores import cross_scores, read_folds
from ._selection.grid_fits import Grid
from ._selection.loo_scores import check_ridge
from ._selection.metadata import route, router
from ._selection.rows import read
from ._selection.rules import RULES, choice
from ._solvers import SOLVERS
from ._sparse_coef import SparseCoefMixin

_OF_FITS = ("fit_intercept", "class_weight", "label_smoothing", "solver", "tol", "max_iter")
_CURVES = ("cv_scores_", "mean_score_", "std_error_")


class SoftmaxRegressionCV(
    CallbackSupportMixin, SparseCoefMixin, OffsetClassifierMixin, BaseEstimator
):
    r"""Softmax regression that chooses C by the loss of rows it has not seen.

    The model is that of `SoftmaxRegression`. It is fitted to all rows at each C of a grid, from
    the strongest penalty on, and to the training rows of each fold, from the fit of all rows at
    the same C, which lies near; small problems are solved together. Every fit is certified. The
    result is that of all rows.

    With ``cv='loo'`` each row is left out by one Newton step from the fit of all rows: with
    leverages :math:`A_i = s_i J_i H^{-1} J_i'` of the Hessian H, its logits become

    .. math:: z_i + (I - A_i D_i)^{-1} A_i (p_i - y_i), \qquad D_i = \mathrm{diag}(p_i) - p_i p_i'.

    Parameters
    ----------
    Cs : int or array-like of shape (n_Cs,), default=10
        Inverse strengths of the penalty, positive. An integer is the number of points of a
        geometric sequence from 1e-4 to 1e4.
    penalty : {'elasticnet', 'group'}, default='elasticnet'
        As in `SoftmaxRegression`.
    l1_ratios : float, array-like of shape (n_l1_ratios,) or None, default=None
        Shares of the norm in the penalty, a second axis of the grid. None is the default of
        `SoftmaxRegression`: 0 for 'elasticnet', 1 for 'group'.
    penalty_factor : array-like of shape (n_features,), default=None
        Non-negative numbers that multiply the penalty of each feature; None stands for ones.
    cv : int, splitter, iterable of (train, test), 'loo' or None, default=None
        Folds; None is 5, and an integer makes them stratified, tables by the most probable
        class. 'loo' is approximate leave-one-out.
    scoring : str, callable or None, default=None
        A scorer of scikit-learn. None is the log-loss, computed from logits without clipping,
        the only score of tables.
    rule : {'best', '1se'}, default='best'
        'best' takes the C with the best mean score: of those that differ from it by a share of
        `tol` or less, which is as accurate as fits are, the smallest, of the strongest penalty.
        '1se' takes the smallest C whose mean score is within one standard error of the best.
    fit_intercept, class_weight, classes, label_smoothing, tol, max_iter, solver
        As in `SoftmaxRegression`. Balanced class weights are those of the rows of each fit.
        Neither class weights nor smoothing have a part in scores.
    n_jobs : int, default=None
        Folds fitted at the same time, in threads. Results do not depend on it.

    Attributes
    ----------
    C_ : float
        The chosen C.
    l1_ratio_ : float
        The chosen share of the norm: that of the best mean score, whatever the rule.
    C_best_, C_1se_ : float
        What the rules choose; C_1se_ is nan where there is one fold only.
    Cs_ : ndarray of shape (n_Cs,)
        The grid, ascending.
    l1_ratios_ : ndarray of shape (n_l1_ratios,)
        Its other axis.
    cv_scores_ : ndarray of shape (n_folds, n_Cs) or (n_samples, n_Cs)
        Score of each fold at each C; with ``cv='loo'``, of each row of positive weight. The
        greater, the better: minus the loss in nats, unless there is a scorer. If `l1_ratios`
        are given, they are an axis before that of C.
    mean_score_, std_error_ : ndarray of shape (n_Cs,) or (n_l1_ratios, n_Cs)
        Mean over the folds and its standard error. Log-losses of folds are weighted by the
        weights of their rows, times row totals of tables; scores of scorers count the same.
    classes_ : ndarray of shape (n_classes,)
        Sorted labels.
    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
        Coefficients of the fit to all rows at `C_` and `l1_ratio_`.
    intercept_ : ndarray of shape (1,) or (n_classes,)
        Its intercepts.
    n_iter_ : int
        Its iterations, from the fit at the C before; of small data, from the class priors.
    dual_gap_ : float
        Certified bound on its objective minus the optimum, relative to the objective.
    loss_ : float
        Its objective divided by C times the total weight, in nats.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where X has string names.

    Notes
    -----
    A row whose class has no row of weight in the training part of its fold is left out of the
    scores, with a warning: no C would help it. So is that part of a row of a table.

    The step of leave-one-out is exact where the loss of the other rows is quadratic between the
    two optima. It costs two Hessians for each C, of all parameters: there may be at most 4096.
    For weak penalties and almost separable classes it may be off by much, for a few rows: with a
    ridge, and data for which it takes a fraction of a second, rows whose logits it moves by more
    than one nat are refitted. Those that it moves most come first, and as many as about 5e8
    multiplications at each C allow. Class weights stay as they are, and a row of any weight is
    left out whole.

    References
    ----------
    Breiman, Friedman, Olshen & Stone (1984), "Classification and regression trees" (the rule of
    one standard error). Rad & Maleki (2020), "A scalable estimate of the out-of-sample prediction
    error via approximate leave-one-out cross-validation", J. R. Statist. Soc. B 82. Stephenson &
    Broderick (2020), "Approximate cross-validation in high dimensions with guarantees", AISTATS.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn_softmax import SoftmaxRegressionCV
    >>> X, y = load_wine(return_X_y=True)
    >>> model = SoftmaxRegressionCV().fit(X, y)
    >>> round(model.C_, 2), round(model.C_1se_, 2)
    (2.78, 0.36)
    >>> round(SoftmaxRegressionCV(cv="loo").fit(X, y).C_, 2)
    2.78
    """

    def __init__(
        self,
        Cs=10,
        *,
        penalty="elasticnet",
        l1_ratios=None,
        penalty_factor=None,
        cv=None,
        scoring=None,
        rule="best",
        fit_intercept=True,
        class_weight=None,
        classes=None,
        label_smoothing=0.0,
        tol=1e-6,
        max_iter=1000,
        solver="auto",
        n_jobs=None,
    ):
        self.Cs = Cs
        self.penalty = penalty
        self.l1_ratios = l1_ratios
        self.penalty_factor = penalty_factor
        self.cv = cv
        self.scoring = scoring
        self.rule = rule
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
        self.classes = classes
        self.label_smoothing = label_smoothing
        self.tol = tol
        self.max_iter = max_iter
        self.solver = solver
        self.n_jobs = n_jobs

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def get_metadata_routing(self):
        """How metadata reach the splitter and the scorer.

        Returns
        -------
        MetadataRouter
        """
        return router(self)

    @with_callbacks
    def fit(self, X, y, sample_weight=None, offset=None, **params):
        """Fit at each C, choose one.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Features. Arrays of float32 and float64 are not copied, but for the rows of folds.
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Labels; or probabilities or counts of the classes, as in `SoftmaxRegression.fit`.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights, of fits and of scores. With metadata routing enabled, a scorer
            gets them where it asks.
        offset : array-like of shape (n_samples,) or (n_samples, n_classes), default=None
            Known terms that are added to the logits, in fits and in scores; as in
            `SoftmaxRegression.fit`.
        **params : dict
            `groups` for the splitter; with metadata routing enabled, what splitter and scorer
            request.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            If a parameter, X, y, a weight or the offset is not as required, or a fold has too few
            classes; a previous fit stays.

        Warns
        -----
        ConvergenceWarning
            If some fits are not certified to `tol`: how many, and how far they may be.
        UserWarning
            If rows are left out of scores as the training rows of their fold lack their class.
        """
        self._check_parameters()
        rows = read(self, X, y, sample_weight, offset)
        classes, dtype = rows.classes, rows.X.dtype
        grid, (split, measure) = self._grid(rows.X.shape[1]), route(self, rows, offset, params)
        folds, whole = read_folds(self.cv, rows, split), grid.problem(rows)
        if folds is None:
            check_ridge(whole)
        elif self.rule == "1se" and len(folds) == 1:
            raise ValueError("rule='1se' needs at least two folds; got one.")

        tasks = {"most": int(np.prod(grid.shape)) + len(folds or ()), "task": "step"}
        metadata = {"sample_weight": sample_weight, "offset": offset}
        progress = start_progress(self, X, y, metadata, **tasks)
        fits = whole.fits(lambda fit: progress.done(lambda: fit.attributes(classes, dtype)))
        options = self.n_jobs, progress.done
        scores, shares, results = cross_scores(folds, rows, whole, fits, measure, *options)

        remember_features(self, X)
        place, chosen = choice(scores, shares, grid, self.rule)
        if self.l1_ratios is None:
            chosen |= {name: chosen[name].take(0, axis=-2) for name in _CURVES}
        vars(self).update(chosen | fits[place].attributes(classes, dtype))
        progress.end()
        warn_outcomes([fit.result for fit in fits] + results, self.tol)
        return self

    def _check_parameters(self):
        check_number("tol", self.tol, at_least=0)
        check_integer("max_iter", self.max_iter, at_least=1)
        check_choice("solver", self.solver, SOLVERS)
        check_choice("rule", self.rule, RULES)
        check_number("label_smoothing", self.label_smoothing, at_least=0, below=1)
        check_bool("fit_intercept", self.fit_intercept)
        if isinstance(self.cv, str):
            check_choice("cv", self.cv, ("loo",))
            if self.scoring is not None:
                raise ValueError(f"scoring must be None where cv='loo'; got {self.scoring!r}.")

    def _grid(self, n_features):
        shares = check_shares("l1_ratios", self.l1_ratios) or [None]
        options = self.penalty_factor, n_features
        return Grid(
            Cs=check_strengths("Cs", self.Cs),
            shrinkages=[read_shrinkage(self.penalty, share, *options) for share in shares],
            **{name: getattr(self, name) for name in _OF_FITS},
        )

    _linear_map = SoftmaxRegression._linear_map
