"""Who fits: us and the peers, as functions (X, y, tol) -> coefficients, intercepts, iterations."""

import importlib

import numpy as np
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression

from sklearn_softmax import SoftmaxRegression


def objective(X, y, coef, intercept):
    """Sum of losses and half the squared norm of the coefficients, C = 1."""
    logits = X @ coef.T + intercept
    if len(coef) == 1:
        logits = np.column_stack([np.zeros(len(y)), logits])
    losses = logsumexp(logits, axis=1) - logits[np.arange(len(y)), y]
    return losses.sum() + 0.5 * np.sum(coef**2)


def ours(X, y, tol):
    """Our fit, with all but the tolerance at its default."""
    model = SoftmaxRegression(tol=tol).fit(X, y)
    return model.coef_, model.intercept_, model.n_iter_


def _logistic(estimator, solver):
    def fit(X, y, tol):
        model = estimator(solver=solver, tol=tol, max_iter=100_000).fit(X, y)
        return model.coef_, model.intercept_, int(np.max(model.n_iter_))

    return fit


def _cyanure(X, y, tol):
    """cyanure's logistic losses; its objective is divided by the number of rows."""
    from cyanure.estimators import Classifier

    binary = y.max() == 1
    model = Classifier(
        loss="logistic" if binary else "multiclass-logistic",
        penalty="l2",
        lambda_1=1.0 / len(y),
        fit_intercept=True,
        tol=tol,
        max_iter=5000,
        verbose=False,
    )
    model.fit(X, y)
    coef = np.atleast_2d(model.coef_)
    coef = coef if binary and len(coef) == 1 else coef.T
    return coef, np.ravel(model.intercept_), None


def peers():
    """Names and functions of the peers that are installed."""
    names = ("lbfgs", "newton-cg", "newton-cholesky", "saga")
    found = {name: _logistic(LogisticRegression, name) for name in names}
    if importlib.util.find_spec("sklearnex"):
        from sklearnex.linear_model import LogisticRegression as Intel

        found["intelex lbfgs"] = _logistic(Intel, "lbfgs")
    if importlib.util.find_spec("cyanure"):
        found["cyanure"] = _cyanure
    return found
