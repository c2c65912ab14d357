"""Standard errors of a fitted softmax regression: what is asked for, and the answer."""

import numpy as np
from sklearn.utils.validation import check_is_fitted, validate_data

from .._inputs.shrinkage import read_shrinkage
from .._inputs.training import read_training
from .._inputs.validation import check_choice, check_number
from .optimum import table_of_errors

KINDS = ("observed", "sandwich")


class InferenceMixin:
    """Standard errors of a classifier with coefficients, from the curvature at its optimum."""

    def standard_errors(
        self,
        X,
        y,
        sample_weight=None,
        offset=None,
        *,
        kind="observed",
        level=0.95,
        reference=None,
    ):
        r"""Standard errors of the coefficients of a fit that is hardly penalised.

        Parameters
        ----------
        X, y, sample_weight, offset
            What the model was fitted to. Weights are frequencies: so many rows alike.
        kind : {'observed', 'sandwich'}, default='observed'
            'observed' is the inverse of the observed information I, which is right where the
            model is. 'sandwich' is :math:`I^{-1} \sum_i u_i u_i' I^{-1}` (HC0), with a score u
            for each row: right for independent rows, also of losses that are no likelihoods,
            with class weights, smoothed or soft labels. A row of counts is one row.
        level : float, default=0.95
            Level of the confidence intervals, between 0 and 1.
        reference : label, default=None
            The class that all others are compared with; None for ``classes_[0]``.

        Returns
        -------
        StandardErrors
            Arrays `coef`, `error`, `z`, `p_value`, `lower` and `upper` of shape
            (n_classes - 1, n_features + 1), the intercept last; printed it is a table, and
            ``pandas.DataFrame(errors.to_dict())`` makes a data frame of it. Coefficients are
            those of the log-odds against the reference.

        Raises
        ------
        ValueError
            Where errors mean nothing: the classes are separable; a feature is a combination of
            others; the penalty is more than 1 % of the curvature in some direction; coefficients
            are farther than 0.1 standard errors from the optimum for these data; a class has no
            weight; or 'observed' is asked for with class weights or smoothed labels.

        References
        ----------
        White (1982), "Maximum likelihood estimation of misspecified models", Econometrica 50.

        Examples
        --------
        >>> from sklearn.datasets import load_wine
        >>> from sklearn_softmax import SoftmaxRegression
        >>> X, y = load_wine(return_X_y=True, as_frame=True)
        >>> X = X[["alcohol", "hue"]]
        >>> model = SoftmaxRegression(C=float("inf"), tol=1e-9).fit(X, y)
        >>> print(model.standard_errors(X, y))
        Log-odds against 0: observed errors, 95% intervals
        class       name    coef   error       z    p_value   lower   upper
            1    alcohol  -5.109  0.8543   -5.98  2.228e-09  -6.783  -3.434
            1        hue     1.4   2.563  0.5462     0.5849  -3.623   6.423
            1  intercept   65.36   11.04    5.92  3.211e-09   43.72      87
            2    alcohol  -1.287  0.7827  -1.644     0.1001  -2.821  0.2472
            2        hue  -19.54   3.976  -4.915  8.876e-07  -27.33  -11.75
            2  intercept   34.05   10.43   3.266   0.001093   13.61   54.48
        """
        number = check_options(self, kind, level, reference)
        data = read_data(self, X, y, sample_weight, offset)
        return table_of_errors(self, data, kind, level, number)


def check_options(model, kind, level, reference):
    """Number of the reference class.

    Raises
    ------
    ValueError, TypeError
        If an option is not as required, or its errors mean nothing for the model.
    """
    check_is_fitted(model)
    check_choice("kind", kind, KINDS)
    check_number("level", level, above=0, below=1)
    for name, neutral in (("class_weight", None), ("label_smoothing", 0.0)):
        value = getattr(model, name)
        if kind == "observed" and value != neutral:
            raise ValueError(
                f"kind='observed' needs {name}={neutral}, for other losses are no likelihoods; "
                f"got {value!r}. Use kind='sandwich'."
            )
    penalty = read_shrinkage(
        model.penalty, model.l1_ratio, model.penalty_factor, model.n_features_in_
    )
    if penalty.has_norm and np.isfinite(model.C):
        raise ValueError(
            "standard_errors needs l1_ratio=0 or C=inf, for coefficients of zero have no errors; "
            f"got l1_ratio={penalty.l1_ratio:g} and C={model.C:g}."
        )
    if reference is None:
        return 0
    known = np.flatnonzero(model.classes_ == reference)
    if len(known) != 1:
        raise ValueError(
            f"reference must be one of the classes {model.classes_.tolist()}; got {reference!r}."
        )
    return known[0]


def read_data(model, X, y, sample_weight, offset):
    """Data of the classes and features of a fitted model.

    Raises
    ------
    ValueError, TypeError
        If they are not as required, or a class has no weight.
    """
    validate_data(model, X, reset=False, skip_check_array=True)
    data = read_training(model, X, y, sample_weight, offset)
    if not np.array_equal(data.classes, model.classes_) or len(data.present) < len(data.classes):
        raise ValueError(
            f"y must have weight in each of the classes {model.classes_.tolist()} of the fit; "
            f"got {data.classes[data.present].tolist()}."
        )
    return data
