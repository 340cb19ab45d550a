"""Training a head on features that are computed once, and what comes after it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from rich.console import Console

from framestream_export.measures.prediction_timelines import load_timelines
from framestream_export.training.network.projection import build_projection, with_projection
from framestream_export.training.network.sequence_model import SequenceModel
from framestream_export.training.resumption import resumed_settings
from framestream_export.training.settings import ALL_BLOCKS, TrainSettings
from framestream_export.training.training_data import DataPath, load_training_data
from tests.export import toy
from tests.export.conftest import Cli

# The smallest network that has weights of its own: what it learnt of people distinguishes moving squares as well.
OPTIONS = ("--preset", "tiny", "--window", "8", "--lstm-units", "16", "--epochs", "12", "--looks", "1")


@pytest.fixture(scope="module")
def grouped_clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clips of six people, who are moving squares."""
    folder = tmp_path_factory.mktemp("grouped")
    rows: list[tuple[object, ...]] = []
    for person in range(6):
        for number, label in enumerate(toy.LABELS):
            path = folder / label / f"{person}.mp4"
            toy.write_video(path, toy.draw(label, 100 * number + person, frames=50))
            rows.append((path.relative_to(folder), label, f"person {person}"))
    toy.write_csv(folder / "manifest.csv", "file,action,person", rows)
    return folder


