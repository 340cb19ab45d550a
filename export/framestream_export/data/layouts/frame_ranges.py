"""Ranges of frames, as people label them in a player, turned into seconds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from framestream.errors import DataError, SourceError
from framestream.sources import VideoFile
from framestream_export.data.footage import Segment

# A player's count may be a few frames more than what decodes.
_BEYOND_END = 0.02


@dataclass(frozen=True, slots=True)
class LabelledRange:
    """Frames `first` to `last`, counted from 1, both included."""

    first: int
    last: int
    label: str

    def __post_init__(self) -> None:
        """Refuse a range that no film has."""
        if not 1 <= self.first <= self.last:
            raise DataError(f"frames {self.first} to {self.last} ({self.label!r}) are not a range counted from 1")


class FrameClock:
    """Measures when the frames of a film are shown."""

    def __init__(self, video: Path, frame_rate: float | None) -> None:
        """Take the rate; without one, read the film's own timestamps.

        Raises:
            DataError: No frame rate was given, and the film cannot be read.
        """
        self._video = video
        self._rate = frame_rate
        self._pts_seconds = [] if frame_rate else _frame_times(video)

    @property
    def is_the_films_own(self) -> bool:
        """Whether the times are the film's timestamps."""
        return self._rate is None

    def segment(self, frames: LabelledRange) -> Segment:
        """The segment of the film in which these frames are shown.

        Raises:
            DataError: The film ends before.
        """
        if self._rate is not None:
            return Segment((frames.first - 1) / self._rate, frames.last / self._rate, frames.label)
        count = len(self._pts_seconds)
        if frames.last > math.ceil(count * (1 + _BEYOND_END)) + 1 or frames.first > count:
            raise DataError(
                f"frames {frames.first} to {frames.last} are labelled {frames.label!r}, but {self._video} has {count}:"
                " the tool counted other frames; say how many a second with --frame-rate"
            )
        end = self._pts_seconds[frames.last] if frames.last < count else math.inf
        return Segment(max(0.0, self._pts_seconds[frames.first - 1]), end, frames.label)


def _frame_times(video: Path) -> list[float]:
    try:
        source = VideoFile(video)
    except SourceError as error:
        raise DataError(f"its frames cannot be timed: {error}") from error
    times = []
    try:
        while (pts_seconds := source.grab()) is not None:
            times.append(pts_seconds)
    finally:
        source.close()
    return times


def neighbours_apart(ranges: Sequence[LabelledRange]) -> list[LabelledRange]:
    """Ranges of one label that touch or overlap as one, and a frame that two neighbours share given to the later one.

    Where more than a frame is shared by different labels they stay as they are: that is for a person to correct.
    """
    apart: list[LabelledRange] = []
    for one in sorted(ranges, key=lambda one: (one.first, one.last)):
        before = apart[-1] if apart else None
        if before and before.label == one.label and one.first <= before.last + 1:
            apart[-1] = LabelledRange(before.first, max(before.last, one.last), one.label)
            continue
        if before and one.first == before.last > before.first:
            apart[-1] = LabelledRange(before.first, before.last - 1, before.label)
        apart.append(one)
    return apart
