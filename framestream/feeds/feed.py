"""Feeds, which bring the samples of the pipeline: one feed and one inbox for each camera.

A feed is started with an inbox and puts into it, from a thread of its own: `Opened` once it knows its source, then
samples and gaps in order of time, statuses whenever they change, and at its very end one `Closed`. A feed that can
wait (a recording) uses `put_waiting`; one that cannot (a camera) uses `put`, and what the consumer does not fetch
in time is dropped, oldest first, and counted. One that loses its source and tries again says so with `Lost`.
"""

from __future__ import annotations

from typing import Protocol

from framestream.feeds.inbox import Inbox
from framestream.feeds.items import Arrival, Closed, FeedItem, Lost, Missed, Opened

__all__ = ["Arrival", "Closed", "Feed", "FeedItem", "Inbox", "Lost", "Missed", "Opened", "StopFlag"]


class StopFlag:
    """A request to stop. Unlike `threading.Event` it takes no lock, so a signal handler may set it at any moment."""

    __slots__ = ("_is_set",)

    def __init__(self) -> None:
        """Make a flag that is not set."""
        self._is_set = False

    def set(self) -> None:
        """Ask to stop; for good."""
        self._is_set = True

    def is_set(self) -> bool:
        """Return whether the feed was asked to stop."""
        return self._is_set


class Feed(Protocol):
    """Brings one camera's samples."""

    def start(self, inbox: Inbox) -> None:
        """Begin to put items into the inbox; called once."""
        ...

    def stop(self) -> None:
        """Ask it to end; returns at once, may be called by any thread, more than once and before `start`."""
        ...

    def join(self) -> None:
        """Wait until everything of it is gone, which takes less than two seconds after `stop`."""
        ...
