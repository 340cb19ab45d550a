"""Charts drawn as SVG: lines over a frame with a few numbers at its sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from framestream_export.measures.page.text import escaped, percent

_WIDTH, _HEIGHT = 340, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 40, 10, 10, 38


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart.

    Attributes:
        name: What it is, for the legend.
        points: (x, y) in the chart's own units.
        color: A CSS colour.
        sizes: Radius of each point's dot, pixels; none without.
        dashed: Whether it is broken.
    """

    name: str
    points: Sequence[tuple[float, float]]
    color: str
    sizes: Sequence[float] = ()
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Axis:
    """From `low` to `high`, with marks at `ticks`."""

    name: str
    low: float
    high: float
    ticks: Sequence[float]

    @classmethod
    def around(cls, name: str, values: Sequence[float]) -> Axis:
        """An axis from 0 or below to a round number above all values."""
        low, high = min([0.0, *values]), max([*values, 1e-9])
        step = _round_step((high - low) / 4)
        first, last = np.floor(low / step), np.ceil(high / step)
        return cls(name, first * step, last * step, [k * step for k in np.arange(first, last + 1)])

    def place(self, value: float, start: float, stop: float) -> float:
        """Where a value lies between two pixels."""
        return start + (value - self.low) / (self.high - self.low) * (stop - start)


def chart(lines: Sequence[Line], x: Axis, y: Axis, *, title: str) -> str:
    """An SVG element; `title` says what it shows to those who cannot see it."""
    left, right, top, bottom = _LEFT, _WIDTH - _RIGHT, _TOP, _HEIGHT - _BOTTOM
    parts = [f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escaped(title)}">']
    for tick in y.ticks:
        at = y.place(tick, bottom, top)
        parts.append(f'<line x1="{left}" x2="{right}" y1="{at:.1f}" y2="{at:.1f}" stroke="var(--line)"/>')
        parts.append(f'<text x="{left - 5}" y="{at + 4:.1f}" text-anchor="end">{tick:g}</text>')
    for tick in x.ticks:
        at = x.place(tick, left, right)
        parts.append(f'<text x="{at:.1f}" y="{bottom + 15}" text-anchor="middle">{tick:g}</text>')
    middle = (left + right) / 2
    parts.append(f'<text x="{middle:.0f}" y="{_HEIGHT - 6}" text-anchor="middle">{escaped(x.name)}</text>')
    for line in lines:
        places = [(x.place(one, left, right), y.place(other, bottom, top)) for one, other in line.points]
        dash = ' stroke-dasharray="4 4"' if line.dashed else ""
        path = " ".join(f"{across:.1f},{down:.1f}" for across, down in places)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{line.color}" stroke-width="2"{dash}/>')
        for (across, down), size in zip(places, line.sizes, strict=False):
            parts.append(f'<circle cx="{across:.1f}" cy="{down:.1f}" r="{size:.1f}" fill="{line.color}"/>')
    return "".join([*parts, "</svg>"])


def keys(lines: Sequence[Line]) -> str:
    """The legend of a chart."""
    marks = "".join(
        f'<span><i class="key" style="background:{line.color}"></i>{escaped(line.name)}</span>' for line in lines
    )
    return f'<span class="keys">{marks}</span>'


def reliability_chart(calibration: dict[str, Any]) -> str:
    """Score against accuracy, before and after the temperature."""
    shown = [("with temperature" if calibration["before"] else "the model", "after", "var(--blue)")]
    if calibration["before"]:
        shown.insert(0, ("without temperature", "before", "var(--orange)"))
    lines = [Line("as it should be", [(0, 0), (1, 1)], "var(--soft)", dashed=True)]
    for name, key, color in shown:
        bins = [one for one in calibration[key]["bins"] if one["count"]]
        most = max(one["count"] for one in bins)
        sizes = [2 + 5 * float(np.sqrt(one["count"] / most)) for one in bins]
        lines.append(Line(name, [(one["score"], one["accuracy"]) for one in bins], color, sizes))
    side = Axis("score", 0, 1, (0, 0.25, 0.5, 0.75, 1))
    title = "Reliability: " + "; ".join(
        f"{name}, off by {percent(calibration[key]['calibration_error'])}" for name, key, _ in shown
    )
    return f"<figure>{chart(lines, side, side, title=title)}<figcaption>{keys(lines)}</figcaption></figure>"


def learning_curves(history: Sequence[Any], best_epoch: int | None) -> str:
    """A chart for each figure that was written down per epoch, `validation_` ones beside their own."""
    names = [name for name in history[0] if f"validation_{name}" in history[0]]
    figures = []
    for name in names:
        lines = [
            Line("training", _curve(history, name), "var(--orange)"),
            Line("validation", _curve(history, f"validation_{name}"), "var(--blue)"),
        ]
        y = Axis.around(name, [value for line in lines for _, value in line.points])
        if best_epoch is not None:
            lines.append(Line("kept", [(best_epoch, y.low), (best_epoch, y.high)], "var(--green)", dashed=True))
        last = max(len(history), 2)
        step = max(1, round(_round_step((last - 1) / 6)))
        x = Axis("epoch", 1, last, [1, *range(step, last + 1, step)] if step > 1 else list(range(1, last + 1)))
        drawn = chart(lines, x, y, title=f"{name} by epoch")
        figures.append(f"<figure>{drawn}<figcaption>{escaped(name)}: {keys(lines)}</figcaption></figure>")
    return f'<div class="figures">{"".join(figures)}</div>' if figures else ""


def _curve(history: Sequence[Any], name: str) -> list[tuple[float, float]]:
    values = [(number, entry.get(name)) for number, entry in enumerate(history, 1)]
    return [(number, float(value)) for number, value in values if value is not None and np.isfinite(value)]


def _round_step(least: float) -> float:
    """The next number of 1, 2, 5 times a power of ten."""
    power = 10.0 ** np.floor(np.log10(least))
    return float(next(step * power for step in (1, 2, 5, 10) if step * power >= least * (1 - 1e-9)))
