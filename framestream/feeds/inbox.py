"""Inboxes: the bounded queues in which one camera's samples and notices wait for the consumer."""

from __future__ import annotations

import copy
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass, field, replace
from itertools import dropwhile, islice, takewhile
from queue import Empty, SimpleQueue

import numpy as np

from framestream.errors import SettingsError
from framestream.feeds.items import Arrival, Closed, FeedItem, Fit, Missed, Notice, Picture, condense
from framestream.frames import Image
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
CHUNK_STEPS = 16
"""Samples of a recording that are run at once; more would gain little."""
RECORDED_CAPACITY = 2 * CHUNK_STEPS
"""Samples of a recording that wait at most: those to be run next, and as many again."""
# What a slow source has given is not kept back for longer than this so that more of it can be run at once.
_PATIENCE_SECONDS = 0.25
# Samples of full size that wait for the consumer, the one in its hands included, before the feed scales them itself.
# A few, so that the consumer always finds some.
_MOST_UNSCALED = 5
_NO_IMAGE: Image = np.empty((0, 0, 3), np.uint8)
# Many more than there can be when they are condensed and every other item is a sample.
_NOTICES_PER_SAMPLE = 16


class WakeUpSignal:
    """Wakes one waiting thread. Any thread may send it, and so may a signal handler, since `send` takes no lock."""

    def __init__(self) -> None:
        """Make a signal that has not been sent."""
        # SimpleQueue.put is reentrant, which no lock, condition or event is.
        self._tokens: SimpleQueue[None] = SimpleQueue()
        self._is_sent = False

    def send(self) -> None:
        """Wake the thread that waits, or the next to wait; several calls before it wakes count as one."""
        if not self._is_sent:
            self._is_sent = True
            self._tokens.put(None)

    def wait(self, timeout_seconds: float) -> bool:
        """Wait for the signal; return whether it came in time. What its sender did before sending is visible then."""
        try:
            self._tokens.get(timeout=timeout_seconds)
        except Empty:
            return False
        # Cleared before the caller looks at anything, so that the next item sends the signal again.
        self._is_sent = False
        return True


@dataclass(slots=True)
class InboxCounts:
    """What has passed through an inbox.

    Attributes:
        source: The feed's own counts, as last heard.
        dropped: Frames dropped by reason; held samples are none.
        dropped_held: Number of held samples dropped.
        lost: Frames that the source dropped before the feed could read them.
    """

    source: SamplingCounts = field(default_factory=SamplingCounts)
    dropped: Counter[str] = field(default_factory=Counter)
    dropped_held: int = 0
    lost: int = 0


