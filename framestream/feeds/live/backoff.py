"""How long to wait before the next attempt."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from framestream.errors import SettingsError


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Waits that grow from attempt to attempt up to a cap.

    Attributes:
        first_seconds: the first wait.
        cap_seconds: the longest.
        factor: by how much each wait is longer than the one before.
        jitter: share by which each is made longer or shorter at random, so that many cameras of one recorder that went
            down together do not come back as one crowd. The cap holds all the same.
    """

    first_seconds: float = 0.5
    cap_seconds: float = 30.0
    factor: float = 2.0
    jitter: float = 0.2

    def __post_init__(self) -> None:
        """Raise SettingsError for waits that are none or do not grow."""
        if not 0 < self.first_seconds <= self.cap_seconds:
            raise SettingsError(
                f"waits go from {self.first_seconds} to {self.cap_seconds} seconds: give a first wait above 0 "
                "and a longest one that is not shorter"
            )
        if not self.factor >= 1:
            raise SettingsError(f"factor is {self.factor}: give 1 or more")
        if not 0 <= self.jitter < 1:
            raise SettingsError(f"jitter is {self.jitter}: give a share from 0 to below 1")

    def delays(self, draw: Callable[[], float] = random.random) -> Iterator[float]:
        """Yield the waits in seconds, without end; ``draw`` gives numbers from 0 to 1."""
        seconds = self.first_seconds
        while True:
            yield min(seconds * (1 + self.jitter * (2 * draw() - 1)), self.cap_seconds)
            seconds = min(seconds * self.factor, self.cap_seconds)
