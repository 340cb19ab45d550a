"""What a feed puts into its inbox, and what becomes of it there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from framestream.frames import SourceInfo
from framestream.records import Gap, Status
from framestream.sampling.sampler import Sample, SamplingCounts


@dataclass(frozen=True, slots=True)
class Opened:
    """The source is open; may come again after a reconnect."""

    info: SourceInfo


@dataclass(frozen=True, slots=True)
class Closed:
    """The feed has ended; its last item.

    Attributes:
        counts: its frames, all connections together; ``read == sampled + skipped``.
        error: why it ended, or None for an ordinary end or a stop.
        end_seconds: media time at which its last frame ended, or None for one tick after the last sample.
        frames_lost: frames that the source itself dropped before they could be read; not among ``counts``.
    """

    counts: SamplingCounts
    error: Exception | None = None
    end_seconds: float | None = None
    frames_lost: int = 0


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection is gone and another is tried: what goes on ends here, however long the outage lasts.

    Attributes:
        end_seconds: media time at which the last frame ended.
    """

    end_seconds: float


@dataclass(frozen=True, slots=True)
class Missed:
    """Samples that were dropped from an inbox, one after the other.

    Attributes:
        first_seconds: the tick of the first.
        last_seconds: the tick of the last.
        ticks: how many.
        frames: how many of them had a frame of their own.
    """

    first_seconds: float
    last_seconds: float
    ticks: int
    frames: int

    def joined(self, later: Missed) -> Missed:
        """Return both as one."""
        return Missed(self.first_seconds, later.last_seconds, self.ticks + later.ticks, self.frames + later.frames)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A sample and when it came, by ``time.monotonic()``."""

    sample: Sample
    arrived_seconds: float


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
