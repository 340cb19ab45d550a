"""How long a training may take, everything counted."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from framestream.errors import SettingsError


class TimeLimitError(SettingsError):
    """The time is up before there is a model; the message says what is kept."""


@dataclass(frozen=True, slots=True)
class TimeLimit:
    """A number of minutes from a moment on, or no limit.

    Attributes:
        minutes: How long it may take; None sets no limit.
        clock: Seconds that never run backwards.
        begun_seconds: When it began, by the clock.
    """

    minutes: float | None = None
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)
    begun_seconds: float | None = None

    def __post_init__(self) -> None:
        """Begin now, unless it has begun before."""
        if self.begun_seconds is None:
            object.__setattr__(self, "begun_seconds", self.clock())

    def is_up(self) -> bool:
        """Whether so many minutes have passed."""
        assert self.begun_seconds is not None
        return self.minutes is not None and self.clock() - self.begun_seconds > 60 * self.minutes

    def check(self, so_far: str) -> None:
        """Go on, if there is time.

        Args:
            so_far: What has been done and where it is kept, as a clause.

        Raises:
            TimeLimitError: The time is up.
        """
        if self.is_up():
            raise TimeLimitError(
                f"--time-limit {self.minutes:g} is up before there is a model: {so_far}; the same command with --resume"
                " and a longer --time-limit, or --resume alone, goes on from there"
            )


NO_LIMIT = TimeLimit()
