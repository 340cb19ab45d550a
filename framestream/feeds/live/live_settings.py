"""How patient a live camera is, and how long to wait between two attempts to connect."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from framestream.errors import SettingsError
from framestream.quantities import read_number

_LONGEST_SECONDS = 86_400.0
_LARGEST = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSettings:
    """Times and rules of a live camera.

    Attributes:
        open_seconds: How long connecting may take, the first frame included.
        stall_seconds: Without a frame for this long the connection is given up. A camera that sends a frame less often
            needs more.
        reconnect: False ends with the first connection that fails or ends.
        first_retry_seconds: Wait before the second attempt; it doubles from attempt to attempt.
        longest_retry_seconds: Where the doubling stops, and the wait after a refused password.
        reader_memory_gb: How much memory the process that reads it may take, in 10^9 bytes; kept to on Linux only.
        picture_megapixels: How large its pictures may be, in 10^6 pixels. A camera that goes beyond one of the two has
            failed for good; where memory has grown over time, it is connected again.
        insecure: Takes any certificate of an `https` or `rtsps` address. Whoever answers there then gets the password.
    """

    open_seconds: float = 10.0
    stall_seconds: float = 5.0
    reconnect: bool = True
    first_retry_seconds: float = 0.5
    longest_retry_seconds: float = 30.0
    reader_memory_gb: float = 1.0
    picture_megapixels: float = 64.0
    insecure: bool = False

    def __post_init__(self) -> None:
        """Raise SettingsError for what is no time."""
        for name in ("open_seconds", "stall_seconds", "first_retry_seconds", "longest_retry_seconds"):
            wanted = "a number of seconds above 0, a day at most"
            value = read_number(getattr(self, name), name=name, wanted=wanted)
            if not 0 < value <= _LONGEST_SECONDS:
                raise SettingsError(f"{name} is {value}: give {wanted}")
        for name, unit in (("reader_memory_gb", "gigabytes"), ("picture_megapixels", "megapixels")):
            wanted = f"a number of {unit} above 0, {_LARGEST:g} at most"
            value = read_number(getattr(self, name), name=name, wanted=wanted)
            if not 0 < value <= _LARGEST:
                raise SettingsError(f"{name} is {value}: give {wanted}")
        if self.longest_retry_seconds < self.first_retry_seconds:
            raise SettingsError(
                f"longest_retry_seconds is {self.longest_retry_seconds}, less than first_retry_seconds "
                f"({self.first_retry_seconds}); give at least as much"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Waits that grow from attempt to attempt up to a cap.

    Attributes:
        first_seconds: Length of the first wait, seconds.
        cap_seconds: Length of the longest wait, seconds.
        factor: Factor by which each wait is longer than the one before.
        jitter: Share by which each is made longer or shorter at random, so that many cameras of one recorder that went
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
        """Yield the waits in seconds, without end; `draw` gives numbers from 0 to 1."""
        seconds = self.first_seconds
        while True:
            yield min(seconds * (1 + self.jitter * (2 * draw() - 1)), self.cap_seconds)
            seconds = min(seconds * self.factor, self.cap_seconds)
