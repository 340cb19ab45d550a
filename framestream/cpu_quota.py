"""How much of the CPU the container or service this process runs in may use: Linux control groups, version 1 and 2.

A container that is given two CPUs of a large machine still sees all of its cores; it is only made to wait once its
share of a period is used up. Sources: "Control Group v2" and "CFS Bandwidth Control" in the Linux kernel's
documentation, proc(5) for mountinfo.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

THIS_PROCESS = Path("/proc/self")
_NUMBER = re.compile("[0-9]{1,19}")  # the kernel keeps 64 bits of each


@dataclass(frozen=True, slots=True)
class _Mount:
    """A hierarchy of control groups as it is mounted.

    Attributes:
        root: Which of its groups is at the mount point.
        point: Where it is mounted.
        version: 1 or 2.
    """

    root: str
    point: Path
    version: int


def read_cpu_quota(process: Path = THIS_PROCESS) -> float | None:
    """Return how many cores' time a process may use, 0.5 for half of one; None where nothing limits it.

    Args:
        process: The process's folder in /proc.
    """
    quotas = list(_quotas(process))
    return min(quotas) if quotas else None


def _quotas(process: Path) -> Iterator[float]:
    """Yield the quota of each group that the process is in, and of those above."""
    mounts = list(_mounts(process / "mountinfo"))
    for line in _lines(process / "cgroup"):
        _, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
        if controllers and "cpu" not in controllers.split(","):
            continue
        version = 1 if controllers else 2
        for mount in mounts:
            if mount.version == version:
                for folder in _folders(mount, group):
                    quota = _quota_of(folder)
                    if quota is not None:
                        yield quota


def _folders(mount: _Mount, group: str) -> Iterator[Path]:
    """Yield the folder of a group and those of the groups above it, as far as they can be seen."""
    above = mount.root.rstrip("/")
    inside = group.removeprefix(above).strip("/") if f"{group}/".startswith(f"{above}/") else ".."
    folder = mount.point / inside
    # What a container is told of its group may be the host's path, which it cannot see; then its own is at the top.
    if ".." in folder.parts or not os.path.isdir(folder):
        folder = mount.point
    yield folder
    while folder != mount.point:
        folder = folder.parent
        yield folder


def _quota_of(folder: Path) -> float | None:
    """Return the quota of one group, in cores."""
    both = _lines(folder / "cpu.max")
    numbers = both[0].split() if both else [*_lines(folder / "cpu.cfs_quota_us"), *_lines(folder / "cpu.cfs_period_us")]
    # "max", and -1, stand for no limit.
    if len(numbers) != 2 or not all(map(_NUMBER.fullmatch, numbers)):
        return None
    quota, period = map(int, numbers)
    return quota / period if quota > 0 and period > 0 else None


def _mounts(path: Path) -> Iterator[_Mount]:
    for line in _lines(path):
        before, _, after = line.partition(" - ")
        fields, kinds = before.split(), after.split()
        if len(fields) < 5 or len(kinds) < 3:
            continue
        root, point = map(_unescaped, fields[3:5])
        if kinds[0] == "cgroup2":
            yield _Mount(root, Path(point), 2)
        elif kinds[0] == "cgroup" and "cpu" in kinds[2].split(","):
            yield _Mount(root, Path(point), 1)


def _unescaped(text: str) -> str:
    """Return a path of mountinfo, in which spaces and the like are octal numbers."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)


def _lines(path: Path) -> list[str]:
    """Return a file's lines; none where there is no such file, as on other systems and for groups without a limit."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except (OSError, ValueError):  # the latter for a path that none can be
        return []
