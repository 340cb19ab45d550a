"""Reading ahead: a thread reads on while the consumer works, and whichever of the two has time prepares."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice, takewhile
from typing import Generic, TypeVar

from framestream.kept_error import KeptError

T = TypeVar("T")

_CHUNKS_AHEAD = 2
"""Chunks that may be read before they are taken: one to be taken next, and one that is being filled meanwhile."""

_MOST_UNPREPARED = 5
"""Items that may wait for being prepared, the one in the consumer's hands included, before the reader does it itself.
A few, so that the consumer always finds some; not many, since an unprepared item may be a picture of full size."""


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


class _Item(Generic[T]):
    """Something that was read; ready once it is prepared."""

    __slots__ = ("_state",)

    def __init__(self, value: T, *, is_ready: bool) -> None:
        # One object, so that no interrupt finds a value that is prepared and not marked so.
        self._state = value, is_ready

    @property
    def value(self) -> T:
        return self._state[0]

    @property
    def is_ready(self) -> bool:
        return self._state[1]

    def prepare(self, prepare: Callable[[T], T]) -> None:
        self._state = prepare(self.value), True


class ReadAhead(Generic[T]):
    """Reads an iterator ahead of its consumer, who takes what is ready.

    Two threads share the work as it comes. One reads. The consumer prepares what was read while it has nothing else to
    do, and takes it at once; while the consumer is busy, the reader prepares. So two cores have work, whichever part of
    it is the slower, and hand little to each other.

    The thread goes on while there is room for what it reads, then it ends; taking makes room and starts it again. So
    nobody waits for the consumer: one that fails, or just stops asking, leaves no thread behind even if nobody calls
    ``close``. What the iterator or the preparation raises reaches the consumer, after the items before it.
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
            chunk: how many are taken at most at once; twice as many are read ahead.
            stop: lets the thread end after an item.
            prepare: made of each item before the consumer gets it, on either thread and in any order.
        """
        self._source = items
        self._chunk = chunk
        self._stop = stop or StopFlag()
        self._prepare = prepare
        # Its lock is held while threads start and end, so that there is one reader at most, and none after close().
        self._changed = threading.Condition()
        self._reader: threading.Thread | None = None
        self._is_reading = False
        self._items: deque[_Item[T]] = deque()
        self._unprepared: deque[_Item[T]] = deque()
        self._ended = False
        self._error = KeptError()

    def next_chunk(self) -> list[T]:
        """Return the next items, as many as are ready and at least one, while those after are read; [] is the end."""
        while (item := self._next_unprepared()) is not None:
            self._make_ready(item)
        with self._changed:
            taken = [self._items.popleft().value for _ in range(self._count_ready())]
            if not taken:
                self._error.raise_once()
            self._start()
        return taken

    def close(self) -> None:
        """Stop, and wait until the thread has ended; any thread may call it, more than once."""
        self._stop.set()
        with self._changed:
            reader = self._reader
        if reader is not None:
            reader.join()

    def _next_unprepared(self) -> _Item[T] | None:
        """Return what the consumer should prepare next; None once there is a chunk to take, or nothing more comes."""
        with self._changed:
            self._start()
            while True:
                while self._unprepared and self._unprepared[0].is_ready:
                    self._unprepared.popleft()
                ready = self._count_ready()
                if ready < self._chunk and self._unprepared:
                    # It stays there until it is ready: a consumer that is interrupted takes it up again.
                    return self._unprepared[0]
                if ready or not self._is_reading or (self._ended and not self._items):
                    return None
                self._changed.wait()

    def _count_ready(self) -> int:
        """How many items can be taken now, at most a chunk."""
        chunk = islice(self._items, self._chunk)
        return sum(1 for _ in takewhile(lambda item: item.is_ready, chunk))

    def _start(self) -> None:
        if not self._is_reading and self._has_room():
            reader = threading.Thread(target=self._read, name="framestream-readahead")
            reader.start()
            self._reader, self._is_reading = reader, True

    def _has_room(self) -> bool:
        """Whether one more item is to be read."""
        wanted = not (self._ended or self._stop.is_set())
        return wanted and len(self._items) < _CHUNKS_AHEAD * self._chunk

    def _read(self) -> None:
        with self._changed:
            # An interrupt while this thread was being started has left nobody who knows of it.
            going_on = self._reader is threading.current_thread()
        while going_on:
            try:
                self._read_one()
            except BaseException as error:  # the thread's boundary: next_chunk raises it in the consumer
                self._end_before(None, error)
            with self._changed:
                going_on = self._is_reading = self._has_room()
                self._changed.notify_all()

    def _read_one(self) -> None:
        try:
            value = next(self._source)
        except StopIteration:
            self._ended = True
            return
        item = _Item(value, is_ready=self._prepare is None)
        with self._changed:
            if self._ended:
                # What was read before it could not be prepared.
                return
            self._items.append(item)
            if item.is_ready:
                return
            if len(self._unprepared) < _MOST_UNPREPARED:
                self._unprepared.append(item)
                return
        self._make_ready(item)

    def _make_ready(self, item: _Item[T]) -> None:
        assert self._prepare is not None
        try:
            item.prepare(self._prepare)
        except Exception as error:  # raised by next_chunk, after the items before
            self._end_before(item, error)
            return
        with self._changed:
            self._changed.notify_all()

    def _end_before(self, item: _Item[T] | None, error: BaseException) -> None:
        """End with an error in the place of an item; None is the one that would have been read next."""
        with self._changed:
            if item is None:
                kept = len(self._items)
                overtaken = self._ended
            else:
                kept = self._items.index(item) if item in self._items else 0
                overtaken = item not in self._items
            if overtaken:
                # One before it has failed already.
                return
            while len(self._items) > kept:
                dropped = self._items.pop()
                if dropped in self._unprepared:
                    self._unprepared.remove(dropped)
            self._ended = True
            self._error.keep(error)
            self._changed.notify_all()
