"""Handing out an engine's records."""

from __future__ import annotations

import contextlib

from framestream.records import Record
from framestream.watch.engine import Engine
from framestream.watch.record_iterator import RecordIterator

# How long a round waits for something to do: how soon a cancelled task lets its thread go, and how late it is noticed
# that samples have waited long enough for others (`Inbox.has_samples`), since nothing rings for that.
_WAIT_SECONDS = 0.25


class Watching(RecordIterator):
    """The records of an engine. One that is forgotten closes its cameras as well."""

    def __init__(self, engine: Engine) -> None:
        """Hand out the records of an engine, which belongs to this object from now on."""
        self._engine = engine

    def __del__(self) -> None:
        """Let the feeds of a forgotten watch end."""
        # There is no engine where the settings were refused.
        engine = getattr(self, "_engine", None)
        if engine is not None:
            engine.abandon()

    def stop(self) -> None:
        """Ask the iteration to finish: open events end, each camera yields its ``End``. Safe in a signal handler."""
        self._engine.stop()

    def close(self) -> None:
        """End the iteration without further records and release everything.

        May be called twice, and by another thread than the one that iterates. In a signal handler use ``stop``.
        """
        self._engine.close()
        self._engine.ready.clear()

    def _has_next(self) -> bool:
        return bool(self._engine.ready) or self._engine.finished

    def _advance(self) -> None:
        self._engine.advance(_WAIT_SECONDS)

    def _take(self) -> Record | None:
        # Another thread that closes the watch may empty it at any moment.
        with contextlib.suppress(IndexError):
            return self._engine.ready.popleft()
        self._engine.failure.raise_once()
        return None
