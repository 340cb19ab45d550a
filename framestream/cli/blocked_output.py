"""Ending a watch although nobody reads what it writes: a write to a full pipe returns to no signal handler's wish."""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue

from framestream.records import Record
from framestream.sinks import Sink

# How long one record may take to be written once the end was asked for; whoever reads slowly gets the rest.
_PATIENCE_SECONDS = 2.0
_LOOK_SECONDS = 0.2


class WatchedOutput:
    """A sink's writes, and the end of the process if one of them does not return after a signal."""

    def __init__(self, sink: Sink) -> None:
        """Write to a sink."""
        self._sink = sink
        # Counts up before and after each write: odd while one goes on.
        self._writes = 0
        # Its `put` may be called in a signal handler, whatever the main thread is at.
        self._signals: SimpleQueue[int | None] = SimpleQueue()

    def write(self, record: Record) -> None:
        """Write one record."""
        self._writes += 1
        self._sink.write(record)
        self._writes += 1

    def end_soon(self, number: int) -> None:
        """Take note of the signal that asks for the end; takes no lock."""
        self._signals.put(number)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Look after the writes meanwhile."""
        guard = threading.Thread(target=self._look, name="framestream-output", daemon=True)
        guard.start()
        try:
            yield
        finally:
            self._signals.put(None)
            guard.join()

    def _look(self) -> None:
        number = self._signals.get()
        if number is None:
            return
        seen, since_seconds = self._writes, time.monotonic()
        while not self._is_over():
            if self._writes != seen or not seen % 2:
                seen, since_seconds = self._writes, time.monotonic()
            elif time.monotonic() - since_seconds > _PATIENCE_SECONDS:
                _leave(number)

    def _is_over(self) -> bool:
        try:
            return self._signals.get(timeout=_LOOK_SECONDS) is None
        except Empty:
            return False


def _leave(number: int) -> None:
    """End the process as the signal would have; its reader processes notice and end as well."""
    # Standard error may be the same pipe.
    if select.select([], [2], [], 0)[1]:
        os.write(2, b"error: nobody reads the output, so what was still to be said is lost\n")
    os._exit(128 + number)
