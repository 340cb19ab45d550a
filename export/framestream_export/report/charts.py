"""The charts of a report, drawn with Matplotlib: reliability, learning curves, the confusion matrix."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Rectangle
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from framestream_export.report.plain_text import percent
from framestream_export.report.svg import (
    BLUE,
    CELL,
    GREEN,
    GROUND,
    INK,
    LINE,
    ON_CELL,
    ORANGE,
    PANEL,
    SOFT,
    inline_svg,
    quiet_about_glyphs,
)

_LABEL_WIDTH = 20
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def reliability_chart(calibration: Mapping[str, Any]) -> Markup:
    """Draw score against accuracy, before and after the temperature.

    Args:
        calibration: The entry `calibration` of report.json.
    """
    figure, axes = _chart("score", "accuracy", height=3.8)
    axes.plot((0, 1), (0, 1), "--", color=SOFT, label="perfectly calibrated", clip_on=False)
    shown = [("with temperature" if calibration["before"] else "the model", "after", BLUE)]
    if calibration["before"]:
        shown.insert(0, ("without temperature", "before", ORANGE))
    for name, key, color in shown:
        bins = [one for one in calibration[key]["bins"] if one["count"]]
        scores, accuracies = [one["score"] for one in bins], [one["accuracy"] for one in bins]
        counts = np.array([one["count"] for one in bins])
        axes.plot(scores, accuracies, color=color, label=name, clip_on=False)
        radii = 0.008 + 0.02 * np.sqrt(counts / counts.max())
        for center, radius in zip(zip(scores, accuracies, strict=True), radii, strict=True):
            axes.add_patch(Circle(center, radius, color=color, linewidth=0, clip_on=False))
    ticks = np.linspace(0, 1, 5)
    axes.set(xlim=(0, 1), ylim=(0, 1), xticks=ticks, yticks=ticks, aspect="equal")
    errors = [f"{name}, off by {percent(calibration[key]['calibration_error'])}" for name, key, _ in shown]
    return _finished(figure, f"Reliability: {'; '.join(errors)}")


def learning_curves(history: Sequence[Mapping[str, float]], best_epoch: int | None) -> Iterator[Markup]:
    """Draw a chart for each figure that was written down per epoch for training and for validation.

    Args:
        history: An entry per epoch, such as {"loss": 0.2, "validation_loss": 0.3}.
        best_epoch: The epoch that was kept, counted from 1.
    """
    names = history[0] if history else {}
    for name in [name for name in names if f"validation_{name}" in names]:
        figure, axes = _chart("epoch", name)
        described = []
        for part, key, color in (("training", name, ORANGE), ("validation", f"validation_{name}", BLUE)):
            values = np.array([entry.get(key, np.nan) for entry in history], np.float64)
            known = np.flatnonzero(np.isfinite(values))
            axes.plot(known + 1, values[known], color=color, label=part, clip_on=False)
            if len(known):
                described.append(f"{part} from {values[known[0]]:.3g} to {values[known[-1]]:.3g}")
        if best_epoch is not None:
            axes.axvline(best_epoch, color=GREEN, linestyle="--", label="kept", clip_on=False)
        axes.set_xlim(1, max(len(history), 2))
        axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        yield _finished(figure, f"{name} by epoch: {', '.join(described) or 'no finite value'}")


def confusion_chart(confusion: NDArray[np.int64], labels: Sequence[str]) -> Markup:
    """Draw the confusion matrix for the page; the description names every cell that is not empty."""
    rows = []
    for row, label in enumerate(labels):
        wrong = [
            f"{confusion[row, column]} taken for {other}"
            for column, other in enumerate(labels)
            if column != row and confusion[row, column]
        ]
        rows.append(", ".join([f"{label}: {confusion[row, row]} of {confusion[row].sum()} right", *wrong]))
    return inline_svg(draw_confusion(confusion, labels), description=f"Confusion matrix. {'; '.join(rows)}.")


def draw_confusion(confusion: NDArray[np.int64], labels: Sequence[str]) -> Figure:
    """Draw a row for each true label, a column for each prediction: counts, and their share of the row.

    Args:
        confusion: int64 [classes, classes].
        labels: All labels, in the order of rows and columns.
    """
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    side = max(4.4, 2.5 + 0.6 * len(labels))
    figure = Figure(figsize=(side, side), layout="constrained")
    axes = figure.add_subplot(aspect="equal", facecolor=PANEL)
    for (row, column), share in np.ndenumerate(shares):
        if not confusion[row, column]:
            continue
        corner = (column - 0.5, row - 0.5)
        axes.add_patch(Rectangle(corner, 1, 1, color=CELL, alpha=0.15 + 0.85 * share, linewidth=0, clip_on=False))
        axes.text(
            column,
            row,
            f"{confusion[row, column]}\n{share:.0%}",
            ha="center",
            va="center",
            color=ON_CELL if share > 0.55 else INK,
            fontsize=9,
        )
    names = [
        textwrap.fill(_NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", label), _LABEL_WIDTH, max_lines=2, placeholder=" …")
        for label in labels
    ]
    # Labels are text: with dollar signs they are no formulas.
    axes.set_xticks(range(len(labels)), names, rotation=45, rotation_mode="anchor", ha="right", parse_math=False)
    axes.set_yticks(range(len(labels)), names, parse_math=False)
    borders = np.arange(len(labels) + 1) - 0.5
    axes.set(xlim=borders[[0, -1]], ylim=borders[[-1, 0]])
    axes.hlines(borders, *borders[[0, -1]], color=GROUND, linewidth=2, clip_on=False)
    axes.vlines(borders, *borders[[0, -1]], color=GROUND, linewidth=2, clip_on=False)
    _style(axes, "prediction", "true label")
    return figure


def save_png(figure: Figure, stream: IO[bytes], *, title: str) -> None:
    """Write a figure as a PNG, which a model card can show; letters that Matplotlib's font lacks become boxes."""
    figure.suptitle(title)
    with quiet_about_glyphs():
        figure.savefig(stream, format="png", dpi=120)


def _chart(x: str, y: str, *, height: float = 2.9) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(3.7, height), layout="constrained")
    axes = figure.add_subplot(facecolor="none")
    axes.grid(axis="y", color=LINE, clip_on=False)
    axes.set_axisbelow(True)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:g}")
    _style(axes, x, y)
    return figure, axes


def _style(axes: Axes, x: str, y: str) -> None:
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, labelcolor=SOFT, labelsize=9)
    axes.set_xlabel(x, color=SOFT, fontsize=9)
    axes.set_ylabel(y, color=SOFT, fontsize=9)


def _finished(figure: Figure, description: str) -> Markup:
    figure.legend(loc="outside lower left", ncols=2, frameon=False, labelcolor=SOFT, fontsize=9)
    return inline_svg(figure, description=description)
