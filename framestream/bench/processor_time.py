"""Processor time of the processes that this one has started, while they run."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

_PROC = Path("/proc")
_PS = ("ps", "-A", "-o", "pid=,ppid=,time=")
_PS_SECONDS = 10.0
# [[days-]hours:]minutes:seconds, the seconds with hundredths on macOS.
_PS_LINE = re.compile(r"\s*(\d+)\s+(\d+)\s+(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+(?:\.\d+)?)\s*")


def child_seconds() -> dict[int, float] | None:
    """Return the processor time of each child so far, seconds by process number; None where this cannot be known."""
    table = _read_proc() if (_PROC / "self" / "stat").is_file() else read_ps()
    if table is None:
        return None
    own = os.getpid()
    return {pid: seconds for pid, (parent, seconds) in table.items() if parent == own}


def _read_proc() -> dict[int, tuple[int, float]]:
    """Return parent and processor time, seconds, of every process."""
    ticks_per_second = os.sysconf("SC_CLK_TCK")
    table = {}
    for folder in _PROC.iterdir():
        if not folder.name.isdigit():
            continue
        try:
            text = (folder / "stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue  # It has just ended.
        # The name before may hold anything, brackets too: state, parent, …, user and system time at 11 and 12.
        values = text.rpartition(")")[2].split()
        table[int(folder.name)] = int(values[1]), (int(values[11]) + int(values[12])) / ticks_per_second
    return table


def read_ps() -> dict[int, tuple[int, float]] | None:
    """Return parent and processor time, seconds, of every process as `ps` knows them; None where there is no `ps`."""
    try:
        done = subprocess.run(_PS, capture_output=True, text=True, timeout=_PS_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    table = {}
    for line in done.stdout.splitlines():
        found = _PS_LINE.fullmatch(line)
        if found is not None:
            pid, parent, days, hours, minutes, seconds = (float(value or 0) for value in found.groups())
            table[int(pid)] = int(parent), days * 86_400 + hours * 3600 + minutes * 60 + seconds
    return table
