"""When the frames of a recording behind an address are shown: as in the file that it is."""

from __future__ import annotations

from framestream.sources.frame_times import FrameTimes


class RecordingTimes:
    """Seconds since the first frame. One without a timestamp gets the time that its neighbours give it.

    Nothing is told by when frames arrive, which is as fast as they are fetched.
    """

    def __init__(self, times: FrameTimes) -> None:
        """Start before the first frame."""
        self._times = times
        self._first_seconds = 0.0

    def begin(self, pts_seconds: tuple[float | None, float | None], arrived_seconds: tuple[float, float]) -> float:
        """Take the first two frames; return the time of the second, the first being at 0."""
        first, second = pts_seconds
        self._first_seconds = self._times.place(first)
        return self.next(second, arrived_seconds[1])

    def next(self, pts_seconds: float | None, arrived_seconds: float) -> float:
        """Take any later frame; return its time."""
        return self._times.place(pts_seconds) - self._first_seconds
