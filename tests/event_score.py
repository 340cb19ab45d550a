"""Precision and recall of events against a timeline, at a temporal intersection over union."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from framestream_export.measures.labelled_intervals import LabelledInterval, pair_intervals


def read_timeline(path: Path, *, background: str | None) -> list[LabelledInterval]:
    """Read `start,end,label` rows, those of the background left out."""
    with path.open(encoding="utf-8", newline="") as file:
        intervals = [
            LabelledInterval(float(row["start"]), float(row["end"]), row["label"]) for row in csv.DictReader(file)
        ]
    return [interval for interval in intervals if interval.label != background]


def precision_recall(
    found: Sequence[LabelledInterval], truth: Sequence[LabelledInterval], *, least_overlap: float = 0.5
) -> tuple[float, float]:
    """Share of found intervals that are right, share of true intervals that were found."""
    right = len(pair_intervals(found, truth, least_overlap=least_overlap))
    return (right / len(found) if found else 1.0), (right / len(truth) if truth else 1.0)
