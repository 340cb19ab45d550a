"""Which encoder a run takes where it is left open: a choice by the clips, kept with the run and told in the report."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from footage.recorder import write_video
from framestream_export.training.encoder_choice import _is_clearly_better
from framestream_export.training.resumption import resumed_settings
from tests.export.conftest import Cli


@pytest.fixture(scope="module")
def things(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clips without people: squares that are red or green, of six places."""
    folder = tmp_path_factory.mktemp("things")
    rng = np.random.default_rng(5)
    for label, colour in (("red", (0, 0, 255)), ("green", (0, 255, 0))):
        for place in range(6):
            shade = rng.integers(40, 200, 3)
            frames = np.full((20, 96, 96, 3), shade, np.uint8)
            corner = rng.integers(10, 40, 2)
            for number, frame in enumerate(frames):
                first = tuple(int(c) for c in corner + number % 5)
                last = tuple(int(c) + 40 for c in corner + number % 5)
                cv2.rectangle(frame, first, last, colour, -1)
            write_video(folder / label / f"{place}.avi", frames, rate=12.5)
    rows = [f"{label}/{place}.avi,{label},place{place}" for label in ("red", "green") for place in range(6)]
    (folder / "manifest.csv").write_text("\n".join(["path,label,group", *rows]) + "\n")
    return folder


def test_where_joints_say_nothing_the_encoder_of_pictures_is_taken(things: Path, tmp_path: Path, cli: Cli) -> None:
    run = tmp_path / "run"
    command = ("train", things, "--output", run, "--epochs", "2", "--looks", "0", "--window", "8", "--folds", "2")
    code, _, messages = cli(*command)
    assert code == 0, messages
    assert "names these shares rightly by each preset's features: people 0." in messages
    record = json.loads((run / "run.json").read_text())
    assert record["settings"]["encoder"] == "EfficientNetLite0"
    accuracies = record["encoder_choice"]["accuracies"]
    assert accuracies["small"] > accuracies["people"] + 0.1
    report = json.loads((run / "report" / "report.json").read_text())
    assert report["encoder_choice"]["preset"] == "small"
    assert report["linear"]["accuracy"] > 0.8
    assert "Which encoder, and why" in (run / "report" / "report.html").read_text()
    assert resumed_settings(run, {}).encoder == "EfficientNetLite0"
    # Each division chose by what it trains on, and a resumed run keeps what was chosen.
    for fold in ("1", "2"):
        of_fold = json.loads((run / "folds" / fold / "run.json").read_text())
        assert of_fold["encoder_choice"]["groups"] == 3
        assert of_fold["settings"]["encoder"] == "EfficientNetLite0"
    assert json.loads((run / "cross_validation" / "report.json").read_text())["linear"]["accuracy"] > 0.5
    (run / "head.keras").unlink()
    shutil.rmtree(run / "folds" / "2")
    record.pop("cross_validation")
    (run / "run.json").write_text(json.dumps(record | {"state": "training"}))
    code, _, messages = cli(*command, "--resume")
    assert code == 0, messages
    assert json.loads((run / "folds" / "2" / "run.json").read_text())["settings"]["encoder"] == "EfficientNetLite0"
    assert (run / "head.keras").is_file()
    code, _, messages = cli(*command, "--resume")
    assert "nothing left to do" in messages


def test_a_choice_that_is_left_open_and_said_at_once_is_refused(things: Path, tmp_path: Path, cli: Cli) -> None:
    code, _, messages = cli("train", things, "--output", tmp_path / "run", "--preset", "auto", "--size", "64")
    assert (code, "--preset auto leaves the encoder open and excludes --size" in messages) == (2, True)


@pytest.mark.parametrize(
    ("gains", "groups", "better"),
    [
        ([0.2, 0.2, 0, 0, 0, 0, 0, 0], "aabbccdd", False),  # one group's luck
        ([1, 0, 1, 0, 1, 0, 1, 0], "aabbccdd", True),
        ([1, 0, 0, 0], "aaaa", True),  # nothing is known of chance, but it is much
        ([0.05, 0.05, 0.05, 0.05], "aaaa", False),
        ([0, 0, 0, 0], "abcd", False),
        ([-1, -1, 0, 0], "abcd", False),
    ],
)
def test_another_encoder_has_to_be_clearly_better(gains: list[float], groups: str, better: bool) -> None:
    assert _is_clearly_better(np.array(gains, float), list(groups)) is better


def test_windows_of_one_group_only_are_not_divided(things: Path, tmp_path: Path, cli: Cli) -> None:
    rows = [f"clips/{label}/{place}.avi,{label},{place % 2}" for label in ("red", "green") for place in range(6)]
    (tmp_path / "manifest.csv").write_text("\n".join(["path,label,group", *rows]) + "\n")
    (tmp_path / "clips").symlink_to(things)
    options = ("--epochs", "1", "--looks", "0", "--window", "8")
    code, _, messages = cli("train", tmp_path / "manifest.csv", "--output", tmp_path / "run", *options)
    assert "only one group has labelled windows" in messages, (code, messages)
