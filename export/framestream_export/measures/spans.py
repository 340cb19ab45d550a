"""Labelled spans of time, and which found one goes with which true one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Span(NamedTuple):
    """From `start` to `end`, seconds, `label`."""

    start: float
    end: float
    label: str


def overlap(one: Span, other: Span) -> float:
    """Temporal intersection over union, 0 for different labels."""
    if one.label != other.label:
        return 0.0
    shared = min(one.end, other.end) - max(one.start, other.start)
    return max(shared, 0.0) / (max(one.end, other.end) - min(one.start, other.start))


def pair_spans(found: Sequence[Span], truth: Sequence[Span], *, least_overlap: float) -> list[tuple[int, int]]:
    """Indices of found and true spans that go together, one to one; the best overlaps are paired first.

    Two found spans on one true one are one hit and one too many, as in the segmental F1 of Lea et al., "Temporal
    Convolutional Networks for Action Segmentation and Detection", CVPR 2017, section 4.
    """
    shares = sorted(
        ((overlap(one, other), i, j) for i, one in enumerate(found) for j, other in enumerate(truth)), reverse=True
    )
    pairs: dict[int, int] = {}
    for share, i, j in shares:
        if share >= least_overlap and share > 0 and i not in pairs and j not in pairs.values():
            pairs[i] = j
    return sorted(pairs.items())


def covered_share(span: Span, others: Sequence[Span]) -> float:
    """Which share of a span's time others cover, whatever their labels; they must not overlap each other."""
    shared = sum(max(min(span.end, other.end) - max(span.start, other.start), 0.0) for other in others)
    return shared / (span.end - span.start)
