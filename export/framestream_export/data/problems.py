"""All that is wrong with a data set, reported at once: nobody wants to correct a manifest one row per attempt."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from framestream.errors import DataError

_SHOWN = 10


class Problems:
    """Collects errors with the place each is about, and raises them as one."""

    def __init__(self) -> None:
        """Make an empty list of problems."""
        self._found: list[str] = []

    def __len__(self) -> int:
        """How many problems there are."""
        return len(self._found)

    def add(self, place: object, error: object) -> None:
        """Note that something is wrong in a place: a file, or a row of one."""
        self._found.append(f"{place}: {error}")

    def note(self, error: object) -> None:
        """Note something that names its place itself."""
        self._found.append(str(error))

    @contextmanager
    def about(self, place: object) -> Iterator[None]:
        """Note a DataError that is raised inside, and go on behind it."""
        try:
            yield
        except DataError as error:
            self.add(place, error)

    def check(self, data: Path) -> None:
        """Raise what was found, if anything was.

        Raises:
            DataError: With the first ten problems, and the number of all.
        """
        if not self._found:
            return
        if len(self._found) == 1:
            raise DataError(self._found[0])
        more = f"; and {len(self._found) - _SHOWN} more" if len(self._found) > _SHOWN else ""
        shown = [found.removeprefix(f"{data}, ") for found in self._found[:_SHOWN]]
        raise DataError(f"{data}: {len(self._found)} things to correct: {'; '.join(shown)}{more}")
