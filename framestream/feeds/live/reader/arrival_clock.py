"""When the frames of one connection were taken, and when each could have been here.

What has piled up on its way is older than the moment it is read.
"""

from __future__ import annotations

from collections import deque

SETTLING_SECONDS = 0.5
"""A delay that has lasted for so long, while frames came no faster than they were taken and the reader waited for each,
is no backlog: it is how late this camera is, or how far its clock has drifted."""

# Later than the frame before by more than this: something stood still.
_PAUSE_SECONDS = 0.25
# Shorter after the frame before than it was taken, by more than this share: something catches up.
_CATCHING_UP_SHARE = 0.25

_ASSUMED_INTERVAL_SECONDS = 0.04
# Of the first frames of an RTSP stream one may lack its timestamp, so two zeros still are a stream that has them.
_ZEROS_OF_NO_CLOCK = 3
# Further ahead than time went by, by more than any buffer holds: the camera's clock was set, or has started again.
# FFmpeg takes the latter for one that has overflowed, a jump of 26 hours in a transport stream.
_JUMP_SECONDS = 60.0


class ArrivalClock:
    """Tells from timestamps how late frames are read, compared with those of the last while that came soonest.

    A reader or a network that stood still brings a burst of old frames afterwards, all at one moment; their timestamps
    say how long each has been on its way. A delay that every frame has cannot be seen this way and does not count.
    Nor does drift: cameras have clocks of their own, and some count frames instead, however few they send at night.
    So the best delay is one of a short while, which goes by only when nothing can have piled up.

    For one connection. Streams whose times are those of their arrival are never late.
    """

    def __init__(self) -> None:
        """Start before the first frame."""
        # (settled time, delay), the delays rising: the first is the smallest of the while.
        self._delays: deque[tuple[float, float]] = deque()
        self._settled_seconds = 0.0
        self._last_pts_seconds = 0.0
        self._last_read_seconds = 0.0

    def restart(self) -> None:
        """Forget what was: delays from now on are compared with that of the next frame."""
        self._delays.clear()

    def place(self, pts_seconds: float, read_seconds: float, *, waited: bool) -> float:
        """Return when a frame would have come without a backlog, never later than it was read.

        Args:
            pts_seconds: The frame's timestamp, by the stream's clock.
            read_seconds: When the frame was read, by `time.monotonic()`.
            waited: Whether the reader had to wait for it; one that did not may be the reason for the delay itself.
        """
        pts_step = pts_seconds - self._last_pts_seconds
        read_step = read_seconds - self._last_read_seconds
        self._last_pts_seconds, self._last_read_seconds = pts_seconds, read_seconds
        delay = read_seconds - pts_seconds
        if not self._delays or pts_step < 0:
            self.restart()
            self._add(delay)
            return read_seconds
        growth = read_step - pts_step
        if waited and -_CATCHING_UP_SHARE * pts_step <= growth <= _PAUSE_SECONDS:
            self._settled_seconds += read_step
            self._add(delay)
            while self._delays[0][0] < self._settled_seconds - SETTLING_SECONDS:
                self._delays.popleft()
        elif delay < self._delays[0][1]:
            self._add(delay)
        return min(read_seconds, self._delays[0][1] + pts_seconds)

    def _add(self, delay: float) -> None:
        while self._delays and self._delays[-1][1] >= delay:
            self._delays.pop()
        self._delays.append((self._settled_seconds, delay))


class StreamTimes:
    """Seconds since the first frame, from their timestamps and when they arrived.

    A frame without a timestamp counts as one at 0, as which OpenCV reports it. In files only whole streams lack them;
    in a live stream it is often the first frame, or one after a lost packet. So the first frame's time is only known
    with the second, and a zero that falls back is filled in by arrival. A stream with nothing but zeros gets arrival
    times altogether. A clock that jumps ahead of the one on the wall counts from 0 again, like one that starts again.
    """

    def __init__(self, *, by_arrival: bool, declared_fps: float | None) -> None:
        """Start before the first frame; `by_arrival` never looks at timestamps."""
        self._by_arrival = by_arrival
        self._interval_seconds = 1 / declared_fps if declared_fps else _ASSUMED_INTERVAL_SECONDS
        self._first_raw = self._last_raw = 0.0
        self._first_arrived = self._last_arrived = 0.0
        self._last_seconds = 0.0
        self._zeros = 0

    def begin(self, pts_seconds: tuple[float | None, float | None], arrived_seconds: tuple[float, float]) -> float:
        """Take the first two frames; return the time of the second, the first being at 0."""
        first_raw, second_raw = (one or 0.0 for one in pts_seconds)
        self._first_arrived, self._last_arrived = arrived_seconds
        if first_raw == 0.0 and second_raw <= 0.0:
            self._zeros = 2 if second_raw == 0.0 else 0
            # The first had none: it belongs before the second.
            first_raw = second_raw - self._interval_seconds
        self._first_raw, self._last_raw = first_raw, second_raw
        self._last_seconds = self._arrived() if self._by_arrival else second_raw - first_raw
        return self._last_seconds

    def next(self, pts_seconds: float | None, arrived_seconds: float) -> float:
        """Take any later frame; return its time."""
        raw_seconds = pts_seconds or 0.0
        waited_seconds = arrived_seconds - self._last_arrived
        self._last_arrived = arrived_seconds
        self._zeros = self._zeros + 1 if raw_seconds == 0.0 and self._zeros else 0
        if self._zeros >= _ZEROS_OF_NO_CLOCK:
            self._by_arrival = True
        if self._by_arrival:
            self._last_seconds = max(self._arrived(), self._last_seconds)
        elif raw_seconds == 0.0 and self._last_raw > 0.0:
            self._last_seconds += waited_seconds
        else:
            if raw_seconds - self._last_raw > waited_seconds + _JUMP_SECONDS:
                self._first_raw = raw_seconds
            self._last_raw = raw_seconds
            self._last_seconds = raw_seconds - self._first_raw
        return self._last_seconds

    def _arrived(self) -> float:
        return self._last_arrived - self._first_arrived
