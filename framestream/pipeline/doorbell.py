"""Waking the one consumer that waits for any of many feeds."""

from __future__ import annotations

from queue import Empty, SimpleQueue


class Doorbell:
    """Rung by anybody, waited for by one. ``ring`` takes no lock of Python's, so a signal handler may call it."""

    def __init__(self) -> None:
        """Make a bell that has not been rung."""
        # SimpleQueue.put is reentrant, which no lock, condition or event is.
        self._tokens: SimpleQueue[None] = SimpleQueue()
        self._is_rung = False

    def ring(self) -> None:
        """Wake the one who waits, or the next to wait; ringing twice is ringing once."""
        if not self._is_rung:
            self._is_rung = True
            self._tokens.put(None)

    def wait(self, timeout_seconds: float) -> bool:
        """Wait until it rings; return whether it did. What was done before the ring is seen after it."""
        try:
            self._tokens.get(timeout=timeout_seconds)
        except Empty:
            return False
        # Cleared before the caller looks at anything, so that what comes from now on rings again.
        self._is_rung = False
        return True
