"""What must be over soon, on a machine that may have much else to do."""

from __future__ import annotations

import time

PATIENCE_SECONDS = 60.0
"""How long to wait for what will come: for a busy machine; a test that works waits a fraction of it."""
PROMPT_SECONDS = 2.0
"""How long stopping, closing and failing may take: a promise, not a measurement."""
_PROBE_SECONDS = 0.05


def slowdown() -> float:
    """How much longer work takes here now than on a machine that does nothing else; 1 or more."""
    began, used = time.perf_counter(), time.thread_time()
    while time.thread_time() - used < _PROBE_SECONDS:
        pass
    return max(1.0, (time.perf_counter() - began) / (time.thread_time() - used))


def check_prompt(began_seconds: float, promised_seconds: float = PROMPT_SECONDS) -> None:
    """Fail if more time than was promised, slowdown allowed for, has gone by since `time.monotonic()` gave this."""
    seconds = time.monotonic() - began_seconds
    if seconds >= promised_seconds:
        factor = slowdown()
        assert seconds < promised_seconds * factor, (
            f"{seconds:.1f} s instead of {promised_seconds:.1f} on a machine slowed down {factor:.1f} times"
        )
