"""Finding events, with a start and an end, in rows of probabilities: a pure state machine.

A row belongs to a moment of media time, its *centre*: the tick it was computed at, less the model's anchor (a window
speaks for its middle), less the delay of the moving average (which speaks for the middle of its rows). Row *i*
therefore speaks for the time from its own centre to the next row's centre. The first row of a segment of video also
speaks for everything before it, and the last one for everything up to the end, since nobody else does. So events say
when something happened, not when it was noticed, they cannot overlap, and they stay inside the video.

A model that predicts what will be has an anchor below zero: centres lie ahead of their ticks, by `ahead_seconds` of
its spec, and events say when something is expected to happen. An event that ended with a row may thus reach that far
beyond the end of the video, or into a gap and what follows; one that had not begun by then is not reported.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framestream.errors import SettingsError
from framestream.model.spec import EventSettings, ModelSpec
from framestream.records import Event


@dataclass(frozen=True, slots=True)
class OpenEvent:
    """An event that goes on."""

    label: str
    start_seconds: float


class EventDetector:
    """Finds events in the predictions of one stream; see the module's text for how times are meant.

    A label opens an event when it is the most probable one apart from the background and its smoothed probability
    reaches `enter`; the event goes on while it stays at `leave` or above, unless another label opens one. What
    is shorter than `min_seconds` is dropped.
    """

    def __init__(
        self,
        labels: Sequence[str],
        *,
        background: str | None,
        settings: EventSettings,
        frame_rate: float,
        anchor_frames: int = 0,
    ) -> None:
        """Make a detector for rows that come at `frame_rate` per second, in the order of `labels`."""
        self._labels = tuple(labels)
        self._candidates = [index for index, label in enumerate(self._labels) if label != background]
        if not self._candidates:
            raise SettingsError(
                f"labels are {list(labels)} with background {background!r}: no label is left for events"
            )
        self._settings = settings
        self._frame_rate = frame_rate
        self._anchor_seconds = anchor_frames / frame_rate
        # Python's own numbers: for ten labels NumPy would take longer to call than to compute.
        self._rows: deque[list[float]] = deque(maxlen=max(1, round(settings.smoothing_seconds * frame_rate)))
        self._begin_seconds: float | None = None
        self._is_first = True
        self._label: int | None = None
        self._start_seconds = 0.0
        self._score_sum = 0.0
        self._score_count = 0

    @classmethod
    def for_model(cls, spec: ModelSpec, settings: EventSettings | None = None) -> EventDetector:
        """Make a detector for a model, with its own settings unless others are given."""
        return cls(
            spec.labels,
            background=spec.background,
            settings=settings or spec.events,
            frame_rate=spec.frame_rate,
            anchor_frames=spec.anchor_frames,
        )

    @property
    def current(self) -> OpenEvent | None:
        """The event that goes on, or None; it may still turn out too short to be reported."""
        return None if self._label is None else OpenEvent(self._labels[self._label], self._start_seconds)

    def begin(self, start_seconds: float) -> None:
        """Say when the segment of video starts whose rows follow; without it, it starts at the first row's centre."""
        self._begin_seconds = start_seconds

    def push(self, pts_seconds: float, probabilities: Sequence[float] | NDArray[Any]) -> list[Event]:
        """Take the next row.

        Args:
            pts_seconds: The tick that the row was computed at; rows follow each other at the frame rate.
            probabilities: `[classes]`, in the order of the labels.

        Returns:
            The event that ended with this row, if one did.
        """
        row = self._checked(probabilities)
        self._rows.append(row)
        smoothed = [sum(column) / len(self._rows) for column in zip(*self._rows, strict=True)]
        boundary = self._boundary(pts_seconds)
        self._is_first = False
        top = max(self._candidates, key=smoothed.__getitem__)
        opens = smoothed[top] >= self._settings.enter
        goes_on = self._label is not None and smoothed[self._label] >= self._settings.leave
        taken_over = opens and top != self._label
        ended: list[Event] = []
        if self._label is not None and (taken_over or not goes_on):
            ended = self._close(boundary)
        if self._label is None and opens:
            self._label, self._start_seconds = top, boundary
        if self._label is not None:
            self._score_sum += smoothed[self._label]
            self._score_count += 1
        return ended

    def flush(self, end_seconds: float) -> list[Event]:
        """End the segment of video at `end_seconds`: close the open event and forget all rows."""
        ended = [] if self._label is None else self._close(end_seconds)
        self._rows.clear()
        self._begin_seconds = None
        self._is_first = True
        return ended

    def _checked(self, probabilities: Sequence[float] | NDArray[Any]) -> list[float]:
        """Return a row as a list of its own; the list that a stream gives needs no NumPy."""
        shape = (len(probabilities),) if isinstance(probabilities, list) else np.shape(probabilities)
        if shape != (len(self._labels),):
            raise SettingsError(f"probabilities are {list(shape)}: give one per label, {[len(self._labels)]}")
        return list(map(float, probabilities))

    def _boundary(self, pts_seconds: float) -> float:
        """Where the time this row speaks for begins."""
        centre = pts_seconds - self._anchor_seconds - (len(self._rows) - 1) / 2 / self._frame_rate
        if self._begin_seconds is None:
            self._begin_seconds = centre
        return self._begin_seconds if self._is_first else max(centre, self._begin_seconds)

    def _close(self, end_seconds: float) -> list[Event]:
        assert self._label is not None
        label, score = self._labels[self._label], self._score_sum / self._score_count
        self._label, self._score_sum, self._score_count = None, 0.0, 0
        start_seconds = self._start_seconds
        # Differences of media times carry rounding errors; an event of exactly the minimum counts.
        if end_seconds <= start_seconds or end_seconds - start_seconds < self._settings.min_seconds - 1e-6:
            return []
        return [Event(label=label, score=score, start_seconds=start_seconds, end_seconds=end_seconds)]
