"""Handing out records: to loops, to callbacks, and to asyncio."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterator
from types import TracebackType
from typing import TypeVar

from framestream.records import Record

_Self = TypeVar("_Self", bound="RecordIterator")


class RecordIterator(ABC):
    """An iterator over records, to be used once; the model runs on the thread that iterates.

    Close it, or use it as a context manager. ``async for`` and ``async with`` do the same and never block the event
    loop.
    """

    @abstractmethod
    def stop(self) -> None:
        """Ask the iteration to finish in good order. Safe in a signal handler."""

    @abstractmethod
    def close(self) -> None:
        """End the iteration without further records and release everything; may be called twice."""

    @abstractmethod
    def _has_next(self) -> bool:
        """Say whether ``_take`` knows what comes next without waiting."""

    @abstractmethod
    def _advance(self) -> None:
        """Work or wait for a while. A cancelled task may leave one at it, so a second one must wait for the first."""

    @abstractmethod
    def _take(self) -> Record | None:
        """Return the next record, None after the last; raise what has failed in its place."""

    def __iter__(self: _Self) -> Iterator[Record]:
        """Return the watch itself."""
        return self

    def __next__(self) -> Record:
        """Return the next record, waiting for it.

        Raises:
            StopIteration: after the last one, after an error, or after ``close``.
            ModelError: the model fails.
            SourceError: the only source fails; the records of what came before it were handed out, an open event ended
                there, and there is no ``End``.
        """
        while not self._has_next():
            self._advance()
        record = self._take()
        if record is None:
            raise StopIteration
        return record

    def __aiter__(self: _Self) -> AsyncIterator[Record]:
        """Return the watch itself."""
        return self

    async def __anext__(self) -> Record:
        """Return the next record; a task that is cancelled while it waits loses none."""
        while not self._has_next():
            await asyncio.to_thread(self._advance)
        record = self._take()
        if record is None:
            raise StopAsyncIteration
        return record

    def __enter__(self: _Self) -> _Self:
        """Return the watch itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the watch."""
        self.close()

    async def __aenter__(self: _Self) -> _Self:
        """Return the watch itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the watch."""
        await asyncio.to_thread(self.close)

    def run(self, on_record: Callable[[Record], object]) -> None:
        """Call a function with each record, in order and on this thread, until the end; closes the watch.

        Raises:
            Exception: whatever the function raises, or iterating would.
        """
        with self:
            for record in self:
                on_record(record)
