"""The model's clock: which presentation timestamps it takes; shared by training and serving.

The clock ticks at `start + k / frame_rate`. A tick is served by the first frame at or after it, if that frame
comes before the next tick; a tick that no frame reached holds the frame sampled last. So the decision falls when a
frame arrives, nothing waits for a later one, and frames between ticks are never converted. Nothing is ever sampled
by counting frames.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from framestream.errors import SettingsError

# Containers round timestamps to their own grid (Matroska and FLV: 1 ms); without the tolerance a 10 fps model on
# such a 30 fps file would miss every third tick by 0.3 ms and take the next frame, 33 ms late.
TICK_TOLERANCE_SECONDS = 0.001

MAX_HOLD_SECONDS = 5.0
"""Longer pauses between two frames are a gap, not a picture that stood still."""

UNDECODABLE = "frames could not be decoded"
"""Why there is a gap behind damage."""
WENT_BACK = "timestamp went back"
"""Why there is a gap where a source's clock restarts."""
JUMPED = "timestamp jump"
"""Why there is a gap where a source's clock, or a pause, leaves too much out."""
# A decoder that holds frames back tells of a damaged one before those that come in front of it.
_DAMAGE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class ClockStep:
    """What one frame means for the clock.

    Attributes:
        gap: Why continuity broke before this frame, or None.
        frames_lost: How many frames the gap left out, where that is known.
        held_seconds: Ticks before this frame for which the frame sampled last is used again.
        tick_seconds: The tick this frame serves, or None if it is not needed.
    """

    gap: str | None = None
    held_seconds: tuple[float, ...] = ()
    tick_seconds: float | None = None
    frames_lost: int | None = None


class SamplingClock:
    """Decides for each presentation timestamp which ticks of the model's clock it serves. No images, no I/O."""

    def __init__(self, frame_rate: float, max_hold_seconds: float = MAX_HOLD_SECONDS) -> None:
        """Make a clock for a model's frame rate (frames per second)."""
        if not (math.isfinite(frame_rate) and frame_rate > 0):
            raise SettingsError(f"frame_rate is {frame_rate}: give a number of frames per second above 0")
        if not max_hold_seconds > 0:
            raise SettingsError(f"max_hold_seconds is {max_hold_seconds}: give a number of seconds above 0")
        self._frame_rate = frame_rate
        self._max_hold_seconds = max_hold_seconds
        self._start_seconds: float | None = None
        self._last_seconds = 0.0
        self._interval_seconds: float | None = None
        self._next_tick = 0
        # Frames that could not be decoded and have not shown as a hole in time yet, and when they were told of.
        self._undecodable = 0
        self._undecodable_seconds = 0.0

    @property
    def frame_rate(self) -> float:
        """The model's frame rate, frames per second."""
        return self._frame_rate

    @property
    def start_seconds(self) -> float | None:
        """First timestamp of the stream, or since the last gap; None before the first frame."""
        return self._start_seconds

    @property
    def end_seconds(self) -> float | None:
        """End of the newest frame: its timestamp plus the shortest frame interval seen (one tick if there was none).

        The shortest, because the last one may have been a pause that says nothing about the frame after it.
        """
        if self._start_seconds is None:
            return None
        interval = self._interval_seconds
        return self._last_seconds + (1 / self._frame_rate if interval is None else interval)

    @property
    def wanted_seconds(self) -> float | None:
        """No frame between the newest one and this time will serve a tick; None before the first frame."""
        return None if self._start_seconds is None else self._tick_seconds(self._next_tick) - TICK_TOLERANCE_SECONDS

    def goes_back(self, pts_seconds: float) -> bool:
        """Say whether a frame's timestamp lies so far before the newest one that its clock has restarted."""
        return self._start_seconds is not None and pts_seconds - self._last_seconds < -1 / self._frame_rate

    def jumps(self, pts_seconds: float) -> bool:
        """Say whether a frame's timestamp lies so far behind the newest one that nothing is held until then."""
        return self._start_seconds is not None and pts_seconds - self._last_seconds > self._max_hold_seconds

    def advance(self, pts_seconds: float, *, frames_lost: int = 0) -> ClockStep:
        """Take the next frame's timestamp; `frames_lost` before it could not be decoded."""
        if not math.isfinite(pts_seconds):
            raise SettingsError(f"pts_seconds is {pts_seconds}: give the frame's presentation time in seconds")
        if self._start_seconds is None:
            return self.restart(pts_seconds)
        change_seconds = pts_seconds - self._last_seconds
        if self.goes_back(pts_seconds):
            return self.restart(pts_seconds, WENT_BACK)
        lost = self._count_undecodable(pts_seconds, frames_lost) if frames_lost or self._undecodable else 0
        if lost and self._leaves_hole(change_seconds):
            return self.restart(pts_seconds, UNDECODABLE, frames_lost=lost)
        if self.jumps(pts_seconds):
            return self.restart(pts_seconds, JUMPED)
        if change_seconds <= 0:
            return ClockStep()
        self._last_seconds = pts_seconds
        shortest = change_seconds if self._interval_seconds is None else self._interval_seconds
        self._interval_seconds = min(change_seconds, shortest)
        # Index of the newest tick at or before this frame.
        due = math.floor((pts_seconds - self._start_seconds + TICK_TOLERANCE_SECONDS) * self._frame_rate)
        if due < self._next_tick:
            return ClockStep()
        held = tuple(self._tick_seconds(index) for index in range(self._next_tick, due))
        self._next_tick = due + 1
        return ClockStep(held_seconds=held, tick_seconds=self._tick_seconds(due))

    def reset(self) -> None:
        """Forget the stream; the next frame starts a new one."""
        self._start_seconds = None

    def restart(self, pts_seconds: float, reason: str | None = None, *, frames_lost: int | None = None) -> ClockStep:
        """Start anew at a frame, which serves the first tick; `reason` becomes the step's gap."""
        self._start_seconds = self._last_seconds = pts_seconds
        self._interval_seconds = None
        self._next_tick = 1
        self._undecodable = 0
        return ClockStep(gap=reason, tick_seconds=pts_seconds, frames_lost=frames_lost)

    def _leaves_hole(self, change_seconds: float) -> bool:
        """Say whether more than a tick is missing between two frames, whatever their times jitter by."""
        tick_seconds = 1 / self._frame_rate
        usual_seconds = max(self._interval_seconds or 0.0, tick_seconds)
        return change_seconds - usual_seconds > tick_seconds + TICK_TOLERANCE_SECONDS

    def _count_undecodable(self, pts_seconds: float, frames_lost: int) -> int:
        """Return how many frames lost of late may be the reason for a hole in time before this one."""
        if frames_lost:
            self._undecodable_seconds = pts_seconds
        elif pts_seconds - self._undecodable_seconds > _DAMAGE_SECONDS + (self._interval_seconds or 0.0):
            self._undecodable = 0
        self._undecodable += frames_lost
        return self._undecodable

    def _tick_seconds(self, index: int) -> float:
        # By multiplication: a sum of periods would drift.
        assert self._start_seconds is not None
        return self._start_seconds + index / self._frame_rate


def frames_to_hold(sampled: int, window: int) -> int:
    """How often the last frame must be held so that a clip of `sampled` frames fills one window.

    Zero for a clip that is long enough, and for one without any frame. Training pads short clips by this rule as well.
    """
    return window - sampled if 0 < sampled < window else 0
