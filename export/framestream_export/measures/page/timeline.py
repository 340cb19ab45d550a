"""A film as two lanes: what happened, and what was reported."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

from framestream_export.measures.page.text import clock, escaped
from framestream_export.measures.spans import Span

# A hue apart for each label: the golden angle keeps any number of them distinct.
_GOLDEN_DEGREES = 137.508
_TICKS = 8


def label_color(label: str, labels: Sequence[str]) -> str:
    """A CSS colour that white text can be read on."""
    return f"hsl({(215 + _GOLDEN_DEGREES * labels.index(label)) % 360:.0f} 55% 40%)"


def label_keys(shown: Collection[str], labels: Sequence[str]) -> str:
    """The legend of all timelines: short blocks have no room for their label."""
    marks = "".join(
        f'<span><i class="key" style="background:{label_color(label, labels)}"></i>{escaped(label)}</span>'
        for label in labels
        if label in shown
    )
    return f'<p class="keys soft">{marks}</p>'


def timeline(
    truth: Sequence[Span], found: Sequence[Span], *, first_seconds: float, last_seconds: float, labels: Sequence[str]
) -> str:
    """Two lanes over one scale, from the first second shown to the last."""
    length = last_seconds - first_seconds

    def place(moment: float) -> float:
        return 100 * min(max((moment - first_seconds) / length, 0), 1)

    def lane(name: str, spans: Sequence[Span]) -> str:
        blocks = []
        for span in spans:
            left, right = place(span.start), place(span.end)
            told = f"{escaped(span.label)}, {clock(span.start)} to {clock(span.end)}"
            blocks.append(
                f'<span title="{told}" style="left:{left:.2f}%;width:{right - left:.2f}%;'
                f'background:{label_color(span.label, labels)}">{escaped(span.label)}</span>'
            )
        return f'<div class="lane"><b>{name}</b><div>{"".join(blocks)}</div></div>'

    step = _step(length / _TICKS)
    marks = []
    for number in range(math.ceil(first_seconds / step), math.floor(last_seconds / step) + 1):
        if place(number * step) < 97:
            marks.append(f'<span style="left:{place(number * step):.2f}%">{clock(number * step)[:-2]}</span>')
    ticks = f'<div class="lane ticks"><b></b><div>{"".join(marks)}</div></div>'
    return f'<div class="wide"><div class="timeline">{lane("truth", truth)}{lane("found", found)}{ticks}</div></div>'


def _step(least: float) -> float:
    return next((step for step in (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600) if step >= least), 7200)
