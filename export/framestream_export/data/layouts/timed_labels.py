"""Segments as people mark them in a player: touching, overlapping, several at a time, made into one label at a time."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from itertools import pairwise

from framestream_export.data.footage import Segment, in_order


def joined(segments: Iterable[Segment]) -> tuple[Segment, ...]:
    """The segments in order; those of one label that touch or overlap are one.

    Raises:
        DataError: Segments of different labels overlap.
    """
    by_label: dict[str, list[Segment]] = {}
    for segment in sorted(segments, key=lambda one: (one.start_seconds, one.end_seconds)):
        its = by_label.setdefault(segment.label, [])
        if its and segment.start_seconds <= its[-1].end_seconds:
            its[-1] = Segment(its[-1].start_seconds, max(its[-1].end_seconds, segment.end_seconds), segment.label)
        else:
            its.append(segment)
    return in_order([segment for its in by_label.values() for segment in its])


def one_at_a_time(segments: Sequence[Segment]) -> tuple[tuple[Segment, ...], float]:
    """The segments cut so that none overlap: where several labels hold, the one that began last does.

    Returns:
        The segments in order, and for how many seconds more than one label held.
    """
    waiting = sorted(segments, key=lambda one: (one.start_seconds, one.end_seconds), reverse=True)
    bounds = sorted({time for one in segments for time in (one.start_seconds, one.end_seconds)})
    active: list[tuple[float, int, Segment]] = []  # what began last comes first
    labels_active: dict[str, int] = {}
    ending = sorted(segments, key=lambda one: one.end_seconds, reverse=True)
    cut: list[Segment] = []
    doubtful_seconds = 0.0
    for start, end in pairwise(bounds):
        while ending and ending[-1].end_seconds <= start:
            label = ending.pop().label
            labels_active[label] -= 1
            if not labels_active[label]:
                del labels_active[label]
        while waiting and waiting[-1].start_seconds <= start:
            one = waiting.pop()
            heapq.heappush(active, (-one.start_seconds, -len(waiting), one))
            labels_active[one.label] = labels_active.get(one.label, 0) + 1
        while active and active[0][2].end_seconds <= start:
            heapq.heappop(active)
        if not active:
            continue
        label = active[0][2].label
        if len(labels_active) > 1:
            doubtful_seconds += end - start
        if cut and cut[-1].label == label and cut[-1].end_seconds == start:
            cut[-1] = Segment(cut[-1].start_seconds, end, label)
        else:
            cut.append(Segment(start, end, label))
    return tuple(cut), doubtful_seconds
