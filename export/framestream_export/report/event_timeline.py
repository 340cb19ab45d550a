"""Untrimmed recordings as two lanes of blocks over one scale of time: what happened, and what was reported."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from framestream_export.measures.detection import media_time_of_rows, rows_between_gaps
from framestream_export.measures.labelled_intervals import LabelledInterval
from framestream_export.measures.prediction_timelines import PredictionTimeline
from framestream_export.measures.prediction_timing import PredictionTiming
from framestream_export.measures.untrimmed import OVERLAPS, StreamedRecording, StreamingFigures, event_counts
from framestream_export.report.plain_text import clock

_MOST_TIMELINES = 12
_MOST_TICKS = 8
_TICK_SECONDS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 7200)
# A tick's text stands to the right of it: beyond this there is no room for it.
_LAST_TICK_PERCENT = 97
# A hue apart for each label: the golden angle keeps any number of them distinct.
_GOLDEN_DEGREES = 137.508


@dataclass(frozen=True, slots=True)
class Block:
    """An event of a lane.

    Attributes:
        label: Label of the event.
        start: Start of the event in the recording, seconds.
        end: End of the event in the recording, seconds.
        left: Left edge of the block in the lane, per cent.
        width: Width of the block, per cent of the lane's.
    """

    label: str
    start: float
    end: float
    left: float
    width: float


@dataclass(frozen=True, slots=True)
class EventTimeline:
    """The lanes of one recording in the report's page: true and reported events.

    Attributes:
        name: The recording's name.
        truth: Blocks of the true events.
        found: Blocks of the reported events.
        ticks: Paths in per cent, and the times to write there.
    """

    name: str
    truth: tuple[Block, ...]
    found: tuple[Block, ...]
    ticks: tuple[tuple[float, str], ...]


def timelines_of(
    figures: StreamingFigures | None, timelines: Sequence[PredictionTimeline], timing: PredictionTiming
) -> list[EventTimeline]:
    """Lay out the untrimmed recordings with the most mistakes, at most 12, the worst first."""
    streamed = figures.streamed if figures else ()
    worst = sorted(streamed, key=_mistakes, reverse=True)[:_MOST_TIMELINES]
    return [_timeline(one, timelines[one.timeline], timing) for one in worst]


def label_colors(figures: StreamingFigures | None, labels: Sequence[str]) -> dict[str, str]:
    """CSS colours, on which white text can be read, of the labels that occur in timelines."""
    streamed = figures.streamed if figures else ()
    shown = {event.label for one in streamed for event in (*one.truth, *(detected.interval for detected in one.found))}
    return {
        label: f"hsl({(215 + _GOLDEN_DEGREES * index) % 360:.0f} 55% 40%)"
        for index, label in enumerate(labels)
        if label in shown
    }


def _timeline(one: StreamedRecording, timeline: PredictionTimeline, timing: PredictionTiming) -> EventTimeline:
    row_ranges = list(rows_between_gaps(timeline))
    first = media_time_of_rows(timeline, *row_ranges[0], timing)[0]
    last = media_time_of_rows(timeline, *row_ranges[-1], timing)[1]

    def percent_at(seconds: float) -> float:
        return 100 * min(max((seconds - first) / (last - first), 0), 1)

    def block(interval: LabelledInterval) -> Block:
        left = percent_at(interval.start)
        return Block(interval.label, interval.start, interval.end, left, percent_at(interval.end) - left)

    ticks = ((percent_at(seconds), clock(seconds).partition(".")[0]) for seconds in _ticks(first, last))
    return EventTimeline(
        timeline.recording.name,
        truth=tuple(block(interval) for interval in one.truth),
        found=tuple(block(detected.interval) for detected in one.found),
        ticks=tuple(tick for tick in ticks if tick[0] < _LAST_TICK_PERCENT),
    )


def _ticks(first: float, last: float) -> Iterator[int]:
    """Round times, seconds, that are about an eighth of the whole apart."""
    least = (last - first) / _MOST_TICKS
    step = next((step for step in _TICK_SECONDS if step >= least), _TICK_SECONDS[-1])
    yield from range(math.ceil(first / step) * step, math.floor(last / step) * step + 1, step)


def _mistakes(one: StreamedRecording) -> int:
    """True events that were not found and events reported too many, at the strictest overlap."""
    counts = event_counts([detected.interval for detected in one.found], one.truth, least_overlap=OVERLAPS[-1])
    return counts.found + counts.true - 2 * counts.pairs
