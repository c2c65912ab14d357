"""CVCurveDisplay."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ._regression_cv import SoftmaxRegressionCV

_LOG_LOSS = "log-loss of held-out rows (nats)"


class CVCurveDisplay:
    """Mean score of held-out rows along C, with standard errors and the choices of both rules.

    Make one with `from_estimator`. Two in one picture, as of folds and of leave-one-out: hand
    `ax_` of the first to the second.

    Parameters
    ----------
    Cs : ndarray of shape (n_Cs,)
        Inverse strengths, ascending.
    means, errors : ndarray of shape (n_curves, n_Cs)
        What is drawn, and its standard errors; nan for none.
    C_best, C_1se : float
        The choices; nan for none.
    labels : list of str or None, default=None
        Of the curves, for the legend.
    quantity : str, default='log-loss of held-out rows (nats)'
        For the axis.

    Attributes
    ----------
    ax_ : Axes
        The panel.
    figure_ : Figure
        The figure.
    lines_ : list of Line2D
        The curves.
    choices_ : list of Line2D
        Vertical lines at the choices.

    See Also
    --------
    SoftmaxRegressionCV : Makes the choice.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn_softmax import CVCurveDisplay, SoftmaxRegressionCV
    >>> X, y = load_wine(return_X_y=True)
    >>> display = CVCurveDisplay.from_estimator(SoftmaxRegressionCV().fit(X, y))
    >>> display.ax_.get_xscale()
    'log'
    """

    def __init__(self, Cs, means, errors, *, C_best, C_1se, labels=None, quantity=_LOG_LOSS):
        self.Cs = Cs
        self.means = means
        self.errors = errors
        self.C_best = C_best
        self.C_1se = C_1se
        self.labels = labels
        self.quantity = quantity

    def plot(self, *, ax=None, choices=True, **kwargs):
        """Draw the curves.

        Parameters
        ----------
        ax : Axes, default=None
            By default in a new figure.
        choices : bool, default=True
            Whether to draw lines at the best C and at that of one standard error.
        **kwargs : dict
            For `Axes.plot`, as ``color="tab:red"``.

        Returns
        -------
        self

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        ax = _new_axes() if ax is None else ax
        labels = [None] * len(self.means) if self.labels is None else self.labels
        self.lines_ = [
            _draw_curve(ax, self.Cs, mean, error, {"label": label, **kwargs})
            for mean, error, label in zip(self.means, self.errors, labels, strict=True)
        ]
        color = self.lines_[0].get_color() if len(self.lines_) == 1 else "0.3"
        self.choices_ = self._draw_choices(ax, color) if choices else []
        ax.set(xscale="log", xlabel="C (weaker penalty to the right)", ylabel=self.quantity)
        ax.spines[["top", "right"]].set_visible(False)
        if ax.get_legend_handles_labels()[0]:
            ax.legend(frameon=False)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _draw_choices(self, ax, color):
        styles = (("best", self.C_best, "--"), ("one standard error", self.C_1se, ":"))
        return [
            ax.axvline(C, linestyle=style, color=color, linewidth=1.2, label=f"{rule}: C = {C:.3g}")
            for rule, C, style in styles
            if not np.isnan(C)
        ]

    @classmethod
    def from_estimator(cls, estimator, *, name=None, ax=None, choices=True, **kwargs):
        """Draw the curves of a fitted model.

        Parameters
        ----------
        estimator : SoftmaxRegressionCV
            Fitted.
        name : str, default=None
            For the legend.
        ax : Axes, default=None
            By default in a new figure.
        choices : bool, default=True
            Whether to draw lines at the best C and at that of one standard error.
        **kwargs : dict
            For `Axes.plot`.

        Returns
        -------
        CVCurveDisplay

        Raises
        ------
        TypeError, NotFittedError, ImportError
            If the estimator has no curves, is not fitted, or matplotlib is not installed.
        """
        if not isinstance(estimator, SoftmaxRegressionCV):
            raise TypeError(f"estimator must be a SoftmaxRegressionCV; got {estimator!r}.")
        check_is_fitted(estimator)
        is_loss = estimator.scoring is None
        sign = -1.0 if is_loss else 1.0
        display = cls(
            estimator.Cs_,
            sign * np.atleast_2d(estimator.mean_score_),
            np.atleast_2d(estimator.std_error_),
            C_best=estimator.C_best_,
            C_1se=estimator.C_1se_,
            labels=_labels(estimator, name),
            quantity=_LOG_LOSS if is_loss else _score_name(estimator.scoring),
        )
        return display.plot(ax=ax, choices=choices, **kwargs)


def _labels(estimator, name):
    """Of the curves: the name, and the share of the norm where there are several."""
    parts = [] if name is None else [name]
    if len(estimator.l1_ratios_) == 1:
        return [", ".join(parts) or None]
    return [", ".join([*parts, f"l1_ratio = {share:g}"]) for share in estimator.l1_ratios_]


def _score_name(scoring):
    return scoring.replace("_", " ") if isinstance(scoring, str) else "score"


def _new_axes():
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError(
            "CVCurveDisplay needs matplotlib, which is not installed: "
            'pip install "sklearn_softmax[plot]".'
        ) from error
    _, axes = pyplot.subplots(figsize=(5.6, 3.8), layout="constrained")
    return axes


def _draw_curve(ax, Cs, mean, error, style):
    """A curve in a band of one standard error to either side; returns the line."""
    (line,) = ax.plot(Cs, mean, **{"marker": "o", "markersize": 4, "linewidth": 1.6, **style})
    if not np.isnan(error).all():
        band = {"color": line.get_color(), "alpha": 0.18, "linewidth": 0}
        ax.fill_between(Cs, mean - error, mean + error, **band)
    return line
