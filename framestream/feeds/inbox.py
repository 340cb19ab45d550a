"""One camera's items on their way to the consumer."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from dataclasses import dataclass, field, replace
from itertools import dropwhile
from queue import Empty, SimpleQueue

from framestream.errors import SettingsError
from framestream.feeds.items import Arrival, Closed, FeedItem, Missed, Notice, condense
from framestream.sampling.sampler import Sample, SamplingCounts

TOO_SLOW = "too slow"
"""Dropped because it was older than the lag allows: it waited, or came late."""
INBOX_FULL = "inbox full"
"""Dropped because the consumer fetched nothing for so long that the inbox was full."""
SOURCE_FULL = "source full"
"""Dropped by the source of the caller's own, because it was not read in time."""
STOPPED = "stopped"
"""Dropped because its camera was stopped or removed before it could be run."""
DEFAULT_CAPACITY = 64
RECORDED_CAPACITY = 8
"""Samples of a recording that wait at most; while they are run, as many again are read."""
# What a slow source has given is not kept back for longer than this so that more of it can be run at once.
_PATIENCE_SECONDS = 0.25
# Many more than there can be when they are condensed and every other item is a sample.
_NOTICES_PER_SAMPLE = 16


class Doorbell:
    """Rung by anybody, waited for by one. ``ring`` takes no lock of Python's, so a signal handler may call it."""

    def __init__(self) -> None:
        """Make a bell that has not been rung."""
        # SimpleQueue.put is reentrant, which no lock, condition or event is.
        self._tokens: SimpleQueue[None] = SimpleQueue()
        self._is_rung = False

    def ring(self) -> None:
        """Wake the one who waits, or the next to wait; ringing twice is ringing once."""
        if not self._is_rung:
            self._is_rung = True
            self._tokens.put(None)

    def wait(self, timeout_seconds: float) -> bool:
        """Wait until it rings; return whether it did. What was done before the ring is seen after it."""
        try:
            self._tokens.get(timeout=timeout_seconds)
        except Empty:
            return False
        # Cleared before the caller looks at anything, so that what comes from now on rings again.
        self._is_rung = False
        return True


@dataclass(slots=True)
class InboxCounts:
    """What has passed through an inbox.

    Attributes:
        source: the feed's own counts, as last heard.
        dropped: frames dropped by reason; held samples are none.
        dropped_held: held samples dropped.
        lost: frames that the source dropped before the feed could read them.
    """

    source: SamplingCounts = field(default_factory=SamplingCounts)
    dropped: Counter[str] = field(default_factory=Counter)
    dropped_held: int = 0
    lost: int = 0


