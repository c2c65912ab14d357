"""ReliabilityDisplay: what it draws is what was computed, and nothing hides anything."""

import ast
import sys
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.transforms import Bbox
from scipy.special import softmax
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.naive_bayes import GaussianNB

from sklearn_softmax import metrics
from sklearn_softmax.metrics import ReliabilityDisplay, expected_calibration_error
from sklearn_softmax.metrics.binning import Bins
from sklearn_softmax.metrics.reliability import INTERVALS


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def draw(n_rows=400, n_classes=3, slope=2.0):
    rng = np.random.default_rng(0)
    logits = 1.5 * rng.standard_normal((n_rows, n_classes))
    labels = np.argmax(logits + rng.gumbel(size=logits.shape), axis=1)
    return labels, softmax(slope * logits, axis=1)


def legend_of(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def test_line_is_accuracy_against_confidence():
    y, proba = draw()
    display = ReliabilityDisplay.from_predictions(y, proba, n_bins=4, name="net", color="tab:red")
    confidence, right = proba.max(axis=1), proba.argmax(axis=1) == y
    inside = [(confidence >= low) & (confidence < low + 0.25) for low in (0.25, 0.5, 0.75)]
    (line,) = display.lines_
    np.testing.assert_allclose(line.get_xdata(), [confidence[rows].mean() for rows in inside])
    np.testing.assert_allclose(line.get_ydata(), [right[rows].mean() for rows in inside])
    assert line.get_color() == "tab:red"
    assert display.figure_ is display.ax_.figure
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("", "accuracy")
    error = expected_calibration_error(y, proba, n_bins=4)
    assert legend_of(display.ax_) == [f"net, ECE {error:.3f}"]


def test_histogram_has_all_rows():
    y, proba = draw()
    display = ReliabilityDisplay.from_predictions(y, proba, sample_weight=np.arange(400))
    (strip,) = display.ax_.child_axes
    assert strip.get_xlabel() == "confidence"
    np.testing.assert_allclose(display.curves[0].histogram.sum(), 1.0)
    found = ReliabilityDisplay.from_predictions(y, proba, histogram=False)
    assert found.ax_.child_axes == []


def test_before_and_after_in_one_picture():
    y, proba = draw()
    before = ReliabilityDisplay.from_predictions(y, proba, name="before")
    after = ReliabilityDisplay.from_predictions(
        y, np.sqrt(proba) / np.sqrt(proba).sum(1, keepdims=True), name="after", ax=before.ax_
    )
    assert after.ax_ is before.ax_
    assert after.figure_ is before.figure_
    assert len(after.ax_.child_axes) == 1
    assert len(after.ax_.lines) == 3  # the diagonal once
    assert [text.split(",")[0] for text in legend_of(after.ax_)] == ["before", "after"]
    assert after.lines_[0].get_color() != before.lines_[0].get_color()


@pytest.mark.parametrize(("n_classes", "n_panels"), [(2, 1), (3, 3), (10, 10), (22, 22)])
def test_a_panel_for_each_class(n_classes, n_panels):
    y, proba = draw(n_classes=n_classes)
    names = np.array([f"class {k:02}" for k in range(n_classes)])
    display = ReliabilityDisplay.from_predictions(names[y], proba, kind="classwise", labels=names)
    panels = np.ravel(display.ax_)
    assert len(panels) == len(display.lines_) == n_panels
    titles = [axes.get_title(loc="left") for axes in panels]
    assert titles == names[-n_panels:].tolist()
    errors = [curve.error for curve in display.curves]
    expected = expected_calibration_error(y, proba, kind="classwise", labels=range(n_classes))
    np.testing.assert_allclose(np.mean(errors), expected)


@pytest.mark.parametrize("n_classes", [3, 10, 22])
def test_panels_do_not_hide_each_other(n_classes):
    y, proba = draw(n_classes=n_classes)
    arguments = {"kind": "classwise", "labels": range(n_classes)}
    first = ReliabilityDisplay.from_predictions(y, proba, name="before", **arguments)
    second = ReliabilityDisplay.from_predictions(y, proba, name="after", ax=first.ax_, **arguments)
    figure = second.figure_
    figure.canvas.draw()
    (legend,) = figure.legends
    boxes = [legend.get_window_extent()]
    boxes += [axes.get_tightbbox(figure.canvas.get_renderer()) for axes in second.ax_]
    boxes = [box.padded(-1.0) for box in boxes]
    assert [pair for pair in combinations(boxes, 2) if Bbox.intersection(*pair)] == []
    assert all(figure.bbox.containsx(box.x0) and figure.bbox.containsx(box.x1) for box in boxes)
    assert all(figure.bbox.containsy(box.y0) and figure.bbox.containsy(box.y1) for box in boxes)


def test_axes_of_the_user():
    y, proba = draw()
    figure, axes = plt.subplots(1, 3)
    one = ReliabilityDisplay.from_predictions(y, proba, ax=axes[0])
    assert one.ax_ is axes[0]
    assert (axes[0].get_xlim(), axes[1].get_xlim()) == ((-0.02, 1.02), (0.0, 1.0))
    three = ReliabilityDisplay.from_predictions(y, proba, kind="classwise", ax=list(axes))
    assert three.figure_ is figure
    with pytest.raises(ValueError, match="ax must have 3 Axes, one a panel; got 1"):
        ReliabilityDisplay.from_predictions(y, proba, kind="classwise", ax=axes[0])


def test_plot_again():
    y, proba = draw()
    first = ReliabilityDisplay.from_predictions(y, proba, name="first")
    figure = first.figure_
    again = first.plot(name="again", ref_line=False)
    assert again is first
    assert again.figure_ is not figure
    assert len(again.ax_.lines) == 1
    assert legend_of(again.ax_)[0].startswith("again, ECE")


def test_an_estimator_is_its_predictions():
    X, y = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    model = GaussianNB().fit(X, names)
    few = y != 0
    arguments = {"kind": "classwise", "n_bins": 5}
    found = ReliabilityDisplay.from_estimator(model, X[few], names[few], **arguments)
    expected = ReliabilityDisplay.from_predictions(
        names[few], model.predict_proba(X[few]), labels=model.classes_, **arguments
    )
    assert found.name == "GaussianNB"
    assert found.titles == expected.titles == model.classes_.tolist()
    for one, other in zip(found.curves, expected.curves, strict=True):
        np.testing.assert_array_equal(one.bins, other.bins)
    with pytest.raises(NotFittedError):
        ReliabilityDisplay.from_estimator(GaussianNB(), X, y)


# Intervals


def bins(share, count):
    share, count = np.atleast_1d(share), np.atleast_1d(count)
    return Bins(share, share, count.astype(float), np.arange(len(share)))


def test_wilson_interval_by_hand():
    """8 of 10: the roots of (p - .8)^2 = 1.96^2 p (1 - p) / 10."""
    low, high = INTERVALS["wilson"](bins(0.8, 10), 0.95)
    z2 = 1.959963984540054**2
    roots = np.sort(np.roots([1 + z2 / 10, -1.6 - z2 / 10, 0.64]))
    np.testing.assert_allclose([low[0], high[0]], roots)


def test_bootstrap_interval_is_that_of_a_share():
    low, high = INTERVALS["bootstrap"](bins(0.3, 2000), 0.95, np.random.RandomState(0))
    half = 1.96 * np.sqrt(0.3 * 0.7 / 2000)
    np.testing.assert_allclose([low[0], high[0]], [0.3 - half, 0.3 + half], atol=0.2 * half)


@pytest.mark.parametrize("interval", ["wilson", "bootstrap"])
def test_interval_holds_the_share(interval):
    found = bins([0.0, 1.0, 0.5, 1 / 3], [1, 7, 2, 3])
    low, high = INTERVALS[interval](found, 0.95, np.random.RandomState(0))
    assert np.all((low >= 0.0) & (low <= found.accuracy))
    assert np.all((high <= 1.0) & (high >= found.accuracy))


@pytest.mark.parametrize(("interval", "n_drawn"), [("wilson", 1), ("bootstrap", 1), (None, 0)])
def test_intervals_are_drawn(interval, n_drawn):
    display = ReliabilityDisplay.from_predictions(*draw(), interval=interval)
    assert len(display.ax_.collections) == n_drawn
    assert (display.curves[0].low is None) is (interval is None)


# Errors


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"kind": "class"}, ValueError, "kind must be one of 'top-label', 'classwise'"),
        ({"strategy": "equal"}, ValueError, "strategy must be one of 'uniform', 'quantile'"),
        ({"interval": "normal"}, ValueError, "interval must be one of 'wilson', 'bootstrap'"),
        ({"n_bins": 0}, ValueError, "n_bins must be an integer of at least 1"),
        ({"confidence_level": 1}, ValueError, "confidence_level must be below 1"),
    ],
)
def test_bad_parameters(change, error, message):
    with pytest.raises(error, match=message):
        ReliabilityDisplay.from_predictions(*draw(), **change)
    assert plt.get_fignums() == []


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r'matplotlib, which is not installed: pip install "skl'):
        ReliabilityDisplay.from_predictions(*draw())


@pytest.mark.parametrize(
    "path", sorted(Path(metrics.__file__).parent.glob("*.py")), ids=lambda path: path.stem
)
def test_matplotlib_is_imported_when_needed(path):
    first = [
        node for node in ast.parse(path.read_text("utf-8")).body if "matplotlib" in _names(node)
    ]
    assert first == []


def _names(node):
    if isinstance(node, ast.ImportFrom):
        return (node.module or "").split(".")
    return [alias.name.split(".")[0] for alias in getattr(node, "names", ())]
