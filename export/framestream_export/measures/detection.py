"""The events a model reports in a recording, found by the detector that serves, and what really happened in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from framestream.events import EventDetector, OpenEvent
from framestream.model.spec import EventSettings
from framestream.records import Event
from framestream_export.measures.labelled_intervals import LabelledInterval
from framestream_export.measures.prediction_timelines import PredictionTimeline
from framestream_export.measures.prediction_timing import PredictionTiming

_ROUNDING_SECONDS = 1e-6


@dataclass(frozen=True, slots=True)
class DetectedEvent:
    """An event, and the moment from which on it was certain to be reported.

    Attributes:
        interval: Start, end and label of the event as they are reported.
        known_seconds: Media time of the frame after which the event could not be dropped any more as too short. Live,
            it cannot be reported for certain earlier.
        score: Mean score of the event.
    """

    interval: LabelledInterval
    known_seconds: float
    score: float


def rows_between_gaps(timeline: PredictionTimeline) -> Iterator[tuple[int, int]]:
    """Yield the ranges of rows [start, stop) that no gap in the video interrupts."""
    borders = [
        0,
        *(int(row) for row in timeline.breaks if 0 < row < len(timeline.pts_seconds)),
        len(timeline.pts_seconds),
    ]
    for start, stop in pairwise(borders):
        if stop > start:
            yield start, stop


def media_time_of_rows(
    timeline: PredictionTimeline, start: int, stop: int, timing: PredictionTiming
) -> tuple[float, float]:
    """Return start and end, in seconds of media time, of the video that rows [start, stop) were predicted from."""
    begin = float(timeline.pts_seconds[start]) - timing.lead_seconds
    last_frame = float(timeline.pts_seconds[stop - 1]) + timing.wait_seconds
    return begin, last_frame + timing.period_seconds


def detect(
    timeline: PredictionTimeline,
    labels: Sequence[str],
    *,
    background: str | None,
    settings: EventSettings,
    timing: PredictionTiming,
) -> list[DetectedEvent]:
    """Run the detector over a timeline, whose predictions must follow each other at the frame rate.

    The outcome is that of `framestream watch`, but that the video's start and end are known to within a frame only.
    """
    found: list[DetectedEvent] = []
    for start, stop in rows_between_gaps(timeline):
        detector = EventDetector(
            labels,
            background=background,
            settings=settings,
            frame_rate=timing.frame_rate,
            anchor_frames=timing.anchor_frames,
        )
        begin, end = media_time_of_rows(timeline, start, stop, timing)
        detector.begin(begin)
        rows = max(1, round(settings.smoothing_seconds * timing.frame_rate))
        ticks = (timeline.pts_seconds[start:stop] + timing.wait_seconds).tolist()
        going_on: OpenEvent | None = None
        known: float | None = None
        for index, (tick, row) in enumerate(zip(ticks, timeline.probabilities[start:stop].tolist(), strict=True)):
            found += [_detected(event, tick if known is None else known) for event in detector.push(tick, row)]
            if detector.current != going_on:
                going_on, known = detector.current, None
            if going_on is not None and known is None:
                # Still open, it ends where the next row's share of time begins, at the earliest.
                delay = timing.wait_seconds + (min(index + 2, rows) - 1) / 2 * timing.period_seconds
                earliest_end = max(tick + timing.period_seconds - delay, begin)
                if earliest_end - going_on.start_seconds >= settings.min_seconds - _ROUNDING_SECONDS:
                    known = tick
        found += [_detected(event, end if known is None else known) for event in detector.flush(end)]
    return found


def true_intervals(
    timeline: PredictionTimeline, *, background: str | None, timing: PredictionTiming
) -> list[LabelledInterval]:
    """Return the true events of an untrimmed recording, as far as predictions reach.

    Segments that touch and have the same label are one event: no detector could know of the border between them.
    """
    rows = list(rows_between_gaps(timeline))
    if not rows:
        return []
    begin = media_time_of_rows(timeline, *rows[0], timing)[0]
    end = media_time_of_rows(timeline, *rows[-1], timing)[1]
    intervals: list[LabelledInterval] = []
    for segment in timeline.recording.segments:
        interval = LabelledInterval(max(segment.start_seconds, begin), min(segment.end_seconds, end), segment.label)
        if interval.label == background or interval.end <= interval.start:
            continue
        if (
            intervals
            and intervals[-1].label == interval.label
            and interval.start - intervals[-1].end <= _ROUNDING_SECONDS
        ):
            interval = LabelledInterval(intervals.pop().start, interval.end, interval.label)
        intervals.append(interval)
    return intervals


def _detected(event: Event, known_seconds: float) -> DetectedEvent:
    return DetectedEvent(
        LabelledInterval(event.start_seconds, event.end_seconds, event.label), known_seconds, event.score
    )


def per_hour(count: int, seconds: float) -> float | None:
    """How many there are in an hour; None if there was no time."""
    return 3600 * count / seconds if seconds else None
