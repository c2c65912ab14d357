"""Panels, curves and histograms in matplotlib, which is imported when a picture is drawn."""

import math
from typing import NamedTuple

import numpy as np

_HISTOGRAM = "histogram of confidences"
_DIAGONAL = "confidence is accuracy"
_AXIS_LABELS = {
    "top-label": ("confidence", "accuracy"),
    "classwise": ("predicted probability", "share of the class"),
}


class Layout(NamedTuple):
    """Sizes of panels, in inches, and of what is in them, in points.

    Attributes
    ----------
    side : float
        Of a panel; the histogram below it adds 0.28 of it.
    gap : tuple of (float, float)
        Between panels: columns, rows.
    ticks : int
        How many on each axis.
    marker, font : float
        Sizes.
    tick_labels_inside : bool
        Whether panels that are not on the edge have tick labels below.
    """

    side: float
    gap: tuple
    ticks: int
    marker: float
    font: float
    tick_labels_inside: bool


LAYOUTS = {
    "one": Layout(3.8, (0.0, 0.0), 6, 5.0, 10.0, True),
    "some": Layout(1.95, (0.25, 0.62), 3, 4.0, 9.0, True),
    "many": Layout(0.95, (0.2, 0.3), 2, 2.5, 7.0, False),
}
MANY = 20  # panels: with more there is room for little else than the curves
_LEFT, _RIGHT, _BOTTOM, _TOP, _LEGEND = 0.7, 0.2, 0.65, 0.3, 0.3  # margins, inches
_STRIP = 0.28  # height of a histogram with its gap, as a share of the side


def panels(ax, titles, kind):
    """Array of Axes, one for each title: those given, or those of a new figure.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If those given are not as many as the titles.
    """
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError(
            "ReliabilityDisplay needs matplotlib, which is not installed: "
            'pip install "sklearn_softmax[plot]".'
        ) from error
    if ax is None:
        return _new_panels(pyplot, titles, kind)
    given = np.array([ax], dtype=object) if hasattr(ax, "plot") else np.asarray(ax, dtype=object)
    if given.size != len(titles):
        raise ValueError(f"ax must have {len(titles)} Axes, one a panel; got {given.size}.")
    for axes, title in zip(given.flat, titles, strict=True):
        if axes.get_gid() not in LAYOUTS:
            _prepare(axes, title, _layout_name(titles), _AXIS_LABELS[kind])
    return given


def draw_diagonal(axes):
    """The line where confidence is accuracy, once."""
    if not any(line.get_gid() == _DIAGONAL for line in axes.lines):
        axes.plot([0, 1], [0, 1], color="0.8", linewidth=1, zorder=0, gid=_DIAGONAL)


def draw_curve(axes, curve, style):
    """Accuracy against confidence with intervals; returns the line."""
    layout, bins = LAYOUTS[axes.get_gid()], curve.bins
    default = {
        "marker": "o",
        "markersize": layout.marker,
        "linewidth": 0.4 * layout.marker,
        "label": "_nolegend_",
    }
    (line,) = axes.plot(bins.confidence, bins.accuracy, **{**default, **style})
    if curve.low is not None:
        axes.vlines(
            bins.confidence,
            curve.low,
            curve.high,
            color=line.get_color(),
            alpha=0.45,
            linewidth=0.3 * layout.marker,
        )
    return line


def write_error(axes, error, color):
    """The calibration error above a panel, to the right of those of earlier curves."""
    font = LAYOUTS[axes.get_gid()].font
    for text in axes.texts:
        if text.get_gid() == _HISTOGRAM:
            x, y = text.xyann
            text.xyann = x - 2.6 * font, y
    axes.annotate(
        f"{error:.3f}".lstrip("0"),
        xy=(1.0, 1.0),
        xycoords="axes fraction",
        xytext=(0, 3),
        textcoords="offset points",
        color=color,
        fontsize=font,
        ha="right",
        gid=_HISTOGRAM,
    )


def draw_histogram(axes, curve, color, *, log):
    """Shares of the rows below a panel, in the strip of the panel if it has one."""
    strips = [child for child in axes.child_axes if child.get_label() == _HISTOGRAM]
    strip = strips[0] if strips else _new_strip(axes, log)
    edges = np.linspace(0.0, 1.0, len(curve.histogram) + 1)
    strip.stairs(curve.histogram, edges, color=color, alpha=0.2, fill=True, baseline=1e-6)
    strip.stairs(curve.histogram, edges, color=color, linewidth=1, baseline=1e-6)
    top = max(1.1 * curve.histogram.max(), strip.get_ylim()[1] if strips else 0.0)
    strip.set_ylim(1e-4 if log else 0.0, 1.5 if log else top)


