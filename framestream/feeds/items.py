"""What a feed puts into its inbox, and what becomes of it there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from framestream.frames import Image, SourceInfo
from framestream.records import Gap, Status
from framestream.sampling.sampler import Sample, SamplingCounts

Fit: TypeAlias = Callable[[Image], Image]
"""Brings an image to the model's size and colour order."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The source is open; may come again after a reconnect."""

    info: SourceInfo


@dataclass(frozen=True, slots=True)
class Closed:
    """The feed has ended; its last item.

    Attributes:
        counts: Counts of the camera's frames, all connections together; `read == sampled + skipped`.
        error: Why the feed ended, or None for an ordinary end or a stop.
        end_seconds: Media time at which its last frame ended, or None for one tick after the last sample.
        frames_lost: Frames that the source itself dropped before they could be read; not among `counts`.
    """

    counts: SamplingCounts
    error: BaseException | None = None
    end_seconds: float | None = None
    frames_lost: int = 0


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection is gone and another is tried: what goes on ends here, however long the outage lasts.

    Attributes:
        end_seconds: Media time at which the last frame ended.
    """

    end_seconds: float


@dataclass(frozen=True, slots=True)
class Missed:
    """Samples that were dropped from an inbox, one after the other.

    Attributes:
        first_seconds: Tick of the first dropped sample.
        last_seconds: Tick of the last dropped sample.
        ticks: Number of samples that were dropped.
        frames: Number of dropped samples that had a frame of their own.
    """

    first_seconds: float
    last_seconds: float
    ticks: int
    frames: int

    def joined(self, later: Missed) -> Missed:
        """Return these dropped samples and later ones as one record."""
        return Missed(self.first_seconds, later.last_seconds, self.ticks + later.ticks, self.frames + later.frames)


class Picture:
    """A sample's image on its way to the model's size, shared by the samples that hold it."""

    __slots__ = ("_state",)

    def __init__(self, image: Image) -> None:
        """Hold an image as its source made it."""
        # One object, so that no interrupt finds an image that is scaled and not marked so.
        self._state = image, False

    @property
    def is_ready(self) -> bool:
        """Whether the image has the model's size."""
        return self._state[1]

    @property
    def image(self) -> Image:
        """The image as it is now."""
        return self._state[0]

    def fit(self, fit: Fit) -> None:
        """Scale the image."""
        if not self.is_ready:
            self._state = fit(self.image), True


@dataclass(frozen=True, slots=True, eq=False)
class Arrival:
    """A sample and when it came, by `time.monotonic()`.

    Attributes:
        sample: The sample; its image is empty while `picture` has it.
        arrived_seconds: When the sample came.
        picture: The image, of a sample that was put before it was scaled; None once it has been taken.
    """

    sample: Sample
    arrived_seconds: float
    picture: Picture | None = None

    @property
    def is_ready(self) -> bool:
        """Whether the model can take it."""
        return self.picture is None or self.picture.is_ready

    def taken(self) -> Arrival:
        """Return the same with its image in the sample."""
        if self.picture is None:
            return self
        return Arrival(Sample(self.picture.image, self.sample.pts_seconds, self.sample.held), self.arrived_seconds)


FeedItem: TypeAlias = Opened | Status | Sample | Gap | Lost | Closed
Notice: TypeAlias = Opened | Status | Gap | Lost | Closed | Missed
"""What an inbox holds besides samples."""


def condense(items: Sequence[Notice | Arrival]) -> list[Notice | Arrival]:
    """Return the same samples with fewer notices between them, for a consumer that has not looked for long.

    Between two samples, or before the first, several gaps become one that spans them all, and of several openings,
    losses and statuses the newest stays.
    """
    condensed: list[Notice | Arrival] = []
    run: list[Notice] = []
    for item in items:
        if isinstance(item, Arrival):
            condensed += [*_condense_run(run), item]
            run = []
        else:
            run.append(item)
    return condensed + _condense_run(run)


def _condense_run(run: list[Notice]) -> list[Notice]:
    missed: Missed | None = None
    gap: Gap | None = None
    before_gap: list[Notice] = []
    newest: dict[type, Notice] = {}
    for item in run:
        if isinstance(item, Missed):
            missed = item if missed is None else missed.joined(item)
        elif isinstance(item, Gap):
            if gap is None:
                before_gap = [] if missed is None else [missed]
                gap = item
            else:
                # What came between the two was dropped, so the break goes from the first to the last.
                lost = [one.frames_lost for one in (gap, item) if one.frames_lost is not None]
                gap = replace(item, pts_seconds=gap.pts_seconds, frames_lost=sum(lost) if lost else None)
            missed = None
        else:
            newest[type(item)] = item
    return [*before_gap, *([] if gap is None else [gap]), *newest.values(), *([] if missed is None else [missed])]
