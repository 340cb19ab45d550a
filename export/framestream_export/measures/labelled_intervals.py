"""Labelled intervals of media time, and which detected one matches which true one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class LabelledInterval(NamedTuple):
    """A label that holds from `start` to `end`, seconds of media time."""

    start: float
    end: float
    label: str


def overlap(one: LabelledInterval, other: LabelledInterval) -> float:
    """Temporal intersection over union, 0 for different labels."""
    if one.label != other.label:
        return 0.0
    shared = min(one.end, other.end) - max(one.start, other.start)
    return max(shared, 0.0) / (max(one.end, other.end) - min(one.start, other.start))


def pair_intervals(
    found: Sequence[LabelledInterval], truth: Sequence[LabelledInterval], *, least_overlap: float
) -> list[tuple[int, int]]:
    """Match found with true intervals, one to one, the best overlaps first, and return the pairs of their indices.

    Two found intervals on one true one are one hit and one false alarm, as in the segmental F1 of Lea et al., "Temporal
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


def covered_share(interval: LabelledInterval, others: Sequence[LabelledInterval]) -> float:
    """Return the share of an interval that others cover, whatever their labels; they must not overlap each other."""
    shared = sum(max(min(interval.end, other.end) - max(interval.start, other.start), 0.0) for other in others)
    return shared / (interval.end - interval.start)
