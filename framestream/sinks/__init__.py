"""Where records go: one small module for each kind of output."""

from __future__ import annotations

from typing import Protocol

from framestream.records import Record


class Sink(Protocol):
    """Takes the records of one watch, in order."""

    def write(self, record: Record) -> None:
        """Take the next record."""
        ...

    def close(self) -> None:
        """Finish; also called after an error, then without an `End` before it."""
        ...