@pytest.fixture(scope="module")
def validated(grouped_clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a cross-validation of three folds."""
    from framestream.cli.main import run

    folder = tmp_path_factory.mktemp("validated")
    options = [*OPTIONS, "--folds", "3", "--cache", str(folder / "cache")]
    assert run(["train", str(grouped_clips), "--output", str(folder / "run"), *options]) == 0
    return folder / "run"


def record_of(run: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((run / "run.json").read_text())
    return record


def test_a_run_is_resumed_on_the_data_it_was_begun_with(grouped_clips: Path, tmp_path: Path, cli: Cli) -> None:
    """Negatives, and the column that groups clips, need not be named again."""
    for number in range(3):
        toy.write_video(tmp_path / "quiet" / f"{number}.mp4", toy.draw("idle", number, frames=50))
    run = tmp_path / "run"
    options = [*OPTIONS, "--epochs", "2", "--no-lstm", "--by", "person", "--negatives", tmp_path / "quiet"]
    assert cli("train", grouped_clips, "--output", run, *options)[0] == 0
    begun = record_of(run)
    (run / "head.keras").unlink()
    code, _, messages = cli("train", grouped_clips, "--output", run, "--resume")
    assert code == 0, messages
    assert {name: record_of(run)[name] for name in ("group_column", "negatives", "splits")} == {
        name: begun[name] for name in ("group_column", "negatives", "splits")
    }


@pytest.mark.long
def test_stages_follow_each_other(validated: Path) -> None:
    record = record_of(validated)
    assert list(record["stages"]) == ["head", "head-refit", "baseline", "baseline-refit"]
    for name in ("head", "baseline"):
        stage, refit = record["stages"][name], record["stages"][f"{name}-refit"]
        losses = [entry["validation_loss"] for entry in stage["history"]]
        assert stage["best_epoch"] == 1 + int(np.argmin(losses))
        # As many epochs as were best, but a quarter of all at least, and nothing held back to validate on.
        assert len(refit["history"]) == refit["best_epoch"] == max(stage["best_epoch"], 3)
        assert not any("validation_loss" in entry for entry in refit["history"])
    assert record["settings"]["encoder"] == "small"
    assert record["temperature"] > 0
    assert 0 < record["events"]["leave"] <= record["events"]["enter"] <= 1


@pytest.mark.long
def test_the_report_shows_the_model_without_order_beside_it(validated: Path) -> None:
    report = json.loads((validated / "report" / "report.json").read_text())
    assert report == record_of(validated)["test"]
    assert report["baseline"]["verdict"] in ("helps", "hurts", "unclear")
    # One that looks at the mean of the features cannot tell across from upright; one that looks at their order can.
    assert report["segment_accuracy"] >= report["baseline"]["segment_accuracy"]
    page = (validated / "report" / "report.html").read_text()
    assert "Does time help?" in page
    assert page.count("data:image/") >= 3


@pytest.mark.long
def test_the_frozen_encoder_is_left_as_it_was(validated: Path) -> None:
    first = keras.saving.load_model(validated / "checkpoints" / "encoder.keras", compile=False)
    last = keras.saving.load_model(validated / "encoder.keras", compile=False)
    pairs = list(zip(first.get_weights(), last.get_weights(), strict=True))
    assert all(np.array_equal(*pair) for pair in pairs)


@pytest.mark.long
def test_every_clip_is_tested_once_by_a_model_that_never_saw_its_group(validated: Path, grouped_clips: Path) -> None:
    tested, groups_tested = [], []
    for number in (1, 2, 3):
        record = record_of(validated / "folds" / str(number))
        group_of = {f"{label}/{person}.mp4": person for label in toy.LABELS for person in range(6)}
        groups = {split: {group_of[name] for name in names} for split, names in record["splits"].items()}
        assert not groups["test"] & (groups["train"] | groups["validation"])
        tested += record["splits"]["test"]
        groups_tested.append(groups["test"])
    assert sorted(tested) == sorted(f"{label}/{person}.mp4" for label in toy.LABELS for person in range(6))
    assert sorted(map(len, groups_tested)) == [2, 2, 2]
    summary = record_of(validated)["cross_validation"]
    accuracies = [record_of(validated / "folds" / str(number))["test"]["accuracy"] for number in (1, 2, 3)]
    assert summary["accuracies"] == accuracies
    assert summary["mean_accuracy"] == pytest.approx(np.mean(accuracies))
    report = json.loads((validated / "cross_validation" / "report.json").read_text())
    assert (report["files"], report["groups"], report["split"]) == (18, 6, "cross-validation")
    assert report["segment_accuracy_interval"] is not None
    assert report["accuracy"] == pytest.approx(np.trace(report["confusion"]) / np.sum(report["confusion"]))


@pytest.mark.long
def test_a_finished_cross_validation_is_not_trained_again(validated: Path, grouped_clips: Path, cli: Cli) -> None:
    written = {path: path.stat().st_mtime_ns for path in validated.rglob("*") if path.is_file()}
    code, out, messages = cli("train", grouped_clips, "--output", validated, "--resume", "--folds", "3")
    assert code == 0
    assert "nothing left to do" in messages
    assert "cross-validated accuracy" in out
    assert written == {path: path.stat().st_mtime_ns for path in validated.rglob("*") if path.is_file()}
    (validated / "head.keras").rename(validated / "kept.keras")
    code, _, messages = cli("train", grouped_clips, "--output", validated, "--resume", "--folds", "3")
    assert code == 0
    assert "fold 1" not in messages
    first, again = (keras.saving.load_model(validated / name, compile=False) for name in ("kept.keras", "head.keras"))
    for one, other in zip(first.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


@pytest.mark.long
@pytest.mark.parametrize("folds", ["2", "all"])
def test_other_folds_than_a_run_has_are_refused(validated: Path, grouped_clips: Path, cli: Cli, folds: str) -> None:
    code, _, messages = cli("train", grouped_clips, "--output", validated, "--resume", "--folds", folds)
    assert code == 1
    assert f"was cross-validated with 3 folds, not {folds if folds == '2' else 6}; resume without --folds" in messages


@pytest.mark.long
def test_what_was_said_of_the_test_clips_is_kept(validated: Path, grouped_clips: Path, silent: Console) -> None:
    settings = resumed_settings(validated, {})
    place = DataPath(grouped_clips, cache=validated.parent / "cache")
    data = load_training_data(place, validated.parent / "cache", settings, console=silent)
    timelines = load_timelines(validated / "report" / "test_timelines.npz", data.cache.recordings)
    assert [timeline.recording.name for timeline in timelines] == record_of(validated)["splits"]["test"]
    model = SequenceModel.load(validated, kind="window", window=8)
    timeline = timelines[0]
    segment = data.cache.segments[data.cache.recordings.index(timeline.recording)]
    rows = model.predictions(np.asarray(data.cache.frames[segment.start : segment.stop])[None])[0]
    np.testing.assert_allclose(rows, timeline.probabilities, atol=1e-4)


@pytest.mark.long
def test_fine_tuning_goes_on_from_the_head_and_keeps_only_what_is_better(
    grouped_clips: Path, validated: Path, tmp_path: Path, cli: Cli
) -> None:
    options = [*OPTIONS, "--fine-tune", "2", "--fine-tune-epochs", "2", "--cache", validated.parent / "cache"]
    code, _, messages = cli("train", grouped_clips, "--output", tmp_path / "run", *options)
    assert code == 0, messages
    record = record_of(tmp_path / "run")
    stages = record["stages"]
    assert list(stages)[:2] == ["head", "fine-tune"]
    best = [min(entry["validation_loss"] for entry in stages[name]["history"]) for name in ("head", "fine-tune")]
    first = keras.saving.load_model(tmp_path / "run" / "checkpoints" / "encoder.keras", compile=False)
    last = keras.saving.load_model(tmp_path / "run" / "encoder.keras", compile=False)
    same = [np.array_equal(*pair) for pair in zip(first.get_weights(), last.get_weights(), strict=True)]
    if best[1] < best[0]:
        assert not all(same)
    else:
        assert all(same)
        assert "did not lower the validation loss" in messages
    assert any(same)  # the first blocks, and all statistics of batch norms
    code, _, messages = cli("export", tmp_path / "run", "--output", tmp_path / "model.onnx")
    assert code == 0, messages


def test_a_projection_becomes_part_of_the_encoder() -> None:
    rng = np.random.default_rng(0)
    keras.utils.set_random_seed(0)
    frames = keras.Input((8, 8, 3))
    encoder = keras.Model(frames, keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(20, 3)(frames)))
    pictures = rng.uniform(0, 255, (5, 8, 8, 3)).astype(np.float32)
    features = np.asarray(encoder(pictures))
    projection = build_projection(features.mean(axis=0), features.std(axis=0), width=6, seed=1)
    for weight in projection.trainable_variables:
        weight.assign(weight + rng.normal(size=weight.shape))
    expected = np.asarray(projection(features[None], training=False))[0]
    assert expected.std() > 0.1
    together = with_projection(encoder, projection)
    assert together.output_shape == (None, 6)
    np.testing.assert_allclose(np.asarray(together(pictures)), expected, rtol=1e-3, atol=1e-3)


def test_two_people_are_enough_if_validation_clips_may_be_of_one_of_them(
    grouped_clips: Path, tmp_path: Path, cli: Cli
) -> None:
    for person in range(2):
        for label in toy.LABELS:
            (tmp_path / "data" / label).mkdir(parents=True, exist_ok=True)
            shutil.copy(grouped_clips / label / f"{person}.mp4", tmp_path / "data" / label / f"{person}a.mp4")
            shutil.copy(grouped_clips / label / f"{person + 2}.mp4", tmp_path / "data" / label / f"{person}b.mp4")
    rows = [(f"{label}/{name}.mp4", label, name[0]) for label in toy.LABELS for name in ("0a", "0b", "1a", "1b")]
    toy.write_csv(tmp_path / "data" / "manifest.csv", "path,label,actor", rows)
    options = (*OPTIONS, "--epochs", "2", "--no-lstm")
    code, _, messages = cli("train", tmp_path / "data", "--output", tmp_path / "run", *options)
    assert code == 0, messages
    assert "clips of one group only are left to train on" in messages
    splits = record_of(tmp_path / "run")["splits"]
    actors = {split: {Path(name).stem[0] for name in names} for split, names in splits.items()}
    assert actors["train"] == actors["validation"] != actors["test"]
    assert len(actors["test"]) == 1
    code, _, messages = cli("train", tmp_path / "data", "--output", tmp_path / "other", *OPTIONS, "--by", "camera")
    assert code == 1
    assert "the header lacks camera" in messages


def test_settings_know_when_features_can_be_kept() -> None:
    assert TrainSettings(weights="people").two_stage
    assert not TrainSettings(weights="people", fine_tune=ALL_BLOCKS).two_stage
    assert not TrainSettings().two_stage


@pytest.mark.long
def test_a_run_that_started_from_another_is_resumed_without_it(grouped_clips: Path, tmp_path: Path, cli: Cli) -> None:
    """The head sees differences from the window's mean, as heads behind a projection do; so must the restored one."""
    base, run = tmp_path / "base", tmp_path / "run"
    options = [*OPTIONS, "--epochs", "2", "--cache", tmp_path / "cache"]
    small = ["--encoder", "EfficientNetLite0", "--weights", "imagenet", "--size", "32"]
    assert cli("train", grouped_clips, "--output", base, *options[2:], *small)[0] == 0
    again = [*options[2:], *small[:2], "--size", "32", "--weights", base]
    code, _, messages = cli("train", grouped_clips, "--output", run, *again)
    assert code == 0, messages
    assert "its encoder and head" in messages
    shutil.rmtree(base)
    (run / "head.keras").unlink()
    code, _, messages = cli("train", grouped_clips, "--output", run, "--resume", "--cache", tmp_path / "cache")
    assert code == 0, messages
    assert "resumed after epoch 2 of stage head" in messages
