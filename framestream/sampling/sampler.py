"""Choosing frames of a source as samples on the model's clock; shared by training and serving."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from framestream.frames import Damaged, FrameSource, Image, Skipping
from framestream.quantities import read_number
from framestream.records import Gap
from framestream.sampling.clock import JUMPED, WENT_BACK, ClockStep, SamplingClock
from framestream.sampling.time_steps import TimeSteps

_TIME = "the frame's presentation time in seconds"

Prepare: TypeAlias = Callable[[Image], Image]


@dataclass(frozen=True, slots=True)
class Sample:
    """A frame for the model.

    Attributes:
        image: The picture as the source or `prepare` made it.
        pts_seconds: The tick it is for, media time.
        held: True if the image is that of the sample before, because the source had none for this tick.
    """

    image: Image
    pts_seconds: float
    held: bool = False


@dataclass(slots=True)
class SamplingCounts:
    """Running totals; `read == sampled + skipped`, held samples and frames that did not decode come on top."""

    read: int = 0
    sampled: int = 0
    held: int = 0
    skipped: int = 0
    undecodable: int = 0


class Sampler:
    """Turns frames of one source into samples; holds what must be remembered from frame to frame.

    Attributes:
        clock: The model's clock.
        counts: What became of the frames so far.
    """

    def __init__(
        self,
        clock: SamplingClock,
        *,
        prepare: Prepare | None = None,
        continuous: bool = False,
        joins_jumps: bool = False,
    ) -> None:
        """Make a sampler.

        Args:
            clock: The model's clock.
            prepare: Function, often `fit_frame`, that is applied once to each sampled image.
            continuous: Whether media time goes on where it was when the source's clock restarts, behind a gap.
            joins_jumps: Whether it also does when that clock jumps ahead, as it does between parts of a playlist.
        """
        self.clock = clock
        self._continuous = continuous
        self._joins_jumps = joins_jumps
        self._shift_seconds = 0.0
        self.counts = SamplingCounts()
        self._prepare = prepare
        self._time_steps = TimeSteps(clock.frame_rate)
        self._image: Image | None = None
        self._shape: tuple[int, ...] = ()

    def reset(self) -> None:
        """End the stream here; the next frame starts a new one, without a gap. Counts go on."""
        self.clock.reset()
        self._image = None

    def take(
        self,
        pts_seconds: float,
        retrieve: Callable[[], Image],
        *,
        prepare: Prepare | None = None,
        frames_lost: int = 0,
    ) -> list[Sample | Gap]:
        """Take the next frame. A frame that fails, in `retrieve` or `prepare`, leaves everything as it was.

        Args:
            pts_seconds: The frame's presentation timestamp.
            retrieve: Returns the frame's image; called only if a tick wants it.
            prepare: Function that prepares this frame, instead of the sampler's own.
            frames_lost: Frames right before this one that could not be decoded.

        Returns:
            Nothing, or samples in order of time, after a `Gap` if continuity broke before this frame.

        Raises:
            SettingsError: The timestamp is no time.
        """
        given, pts_seconds = pts_seconds, read_number(pts_seconds, name="pts_seconds", wanted=_TIME)
        # Decided on a copy, which takes the clock's place once nothing can fail any more.
        clock = copy.copy(self.clock)
        shift_seconds = self._shift_seconds
        self._time_steps.check(given, pts_seconds)
        pts_seconds += shift_seconds
        broken = self._broken(clock, pts_seconds)
        if broken is None:
            step = clock.advance(pts_seconds, frames_lost=frames_lost)
        else:
            resumed = clock.end_seconds or 0.0
            shift_seconds += resumed - pts_seconds
            pts_seconds = resumed
            step = clock.restart(pts_seconds, broken)
        if step.tick_seconds is None:
            self.clock, self._shift_seconds = clock, shift_seconds
            self.counts.read += 1
            self.counts.skipped += 1
            self.counts.undecodable += frames_lost
            return []
        image = retrieve()
        prepare = prepare or self._prepare
        prepared = image if prepare is None else prepare(image)
        if step.gap is None and self._image is not None and image.shape != self._shape:
            # The size shows only now, when this clock has counted the frame to the segment before it.
            step = clock.restart(pts_seconds, "frame size changed")
        items = self._items(pts_seconds, step, prepared)
        self.clock, self._image, self._shape = clock, prepared, image.shape
        self._shift_seconds = shift_seconds
        self.counts.read += 1
        self.counts.undecodable += frames_lost
        self.counts.sampled += 1
        self.counts.held += len(step.held_seconds)
        return items

    @property
    def shift_seconds(self) -> float:
        """How much media time differs from the source's own clock by now."""
        return self._shift_seconds

    def _broken(self, clock: SamplingClock, pts_seconds: float) -> str | None:
        """Say why media time has to leave the source's clock, if it has to."""
        if self._continuous and clock.goes_back(pts_seconds):
            return WENT_BACK
        if self._joins_jumps and clock.jumps(pts_seconds):
            return JUMPED
        return None

    def _items(self, pts_seconds: float, step: ClockStep, image: Image) -> list[Sample | Gap]:
        """What a step means in samples; clock and image are still those of the frame before."""
        assert step.tick_seconds is not None
        items: list[Sample | Gap] = []
        ended = self.clock.end_seconds
        if step.gap is not None and ended is not None:
            items.append(
                Gap(
                    pts_seconds=ended,
                    reason=step.gap,
                    resume_seconds=pts_seconds,
                    frames_lost=step.frames_lost,
                )
            )
        if self._image is not None:
            items += [Sample(self._image, tick, held=True) for tick in step.held_seconds]
        items.append(Sample(image, step.tick_seconds))
        return items


def sample(
    source: FrameSource, sampler: Sampler | SamplingClock, *, stopped: Callable[[], bool] = lambda: False
) -> Iterator[Sample | Gap]:
    """Yield a source's samples, with a `Gap` wherever continuity breaks, until the source ends.

    Args:
        source: The video; it is not closed.
        sampler: A `Sampler` (whose `counts` and `clock` can be read at any time), or just a clock.
        stopped: Asked before each frame, wanted or not; True ends the samples.
    """
    if isinstance(sampler, SamplingClock):
        sampler = Sampler(sampler)
    # Looked up once: asking whether an object has an attribute takes as long as a step of the clock.
    damaged = source if isinstance(source, Damaged) else None
    skipping = source if isinstance(source, Skipping) else None
    while not stopped() and (pts_seconds := source.grab()) is not None:
        lost = 0 if damaged is None else damaged.lost_before
        items = sampler.take(pts_seconds, source.retrieve, frames_lost=lost)
        wanted_seconds = sampler.clock.wanted_seconds
        if items and skipping is not None and wanted_seconds is not None:
            skipping.skip_until(wanted_seconds - sampler.shift_seconds)
        yield from items