class Inbox:
    """A queue of one camera's items on their way to the consumer: bounded, in order, safe between threads.

    Samples of a recording may come before they are scaled. The consumer scales some while it has nothing to run; when
    more wait than it is likely to get to, the feed scales the next ones itself. So two cores have work, whichever of
    decoding and running the model is the slower.
    """

    def __init__(self, wake_up: WakeUpSignal | None = None, *, capacity: int = DEFAULT_CAPACITY) -> None:
        """Make an inbox for at most `capacity` samples; `wake_up` wakes the consumer for each item."""
        if capacity < 1:
            raise SettingsError(f"capacity is {capacity}: give a number of samples, 1 or more")
        self._wake_up = wake_up or WakeUpSignal()
        self._capacity = capacity
        self._items: deque[Notice | Arrival] = deque()
        self._samples = 0
        self._unscaled: deque[tuple[Arrival, Fit]] = deque()
        self._newest_picture: Picture | None = None
        self._counts = InboxCounts()
        self._stopped = False
        self._failed = False
        self._changed = threading.Condition()

    @property
    def counts(self) -> InboxCounts:
        """A copy of the counts, all of one moment."""
        with self._changed:
            counts = self._counts
            return replace(counts, source=replace(counts.source), dropped=counts.dropped.copy())

    def has_samples(self, samples: int) -> bool:
        """Return whether that many samples are ready, or fewer that have waited for long or have something else behind.

        Samples that the consumer could scale now are worth waiting for.
        """
        with self._changed:
            ready = self._ready(samples)
            if ready in (0, samples):
                return ready > 0
            if self._next_unscaled() is not None:
                return False
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
            item: The sample or notice to put in.
            arrived_seconds: When the item arrived, by `time.monotonic()`.
            counts: The feed's counts so far, this item included; a copy is kept.
        """
        with self._changed:
            self._add(item, arrived_seconds, counts)
            while self._samples > self._capacity:
                self._drop_oldest(INBOX_FULL)
        self._wake_up.send()

    def put_waiting(
        self, item: FeedItem, *, arrived_seconds: float, counts: SamplingCounts | None = None, fit: Fit | None = None
    ) -> bool:
        """Add an item, waiting while there is enough; return False if it was stopped, so that the feed should end.

        Args:
            item: The sample or notice to put in.
            arrived_seconds: When the item arrived, by `time.monotonic()`.
            counts: The feed's counts so far, this item included; a copy is kept.
            fit: Scales the sample's image, on this thread or the consumer's; None where the image is scaled.
        """
        enough = min(self._capacity, RECORDED_CAPACITY)
        with self._changed:
            while self._samples >= enough and isinstance(item, Sample) and not self._stopped:
                self._changed.wait()
            arrival = self._add(item, arrived_seconds, counts, fit=fit)
            going_on = not self._stopped
            scales_itself = False
            if going_on and arrival is not None and fit is not None:
                scales_itself = len(self._unscaled) >= _MOST_UNSCALED
                if not scales_itself:
                    self._unscaled.append((arrival, fit))
        if scales_itself and arrival is not None and fit is not None:
            self._scale(arrival, fit)
        self._wake_up.send()
        return going_on and not self._failed

    def scale_one(self) -> bool:
        """Scale a sample's image that waits for it; return False if none does."""
        with self._changed:
            # It stays there until it is ready: a consumer that is interrupted takes it up again.
            waiting = self._next_unscaled()
        if waiting is None:
            return False
        self._scale(*waiting)
        return True

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
        """Return the next samples that are ready, at most `limit`, up to whatever else comes between."""
        samples: list[Arrival] = []
        with self._changed:
            while len(samples) < limit and self._items:
                item = self._items[0]
                if not (isinstance(item, Arrival) and item.is_ready):
                    break
                samples.append(item.taken())
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
            self._unscaled.clear()
            while self._samples:
                self._drop_oldest(STOPPED)
            self._changed.notify_all()
        self._wake_up.send()

    def _add(
        self, item: FeedItem, arrived_seconds: float, counts: SamplingCounts | None, *, fit: Fit | None = None
    ) -> Arrival | None:
        """Add an item; return the arrival of a sample whose image is still to be scaled, None for all else."""
        if self._failed:
            return None
        needs_scaling = False
        if isinstance(item, Closed):
            counts = item.counts
            self._counts.lost = item.frames_lost
        if counts is not None:
            self._counts.source = copy.copy(counts)
        if not isinstance(item, Sample):
            self._items.append(item)
            self._bound_notices()
            return None
        arrival = Arrival(item, arrived_seconds)
        if fit is not None:
            # A sample that waits must not keep a picture of full size longer than it takes to scale it.
            needs_scaling = not item.held or self._newest_picture is None
            if needs_scaling:
                self._newest_picture = Picture(item.image)
            arrival = Arrival(Sample(_NO_IMAGE, item.pts_seconds, item.held), arrived_seconds, self._newest_picture)
        self._items.append(arrival)
        self._samples += 1
        if self._stopped:
            self._drop_oldest(STOPPED)
        return arrival if needs_scaling else None

    def _scale(self, arrival: Arrival, fit: Fit) -> None:
        assert arrival.picture is not None
        try:
            arrival.picture.fit(fit)
        except Exception as error:  # reported in the place of the sample, after those before it
            self._fail_at(arrival, error)
        self._wake_up.send()

    def _fail_at(self, arrival: Arrival, error: Exception) -> None:
        """Close the feed in the place of a sample whose image cannot be scaled."""
        with self._changed:
            if arrival not in self._items:
                return  # stopped, or one before it has failed
            self._failed = self._stopped = True
            behind = len(self._items) - self._items.index(arrival)
            for item in [self._items.pop() for _ in range(behind)]:
                if isinstance(item, Arrival):
                    self._count_dropped(item, STOPPED)
            self._unscaled = deque(entry for entry in self._unscaled if entry[0] in self._items)
            self._items.append(Closed(replace(self._counts.source), error=error))
            self._changed.notify_all()

    def _ready(self, most: int) -> int:
        """Return how many of the next samples the model can take, at most `most`."""
        arrivals = (item for item in self._items if isinstance(item, Arrival))
        return sum(1 for _ in takewhile(lambda item: item.is_ready, islice(arrivals, most)))

    def _next_unscaled(self) -> tuple[Arrival, Fit] | None:
        while self._unscaled and self._unscaled[0][0].is_ready:
            self._unscaled.popleft()
        return self._unscaled[0] if self._unscaled else None

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
        self._count_dropped(arrival, reason)

    def _count_dropped(self, arrival: Arrival, reason: str) -> None:
        self._samples -= 1
        if arrival.sample.held:
            self._counts.dropped_held += 1
        else:
            self._counts.dropped[reason] += 1

    def _bound_notices(self) -> None:
        """Keep a camera that breaks off again and again from filling the inbox of a consumer that does not look."""
        if len(self._items) - self._samples > _NOTICES_PER_SAMPLE * self._capacity:
            self._items = deque(condense(list(self._items)))
