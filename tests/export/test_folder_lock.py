"""One process at a time writes to a folder, and a lock goes with its process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from framestream.errors import SettingsError
from framestream_export.folder_lock import LOCK_FILE, locked, locked_when_free
from framestream_export.time_limit import TimeLimit, TimeLimitError
from tests.export.conftest import ROOT

HOLDER = """
import sys
from pathlib import Path
from framestream_export.folder_lock import locked
with locked(Path(sys.argv[1]), remedy=""):
    print("has it", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def holder(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that has the folder's lock until it gets a line."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "has it\n"
        try:
            yield process
        finally:
            process.kill()


def test_the_second_is_refused_in_one_line_until_the_first_is_killed(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with holder(folder) as other:
        message = rf"run is in use by process {other.pid}, since \d.*; wait until that has ended, or take another$"
        with (
            pytest.raises(SettingsError, match=message),
            locked(folder, remedy="take another"),
        ):
            pytest.fail("two have it")
        other.send_signal(signal.SIGKILL)
        other.wait()
        assert (folder / LOCK_FILE).is_file()
        with locked(folder, remedy=""):
            assert str(os.getpid()) in (folder / LOCK_FILE).read_text()
    assert list(folder.iterdir()) == []


def test_a_folder_that_stays_empty_is_gone_again(tmp_path: Path) -> None:
    with locked(tmp_path / "run", remedy=""):
        assert (tmp_path / "run" / LOCK_FILE).is_file()
    with locked(tmp_path, remedy=""):
        pass
    assert list(tmp_path.iterdir()) == []


def test_waiting_says_for_whom_and_ends_with_the_other(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    kept = threading.Event()

    def wait() -> None:
        with locked_when_free(tmp_path) as alone:
            assert alone
            kept.set()

    with holder(tmp_path) as other:
        waiting = threading.Thread(target=wait)
        waiting.start()
        while not caplog.messages:
            waiting.join(0.05)
        assert not kept.is_set()
        assert other.stdin is not None
        other.stdin.write("\n")
        other.stdin.flush()
        waiting.join()
    assert kept.is_set()
    (said,) = caplog.messages
    assert said.startswith(f"waits for process {other.pid}, since ")
    assert said.endswith(f", which writes to {tmp_path}; Ctrl-C ends the waiting")


def test_waiting_takes_no_longer_than_it_may(tmp_path: Path) -> None:
    limit = TimeLimit(1.0, lambda: 61.0, begun_seconds=0.0)
    with (
        holder(tmp_path) as other,
        pytest.raises(TimeLimitError, match=f"was being written to by process {other.pid}"),
        locked_when_free(tmp_path, time_limit=limit),
    ):
        pytest.fail("two have it")


def test_a_process_does_not_wait_for_itself(tmp_path: Path) -> None:
    with locked_when_free(tmp_path) as outer, locked_when_free(tmp_path) as inner:
        assert (outer, inner) == (True, False)


def test_where_there_are_no_locks_that_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A folder in the place of the file stands in for a file system without locks."""
    (tmp_path / LOCK_FILE).mkdir()
    with locked(tmp_path, remedy=""):
        pass
    with locked_when_free(tmp_path) as alone:
        assert not alone
    expected = "cannot be locked (Is a directory), as on some network file systems: see that no other training writes"
    assert caplog.messages == [f"{tmp_path} {expected} there"] * 2
