"""From presentation timestamps to the model's clock; shared by training and serving.

The clock ticks at ``start + k / frame_rate``. A tick is served by the first frame at or after it, if that frame
comes before the next tick; a tick that no frame reached holds the frame sampled last. So the decision falls when a
frame arrives, nothing waits for a later one, and frames between ticks are never converted. Nothing is ever sampled
by counting frames.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from framestream.errors import SettingsError
from framestream.frames import FrameSource, Image
from framestream.records import Gap

Prepare: TypeAlias = Callable[[Image], Image]

# Containers round timestamps to their own grid (Matroska and FLV: 1 ms); without the tolerance a 10 fps model on
# such a 30 fps file would miss every third tick by 0.3 ms and take the next frame, 33 ms late.
TICK_TOLERANCE_SECONDS = 0.001

MAX_HOLD_SECONDS = 5.0
"""Longer pauses between two frames are a gap, not a picture that stood still."""


@dataclass(frozen=True, slots=True)
class ClockStep:
    """What one frame means for the clock.

    Attributes:
        gap: why continuity broke before this frame, or None.
        held_seconds: ticks before this frame that the frame sampled last has to answer.
        tick_seconds: the tick this frame serves, or None if it is not needed.
    """

    gap: str | None = None
    held_seconds: tuple[float, ...] = ()
    tick_seconds: float | None = None


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

    def advance(self, pts_seconds: float) -> ClockStep:
        """Take the next frame's timestamp."""
        if not math.isfinite(pts_seconds):
            raise SettingsError(f"pts_seconds is {pts_seconds}: give the frame's presentation time in seconds")
        if self._start_seconds is None:
            return self.restart(pts_seconds)
        change_seconds = pts_seconds - self._last_seconds
        if change_seconds < -1 / self._frame_rate:
            return self.restart(pts_seconds, "timestamp went back")
        if change_seconds > self._max_hold_seconds:
            return self.restart(pts_seconds, "timestamp jump")
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

    def restart(self, pts_seconds: float, reason: str | None = None) -> ClockStep:
        """Start anew at a frame, which serves the first tick; ``reason`` becomes the step's gap."""
        self._start_seconds = self._last_seconds = pts_seconds
        self._interval_seconds = None
        self._next_tick = 1
        return ClockStep(gap=reason, tick_seconds=pts_seconds)

    def _tick_seconds(self, index: int) -> float:
        # By multiplication: a sum of periods would drift.
        assert self._start_seconds is not None
        return self._start_seconds + index / self._frame_rate


@dataclass(frozen=True, slots=True)
class Sample:
    """A frame for the model.

    Attributes:
        image: as the source or ``prepare`` made it.
        pts_seconds: the tick it answers, media time.
        held: True if the image is that of the sample before, because the source had none for this tick.
    """

    image: Image
    pts_seconds: float
    held: bool = False


@dataclass(slots=True)
class SamplingCounts:
    """Running totals; ``read == sampled + skipped``, held samples come on top, frames that failed count nowhere."""

    read: int = 0
    sampled: int = 0
    held: int = 0
    skipped: int = 0