class Inbox:
    """One camera's items on their way to the consumer: bounded, in order, safe between threads."""

    def __init__(self, bell: Doorbell | None = None, *, capacity: int = DEFAULT_CAPACITY) -> None:
        """Make an inbox for at most ``capacity`` samples; ``bell`` is rung for whatever comes in."""
        if capacity < 1:
            raise SettingsError(f"capacity is {capacity}: give a number of samples, 1 or more")
        self._bell = bell or Doorbell()
        self._capacity = capacity
        self._items: deque[Notice | Arrival] = deque()
        self._samples = 0
        self._counts = InboxCounts()
        self._stopped = False
        self._changed = threading.Condition()

    @property
    def counts(self) -> InboxCounts:
        """A copy of the counts, all of one moment."""
        with self._changed:
            counts = self._counts
            return replace(counts, source=replace(counts.source), dropped=counts.dropped.copy())

    def has_samples(self, samples: int) -> bool:
        """Return whether that many samples wait, or fewer that have waited for long or have something else behind."""
        with self._changed:
            if self._samples == 0 or self._samples >= samples:
                return self._samples > 0
            oldest = self._oldest()
            has_waited = oldest is not None and time.monotonic() - oldest.arrived_seconds > _PATIENCE_SECONDS
            # Behind a notice there may be more samples, which are not run with those before it.
            behind = dropwhile(lambda item: not isinstance(item, Arrival), self._items)
            return has_waited or not all(isinstance(item, Arrival) for item in behind)

    def has_notices(self) -> bool:
        """Return whether something comes before the next sample."""
        with self._changed:
            return bool(self._items) and not isinstance(self._items[0], Arrival)

    def put(self, item: FeedItem, *, arrived_seconds: float, counts: SamplingCounts | None = None) -> None:
        """Add an item without waiting; if the inbox is full, its oldest samples make room.

        Args:
            item: what came.
            arrived_seconds: when, by ``time.monotonic()``.
            counts: the feed's counts so far, this item included; a copy is kept.
        """
        with self._changed:
            self._add(item, arrived_seconds, counts)
            while self._samples > self._capacity:
                self._drop_oldest(INBOX_FULL)
        self._bell.ring()

    def put_waiting(self, item: FeedItem, *, arrived_seconds: float, counts: SamplingCounts | None = None) -> bool:
        """Add an item, waiting while there is enough; return False if it was stopped, so that the feed should end."""
        enough = min(self._capacity, RECORDED_CAPACITY)
        with self._changed:
            while self._samples >= enough and isinstance(item, Sample) and not self._stopped:
                self._changed.wait()
            self._add(item, arrived_seconds, counts)
            going_on = not self._stopped
        self._bell.ring()
        return going_on

    def take_notices(self) -> list[Notice]:
        """Return the items that come before the next sample."""
        notices: list[Notice] = []
        with self._changed:
            while self._items and not isinstance(self._items[0], Arrival):
                item = self._items.popleft()
                assert not isinstance(item, Arrival)
                notices.append(item)
        return notices

    def take_samples(self, limit: int) -> list[Arrival]:
        """Return the next samples, at most ``limit``, up to whatever else comes between."""
        samples: list[Arrival] = []
        with self._changed:
            while len(samples) < limit and self._items:
                item = self._items[0]
                if not isinstance(item, Arrival):
                    break
                samples.append(item)
                self._items.popleft()
            self._samples -= len(samples)
            self._changed.notify_all()
        return samples

    def drop_older_than(self, oldest_seconds: float) -> int:
        """Drop samples that arrived before a moment; return how many frames that were (held ones are none)."""
        dropped = self._counts.dropped
        with self._changed:
            before = dropped[TOO_SLOW]
            self._changed.notify_all()
            while (oldest := self._oldest()) is not None and oldest.arrived_seconds < oldest_seconds:
                self._drop_oldest(TOO_SLOW)
            return dropped[TOO_SLOW] - before

    def stop(self) -> None:
        """Take no more samples, drop those that wait, and release a feed that waits for room; notices still pass."""
        with self._changed:
            self._stopped = True
            while self._samples:
                self._drop_oldest(STOPPED)
            self._changed.notify_all()
        self._bell.ring()

    def _add(self, item: FeedItem, arrived_seconds: float, counts: SamplingCounts | None) -> None:
        if isinstance(item, Closed):
            counts = item.counts
            self._counts.lost = item.frames_lost
        if counts is not None:
            self._counts.source = replace(counts)
        if not isinstance(item, Sample):
            self._items.append(item)
            self._bound_notices()
            return
        self._items.append(Arrival(item, arrived_seconds))
        self._samples += 1
        if self._stopped:
            self._drop_oldest(STOPPED)

    def _oldest(self) -> Arrival | None:
        return next((item for item in self._items if isinstance(item, Arrival)), None)

    def _drop_oldest(self, reason: str) -> None:
        """Put a note in the place of the oldest sample, or add it to the note before."""
        index = next(index for index, item in enumerate(self._items) if isinstance(item, Arrival))
        arrival = self._items[index]
        assert isinstance(arrival, Arrival)
        tick = arrival.sample.pts_seconds
        missed = Missed(tick, tick, ticks=1, frames=0 if arrival.sample.held else 1)
        before = self._items[index - 1] if index else None
        if isinstance(before, Missed):
            self._items[index - 1] = before.joined(missed)
            del self._items[index]
        else:
            self._items[index] = missed
        self._samples -= 1
        if arrival.sample.held:
            self._counts.dropped_held += 1
        else:
            self._counts.dropped[reason] += 1

    def _bound_notices(self) -> None:
        """Keep a camera that breaks off again and again from filling the inbox of a consumer that does not look."""
        if len(self._items) - self._samples > _NOTICES_PER_SAMPLE * self._capacity:
            self._items = deque(condense(list(self._items)))
