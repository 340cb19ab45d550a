"""Frame times where the container's own are missing, repeated, out of order or negative."""

from __future__ import annotations

import statistics
from collections import deque

# A frame that is late by less than this was stored out of order; a clock that goes back further has restarted.
_REORDERED_SECONDS = 0.5
# As many frames as a decoder may hold back to put them in order (H.264).
_LONGEST_DELAY_FRAMES = 16
_STEPS_KEPT = 9


class FrameTimes:
    """Gives every frame of one stream a time, from the timestamps that some of them have.

    * A frame without a timestamp comes one usual step after the frame before.
    * Where the first frames have none, or lie before 0, times count from the first frame.
    * AVI numbers packets in the order of decoding; what the decoder held back to reorder is taken off.
    * A frame that would be shown a little before the one before it is shown with it. A clock that restarts
      is handed on: what comes next is told as it is.
    """

    def __init__(self, *, step_seconds: float, is_avi: bool = False) -> None:
        """Start before the first frame.

        Args:
            step_seconds: Seconds from frame to frame as declared, until they can be measured.
            is_avi: Whether timestamps are those of decoding.
        """
        self._declared_step = step_seconds
        self._steps: deque[float] = deque(maxlen=_STEPS_KEPT)
        self._is_avi = is_avi
        self._shift = 0.0
        self._last_seconds: float | None = None
        self._timed_seconds: float | None = None
        self._untimed_run = 0
        self.untimed = 0
        """Frames without a timestamp so far."""
        self.timed = 0
        """Frames with one."""

    def place(self, pts_seconds: float | None) -> float:
        """Return the time of the next frame, given its timestamp."""
        last = self._last_seconds
        seconds = self._without(last) if pts_seconds is None else self._with(pts_seconds, last)
        self._last_seconds = seconds
        return seconds

    def timestamp_of(self, seconds: float) -> float:
        """Return the timestamp of a frame that would be shown at a time."""
        return seconds - self._shift

    def _without(self, last: float | None) -> float:
        self.untimed += 1
        self._untimed_run += 1
        return 0.0 if last is None else last + self._step()

    def _with(self, pts_seconds: float, last: float | None) -> float:
        self.timed += 1
        if last is None:
            is_delay = self._is_avi and pts_seconds <= _LONGEST_DELAY_FRAMES * self._declared_step
            self._shift = -pts_seconds if is_delay or pts_seconds < 0 else 0.0
            self._timed_seconds = pts_seconds + self._shift
            return self._timed_seconds
        seconds = pts_seconds + self._shift
        if seconds < last and self._untimed_run and not self._steps:
            # The first that has one, after frames that were counted from 0.
            self._shift += last + self._step() - seconds
            seconds = pts_seconds + self._shift
        if self._timed_seconds is not None and seconds > self._timed_seconds:
            self._steps.append((seconds - self._timed_seconds) / (self._untimed_run + 1))
        self._timed_seconds = seconds
        self._untimed_run = 0
        return last if last - _REORDERED_SECONDS < seconds < last else seconds

    def _step(self) -> float:
        return statistics.median(self._steps) if self._steps else self._declared_step
