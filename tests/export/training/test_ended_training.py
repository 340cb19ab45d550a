"""A training that is asked to end, or that finds another at its folder: told in a line, and nothing is damaged."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

from tests.export import toy
from tests.export.conftest import ROOT, Cli
from tests.export.training.test_killed_training import assert_nothing_half_written

OPTIONS = ("--encoder", "small", "--size", "16", "--window", "8", "--feature-dim", "8", "--no-lstm", "--epochs", "300")
HINT = "the same command with --resume carries on after the last complete epoch"


def begin(clips: Path, run: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "framestream.cli", "train", str(clips), "--output", str(run), *OPTIONS]
    return subprocess.Popen([*command, "--patience", "300"], cwd=ROOT, stderr=subprocess.PIPE, text=True)


def read_until(process: subprocess.Popen[str], start: str) -> None:
    assert process.stderr is not None
    assert any(line.startswith(start) for line in process.stderr), f"{start!r} never came"


def test_sigterm_and_a_second_training(toy_clips: Path, tmp_path: Path, cli: Cli) -> None:
    run = tmp_path / "run"
    with begin(toy_clips, run) as process:
        read_until(process, "epoch 1/")
        code, _, messages = cli("train", toy_clips, "--output", run, *OPTIONS, "--resume")
        assert (code, messages.count("\n")) == (1, 1), messages
        assert f"error: {run} is in use by process {process.pid}, since " in messages
        assert "; wait until that has ended, or give another --output" in messages
        process.send_signal(signal.SIGTERM)
        assert process.stderr is not None
        lines = process.stderr.read().splitlines()
    assert process.returncode == 128 + signal.SIGTERM
    assert [line for line in lines if not line.startswith("epoch ")] == [HINT]
    assert not (run / "lock").exists()
    assert json.loads((run / "run.json").read_text())["state"] == "training"
    assert_nothing_half_written(run)


def test_a_terminal_that_is_closed_while_clips_are_read(tmp_path: Path) -> None:
    clips, run = toy.write_class_folders(tmp_path / "clips", per_class=3), tmp_path / "run"
    for label in toy.LABELS:  # one that takes long
        film = clips / label / "long.mp4"
        toy.write_video(film, toy.draw(label, 1, frames=40) * 400)
    terminal, its_end = pty.openpty()
    place = os.ttyname(its_end)
    command = [sys.executable, "-m", "framestream.cli", "train", str(clips), "--output", str(run), *OPTIONS]
    # The first terminal that the leader of a session opens is its own: it gets SIGHUP when that is closed.
    shell = ["sh", "-c", 'place="$1"; shift; exec "$@" < "$place" > "$place" 2>&1', "sh", place, *command]
    with subprocess.Popen(shell, cwd=ROOT, start_new_session=True) as process:
        try:
            while not any((run / "cache").glob("*.part/index.jsonl")):
                assert process.poll() is None
                os.read(terminal, 4096)
        finally:  # not before: a terminal that nobody has opened yet cannot be read
            os.close(its_end)
            os.close(terminal)
    assert process.returncode == 128 + signal.SIGHUP
    assert not (run / "lock").exists()
    assert not list((run / "cache").glob("*/*.json"))
    assert_nothing_half_written(run)