def draw_legend(panels):
    """Names above the panels of a figure of our own; in the first of others'."""
    first = panels.flat[0]
    handles, labels = first.get_legend_handles_labels()
    if not handles:
        return
    figure = first.figure
    if panels.size == 1 or figure.get_gid() != _DIAGONAL:
        first.legend(frameon=False, loc="best")
        return
    for legend in list(figure.legends):
        legend.remove()
    width, height = figure.get_size_inches()
    figure.legend(
        handles,
        labels,
        loc="upper left",
        bbox_to_anchor=((_LEFT - 0.1) / width, 1.0 - 0.05 / height),
        frameon=False,
        borderaxespad=0.0,
        fontsize=11,
        ncol=len(labels),
    )


def _layout_name(titles):
    return "one" if len(titles) == 1 else "some" if len(titles) <= MANY else "many"


def _new_panels(pyplot, titles, kind):
    name = _layout_name(titles)
    side, (gap, row_gap) = LAYOUTS[name].side, LAYOUTS[name].gap
    n_columns = min(5, len(titles)) if name == "some" else math.ceil(math.sqrt(len(titles)))
    n_rows = math.ceil(len(titles) / n_columns)
    step, row_step = side + gap, (1.0 + _STRIP) * side + row_gap
    legend = 0.0 if name == "one" else _LEGEND
    width = _LEFT + n_columns * step - gap + _RIGHT
    height = _BOTTOM + n_rows * row_step - row_gap + _TOP + legend
    figure = pyplot.figure(figsize=(width, height))
    figure.set_gid(_DIAGONAL)
    found = np.empty(len(titles), dtype=object)
    for number, title in enumerate(titles):
        row, column = divmod(number, n_columns)
        bottom = height - legend - _TOP - side - row * row_step
        corner = (_LEFT + column * step) / width, bottom / height
        axes = figure.add_axes((*corner, side / width, side / height))
        _prepare(axes, title, name, _AXIS_LABELS[kind] if name == "one" else ("", ""))
        last = number + n_columns >= len(titles)
        axes.tick_params(
            labelleft=column == 0, labelbottom=last or LAYOUTS[name].tick_labels_inside
        )
        found[number] = axes
    if name != "one":
        figure.supxlabel(_AXIS_LABELS[kind][0], fontsize=11, y=0.08 / height)
        figure.supylabel(_AXIS_LABELS[kind][1], fontsize=11, x=0.08 / width)
    return found


def _prepare(axes, title, name, labels):
    layout = LAYOUTS[name]
    ticks = np.linspace(0.0, 1.0, layout.ticks)
    axes.set_gid(name)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xticks=ticks, yticks=ticks, aspect=1)
    axes.set(xlabel=labels[0], ylabel=labels[1])
    axes.set_xticklabels([f"{tick:g}" for tick in ticks])
    axes.set_yticklabels([f"{tick:g}" for tick in ticks])
    axes.tick_params(labelsize=layout.font, length=0.3 * layout.font)
    axes.spines[["top", "right"]].set_visible(False)
    if title:
        axes.set_title(title, fontsize=layout.font + 1, loc="left", pad=3)


def _new_strip(axes, log):
    """Axes for a histogram below a panel, which hands it its ticks and label."""
    layout = LAYOUTS[axes.get_gid()]
    strip = axes.inset_axes([0.0, -_STRIP, 1.0, 0.78 * _STRIP], label=_HISTOGRAM)
    strip.set_yscale("log" if log else "linear")
    strip.minorticks_off()
    ticks = np.linspace(0.0, 1.0, layout.ticks)
    strip.set(xlim=axes.get_xlim(), xticks=ticks, yticks=[], xlabel=axes.get_xlabel())
    labelled = axes.xaxis.get_major_ticks()[0].label1.get_visible()
    strip.set_xticklabels([f"{tick:g}" if labelled else "" for tick in ticks])
    strip.tick_params(labelsize=layout.font, length=0.3 * layout.font)
    strip.spines[["top", "right", "left"]].set_visible(False)
    axes.set_xlabel("")
    axes.tick_params(labelbottom=False)
    return strip
