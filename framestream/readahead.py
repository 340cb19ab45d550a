"""Reading ahead: the next chunk is read and prepared on threads while the consumer works on the one before."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from itertools import islice
from queue import SimpleQueue
from typing import Generic, TypeVar

from framestream.kept_error import KeptError

T = TypeVar("T")

PATIENCE_SECONDS = 0.25
"""What a slow source has given is not kept back for longer than this so that more of it can be run at once."""

_UNPREPARED = 2
"""Items that may wait for being prepared: one is not enough to keep both threads busy, many would be much memory."""


class StopFlag:
    """A request to stop. Unlike ``threading.Event`` it takes no lock, so a signal handler may set it at any moment."""

    __slots__ = ("_is_set",)

    def __init__(self) -> None:
        """Make a flag that is not set."""
        self._is_set = False

    def set(self) -> None:
        """Ask to stop; for good."""
        self._is_set = True

    def is_set(self) -> bool:
        """Return whether somebody asked."""
        return self._is_set


class ReadAhead(Generic[T]):
    """Reads an iterator in chunks, one chunk ahead of its consumer.

    Each chunk has threads of its own that end with it. So there is no queue to fill up and nobody who waits on it:
    a consumer that fails, or just stops asking, leaves no thread behind even if nobody calls ``close``. What the
    iterator raises reaches the consumer, after the items before it.
    """

    def __init__(
        self,
        items: Iterator[T],
        *,
        chunk: int,
        stop: StopFlag | None = None,
        prepare: Callable[[T], T] | None = None,
    ) -> None:
        """Prepare to read; the first chunk is read when it is asked for.

        Args:
            items: what to read.
            chunk: how many at once.
            stop: lets the threads end after an item.
            prepare: made of each item before the consumer gets it, while the next one is read.
        """
        self._items = items
        self._chunk = chunk
        self._stop = stop or StopFlag()
        self._prepare = prepare
        # Held while a thread is started, so that after close() none is.
        self._starting = threading.RLock()
        self._reader: threading.Thread | None = None
        self._ready: list[T] = []
        self._ended = False
        self._error = KeptError()

    def next_chunk(self) -> list[T]:
        """Return the next items, and start reading those after; [] is the end.

        Fewer than ``chunk`` come at the end, and of a source that is slow.
        """
        if self._reader is None:
            self._start()
        self._join()
        ready, self._ready = self._ready, []
        if not ready:
            self._error.raise_once()
        self._start()
        return ready

    def close(self) -> None:
        """Stop, and wait until the threads have ended; any thread may call it, more than once."""
        self._stop.set()
        with self._starting:
            pass
        self._join()

    def _start(self) -> None:
        with self._starting:
            if not self._ended and not self._stop.is_set():
                reader = threading.Thread(target=self._read, name="framestream-readahead")
                reader.start()
                self._reader = reader

    def _join(self) -> None:
        reader = self._reader
        if reader is not None:
            reader.join()

    def _read(self) -> None:
        # The list is published item by item, so what was read before an error is not lost.
        try:
            if self._prepare is None:
                self._ready.extend(self._chunk_items())
                return
            with closing(read_on_thread(self._chunk_items(), ahead=_UNPREPARED)) as items:
                for item in items:
                    self._ready.append(self._prepare(item))
        except BaseException as error:  # the thread's boundary: next_chunk raises it in the consumer
            self._error.keep(error)
            self._ended = True

    def _chunk_items(self) -> Iterator[T]:
        deadline = time.monotonic() + PATIENCE_SECONDS
        count = 0
        for item in islice(self._items, self._chunk):
            yield item
            count += 1
            if self._stop.is_set() or time.monotonic() > deadline:
                return
        self._ended = count < self._chunk


def read_on_thread(items: Iterator[T], *, ahead: int) -> Generator[T, None, None]:
    """Yield items that another thread reads, at most ``ahead`` before they are asked for.

    The thread ends with the items, or when the generator is closed. What it raises is raised here.
    """
    room = threading.Semaphore(ahead)
    handed: SimpleQueue[tuple[T] | BaseException | None] = SimpleQueue()
    stop = StopFlag()

    def read() -> None:
        try:
            for item in items:
                handed.put((item,))
                room.acquire()
                if stop.is_set():
                    return
            handed.put(None)
        except BaseException as error:  # the thread's boundary: raised by whoever takes the items
            handed.put(error)

    reader = threading.Thread(target=read, name="framestream-decoder")
    reader.start()
    try:
        while (found := handed.get()) is not None:
            if isinstance(found, BaseException):
                raise found
            yield found[0]
            room.release()
    finally:
        stop.set()
        room.release()
        reader.join()
