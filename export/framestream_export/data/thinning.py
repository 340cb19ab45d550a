"""Keeping a few things, evenly spread, of a sequence whose length nobody knows yet."""

from __future__ import annotations

from typing import Generic, TypeVar

_Item = TypeVar("_Item")


class Thinned(Generic[_Item]):
    """The first item, and then every so many: the step doubles whenever there would be more than `most`."""

    def __init__(self, most: int) -> None:
        """Begin empty, with step 1."""
        self._most = most
        self._step = 1
        self._seen = 0
        self.items: list[_Item] = []

    def wants_next(self) -> bool:
        """Whether the next item of the sequence would be kept; asking counts it as seen."""
        wanted = self._seen % self._step == 0
        self._seen += 1
        return wanted

    def keep(self, item: _Item) -> None:
        """Keep an item that was wanted."""
        self.items.append(item)
        if len(self.items) > self._most:
            self.items = self.items[::2]
            self._step *= 2
