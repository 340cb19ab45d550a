"""Cores and threads of this machine."""

from __future__ import annotations

import math
import os
from pathlib import Path

from framestream.cpu_quota import THIS_PROCESS, read_cpu_quota


def usable_cores(process: Path = THIS_PROCESS) -> int:
    """Return how many CPU cores this process may use: a quota of its container counts, a part of a core as one.

    Args:
        process: Folder in /proc that says what the process belongs to.
    """
    quota = read_cpu_quota(process)
    cores = visible_cores()
    return cores if quota is None else min(cores, math.ceil(quota))


def visible_cores() -> int:
    """Return how many CPU cores this process may run on, whatever its quota of their time is."""
    # taskset, and some containers, give a process fewer cores than the machine has.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def threads_text(count: int) -> str:
    """Return so many threads in words."""
    return f"{count} thread" if count == 1 else f"{count} threads"
