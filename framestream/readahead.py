"""Reading ahead: the next chunk is prepared on a thread while the consumer works on the one before."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import islice
from typing import Generic, TypeVar

T = TypeVar("T")


class ReadAhead(Generic[T]):
    """Reads an iterator in chunks, one chunk ahead of its consumer.

    Each chunk has a thread of its own that ends with it. So there is no queue to fill up and nobody who waits on it:
    a consumer that fails, or just stops asking, leaves no thread behind even if nobody calls ``close``. What the
    iterator raises reaches the consumer, after the items before it.
    """

    def __init__(self, items: Iterator[T], *, chunk: int) -> None:
        """Prepare to read; the first chunk is read when it is asked for."""
        self._items = items
        self._chunk = chunk
        self._stopped = threading.Event()
        self._reader: threading.Thread | None = None
        self._ready: list[T] = []
        self._ended = False
        self._error: BaseException | None = None

    def next_chunk(self) -> list[T]:
        """Return the next items, fewer than ``chunk`` only at the end, and start reading those after; [] is the end."""
        if self._reader is None and not self._ended:
            self._start()
        self._join()
        ready, self._ready = self._ready, []
        if self._error is not None and not ready:
            error, self._error = self._error, None
            raise error
        if not self._ended and not self._stopped.is_set():
            self._start()
        return ready

    def stop(self) -> None:
        """Let the thread end after the item it is at; safe in a signal handler."""
        self._stopped.set()

    def close(self) -> None:
        """Stop, and wait until the thread has ended."""
        self.stop()
        self._join()

    def _start(self) -> None:
        self._reader = threading.Thread(target=self._read, name="framestream-readahead")
        self._reader.start()

    def _join(self) -> None:
        if self._reader is not None:
            self._reader.join()
            self._reader = None

    def _read(self) -> None:
        # The list is published item by item, so what was read before an error is not lost.
        try:
            for item in islice(self._items, self._chunk):
                self._ready.append(item)
                if self._stopped.is_set():
                    return
            self._ended = len(self._ready) < self._chunk
        except BaseException as error:  # the thread's boundary: next_chunk raises it in the consumer
            self._error = error
            self._ended = True
