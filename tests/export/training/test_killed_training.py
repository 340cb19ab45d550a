"""Training that is killed at any moment and resumed ends as if it had not been."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from framestream_export.files import load_arrays
from tests.export import killed_at
from tests.export.conftest import ROOT, Cli

# A pretrained encoder that stays as it is: features, a head, the head once more, a baseline, the baseline once more.
OPTIONS = (
    *("--encoder", "small", "--weights", "people", "--size", "96", "--feature-dim", "128", "--looks", "1"),
    *("--window", "8", "--lstm-units", "8", "--batch-size", "4", "--epochs", "5"),
    *("--folds", "3"),
)
SEED = 5  # of the moments
# Not of the outcome: how long it took, when, and where it lies.
_BESIDES = frozenset({"seconds", "finished", "cache", "title"})


@dataclass(frozen=True)
class Attempt:
    """A training that is run in processes of its own until one of them is not killed."""

    clips: Path
    folder: Path

    @property
    def run(self) -> Path:
        return self.folder / "run"

    def go_on(self, line: str = "", nth: int = 1, delay_seconds: float = 0.0) -> int:
        """Start, or resume; killed after the nth time that `line` comes up. Gives the exit code."""
        self.folder.mkdir(exist_ok=True)
        places = [str(self.clips), "--output", str(self.run), "--cache", str(self.folder / "cache"), "--resume"]
        dying = [str(self.folder), line, str(nth), str(delay_seconds)]
        command = [sys.executable, "-m", "tests.export.killed_at", *dying, "train", *places, *OPTIONS]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode in (0, -signal.SIGKILL), done.stderr
        return done.returncode

    def moments(self) -> list[str]:
        """What the last process wrote, in order."""
        return (self.folder / killed_at.LOG).read_text().splitlines()


def choose(moments: Sequence[str], pattern: str, rng: np.random.Generator) -> tuple[str, int, float]:
    """Choose a moment that matches, how often it must come up first, and a fraction of a second after it."""
    places = [place for place, moment in enumerate(moments) if re.search(pattern, moment)]
    assert places, f"no moment is {pattern}"
    place = places[rng.integers(len(places))]
    return moments[place], moments[: place + 1].count(moments[place]), float(rng.uniform(0, 0.02))


def assert_nothing_half_written(folder: Path) -> None:
    """Whatever has the name of a whole file is one."""
    for path in folder.rglob("*"):
        if path.is_dir():
            continue
        if any(".part" in name or name.startswith("part.") for name in path.relative_to(folder).parts):
            continue
        if path.suffix == ".npz":
            load_arrays(path)
        elif path.suffix == ".npy":
            np.load(path, allow_pickle=False)
        elif path.suffix == ".json":
            json.loads(path.read_text(encoding="utf-8"))
        elif path.suffix == ".keras":
            with zipfile.ZipFile(path) as archive:
                assert archive.testzip() is None


def assert_alike(one: Any, other: Any, place: str = "") -> None:
    """Two contents of JSON files are the same, but for rounding and what is not of the outcome."""
    if isinstance(one, dict):
        assert one.keys() == other.keys(), place
        for key in one.keys() - _BESIDES:
            assert_alike(one[key], other[key], f"{place}/{key}")
    elif isinstance(one, list):
        assert len(one) == len(other), place
        for number, pair in enumerate(zip(one, other, strict=True)):
            assert_alike(*pair, f"{place}/{number}")
    elif isinstance(one, float) or isinstance(other, float):
        assert other == pytest.approx(one, rel=1e-4, abs=1e-6), place
    else:
        assert one == other, place


def assert_same_outcome(whole: Path, broken: Path, files: Sequence[str]) -> None:
    for name in files:
        if name.endswith(".json"):
            assert_alike(*(json.loads((run / name).read_text(encoding="utf-8")) for run in (whole, broken)), place=name)
            continue
        (arrays, note), (other_arrays, other_note) = (load_arrays(run / name) for run in (whole, broken))
        assert_alike(note, other_note, name)
        for array, other in zip(arrays, other_arrays, strict=True):
            np.testing.assert_allclose(other, array, rtol=1e-4, atol=1e-6, err_msg=name)


# One moment of each is drawn; in the order in which a run comes by them.
STAGES = {
    "decoding": r"cache/[0-9a-f]{16}\.part",
    "encoding": "cache/features/",
    "the head of a fold": "run/folds/2/checkpoints/head-(last|best)",
    "the report of all folds": "run/cross_validation/",
    "the head": "run/checkpoints/head-(last|best)",
    "the head once more, or the baseline": "run/checkpoints/(head-refit|baseline)",
    "the model and its report": "run/(part|encoder|head|parity|report)",
}
OUTCOME = (
    *("run.json", "report/report.json", "report/test_timelines.npz", "report/baseline_timelines.npz"),
    *("checkpoints/head-refit-best.npz", "checkpoints/baseline-refit-best.npz", "cross_validation/report.json"),
    *(f"folds/{number}/{name}" for number in (1, 2, 3) for name in ("run.json", "report/test_timelines.npz")),
)


@pytest.mark.long
def test_a_run_killed_at_every_stage_ends_like_an_unbroken_one(toy_clips: Path, tmp_path: Path, cli: Cli) -> None:
    whole, broken = Attempt(toy_clips, tmp_path / "whole"), Attempt(toy_clips, tmp_path / "broken")
    assert whole.go_on() == 0
    moments, rng = whole.moments(), np.random.default_rng(SEED)
    for stage, pattern in STAGES.items():
        line, nth, delay_seconds = choose(moments, pattern, rng)
        died = broken.go_on(line, nth, delay_seconds) == -signal.SIGKILL
        assert died, f"{stage}: not killed at {line!r}, time {nth}"
        assert_nothing_half_written(broken.folder)
    assert broken.go_on() == 0
    assert_same_outcome(whole.run, broken.run, OUTCOME)
    code, _, messages = cli("train", toy_clips, "--output", broken.run, "--resume")
    assert (code, "is finished: nothing left to do" in messages) == (0, True)


def test_a_kill_between_the_last_checkpoint_and_the_record(toy_clips: Path, tmp_path: Path, cli: Cli) -> None:
    options = (
        "--encoder",
        "small",
        "--size",
        "16",
        "--window",
        "8",
        "--feature-dim",
        "8",
        "--no-lstm",
        "--epochs",
        "1",
    )
    arguments = ("train", toy_clips, "--output", tmp_path / "run", *options)
    assert cli(*arguments)[0] == 0
    path = tmp_path / "run" / "run.json"
    whole = json.loads(path.read_text())
    path.write_text(json.dumps({key: whole[key] for key in whole.keys() - {"stages"}} | {"state": "training"}))
    code, _, messages = cli(*arguments, "--resume")
    assert code == 0, messages
    assert_alike(whole, json.loads(path.read_text()))
