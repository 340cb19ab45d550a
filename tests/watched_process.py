"""`framestream watch` in a process of its own: waiting for what it says, Ctrl-C, and all that it has started."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import colour_image
from tests.promptness import PATIENCE_SECONDS, check_prompt

# Of frames that are pushed into standard input.
RAW = ("--size", "64x48", "--rate", "10")
# Inherited by all processes of one watch, so that they can be found when they have lost their parent.
_MARK = "FRAMESTREAM_TEST_MARK"


@dataclass
class Watched:
    """A watch in a process of its own, at the head of a group, as a shell starts it."""

    process: subprocess.Popen[bytes]
    folder: Path
    mark: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        complete = (self.folder / "out").read_text().rpartition("\n")[0]
        return [json.loads(line) for line in complete.splitlines()]

    @property
    def errors(self) -> str:
        return (self.folder / "err").read_text()

    def until(self, found: Callable[[], object]) -> None:
        """Wait until something is true."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not found():
            assert self.process.poll() is None, f"it has ended: {self.errors}"
            assert time.monotonic() < deadline, f"waited in vain: {self.lines[-3:]}"
            time.sleep(0.02)

    def until_state(self, state: str, *, times: int = 1, cameras: int = 1) -> None:
        """Wait until so many cameras have told a state so often."""

        def told() -> bool:
            names = [line.get("camera") for line in self.lines if line["type"] == "status" and line["state"] == state]
            return sum(names.count(name) >= times for name in set(names)) >= cameras

        self.until(told)

    def until_predictions(self, *, cameras: int = 1) -> None:
        """Wait until so many cameras have been answered."""
        self.until(lambda: len({line.get("camera") for line in self.lines if line["type"] == "prediction"}) >= cameras)

    def until_silence(self) -> None:
        """Wait until nothing has come for a while."""
        heard = -1
        while heard < (heard := len(self.lines)):
            time.sleep(0.5)

    def push_frames(self, count: int) -> None:
        """Write raw frames to its standard input, which stays open."""
        assert self.process.stdin is not None
        self.process.stdin.write(colour_image("red").tobytes() * count)
        self.process.stdin.flush()

    def interrupt(self) -> None:
        """Press Ctrl-C: the terminal signals the whole group. Fails if it does not end in good order and in time."""
        assert self.processes() != []
        began = time.monotonic()
        os.killpg(self.process.pid, signal.SIGINT)
        self._check_end(130, began)

    def terminate(self) -> None:
        """Send SIGTERM to it and all it has started, as a service manager does; fails as `interrupt` does."""
        numbers = self.processes()
        assert numbers != []
        began = time.monotonic()
        for number in numbers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGTERM)
        self._check_end(143, began)

    def _check_end(self, exit_code: int, began: float) -> None:
        assert self.process.wait(PATIENCE_SECONDS) == exit_code
        check_prompt(began)
        assert self.processes() == []
        assert self.errors == ""

    def processes(self) -> list[int]:
        """Process numbers of everything that it has started and that runs still, itself included."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if f"{_MARK}={self.mark}".encode() in (folder / "environ").read_bytes():
                    found.append(int(folder.name))
            except OSError:
                continue
        return found

    def cpu_seconds(self) -> float:
        """What it has used so far, with all it has started."""
        ticks = 0
        for number in self.processes():
            # Its own time and that of those it has waited for, each as user and as system.
            fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15]))
        return ticks / os.sysconf("SC_CLK_TCK")


@contextmanager
def watching(sources: list[str], folder: Path, model_path: Path, *options: str) -> Iterator[Watched]:
    """Run `framestream watch`."""
    mark = uuid.uuid4().hex
    command = [sys.executable, "-m", "framestream.cli", "watch", *sources, "--model", str(model_path)]
    with open(folder / "out", "wb") as out, open(folder / "err", "wb") as err:
        process = subprocess.Popen(
            [*command, "--format", "jsonl", "--predictions", *options],
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=err,
            env={**os.environ, _MARK: mark},
            start_new_session=True,
            # As in a terminal, even where these tests themselves run in the background and so ignore Ctrl-C.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
    try:
        yield Watched(process, folder, mark)
    finally:
        process.kill()
        process.communicate()
