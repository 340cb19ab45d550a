"""How much memory training on many clips takes: `python -m tests.benchmarks.training_memory`.

Draws clips, runs `framestream train` on them in a process of its own, and prints the most it had in memory: all of
it, and without the pages of mapped files, which the system takes back when it needs them.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.export import toy

ROOT = Path(__file__).resolve().parents[2]
_SECONDS_BETWEEN = 0.1
_MEASURED = {"VmHWM": "all", "RssAnon": "without mapped files"}


def train_and_watch(command: list[str]) -> dict[str, float]:
    """The most memory a process had, GB, by kind; it must end well."""
    most = dict.fromkeys(_MEASURED, 0.0)
    with subprocess.Popen(command, cwd=ROOT) as process:
        while process.poll() is None:
            status = Path(f"/proc/{process.pid}/status").read_text()
            for name in most:
                if found := re.search(rf"^{name}:\s+(\d+) kB", status, re.MULTILINE):
                    most[name] = max(most[name], int(found[1]) / 1e6)
            time.sleep(_SECONDS_BETWEEN)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return most


def main() -> None:
    """Draw, train, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--clips", type=int, default=1000)
    parser.add_argument("options", nargs="*", help="of framestream train, after --")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        clips = toy.write_class_folders(Path(folder) / "clips", per_class=-(-arguments.clips // len(toy.LABELS)))
        train = [
            sys.executable,
            "-m",
            "framestream.cli",
            "train",
            str(clips),
            "--output",
            str(Path(folder) / "run"),
        ]
        most = train_and_watch([*train, *arguments.options])
    for name, what in _MEASURED.items():
        print(f"{what}: {most[name]:.2f} GB (wanted: under 3 for 1,000 clips)")


if __name__ == "__main__":
    main()
