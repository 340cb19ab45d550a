from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from rich.console import Console

from framestream.errors import DataError, SettingsError
from framestream_export.files import load_arrays
from framestream_export.training.resumption import resumed_settings
from framestream_export.training.settings import TrainSettings
from framestream_export.training.training_data import DataPath, load_training_data
from tests.export import toy
from tests.export.conftest import SMALL_MODEL, Cli, Trained

OPTIONS = (
    *("--encoder", "small", "--size", "32", "--window", "8"),
    *("--lstm-units", "8", "--feature-dim", "8", "--batch-size", "4", "--epochs", "4"),
)
# Where the head is not looked at: one without an LSTM needs no other head beside it in the report.
WITHOUT_LSTM = (*OPTIONS, "--no-lstm")


def history_of(run: Path, stage: str = "network") -> list[dict[str, float]]:
    history: list[dict[str, float]] = json.loads((run / "run.json").read_text())["stages"][stage]["history"]
    return history


def outcome(run: Path) -> tuple[list[dict[str, float]], list[NDArray[np.generic]]]:
    """History without wall time, and the weights and optimizer state at the end."""
    history = history_of(run)
    for entry in history:
        del entry["seconds"]
    return history, load_arrays(run / "checkpoints" / "network-last.npz")[0]


@pytest.mark.long
@pytest.mark.parametrize("kind", ["window", "stateful"])
def test_resumed_run_ends_like_an_unbroken_one(toy_clips: Path, tmp_path: Path, cli: Cli, kind: str) -> None:
    options = [*OPTIONS, "--kind", kind, "--cache", str(tmp_path / "cache")]
    assert cli("train", toy_clips, "--output", tmp_path / "whole", *options)[0] == 0
    arguments = [str(toy_clips), "--output", str(tmp_path / "broken"), *options]
    with subprocess.Popen(
        [sys.executable, "-m", "framestream.cli", "train", *arguments], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("epoch 2/"):
                break
        process.kill()
    record = json.loads((tmp_path / "broken" / "run.json").read_text())
    assert record["state"] == "training"
    code, _, errors = cli("export", tmp_path / "broken", "--output", tmp_path / "m.onnx")
    assert code == 1
    assert "is not finished" in errors
    code, _, messages = cli(
        "train", toy_clips, "--output", tmp_path / "broken", "--cache", tmp_path / "cache", "--resume"
    )
    assert code == 0, messages
    assert "resumed after epoch" in messages
    history, state = outcome(tmp_path / "whole")
    resumed_history, resumed_state = outcome(tmp_path / "broken")
    assert len(history) == 4
    assert [sorted(entry) for entry in resumed_history] == [sorted(entry) for entry in history]
    for entry, other in zip(history, resumed_history, strict=True):
        assert entry == pytest.approx(other, rel=1e-5)
    for array, other_array in zip(state, resumed_state, strict=True):
        np.testing.assert_allclose(array, other_array, rtol=1e-4, atol=1e-6)


def test_time_limit_ends_a_run_cleanly_and_resume_goes_on(toy_clips: Path, tmp_path: Path, cli: Cli) -> None:
    run, cache = tmp_path / "run", tmp_path / "cache"
    arguments = ("train", toy_clips, "--output", run, *WITHOUT_LSTM, "--cache", cache, "--time-limit", "0.001")
    code, _, messages = cli(*arguments)  # the clips are not read yet
    assert (code, "--time-limit 0.001 is up before there is a model: " in messages) == (1, True)
    assert cli("train", toy_clips, "--output", tmp_path / "another", *WITHOUT_LSTM, "--cache", cache)[0] == 0
    code, out, _ = cli(*arguments)
    assert code == 0
    assert "time limit" in out
    record = json.loads((run / "run.json").read_text())
    assert (record["state"], len(history_of(run))) == ("finished", 1)
    assert (run / "encoder.keras").is_file()
    # The cache is where it was, and a second time there is nothing left to do.
    assert cli("train", toy_clips, "--output", run, "--resume")[0] == 0
    assert not (run / "cache").exists()
    record = json.loads((run / "run.json").read_text())
    assert (record["stopped"], len(history_of(run))) == ("all epochs", 4)
    written = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    code, out, messages = cli("train", toy_clips, "--output", run, "--resume")
    assert code == 0
    assert "all epochs" in out
    assert "is finished: nothing left to do" in messages
    assert written == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    (run / "parity_frames.npy").unlink()
    assert cli("train", toy_clips, "--output", run, "--resume")[0] == 0
    assert (run / "parity_frames.npy").is_file()


def test_resuming_what_never_began_starts_with_the_defaults(toy_clips: Path, tmp_path: Path, cli: Cli) -> None:
    """A run that is killed while clips are decoded has written down nothing."""
    code, _, messages = cli("train", toy_clips, "--output", tmp_path / "run", "--resume", "--weights", "people")
    assert code == 1
    assert "run holds nothing to resume: it starts from the beginning" in messages
    assert "there are no people weights for EfficientNetLite0; give none, imagenet, a file or a run" in messages


def test_a_preset_and_an_encoder_exclude_each_other(toy_clips: Path, tmp_path: Path, cli: Cli) -> None:
    options = ("--preset", "base", "--encoder", "small")
    code, _, messages = cli("train", toy_clips, "--output", tmp_path / "run", *options)
    assert (code, "--preset and --encoder exclude each other" in messages) == (2, True)


def test_there_are_no_columns_to_group_by_without_a_manifest(toy_clips: Path, tmp_path: Path, cli: Cli) -> None:
    code, _, messages = cli("train", toy_clips, "--output", tmp_path / "run", *OPTIONS, "--by", "person")
    assert code == 1
    assert "--by person names a column of a manifest, and this data has no manifest" in messages


@pytest.mark.long
def test_starting_from_another_run(toy_clips: Path, tmp_path: Path, cli: Cli) -> None:
    base, run = tmp_path / "base", tmp_path / "run"
    options = [*WITHOUT_LSTM, "--cache", tmp_path / "cache"]
    assert cli("train", toy_clips, "--output", base, *options, "--epochs", "1")[0] == 0
    options += ["--weights", base, "--seed", "5", "--fine-tune", "all"]
    code, _, messages = cli("train", toy_clips, "--output", run, *options, "--time-limit", "0.001")
    assert code == 0, messages
    assert f"starts from {base}: its encoder and head" in messages
    records = {path: json.loads((path / "run.json").read_text()) for path in (base, run)}
    leaked = sorted(set(records[base]["splits"]["train"]) & set(records[run]["splits"]["test"]))
    assert leaked, "another seed divides the clips in another way"
    warning = f"{len(leaked)} of {len(records[run]['splits']['test'])} test recordings have the names"
    assert warning in messages
    assert any(warning in line for line in records[run]["warnings"])
    fingerprint = records[base]["fingerprint"]
    assert records[run]["base"] == {"name": "base", "path": str(base), "fingerprint": fingerprint, "head": True}
    shutil.rmtree(base)  # what it gave is in the checkpoint
    code, _, messages = cli("train", toy_clips, "--output", run, "--resume")
    assert code == 0, messages
    record = json.loads((run / "run.json").read_text())
    assert len(history_of(run)) == 4
    assert (record["base"], record["warnings"]) == (records[run]["base"], records[run]["warnings"])


def test_labels_no_prediction_can_refer_to(tmp_path: Path, toy_clips: Path, silent: Console, cli: Cli) -> None:
    """A window of 16 at 12.5 per second predicts what is shown 0.56 s into a clip at the earliest."""
    (tmp_path / "clips").symlink_to(toy_clips, target_is_directory=True)
    clips = sorted(path for path in (tmp_path / "clips").glob("*/*.mp4") if path.parent.name != "idle")
    splits = ("train", "train", "train", "validation", "test", "test")
    rows: list[tuple[object, ...]] = []
    for number, path in enumerate(clips):
        short = path.parent.name == "upright"
        rows.append((path.relative_to(tmp_path), path.parent.name, "", 0.4 if short else "", splits[number % 6]))
    manifest = toy.write_csv(tmp_path / "manifest.csv", "path,label,start,end,split", rows)
    code, _, errors = cli("train", manifest, "--output", tmp_path / "run", "--encoder", "small", "--size", "16")
    assert code == 1
    assert (
        f"error: {manifest}: no prediction in the train split refers to upright: its segments are too short" in errors
    )
    assert "Predictions are about 0.56 s after a clip's start to 0.64 s before its end" in errors
    rows = [(*row[:3], "" if row[4] == "train" else row[3], row[4]) for row in rows]
    toy.write_csv(manifest, "path,label,start,end,split", rows)
    settings = TrainSettings(size=16)
    found = load_training_data(DataPath(manifest), tmp_path / "cache", settings, console=silent)
    split_of = [warning.partition(" refers")[0] for warning in found.splits.warnings]
    assert split_of == ["no prediction in the validation split", "no prediction in the test split"]
    rows = [(*row[:3], 0.4 if row[4] == "test" else row[3], row[4]) for row in rows]
    toy.write_csv(manifest, "path,label,start,end,split", rows)
    with pytest.raises(DataError, match="no prediction in the test split refers to across, upright"):
        load_training_data(DataPath(manifest), tmp_path / "cache", settings, console=silent)


def test_labels_that_may_be_misspelt_are_told(tmp_path: Path, toy_clips: Path, silent: Console) -> None:
    (tmp_path / "clips").symlink_to(toy_clips, target_is_directory=True)
    clips = sorted((tmp_path / "clips").glob("*/*.mp4"))[:12]
    rows = [(path.relative_to(tmp_path), "Wave" if number % 2 else "wave") for number, path in enumerate(clips)]
    manifest = toy.write_csv(tmp_path / "manifest.csv", "path,label", rows)
    found = load_training_data(DataPath(manifest), tmp_path / "cache", TrainSettings(size=16), console=silent)
    assert "'Wave' and 'wave' are different labels; is one a misspelling?" in found.splits.warnings


def test_an_existing_run_and_other_settings_are_refused(toy_clips: Path, tmp_path: Path, cli: Cli) -> None:
    run = tmp_path / "run"
    options = [*WITHOUT_LSTM, "--cache", tmp_path / "cache", "--epochs", "1"]
    assert cli("train", toy_clips, "--output", run, *options)[0] == 0
    code, _, errors = cli("train", toy_clips, "--output", run, *options)
    assert code == 1
    assert "exists; give another --output, or --resume" in errors
    code, _, errors = cli("train", toy_clips, "--output", run, "--resume", "--window", "9")
    assert code == 1
    assert "was started with window 8, not 9" in errors
    assert resumed_settings(run, {}).window == 8
    fewer = tmp_path / "fewer"
    for clip in toy_clips.rglob("*[1-9].mp4"):
        copy = fewer / clip.relative_to(toy_clips)
        copy.parent.mkdir(parents=True, exist_ok=True)
        os.link(clip, copy)
    code, _, errors = cli("train", fewer, "--output", run, "--resume", "--cache", tmp_path / "cache")
    assert code == 1
    assert "is not the one" in errors


def test_report_is_measured_on_the_test_split(trained: Trained) -> None:
    record = json.loads((trained.run / "run.json").read_text())
    report = json.loads((trained.run / "report" / "report.json").read_text())
    assert record["test"] == report
    assert (report["split"], report["segments"]) == ("test", 12)
    assert sorted(key for key in report if "recording" in key) == []
    confusion = np.array(report["confusion"])
    assert confusion.sum() == report["windows"]
    assert report["accuracy"] == pytest.approx(np.trace(confusion) / confusion.sum())
    assert report["accuracy"] > 0.8  # the clips were learnt by heart
    for index, label in enumerate(report["labels"]):
        values = report["per_class"][label]
        assert values["support"] == confusion[index].sum()
        assert values["recall"] == pytest.approx(confusion[index, index] / confusion[index].sum())
        assert values["precision"] == pytest.approx(confusion[index, index] / confusion[:, index].sum())
    picture = cv2.imread(str(trained.run / "report" / "confusion_matrix.png"))
    assert picture is not None
    assert min(picture.shape[:2]) > 300
    assert sorted(record["splits"]) == ["test", "train", "validation"]
    assert all(name.startswith("test/") for name in record["splits"]["test"])


def test_best_epoch_is_what_is_kept(trained: Trained) -> None:
    record = json.loads((trained.run / "run.json").read_text())
    stage = record["stages"]["network"]
    losses = [entry["validation_loss"] for entry in stage["history"]]
    assert stage["best_epoch"] == 1 + int(np.argmin(losses))
    assert load_arrays(trained.run / "checkpoints" / "network-best.npz")[1] == {"epoch": stage["best_epoch"]}


def test_early_stopping(rendered_clips: Path, tmp_path: Path, cli: Cli) -> None:
    """A learning rate that ruins the weights: after the first epochs nothing gets better."""
    options = [*SMALL_MODEL, "--no-lstm", "--learning-rate", "3", "--patience", "2", "--epochs", "60"]
    cache = rendered_clips / "cache"
    code, out, _ = cli("train", rendered_clips, "--output", tmp_path / "run", *options, "--cache", cache)
    assert code == 0
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert "early stopping" in out
    stage = record["stages"]["network"]
    assert len(stage["history"]) == stage["best_epoch"] + 2 < 60


def test_training_that_blows_up_says_so(toy_clips: Path, tmp_path: Path, cli: Cli) -> None:
    options = [*WITHOUT_LSTM, "--learning-rate", "1e30", "--cache", tmp_path / "cache"]
    code, _, errors = cli("train", toy_clips, "--output", tmp_path / "run", *options)
    assert code == 1
    assert "training diverged" in errors
    assert "lower --learning-rate" in errors
    # No epoch was completed: the same command, mended, needs no other folder.
    options = [*WITHOUT_LSTM, "--epochs", "1", "--cache", tmp_path / "cache"]
    assert cli("train", toy_clips, "--output", tmp_path / "run", *options)[0] == 0
    code, _, errors = cli("train", toy_clips, "--output", tmp_path / "run", *options)
    assert (code, "exists; give another --output" in errors) == (1, True)


def test_settings_come_back_from_json() -> None:
    settings = TrainSettings(kind="stateful", window=9, background="rest", flip=False)
    assert TrainSettings.from_json(json.loads(json.dumps(settings.to_json()))) == settings
    with pytest.raises(SettingsError, match="unknown training settings: colour"):
        TrainSettings.from_json({"colour": "rgb"})
