"""How good the events are in untrimmed recordings: what a person at the screen notices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from framestream.model.spec import EventSettings
from framestream_export.data.frame_cache import UNLABELLED
from framestream_export.measures.detection import DetectedEvent, detect, per_hour, rows_between_gaps, true_intervals
from framestream_export.measures.labelled_intervals import LabelledInterval, covered_share, pair_intervals
from framestream_export.measures.prediction_timelines import PredictionTimeline
from framestream_export.measures.prediction_timing import PredictionTiming

OVERLAPS = (0.1, 0.25, 0.5)
_DELAY_OVERLAP = 0.1
_MOSTLY = 0.5


@dataclass(frozen=True, slots=True)
class EventCounts:
    """Events found, true events, and pairs of them, at one least overlap."""

    found: int = 0
    true: int = 0
    pairs: int = 0

    @property
    def precision(self) -> float | None:
        """Share of the events found that are right; None if none was found."""
        return self.pairs / self.found if self.found else None

    @property
    def recall(self) -> float | None:
        """Share of the true events that were found; None if there are none."""
        return self.pairs / self.true if self.true else None

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall; None if nothing happened and nothing was found."""
        return 2 * self.pairs / (self.found + self.true) if self.found + self.true else None

    def plus(self, other: EventCounts) -> EventCounts:
        """Add the counts of another one."""
        return EventCounts(self.found + other.found, self.true + other.true, self.pairs + other.pairs)

    def to_json(self) -> dict[str, float | int | None]:
        """Return counts and shares as a JSON object."""
        return {**asdict(self), "precision": self.precision, "recall": self.recall, "f1": self.f1}


@dataclass(frozen=True, slots=True)
class StreamedRecording:
    """The true and the reported events of an untrimmed recording."""

    timeline: int
    truth: tuple[LabelledInterval, ...]
    found: tuple[DetectedEvent, ...]


@dataclass(frozen=True, slots=True)
class StreamingFigures:
    """Figures over all untrimmed recordings.

    Attributes:
        recordings: Number of untrimmed recordings.
        video_seconds: Length of the recordings, as far as there are predictions about them.
        background_seconds: Length of the parts of the recordings in which nothing happens.
        events: Counts by least overlap, then by label; the label None is all of them.
        delays: Seconds from each found event's true start until it was certain to be reported.
        start_errors: Reported start less true start of each found event, seconds.
        end_errors: Reported end less true end of each found event, seconds.
        false_alarms: Events most of whose time nothing happens in.
        prediction_switches: How often the likeliest label changed.
        event_switches: How often a reported event started or ended.
        true_switches: How often a true event started or ended.
    """

    recordings: int
    video_seconds: float
    background_seconds: float
    events: dict[float, dict[str | None, EventCounts]]
    delays: tuple[float, ...]
    start_errors: tuple[float, ...]
    end_errors: tuple[float, ...]
    false_alarms: int
    prediction_switches: int
    event_switches: int
    true_switches: int
    streamed: tuple[StreamedRecording, ...] = field(repr=False, default=())

    @property
    def false_alarms_per_hour(self) -> float | None:
        """False alarms per hour of background; None if there was no background."""
        return per_hour(self.false_alarms, self.background_seconds)

    def to_json(self) -> dict[str, Any]:
        """Return the figures as report.json holds them."""
        minutes = self.video_seconds / 60
        rates = {
            "predictions": self.prediction_switches / minutes,
            "events": self.event_switches / minutes,
            "truth": self.true_switches / minutes,
        }
        return {
            "files": self.recordings,
            "video_seconds": self.video_seconds,
            "background_seconds": self.background_seconds,
            "events": {f"{least:g}": counts[None].to_json() for least, counts in self.events.items()},
            "events_per_class": {
                f"{least:g}": {label: one.to_json() for label, one in counts.items() if label is not None}
                for least, counts in self.events.items()
            },
            "delay_seconds": _spread(self.delays),
            "start_error_seconds": _spread(self.start_errors),
            "end_error_seconds": _spread(self.end_errors),
            "false_alarms": self.false_alarms,
            "false_alarms_per_hour": self.false_alarms_per_hour,
            "switches_per_minute": rates,
        }


