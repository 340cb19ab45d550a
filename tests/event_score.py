"""Precision and recall of events against a timeline, at a temporal intersection over union."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from framestream_export.measures.spans import Span, pair_spans


def read_timeline(path: Path, *, background: str | None) -> list[Span]:
    """Read `start,end,label` rows, those of the background left out."""
    with path.open(encoding="utf-8", newline="") as file:
        spans = [Span(float(row["start"]), float(row["end"]), row["label"]) for row in csv.DictReader(file)]
    return [span for span in spans if span.label != background]


def precision_recall(
    found: Sequence[Span], truth: Sequence[Span], *, least_overlap: float = 0.5
) -> tuple[float, float]:
    """Share of found spans that are right, share of true spans that were found."""
    right = len(pair_spans(found, truth, least_overlap=least_overlap))
    return (right / len(found) if found else 1.0), (right / len(truth) if truth else 1.0)
