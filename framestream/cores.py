"""Cores and threads of this machine."""

from __future__ import annotations

import os


def usable_cores() -> int:
    """Return how many CPU cores this process may use."""
    # Containers and taskset give a process fewer cores than the machine has.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def threads_text(count: int) -> str:
    """Return so many threads in words."""
    return f"{count} thread" if count == 1 else f"{count} threads"