class Sampler:
    """Turns frames of one source into samples; holds what must be remembered from frame to frame."""

    def __init__(self, clock: SamplingClock, *, prepare: Prepare | None = None) -> None:
        """Make a sampler; ``prepare`` (often ``fit_frame``) is applied once to each sampled image."""
        self.clock = clock
        self.counts = SamplingCounts()
        self._prepare = prepare
        self._image: Image | None = None
        self._shape: tuple[int, ...] = ()

    def reset(self) -> None:
        """End the stream here; the next frame starts a new one, without a gap. Counts go on."""
        self.clock.reset()
        self._image = None

    def take(
        self, pts_seconds: float, retrieve: Callable[[], Image], *, prepare: Prepare | None = None
    ) -> list[Sample | Gap]:
        """Take the next frame. A frame that fails, in ``retrieve`` or ``prepare``, leaves everything as it was.

        Args:
            pts_seconds: its presentation timestamp.
            retrieve: gives its image; called only if a tick wants it.
            prepare: for this frame instead of the sampler's own.

        Returns:
            nothing, or samples in order of time, after a ``Gap`` if continuity broke before this frame.
        """
        # Decided on a copy, which takes the clock's place once nothing can fail any more.
        clock = copy.copy(self.clock)
        step = clock.advance(pts_seconds)
        if step.tick_seconds is None:
            self.clock = clock
            self.counts.read += 1
            self.counts.skipped += 1
            return []
        image = retrieve()
        prepare = prepare or self._prepare
        prepared = image if prepare is None else prepare(image)
        if step.gap is None and self._image is not None and image.shape != self._shape:
            # The size shows only now, when this clock has counted the frame to the stretch before it.
            step = clock.restart(pts_seconds, "frame size changed")
        items = self._items(pts_seconds, step, prepared)
        self.clock, self._image, self._shape = clock, prepared, image.shape
        self.counts.read += 1
        self.counts.sampled += 1
        self.counts.held += len(step.held_seconds)
        return items

    def _items(self, pts_seconds: float, step: ClockStep, image: Image) -> list[Sample | Gap]:
        """What a step means in samples; clock and image are still those of the frame before."""
        assert step.tick_seconds is not None
        items: list[Sample | Gap] = []
        ended = self.clock.end_seconds
        if step.gap is not None and ended is not None:
            items.append(Gap(pts_seconds=ended, reason=step.gap, resume_seconds=pts_seconds))
        if self._image is not None:
            items += [Sample(self._image, tick, held=True) for tick in step.held_seconds]
        items.append(Sample(image, step.tick_seconds))
        return items


def sample(
    source: FrameSource, sampler: Sampler | SamplingClock, *, stopped: Callable[[], bool] = lambda: False
) -> Iterator[Sample | Gap]:
    """Yield a source's samples, with a ``Gap`` wherever continuity breaks, until the source ends.

    Args:
        source: the video; it is not closed.
        sampler: a ``Sampler`` (whose ``counts`` and ``clock`` can be read at any time), or just a clock.
        stopped: asked before each frame, wanted or not; True ends the samples.
    """
    if isinstance(sampler, SamplingClock):
        sampler = Sampler(sampler)
    while not stopped() and (pts_seconds := source.grab()) is not None:
        yield from sampler.take(pts_seconds, source.retrieve)


_NO_IMAGE: Image = np.empty((0, 0, 3), np.uint8)


class SamplePreparation:
    """Applies ``prepare`` to samples whose sampler did not, once to each image however often it is held.

    In two steps, so that several samples may be prepared at once, in any order: each with ``prepare``, and then all of
    them, in their order, with ``complete``.
    """

    def __init__(self, prepare: Prepare) -> None:
        """Start before the first sample."""
        self._prepare = prepare
        self._image: Image | None = None

    def prepare(self, item: Sample | Gap) -> Sample | Gap:
        """Return an item with its image prepared, or without one if it is held from the sample before.

        Any thread may call it.
        """
        if isinstance(item, Gap):
            return item
        if item.held:
            # Where it waits, it must not keep a picture of full size.
            return Sample(_NO_IMAGE, item.pts_seconds, held=True)
        return Sample(self._prepare(item.image), item.pts_seconds)

    def complete(self, items: Iterable[Sample | Gap]) -> list[Sample | Gap]:
        """Return the stream's next items, the held ones with the image of the sample before them."""
        return [self._complete(item) for item in items]

    def _complete(self, item: Sample | Gap) -> Sample | Gap:
        if isinstance(item, Gap):
            return item
        if item.held:
            assert self._image is not None, "a stream does not start with a held sample"
            return Sample(self._image, item.pts_seconds, held=True)
        self._image = item.image
        return item


def frames_to_hold(sampled: int, window: int) -> int:
    """How often the last frame must be held so that a clip of ``sampled`` frames fills one window.

    Zero for a clip that is long enough, and for one without any frame. Training pads short clips by this rule as well.
    """
    return window - sampled if 0 < sampled < window else 0
