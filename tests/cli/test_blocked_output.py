"""Signals to a watch whose output nobody reads."""

import os
import select
import signal
import subprocess
from pathlib import Path

import pytest

from tests.cli.test_cli_watch_many import COMMAND
from tests.conftest import write_video_file
from tests.promptness import PATIENCE_SECONDS


def until_full(pipe: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until what is written to a pipe has stopped coming, because there is no room for more."""
    before = -1
    while before != (before := _waiting(pipe)) or before == 0:
        assert process.poll() is None
        select.select([], [], [], 0.5)


def _waiting(pipe: int) -> int:
    import array
    import fcntl
    import termios

    count = array.array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, count)
    return count[0]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
@pytest.mark.parametrize("together", [False, True], ids=["stdout", "stdout and stderr"])
def test_a_signal_ends_a_watch_whose_output_is_blocked(
    tmp_path: Path, model_path: Path, number: signal.Signals, code: int, together: bool
) -> None:
    film = write_video_file(tmp_path / "long.avi", ["red"] * 4000, fps=10.0)
    command = [*COMMAND, str(film), "--model", str(model_path), "--format", "jsonl", "--predictions"]
    reading, writing = os.pipe()
    process = subprocess.Popen(
        command,
        stdout=writing,
        stderr=writing if together else subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    os.close(writing)
    try:
        until_full(reading, process)
        process.send_signal(number)
        assert process.wait(PATIENCE_SECONDS) == code
        if not together:
            assert process.stderr is not None
            assert process.stderr.read() == b"error: nobody reads the output, so what was still to be said is lost\n"
    finally:
        process.kill()
        process.communicate()
        os.close(reading)


def test_a_reader_that_is_only_slow_gets_everything(tmp_path: Path, model_path: Path) -> None:
    film = write_video_file(tmp_path / "long.avi", ["red"] * 4000, fps=10.0)
    command = [*COMMAND, str(film), "--model", str(model_path), "--format", "jsonl", "--predictions"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        until_full(process.stdout.fileno(), process)
        process.send_signal(signal.SIGTERM)
        text = process.stdout.read()
        assert process.wait(PATIENCE_SECONDS) == 143
        assert process.stderr.read() == b""
    assert b'"type": "end"' in text.splitlines()[-1]
