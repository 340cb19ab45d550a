"""A training whose time is up, at every stage: what it leaves, what it says, and that it goes on from there."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from framestream_export.files import load_arrays
from framestream_export.time_limit import TimeLimit, TimeLimitError
from framestream_export.training.settings import TrainSettings
from framestream_export.training.training_data import DataPath
from framestream_export.training.training_run import train
from tests.export.conftest import Cli

# Features of a frozen encoder, a head, the head once more, a baseline, a linear model.
SETTINGS = TrainSettings(
    weights="people", window=8, lstm_units=8, batch_size=4, epochs=3, augmentations=0, time_limit_minutes=5.0
)
WHOLE_NETWORK = TrainSettings(size=16, window=8, lstm_units=4, feature_dim=8, head="mean", epochs=2)


def up_when_there_is(folder: Path, pattern: str) -> TimeLimit:
    """Five minutes, which have passed as soon as a file is there."""
    return TimeLimit(5.0, lambda: 301.0 if next(folder.glob(pattern), None) else 0.0, begun_seconds=0.0)


def go_on(data: Path, folder: Path, limit: TimeLimit | None = None, **options: Any) -> tuple[dict[str, Any], str]:
    """Train, or resume: run.json, and what was said."""
    console = options.pop("console", None) or Console(file=io.StringIO(), width=200)
    path = DataPath(data, cache=folder / "cache")
    settings = options.pop("settings", SETTINGS)
    record = train(path, folder / "run", settings, resume=True, time_limit=limit, console=console, **options)
    return record, console.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.long
def test_a_run_goes_on_from_wherever_its_time_was_up(toy_clips: Path, tmp_path: Path, cli: Cli) -> None:
    with pytest.raises(TimeLimitError, match=r"--time-limit 5 is up before there is a model: \d+ of 18 clips are read"):
        go_on(toy_clips, tmp_path, up_when_there_is(tmp_path, "cache/*.part/index.jsonl"))
    assert not (tmp_path / "run").exists()
    with pytest.raises(
        TimeLimitError, match=r"\d+ of 15 clips and augmented copies are encoded, and kept in .*feature"
    ):
        go_on(toy_clips, tmp_path, up_when_there_is(tmp_path, "cache/features/*.npy"))
    encoded = set((tmp_path / "cache" / "features").glob("*.npy"))
    assert encoded

    record, said = go_on(toy_clips, tmp_path, up_when_there_is(tmp_path, "run/checkpoints/head-last.npz"))
    assert encoded < set((tmp_path / "cache" / "features").glob("*.npy"))
    assert (record["stopped"], len(record["stages"]["head"]["history"])) == ("time limit", 1)
    assert "the time is up: the model is the best of stage head so far, and not compared with" in said
    report = json.loads((tmp_path / "run" / "report" / "report.json").read_text())
    assert (report["baseline"], report["linear"]) == (None, None)
    assert cli("export", tmp_path / "run", "--output", tmp_path / "m.onnx")[0] == 0

    record, said = go_on(toy_clips, tmp_path, up_when_there_is(tmp_path, "run/checkpoints/baseline-last.npz"))
    assert (record["stopped"], len(record["stages"]["head"]["history"])) == ("time limit", 3)
    assert (tmp_path / "run" / "checkpoints" / "head-refit-last.npz").is_file()

    record, said = go_on(toy_clips, tmp_path)
    assert (record["stopped"], "the time is up" in said) == ("all epochs", False)
    report = json.loads((tmp_path / "run" / "report" / "report.json").read_text())
    assert None not in (report["baseline"], report["linear"])
    go_on(toy_clips, tmp_path / "whole")
    found, expected = (
        load_arrays(place / "run/report/test_timelines.npz")[0] for place in (tmp_path, tmp_path / "whole")
    )
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)


@pytest.mark.long
def test_half_a_cross_validation_is_no_result(toy_clips: Path, tmp_path: Path) -> None:
    limit = up_when_there_is(tmp_path, "run/folds/2/checkpoints/network-last.npz")
    with pytest.raises(TimeLimitError, match=r"fold 2 has begun, and is kept in .*; the same command with --resume"):
        go_on(toy_clips, tmp_path, limit, settings=WHOLE_NETWORK, folds=2)
    assert json.loads((tmp_path / "run/folds/1/run.json").read_text())["state"] == "finished"
    assert json.loads((tmp_path / "run/folds/2/run.json").read_text())["state"] == "training"
    console = Console(file=io.StringIO(), width=200)
    limit = up_when_there_is(tmp_path, "run/cross_validation/report.json")
    with pytest.raises(TimeLimitError, match=r"all 2 folds are trained, and reported on in .*cross_validation"):
        go_on(toy_clips, tmp_path, limit, settings=WHOLE_NETWORK, folds=2, console=console)
    # Each warning once, with the figures of all folds.
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    warnings = [line for line in lines if line.startswith("warning ")]
    assert sum("no groups are named, so each file counts as one" in line for line in warnings) == 1
    assert len(warnings) == len(set(warnings))
    assert not any(line.startswith("warning ") for line in lines[: lines.index("all 2 folds together:")])
    record, said = go_on(toy_clips, tmp_path, settings=WHOLE_NETWORK, folds=2)
    assert "fold 1" not in said
    assert (record["state"], record["cross_validation"]["folds"]) == ("finished", 2)


def test_a_limit_that_is_up_before_clips_are_read(toy_clips: Path, tmp_path: Path, cli: Cli) -> None:
    code, out, messages = cli("train", toy_clips, "--output", tmp_path / "run", "--time-limit", "0.0001")
    assert (code, out, messages.count("\n")) == (1, "", 1), messages
    assert "error: --time-limit 0.0001 is up before there is a model: 0 of 18 clips are read, and kept in" in messages
    assert "the same command with --resume and a longer --time-limit, or --resume alone, goes on from there" in messages
