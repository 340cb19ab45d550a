"""Handing out an engine's records: to loops, to callbacks, and to asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from types import TracebackType
from typing import TypeVar

from framestream.pipeline.engine import Engine
from framestream.records import Record

_Self = TypeVar("_Self", bound="Watching")

# How long a round waits for something to do. Nothing depends on it but how soon a cancelled task lets its thread go.
_WAIT_SECONDS = 0.5


class Watching:
    """An iterator over records, to be used once; the model runs on the thread that iterates.

    Close it, or use it as a context manager; one that is forgotten closes its cameras as well. ``async for`` and
    ``async with`` do the same and never block the event loop.
    """

    def __init__(self, engine: Engine) -> None:
        """Hand out the records of an engine, which belongs to this object from now on."""
        self._engine = engine

    def __iter__(self: _Self) -> Iterator[Record]:
        """Return the watch itself."""
        return self

    def __next__(self) -> Record:
        """Return the next record, waiting for it.

        Raises:
            StopIteration: after the last one, after an error, or after ``close``.
            ModelError: the model fails.
        """
        while not (self._engine.ready or self._engine.finished):
            self._engine.advance(_WAIT_SECONDS)
        record = self._take()
        if record is None:
            raise StopIteration
        return record

    def __aiter__(self: _Self) -> AsyncIterator[Record]:
        """Return the watch itself."""
        return self

    async def __anext__(self) -> Record:
        """Return the next record; a task that is cancelled while it waits loses none."""
        while not (self._engine.ready or self._engine.finished):
            await asyncio.to_thread(self._engine.advance, _WAIT_SECONDS)
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

    def __del__(self) -> None:
        """Let the feeds of a forgotten watch end."""
        # There is no engine where the settings were refused.
        engine = getattr(self, "_engine", None)
        if engine is not None:
            engine.abandon()

    def run(self, on_record: Callable[[Record], object]) -> None:
        """Call a function with each record, in order and on this thread, until the end; closes the watch.

        Raises:
            Exception: whatever the function raises, or iterating would.
        """
        with self:
            for record in self:
                on_record(record)

    def stop(self) -> None:
        """Ask the iteration to finish: open events end, each camera yields its ``End``. Safe in a signal handler."""
        self._engine.stop()

    def close(self) -> None:
        """End the iteration without further records and release everything.

        May be called twice, and by another thread than the one that iterates. In a signal handler use ``stop``.
        """
        self._engine.close()
        self._engine.ready.clear()

    def _take(self) -> Record | None:
        """Return the next record, None after the last; raise what the model raised in its place."""
        if self._engine.ready:
            return self._engine.ready.popleft()
        failure, self._engine.failure = self._engine.failure, None
        if failure is None:
            return None
        try:
            raise failure
        finally:
            # Its traceback holds this frame; together they would wait for the garbage collector.
            del failure
