"""Two models, or two variants of one, on the same video: do they predict the same?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from framestream.classifier import Classifier
from framestream.errors import SettingsError
from framestream.records import Event, Prediction
from framestream_export.verification.checks import Check

MOST_FLIPS = 0.02
_NEAR_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class _Watched:
    """Predictions of a model about a video: times, probabilities [N, classes], and the events."""

    pts_seconds: list[float]
    rows: NDArray[np.float64]
    events: list[Event]


def compare_on_video(model: Path, other: Path, video: Path) -> list[Check]:
    """Watch a video with two models and compare prediction by prediction.

    Raises:
        SettingsError: The models differ in labels, frame rate, window or anchor, so predictions cannot be compared.
        ModelError: A model cannot be used.
        SourceError: The video cannot be used.
    """
    first, second = (Classifier.load(path, device="cpu") for path in (model, other))
    for fact in ("labels", "background", "frame_rate", "window", "anchor_frames"):
        ours, theirs = getattr(first.spec, fact), getattr(second.spec, fact)
        if ours != theirs:
            raise SettingsError(
                f"{other} has {fact} {_shown(theirs)} and {model} has {_shown(ours)}; give two variants of one model"
            )
    ours, theirs = (_watch(classifier, video) for classifier in (first, second))
    return list(_checks(ours, theirs, first.spec.labels))


def _checks(ours: _Watched, theirs: _Watched, labels: Sequence[str]) -> Iterator[Check]:
    same_times = ours.pts_seconds == theirs.pts_seconds
    measured = f"{len(ours.rows)}" if same_times else f"{len(ours.rows)} and {len(theirs.rows)}, at other times"
    yield Check("predictions", measured, "at the same times", same_times and len(ours.rows) > 0)
    if not same_times or not len(ours.rows):
        return
    distance = np.abs(ours.rows - theirs.rows)
    at, label = divmod(int(distance.argmax()), len(labels))
    where = f"{distance.max():.1e}, of {labels[label]} at {ours.pts_seconds[at]:.2f} s"
    yield Check("largest difference of a probability", where, "for information", True)
    best, other_best = ours.rows.argmax(axis=1), theirs.rows.argmax(axis=1)
    flips = np.flatnonzero(best != other_best)
    measured = f"{len(flips)} ({len(flips) / len(best):.1%})"
    if len(flips):
        first = int(flips[0])
        likeliest = [f"{labels[rows[first].argmax()]} {rows[first].max():.3f}" for rows in (ours.rows, theirs.rows)]
        measured += f"; the first at {ours.pts_seconds[first]:.2f} s: {likeliest[0]}, and the other {likeliest[1]}"
    yield Check("other decisions", measured, f"<= {MOST_FLIPS:.0%}", len(flips) <= MOST_FLIPS * len(best))
    yield _same_events(ours.events, theirs.events)


def _same_events(ours: Sequence[Event], theirs: Sequence[Event]) -> Check:
    limit = f"the same, times within {_NEAR_SECONDS:g} s"
    for mine, other in zip(ours, theirs, strict=False):
        gap = max(abs(mine.start_seconds - other.start_seconds), abs(mine.end_seconds - other.end_seconds))
        if mine.label != other.label or gap > _NEAR_SECONDS:
            return Check("events", f"the first other one: {_event(mine)}, and the other {_event(other)}", limit, False)
    if len(ours) != len(theirs):
        more = max(ours, theirs, key=len)[min(len(ours), len(theirs))]
        return Check("events", f"{len(ours)} and {len(theirs)}; only one has {_event(more)}", limit, False)
    return Check("events", str(len(ours)), limit, True)


def _watch(classifier: Classifier, video: Path) -> _Watched:
    times: list[float] = []
    rows: list[list[float]] = []
    events: list[Event] = []
    with classifier.watch(video) as watch:
        for record in watch:
            if isinstance(record, Prediction):
                times.append(record.pts_seconds)
                rows.append(list(record.probabilities.values()))
            elif isinstance(record, Event):
                events.append(record)
    return _Watched(times, np.array(rows, np.float64).reshape(len(rows), len(classifier.spec.labels)), events)


def _event(event: Event) -> str:
    return f"{event.label} {event.start_seconds:.2f}-{event.end_seconds:.2f} s"


def _shown(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
