"""Noticing that reading is slower than the camera."""

from __future__ import annotations

import time
from typing import Any

try:
    import resource as _resource
except ImportError:  # Windows
    _usage: Any = None
else:
    _usage = _resource

_WHICH = getattr(_usage, "RUSAGE_THREAD", None)

BEHIND_SECONDS = 10.0
"""A camera sends as fast as time goes by, so a reader that keeps up waits for it all the time. One that has not waited
once for this long has frames piling up in front of it, in buffers that hold many seconds."""


class Backlog:
    """Tells from whether reads had to wait if frames pile up. Where the system cannot tell (not Linux), they never do.

    Lag cannot be told from timestamps: cameras whose clock is a little off look the same after an hour.
    """

    def __init__(self, behind_seconds: float = BEHIND_SECONDS) -> None:
        """Make a backlog that has seen no frame."""
        self._behind_seconds = behind_seconds
        self._waits = 0
        self._waited_at = time.monotonic()
        self._has_waited = True

    def before_read(self) -> None:
        """Call right before a read, on the thread that reads."""
        self._waits = _voluntary_waits()

    def after_read(self) -> None:
        """Call right after it. Being interrupted by another process is not taken for waiting."""
        self._has_waited = _WHICH is None or _voluntary_waits() != self._waits
        if self._has_waited:
            self.waited()

    def waited(self) -> None:
        """Say that the reader waited of its own accord."""
        self._waited_at = time.monotonic()

    @property
    def has_waited(self) -> bool:
        """Whether the newest read had to wait for its frame."""
        return self._has_waited

    @property
    def is_behind(self) -> bool:
        """Whether frames pile up."""
        return time.monotonic() - self._waited_at > self._behind_seconds


def _voluntary_waits() -> int:
    return 0 if _WHICH is None else int(_usage.getrusage(_WHICH).ru_nvcsw)
