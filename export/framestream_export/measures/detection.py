"""The events a model reports in a recording, found by the detector that serves, and what really happened in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from framestream.events import EventDetector, OpenEvent
from framestream.model.spec import EventSettings
from framestream.records import Event
from framestream_export.measures.prediction_timelines import PredictionTimeline
from framestream_export.measures.prediction_timing import PredictionTiming
from framestream_export.measures.spans import Span

_ROUNDING_SECONDS = 1e-6


@dataclass(frozen=True, slots=True)
class Detected:
    """An event, and the moment from which on it was certain to be reported.

    Attributes:
        span: As it is reported.
        known_seconds: Media time of the frame after which the event could not be dropped any more as too short. Live,
            nobody can be told earlier for sure.
        score: Its mean score.
    """

    span: Span
    known_seconds: float
    score: float


def label_runs_of(timeline: PredictionTimeline) -> Iterator[tuple[int, int]]:
    """Rows [start, stop) between which time does not break off."""
    borders = [
        0,
        *(int(row) for row in timeline.breaks if 0 < row < len(timeline.pts_seconds)),
        len(timeline.pts_seconds),
    ]
    for start, stop in pairwise(borders):
        if stop > start:
            yield start, stop


def time_of_stretch(
    timeline: PredictionTimeline, start: int, stop: int, timing: PredictionTiming
) -> tuple[float, float]:
    """Where the video lies, in media time, that rows [start, stop) are answers to: its start and its end, seconds."""
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
) -> list[Detected]:
    """Run the detector over a timeline, whose answers must follow each other at the frame rate.

    The outcome is that of `framestream watch`, but that the video's start and end are known to within a frame only.
    """
    found: list[Detected] = []
    for start, stop in label_runs_of(timeline):
        detector = EventDetector(
            labels,
            background=background,
            settings=settings,
            frame_rate=timing.frame_rate,
            anchor_frames=timing.anchor_frames,
        )
        begin, end = time_of_stretch(timeline, start, stop, timing)
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


def true_spans(timeline: PredictionTimeline, *, background: str | None, timing: PredictionTiming) -> list[Span]:
    """What happened in an untrimmed recording, as far as it was seen.

    Segments that touch and have the same label are one event: no detector could know of the border between them.
    """
    rows = list(label_runs_of(timeline))
    if not rows:
        return []
    begin = time_of_stretch(timeline, *rows[0], timing)[0]
    end = time_of_stretch(timeline, *rows[-1], timing)[1]
    spans: list[Span] = []
    for segment in timeline.recording.segments:
        span = Span(max(segment.start_seconds, begin), min(segment.end_seconds, end), segment.label)
        if span.label == background or span.end <= span.start:
            continue
        if spans and spans[-1].label == span.label and span.start - spans[-1].end <= _ROUNDING_SECONDS:
            span = Span(spans.pop().start, span.end, span.label)
        spans.append(span)
    return spans


def _detected(event: Event, known_seconds: float) -> Detected:
    return Detected(Span(event.start_seconds, event.end_seconds, event.label), known_seconds, event.score)
