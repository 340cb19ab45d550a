"""How patient a live camera is."""

from __future__ import annotations

import math
from dataclasses import dataclass

from framestream.errors import SettingsError

_LONGEST_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSettings:
    """Times and rules of a live camera.

    Attributes:
        open_seconds: how long connecting may take, the first frame included.
        stall_seconds: without a frame for this long the connection is given up. A camera that sends a frame less often
            needs more.
        reconnect: False ends with the first connection that fails or ends.
        first_retry_seconds: wait before the second attempt; it doubles from attempt to attempt.
        longest_retry_seconds: where the doubling stops, and the wait after a refused password.
    """

    open_seconds: float = 10.0
    stall_seconds: float = 5.0
    reconnect: bool = True
    first_retry_seconds: float = 0.5
    longest_retry_seconds: float = 30.0

    def __post_init__(self) -> None:
        """Raise SettingsError for what is no time."""
        for name in ("open_seconds", "stall_seconds", "first_retry_seconds", "longest_retry_seconds"):
            value = getattr(self, name)
            if not (math.isfinite(value) and 0 < value <= _LONGEST_SECONDS):
                raise SettingsError(f"{name} is {value}: give a number of seconds above 0, a day at most")
        if self.longest_retry_seconds < self.first_retry_seconds:
            raise SettingsError(
                f"longest_retry_seconds is {self.longest_retry_seconds}, less than first_retry_seconds "
                f"({self.first_retry_seconds}); give at least as much"
            )
