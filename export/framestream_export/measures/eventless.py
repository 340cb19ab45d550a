"""What a model reports about films in which nothing happens: every event is a false one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from framestream.model.spec import EventSettings
from framestream_export.measures.detection import detect, media_time_of_rows, per_hour, rows_between_gaps
from framestream_export.measures.prediction_timelines import PredictionTimeline
from framestream_export.measures.prediction_timing import PredictionTiming


@dataclass(frozen=True, slots=True)
class FalseEvent:
    """An event that was reported where nothing happens; times in seconds of media time."""

    name: str
    label: str
    start_seconds: float
    end_seconds: float
    score: float


@dataclass(frozen=True, slots=True)
class EventlessFigures:
    """Figures over films in which nothing happens.

    Attributes:
        seconds: Length of each film, by its name, as far as it was watched.
        events: The events that were reported, film after film.
    """

    seconds: dict[str, float]
    events: tuple[FalseEvent, ...]

    @property
    def video_seconds(self) -> float:
        """Length of all films."""
        return sum(self.seconds.values())

    def to_json(self) -> dict[str, Any]:
        """Return the figures as report.json holds them."""
        per_film = Counter(event.name for event in self.events)
        return {
            "files": len(self.seconds),
            "video_seconds": self.video_seconds,
            "false_alarms": len(self.events),
            "false_alarms_per_hour": per_hour(len(self.events), self.video_seconds),
            "per_class": dict(sorted(Counter(event.label for event in self.events).items())),
            "per_file": {
                name: {
                    "video_seconds": seconds,
                    "false_alarms": per_film[name],
                    "false_alarms_per_hour": per_hour(per_film[name], seconds),
                }
                for name, seconds in self.seconds.items()
            },
            "events": [asdict(event) for event in self.events],
        }


def measure_eventless(
    timelines: Sequence[PredictionTimeline],
    labels: Sequence[str],
    *,
    background: str | None,
    settings: EventSettings,
    timing: PredictionTiming,
) -> EventlessFigures:
    """Find the events in films that have none; predictions must follow each other at the frame rate."""
    events = [
        FalseEvent(timeline.recording.name, found.interval.label, found.interval.start, found.interval.end, found.score)
        for timeline in timelines
        for found in detect(timeline, labels, background=background, settings=settings, timing=timing)
    ]
    seconds = {timeline.recording.name: _watched_seconds(timeline, timing) for timeline in timelines}
    return EventlessFigures(seconds, tuple(events))


def _watched_seconds(timeline: PredictionTimeline, timing: PredictionTiming) -> float:
    spans = [media_time_of_rows(timeline, *rows, timing) for rows in rows_between_gaps(timeline)]
    return sum(end - begin for begin, end in spans)
