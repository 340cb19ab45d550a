"""Precision and recall of events against a timeline, at a temporal intersection over union."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple


class Span(NamedTuple):
    """From `start` to `end` seconds, `label`."""

    start: float
    end: float
    label: str


def read_timeline(path: Path, *, background: str | None) -> list[Span]:
    """Read `start,end,label` rows, those of the background left out."""
    with path.open(encoding="utf-8", newline="") as file:
        spans = [Span(float(row["start"]), float(row["end"]), row["label"]) for row in csv.DictReader(file)]
    return [span for span in spans if span.label != background]


def overlap(one: Span, other: Span) -> float:
    """Temporal intersection over union, 0 for different labels."""
    if one.label != other.label:
        return 0.0
    shared = min(one.end, other.end) - max(one.start, other.start)
    return max(shared, 0.0) / (max(one.end, other.end) - min(one.start, other.start))


def matches(found: Sequence[Span], truth: Sequence[Span], *, least_overlap: float) -> int:
    """How many found spans can be paired one to one with true ones; the best overlaps are paired first."""
    pairs = sorted(
        ((overlap(one, other), i, j) for i, one in enumerate(found) for j, other in enumerate(truth)), reverse=True
    )
    used_found: set[int] = set()
    used_truth: set[int] = set()
    for share, i, j in pairs:
        if share >= least_overlap and i not in used_found and j not in used_truth:
            used_found.add(i)
            used_truth.add(j)
    return len(used_found)


def precision_recall(
    found: Sequence[Span], truth: Sequence[Span], *, least_overlap: float = 0.5
) -> tuple[float, float]:
    """Share of found spans that are right, share of true spans that were found."""
    right = matches(found, truth, least_overlap=least_overlap)
    return (right / len(found) if found else 1.0), (right / len(truth) if truth else 1.0)
