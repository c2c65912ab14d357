"""softmax_regression_path: fits from the strongest penalty that matters to weak ones."""

from dataclasses import dataclass
from numbers import Integral

import numpy as np

from ._core.threads import Threads
from ._fitting.path import fit_path, smallest_C
from ._inputs.outcomes import warn_outcome
from ._inputs.shrinkage import read_shrinkage
from ._inputs.training import in_dtype, read_training
from ._inputs.validation import check_integer, check_number, check_strengths
from ._regression import SoftmaxRegression
from ._solvers import SOLVERS


@dataclass(frozen=True)
class RegressionPath:
    """Fits at ascending C.

    Attributes
    ----------
    Cs : ndarray of shape (n_Cs,)
        Inverse strengths of the penalty, ascending.
    coefs : ndarray of shape (n_Cs, n_outputs, n_features)
        Coefficients; n_outputs is 1 for two classes and n_classes for more.
    intercepts : ndarray of shape (n_Cs, n_outputs)
        Intercepts.
    losses : ndarray of shape (n_Cs,)
        Objectives divided by C times the total weight: mean loss plus penalty, in nats.
    dual_gaps : ndarray of shape (n_Cs,)
        Certified bounds on the objective minus its optimum, relative to the objective.
    n_iters : ndarray of int, shape (n_Cs,)
        Iterations.
    classes : ndarray of shape (n_classes,)
        Sorted labels.
    """

    Cs: np.ndarray
    coefs: np.ndarray
    intercepts: np.ndarray
    losses: np.ndarray
    dual_gaps: np.ndarray
    n_iters: np.ndarray
    classes: np.ndarray


def softmax_regression_path(X, y, *, Cs=100, eps=1e-3, sample_weight=None, offset=None, **params):
    r"""Softmax regression for many strengths of the penalty.

    Each fit starts from the one before, on data that are prepared once. Features whose
    coefficients are zero are left out of the work, and checked at the end of each fit.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Features.
    y : array-like of shape (n_samples,) or (n_samples, n_classes)
        Labels, or a table: see `SoftmaxRegression.fit`.
    Cs : int or array-like of shape (n_Cs,), default=100
        Inverse strengths. An integer stands for so many, from the largest C at which all
        penalised coefficients are zero, to this divided by `eps`, with equal ratios. A pure
        ridge has no such C: it starts where an `l1_ratio` of 0.001 would, as glmnet does.
    eps : float, default=1e-3
        Ratio of the first C to the last, where `Cs` is an integer.
    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights.
    offset : array-like of shape (n_samples,) or (n_samples, n_classes), default=None
        Known terms that are added to the logits.
    **params : dict
        Parameters of `SoftmaxRegression`, all but `C` and `warm_start`.

    Returns
    -------
    RegressionPath
        Arrays with one entry for each C.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as required, or no penalised feature has any effect.

    Warns
    -----
    ConvergenceWarning
        If a gap is above `tol`.

    References
    ----------
    Friedman, Hastie & Tibshirani (2010), "Regularization paths for generalized linear models via
    coordinate descent", J. Stat. Softw. 33.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_softmax import softmax_regression_path
    >>> X, y = load_iris(return_X_y=True)
    >>> path = softmax_regression_path(X, y, Cs=5, penalty="group")
    >>> path.coefs.shape
    (5, 3, 4)
    >>> path.coefs.any(axis=1).sum(axis=1)  # features in use
    array([0, 1, 2, 4, 4])
    """
    model = _model(params)
    data = read_training(model, X, y, sample_weight, offset)
    options = model.penalty, model.l1_ratio, model.penalty_factor
    shrinkage = read_shrinkage(*options, data.X.shape[1])
    _check_range(Cs, eps)
    problem = data.X, data.target, data.weights
    with Threads() as threads:
        options = {"fit_intercept": model.fit_intercept, "threads": threads, "floor": model.tol}
        if isinstance(Cs, Integral):
            first = smallest_C(*problem, shrinkage, **options)
            Cs = first * np.geomspace(1.0, 1.0 / eps, Cs)
        Cs = check_strengths("Cs", Cs)
        options |= {"solver": SOLVERS[model.solver], "tol": model.tol, "max_iter": model.max_iter}
        fits = list(fit_path(*problem, Cs, shrinkage, **options))
    return _collect(Cs, data, fits, model.tol)


def _model(params):
    for name in ("C", "warm_start"):
        if name in params:
            raise TypeError(f"softmax_regression_path has no parameter {name}: use Cs.")
    model = SoftmaxRegression(**params)
    model._check_parameters()
    return model


def _check_range(Cs, eps):
    if isinstance(Cs, (bool, np.bool_, Integral)):
        check_integer("Cs", Cs, at_least=1)
    check_number("eps", eps, above=0, below=1)


def _collect(Cs, data, fits, tol):
    results = [result for *_, result in fits]
    all_classes = [data.all_classes(coef, intercept) for coef, intercept, _ in fits]
    worst = max(results, key=lambda result: result.gap / result.value)
    warn_outcome(worst, tol)
    return RegressionPath(
        Cs=Cs,
        coefs=in_dtype(np.stack([coef for coef, _ in all_classes]), data.X.dtype),
        intercepts=in_dtype(np.stack([intercept for _, intercept in all_classes]), data.X.dtype),
        losses=np.array([result.value for result in results]),
        dual_gaps=np.array([result.gap / result.value for result in results]),
        n_iters=np.array([result.n_iter for result in results]),
        classes=data.classes,
    )
