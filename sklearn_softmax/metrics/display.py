"""ReliabilityDisplay."""

from sklearn.utils.validation import check_is_fitted

from .._inputs.validation import check_choice, check_integer, check_number
from . import drawing
from .binning import KINDS, N_BINS, STRATEGIES
from .inputs import read_predictions
from .reliability import INTERVALS, reliability_curves


class ReliabilityDisplay:
    """Reliability diagram: confidence against accuracy, with intervals and a histogram.

    Make one with `from_predictions` or `from_estimator`. Two in one picture, as before and after
    calibration: hand `ax_` of the first to the second.

    Parameters
    ----------
    curves : list of ReliabilityCurve
        One for each panel.
    titles : list of str
        Of the panels.
    kind : {'top-label', 'classwise'}, default='top-label'
        What the panels show.
    name : str, default=None
        For the legend.

    Attributes
    ----------
    ax_ : Axes or ndarray of Axes
        The panels; a single one is not in an array.
    figure_ : Figure
        The figure.
    lines_ : list of Line2D
        The curve of each panel.

    See Also
    --------
    expected_calibration_error : A number for the same.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sklearn_softmax import SoftmaxCalibratedClassifierCV
    >>> from sklearn_softmax.metrics import ReliabilityDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> model = GaussianNB().fit(X[:900], y[:900])
    >>> calibrated = SoftmaxCalibratedClassifierCV(model, cv=3).fit(X[:900], y[:900])
    >>> before = ReliabilityDisplay.from_estimator(model, X[900:], y[900:], name="before")
    >>> after = ReliabilityDisplay.from_estimator(
    ...     calibrated, X[900:], y[900:], name="after", ax=before.ax_
    ... )
    >>> after.figure_ is before.figure_
    True
    """

    def __init__(self, curves, titles, *, kind="top-label", name=None):
        self.curves = curves
        self.titles = titles
        self.kind = kind
        self.name = name

    def plot(self, *, ax=None, name=None, histogram=True, ref_line=True, **kwargs):
        """Draw the diagram.

        Parameters
        ----------
        ax : Axes or array of Axes, default=None
            As many as there are panels; by default in a new figure. Histograms lie below them,
            0.28 of their height, which other layouts than our own must leave free.
        name : str, default=None
            For the legend; by default that of the display.
        histogram : bool, default=True
            Whether to draw how many rows have a given confidence, below each panel. It is on a
            logarithmic scale where there are several, as most probabilities are near 0.
        ref_line : bool, default=True
            Whether to draw the diagonal, where confidence is accuracy.
        **kwargs : dict
            For `Axes.plot`, as ``color="tab:red"``.

        Returns
        -------
        self

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If `ax` has not one Axes for each panel.
        """
        panels = drawing.panels(ax, self.titles, self.kind)
        mean = sum(curve.error for curve in self.curves) / len(self.curves)
        name = self.name if name is None else name
        label = f"ECE {mean:.3f}" if name is None else f"{name}, ECE {mean:.3f}"
        self.lines_ = []
        for axes, curve in zip(panels.flat, self.curves, strict=True):
            if ref_line:
                drawing.draw_diagonal(axes)
            line = drawing.draw_curve(axes, curve, {"label": label, **kwargs})
            if histogram:
                drawing.draw_histogram(axes, curve, line.get_color(), log=len(self.curves) > 1)
            if len(self.curves) > 1:
                drawing.write_error(axes, curve.error, line.get_color())
            self.lines_.append(line)
        drawing.draw_legend(panels)
        self.ax_ = panels.flat[0] if panels.size == 1 else panels
        self.figure_ = panels.flat[0].figure
        return self

    @classmethod
    def from_predictions(
        cls,
        y_true,
        y_proba,
        *,
        kind="top-label",
        n_bins=None,
        strategy="uniform",
        interval="wilson",
        confidence_level=0.95,
        sample_weight=None,
        labels=None,
        random_state=0,
        name=None,
        ax=None,
        **kwargs,
    ):
        """Draw the diagram of labels and probabilities.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Labels.
        y_proba : array-like of shape (n_samples, n_classes) or (n_samples,)
            Probabilities, columns in the order of the sorted labels. A single column is that of
            the second of two classes.
        kind : {'top-label', 'classwise'}, default='top-label'
            One panel for the most probable class of each row, or one for each class. Two classes
            have one panel, of the second: that of the first is its mirror image.
        n_bins : int, default=None
            Number of bins; by default 10, and 5 for more than 20 classes in a panel each. The
            error in the legend is `expected_calibration_error` with this number of bins, or with
            its own default.
        strategy : {'uniform', 'quantile'}, default='uniform'
            As in `expected_calibration_error`.
        interval : {'wilson', 'bootstrap', None}, default='wilson'
            Intervals of the accuracy in a bin. Weights count rows.
        confidence_level : float, default=0.95
            Of the intervals.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights.
        labels : array-like of shape (n_classes,), default=None
            Labels of the columns, where some have no row in `y_true`.
        random_state : int or RandomState, default=0
            Of the bootstrap.
        name : str, default=None
            For the legend.
        ax : Axes or array of Axes, default=None
            As in `plot`.
        **kwargs : dict
            For `plot`.

        Returns
        -------
        ReliabilityDisplay

        Raises
        ------
        ValueError, TypeError, ImportError
            If an argument is not as required, or matplotlib is not installed.
        """
        check_choice("kind", kind, tuple(KINDS))
        check_choice("strategy", strategy, tuple(STRATEGIES))
        if n_bins is not None:
            check_integer("n_bins", n_bins, at_least=1)
        if interval is not None:
            check_choice("interval", interval, tuple(name for name in INTERVALS if name))
        check_number("confidence_level", confidence_level, above=0)
        if confidence_level >= 1:
            raise ValueError(f"confidence_level must be below 1; got {confidence_level!r}.")
        predictions = read_predictions(y_true, y_proba, labels, sample_weight)
        titles = [str(label) for label in predictions.classes] if kind == "classwise" else [""]
        curves = reliability_curves(
            predictions,
            kind=kind,
            n_bins=n_bins or (5 if len(titles) > drawing.MANY else 10),
            error_bins=n_bins or N_BINS,
            strategy=strategy,
            interval=interval,
            confidence_level=confidence_level,
            random_state=random_state,
        )
        first = 1 if len(titles) == 2 else 0
        display = cls(curves[first:], titles[first:], kind=kind, name=name)
        return display.plot(ax=ax, **kwargs)

    @classmethod
    def from_estimator(cls, estimator, X, y, *, name=None, **kwargs):
        """Draw the diagram of a fitted classifier.

        Parameters
        ----------
        estimator : classifier
            Fitted, with `predict_proba`.
        X : array-like of shape (n_samples, n_features)
            Rows that it was not trained on.
        y : array-like of shape (n_samples,)
            Their labels.
        name : str, default=None
            For the legend; by default the name of the estimator's class.
        **kwargs : dict
            As in `from_predictions`; `labels` are the classes of the estimator.

        Returns
        -------
        ReliabilityDisplay

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError, TypeError, ImportError
            As in `from_predictions`.
        """
        check_is_fitted(estimator)
        kwargs.setdefault("labels", estimator.classes_)
        name = type(estimator).__name__ if name is None else name
        return cls.from_predictions(y, estimator.predict_proba(X), name=name, **kwargs)
