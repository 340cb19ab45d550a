"""Reading ahead: the next chunks are read and prepared on threads while the consumer works on the one before."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from queue import SimpleQueue
from typing import Generic, TypeVar

from framestream.kept_error import KeptError

T = TypeVar("T")

PATIENCE_SECONDS = 0.25
"""What a slow source has given is not kept back for longer than this so that more of it can be run at once."""

_CHUNKS_AHEAD = 2
"""Chunks that may be read before they are taken: one to be taken next, and one that is being filled meanwhile."""

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
    """Reads an iterator ahead of its consumer, who takes it in chunks.

    The threads go on while there is room for what they read, then they end; taking a chunk makes room and starts them
    again. So nobody waits for the consumer: one that fails, or just stops asking, leaves no thread behind even if
    nobody calls ``close``. What the iterator raises reaches the consumer, after the items before it.
    """

    def __init__(
        self,
        items: Iterator[T],
        *,
        chunk: int,
        stop: StopFlag | None = None,
        prepare: Callable[[T], T] | None = None,
    ) -> None:
        """Prepare to read; it begins when the first chunk is asked for.

        Args:
            items: what to read.
            chunk: how many are taken at once; twice as many are read ahead.
            stop: lets the threads end after an item.
            prepare: made of each item before the consumer gets it, while the next one is read.
        """
        self._items = items
        self._chunk = chunk
        self._stop = stop or StopFlag()
        self._prepare = prepare
        # Its lock is held while threads start and end, so that there is one reader at most, and none after close().
        self._changed = threading.Condition()
        self._reader: threading.Thread | None = None
        self._is_reading = False
        self._ready: list[T] = []
        # The one is counted by who reads, the other by who takes, so neither needs the lock.
        self._read_count = 0
        self._taken_count = 0
        self._ended = False
        self._error = KeptError()

    def next_chunk(self) -> list[T]:
        """Return the next items, while those after are read; [] is the end.

        Fewer than ``chunk`` come at the end, and of a source that is slow.
        """
        with self._changed:
            self._start()
            while self._is_reading and len(self._ready) < self._chunk:
                woken = self._changed.wait(PATIENCE_SECONDS)
                if self._ready and not woken:
                    break
            taken = self._ready[: self._chunk]
            del self._ready[: self._chunk]
            self._taken_count += len(taken)
            if not taken:
                self._error.raise_once()
            self._start()
        return taken

    def close(self) -> None:
        """Stop, and wait until the threads have ended; any thread may call it, more than once."""
        self._stop.set()
        with self._changed:
            reader = self._reader
        if reader is not None:
            reader.join()

    def _start(self) -> None:
        if not self._is_reading and self._has_room():
            reader = threading.Thread(target=self._read, name="framestream-readahead")
            reader.start()
            self._reader, self._is_reading = reader, True

    def _has_room(self) -> bool:
        """Whether one more item is to be read."""
        wanted = not (self._ended or self._stop.is_set())
        return wanted and self._read_count - self._taken_count < _CHUNKS_AHEAD * self._chunk

    def _read(self) -> None:
        going_on = True
        while going_on:
            try:
                self._fill()
            except BaseException as error:  # the thread's boundary: next_chunk raises it in the consumer
                self._error.keep(error)
                self._ended = True
            with self._changed:
                # A chunk may have been taken while the last items were prepared.
                going_on = self._is_reading = self._has_room()
                self._changed.notify_all()

    def _fill(self) -> None:
        """Read and prepare until there is no more room."""
        if self._prepare is None:
            for item in self._items_with_room():
                self._publish(item)
            return
        with closing(read_on_thread(self._items_with_room(), ahead=_UNPREPARED)) as items:
            for item in items:
                self._publish(self._prepare(item))

    def _items_with_room(self) -> Iterator[T]:
        while self._has_room():
            try:
                item = next(self._items)
            except StopIteration:
                self._ended = True
                return
            self._read_count += 1
            yield item

    def _publish(self, item: T) -> None:
        with self._changed:
            self._ready.append(item)
            if len(self._ready) == self._chunk:
                self._changed.notify_all()


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
