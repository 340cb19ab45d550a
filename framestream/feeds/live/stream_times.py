"""When the frames of one connection were taken: the stream's own timestamps, or arrival where it has none."""

from __future__ import annotations

_ASSUMED_INTERVAL_SECONDS = 0.04
# Of the first frames of an RTSP stream one may lack its timestamp, so two zeros still are a stream that has them.
_ZEROS_OF_NO_CLOCK = 3


class StreamTimes:
    """Seconds since the first frame, from what OpenCV reports and when frames arrived.

    A frame without a timestamp is reported at 0. In files only whole streams lack them; in a live stream it is often
    the first frame, or one after a lost packet. So the first frame's time is only known with the second, and a zero
    that falls back is filled in by arrival. A stream with nothing but zeros gets arrival times altogether.
    """

    def __init__(self, *, by_arrival: bool, declared_fps: float | None) -> None:
        """Start before the first frame; ``by_arrival`` never looks at timestamps."""
        self._by_arrival = by_arrival
        self._interval_seconds = 1 / declared_fps if declared_fps else _ASSUMED_INTERVAL_SECONDS
        self._first_raw = self._last_raw = 0.0
        self._first_arrived = self._last_arrived = 0.0
        self._last_seconds = 0.0
        self._zeros = 0

    def begin(self, raw_seconds: tuple[float, float], arrived_seconds: tuple[float, float]) -> float:
        """Take the first two frames; return the time of the second, the first being at 0."""
        first_raw, second_raw = raw_seconds
        self._first_arrived, self._last_arrived = arrived_seconds
        if first_raw == 0.0 and second_raw <= 0.0:
            self._zeros = 2 if second_raw == 0.0 else 0
            # The first had none: it belongs before the second.
            first_raw = second_raw - self._interval_seconds
        self._first_raw, self._last_raw = first_raw, second_raw
        self._last_seconds = self._arrived() if self._by_arrival else second_raw - first_raw
        return self._last_seconds

    def next(self, raw_seconds: float, arrived_seconds: float) -> float:
        """Take any later frame; return its time."""
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
            self._last_raw = raw_seconds
            self._last_seconds = raw_seconds - self._first_raw
        return self._last_seconds

    def _arrived(self) -> float:
        return self._last_arrived - self._first_arrived
