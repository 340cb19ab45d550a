"""All that is wrong with a data set, reported at once: nobody wants to correct a manifest one row per attempt."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from framestream.errors import DataError

_SHOWN = 10
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class Problems:
    """Collects errors with the place each is about, and raises them as one."""

    def __init__(self) -> None:
        """Make an empty list of problems."""
        self._found: list[str] = []
        self._warnings: list[str] = []

    def __len__(self) -> int:
        """How many problems there are."""
        return len(self._found)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person should know although it stops nothing."""
        return tuple(self._warnings)

    def warn(self, text: str) -> None:
        """Note something that a person should know and that stops nothing."""
        self._warnings.append(_one_line(text))

    def add(self, place: object, error: object) -> None:
        """Note that something is wrong in a place: a file, or a row of one."""
        self._found.append(_one_line(f"{place}: {error}"))

    def note(self, error: object) -> None:
        """Note something that names its place itself."""
        self._found.append(_one_line(str(error)))

    @contextmanager
    def about(self, place: object) -> Iterator[None]:
        """Note a DataError that is raised inside, and go on behind it."""
        try:
            yield
        except DataError as error:
            self.add(place, error)

    def check(self, data: Path, *, hint: str = "") -> None:
        """Raise what was found, if anything was.

        Args:
            data: The data set, as it was given.
            hint: What to say behind it.

        Raises:
            DataError: With the first ten problems, and the number of all.
        """
        if not self._found:
            return
        if len(self._found) == 1:
            raise DataError(f"{self._found[0]}{hint}")
        more = f"; and {len(self._found) - _SHOWN} more" if len(self._found) > _SHOWN else ""
        shown = [found.removeprefix(f"{data}, ") for found in self._found[:_SHOWN]]
        raise DataError(f"{data}: {len(self._found)} things to correct: {'; '.join(shown)}{more}{hint}")


def _one_line(text: str) -> str:
    """The text with line breaks and other control characters, which a cell may hold, written out."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
