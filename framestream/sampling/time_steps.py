"""How finely a program's times tell frames apart."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np

_log = logging.getLogger(__name__)

# The longest step between two neighbouring times, in ticks of the model's clock, that does no harm.
_LARGEST_SHARE = 0.25


class TimeSteps:
    """Tells, once, that times are too coarse for the model's clock, as those in float32 are after a while.

    A float32 counts to 262144 seconds in steps of 1/64 s; seconds since 1970 it counts in steps of 128 s.
    """

    def __init__(self, frame_rate: float) -> None:
        """Start before the first frame of a source; `frame_rate` is the model's, frames per second."""
        self._largest_seconds = _LARGEST_SHARE / frame_rate
        self._frame_rate = frame_rate
        self._last_seconds: float | None = None
        self._is_told = False

    def check(self, given: Any, seconds: float) -> None:
        """Look at the next frame's time, as it was given and as a number of seconds."""
        if self._is_told:
            return
        # Many programs turn a float32 into Python's float; then it shows in times that come twice.
        is_short = isinstance(given, (np.float32, np.float16)) or seconds == self._last_seconds
        self._last_seconds = seconds
        if not is_short:
            return
        with np.errstate(over="ignore"):
            short = given if isinstance(given, np.float16) else np.float32(seconds)
        step_seconds = abs(float(np.spacing(short))) if float(short) == seconds else 0.0
        if step_seconds > self._largest_seconds:
            self._is_told = True
            _log.warning(
                "the time %g s is a float32, which has steps of %g s there: too coarse for %g frames a second; "
                "give times in float64, or seconds from the first frame on",
                seconds,
                step_seconds,
                self._frame_rate,
            )