def measure_streaming(
    timelines: Sequence[PredictionTimeline],
    labels: Sequence[str],
    *,
    background: str | None,
    settings: EventSettings,
    timing: PredictionTiming,
) -> StreamingFigures | None:
    """Measure on the untrimmed recordings among the timelines; None if there are none.

    Predictions must follow each other at the frame rate. An event that lies mostly in time without a known label
    (`UNLABELLED`) is neither right nor wrong and counts nowhere.
    """
    streamed = []
    for index, timeline in enumerate(timelines):
        if timeline.recording.fill_background and len(timeline.pts_seconds):
            truth = [
                interval
                for interval in true_intervals(timeline, background=background, timing=timing)
                if interval.label in labels
            ]
            found = detect(timeline, labels, background=background, settings=settings, timing=timing)
            known = [one for one in found if not _mostly_unknown(one.interval, timeline)]
            streamed.append(StreamedRecording(index, tuple(truth), tuple(known)))
    if not streamed:
        return None
    own = [timelines[one.timeline] for one in streamed]
    candidates = [label for label in labels if label != background]
    silent = UNLABELLED if background is None else labels.index(background)
    pairs = [
        (one.found[i], one.truth[j])
        for one in streamed
        for i, j in pair_intervals([found.interval for found in one.found], one.truth, least_overlap=_DELAY_OVERLAP)
    ]
    return StreamingFigures(
        recordings=len(streamed),
        video_seconds=sum(len(timeline.labels) for timeline in own) * timing.period_seconds,
        background_seconds=sum(int((timeline.labels == silent).sum()) for timeline in own) * timing.period_seconds,
        events={least: _count(streamed, candidates, least) for least in OVERLAPS},
        delays=tuple(found.known_seconds - true.start for found, true in pairs),
        start_errors=tuple(found.interval.start - true.start for found, true in pairs),
        end_errors=tuple(found.interval.end - true.end for found, true in pairs),
        false_alarms=sum(covered_share(found.interval, one.truth) < _MOSTLY for one in streamed for found in one.found),
        prediction_switches=sum(_switches(timeline.probabilities.argmax(axis=1), timeline) for timeline in own),
        event_switches=sum(
            _borders([found.interval for found in one.found], timelines[one.timeline]) for one in streamed
        ),
        true_switches=sum(_borders(one.truth, timelines[one.timeline]) for one in streamed),
        streamed=tuple(streamed),
    )


def event_counts(
    found: Sequence[LabelledInterval], truth: Sequence[LabelledInterval], *, least_overlap: float
) -> EventCounts:
    """Count one recording's events."""
    return EventCounts(len(found), len(truth), len(pair_intervals(found, truth, least_overlap=least_overlap)))


def _count(streamed: Sequence[StreamedRecording], labels: Sequence[str], least: float) -> dict[str | None, EventCounts]:
    counts: dict[str | None, EventCounts] = {}
    for label in labels:
        counts[label] = EventCounts()
        for one in streamed:
            found = [detected.interval for detected in one.found if detected.interval.label == label]
            truth = [interval for interval in one.truth if interval.label == label]
            counts[label] = counts[label].plus(event_counts(found, truth, least_overlap=least))
    # Only intervals of one label are ever paired, so the labels' counts add up to the whole.
    total = EventCounts()
    for one_label in counts.values():
        total = total.plus(one_label)
    return {**counts, None: total}


def _mostly_unknown(interval: LabelledInterval, timeline: PredictionTimeline) -> bool:
    inside = (timeline.pts_seconds >= interval.start) & (timeline.pts_seconds < interval.end)
    return bool(inside.any() and (timeline.labels[inside] == UNLABELLED).mean() > _MOSTLY)


def _switches(values: np.ndarray[Any, np.dtype[np.int64]], timeline: PredictionTimeline) -> int:
    return sum(int((np.diff(values[start:stop]) != 0).sum()) for start, stop in rows_between_gaps(timeline))


def _borders(intervals: Sequence[LabelledInterval], timeline: PredictionTimeline) -> int:
    """Count the starts and ends of events between the first and the last prediction; where two touch, once."""
    first, last = float(timeline.pts_seconds[0]), float(timeline.pts_seconds[-1])
    moments = {round(moment, 3) for interval in intervals for moment in (interval.start, interval.end)}
    return sum(first < moment <= last for moment in moments)


def _spread(values: Sequence[float]) -> dict[str, float] | None:
    if not values:
        return None
    middle, late = np.percentile(values, [50, 90])
    return {"count": len(values), "mean": float(np.mean(values)), "median": float(middle), "p90": float(late)}
