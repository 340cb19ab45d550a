"""Films that are encoded once: training on their features is training on the films."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from framestream_export.data.feature_files import read_features, write_features
from framestream_export.training.examples.features import FeatureRequest, FeatureStore
from framestream_export.training.network.sequence_model import first_encoder
from framestream_export.training.settings import TrainSettings
from framestream_export.training.training_data import DataPath, TrainingData, load_training_data
from tests.export import toy
from tests.export.conftest import Cli

# The smallest network with weights of its own.
TINY = ("--preset", "tiny", "--rate", "10")
HEAD = ("--window", "8", "--lstm-units", "16", "--epochs", "2", "--seed", "3")
SETTINGS = TrainSettings(encoder="small", weights="people", size=96, frame_rate=10.0, window=8, augmentations=0)


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clips in class folders, films with timelines, and one with a gap in its time."""
    folder = toy.write_class_folders(tmp_path_factory.mktemp("films") / "films", per_class=4, frames=40)
    for number in range(3):
        toy.write_film(folder / f"film {number}.mp4", ["across", "idle", "upright"], frames_each=30, seed=number)
    toy.write_video(folder / "across" / "slow.mp4", toy.draw("across", 99, frames=3), fps=0.125)
    return folder


@pytest.fixture(scope="module")
def embedded(films: Path) -> Path:
    """What `embed` makes of the films; read only."""
    from framestream.cli.main import run

    folder = films.parent / "embedded"
    assert run(["embed", str(films), "--output", str(folder), *TINY]) == 0
    return folder


def rows_of(manifest: Path) -> list[dict[str, str]]:
    with manifest.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def losses(run: Path) -> list[float]:
    stages = json.loads((run / "run.json").read_text(encoding="utf-8"))["stages"]
    return [epoch["validation_loss"] for name in ("head", "baseline") for epoch in stages[name]["history"]]


def features_of(data: TrainingData, folder: Path) -> list[np.ndarray]:
    store = FeatureStore(first_encoder(SETTINGS), data.cache, folder, SETTINGS)
    store.fill([FeatureRequest(number, 0) for number in range(len(data.cache.recordings))], console=Console(quiet=True))
    return [store.of_segment(segment) for segment in data.cache.segments]


def test_windows_labels_and_features_are_those_of_the_films(
    films: Path, embedded: Path, tmp_path: Path, silent: Console
) -> None:
    plain, read = (
        load_training_data(DataPath(data), tmp_path / data.name, SETTINGS, console=silent) for data in (films, embedded)
    )
    assert read.cache.segments == plain.cache.segments
    assert len(plain.cache.segments) > len(plain.cache.recordings), "one film has gaps"
    np.testing.assert_array_equal(read.cache.labels, plain.cache.labels)
    np.testing.assert_array_equal(read.cache.pts_seconds, plain.cache.pts_seconds)
    assert (read.splits.train, read.splits.validation, read.splits.test) == (
        plain.splits.train,
        plain.splits.validation,
        plain.splits.test,
    )
    assert [one.group for one in read.cache.recordings] == [one.group for one in plain.cache.recordings]
    assert len(read.cache.frames) == 0
    wanted, found = features_of(plain, tmp_path / "one"), features_of(read, tmp_path / "other")
    for one, other in zip(wanted, found, strict=True):
        np.testing.assert_array_equal(other, one)
    assert not list((tmp_path / "other").iterdir()), "nothing is encoded or copied"


def test_a_run_on_either_is_the_same(films: Path, embedded: Path, tmp_path: Path, cli: Cli) -> None:
    code, _, errors = cli("train", films, "--output", tmp_path / "one", *TINY, *HEAD, "--looks", "0")
    assert code == 0, errors
    code, _, errors = cli("train", embedded, "--output", tmp_path / "other", *HEAD)
    assert code == 0, errors
    assert "16 of 16 recordings are features of small at 96 pixels and 10 frames a second, weights people" in errors
    np.testing.assert_allclose(losses(tmp_path / "other"), losses(tmp_path / "one"), atol=1e-5)
    one, other = (json.loads((tmp_path / run / "run.json").read_text())["test"] for run in ("one", "other"))
    assert one["accuracy"] == other["accuracy"]
    code, _, errors = cli("export", tmp_path / "other", "--output", tmp_path / "m.onnx")
    assert code == 0, errors
    code, _, errors = cli("export", tmp_path / "other", "--output", tmp_path / "h.onnx", "--variant", "float16")
    assert code == 1
    assert "are files of features, and variants other than float32 are measured on pictures" in errors
    code, _, errors = cli("train", embedded, "--output", tmp_path / "other", "--resume")
    assert "is finished: nothing left to do" in errors


@pytest.fixture(scope="module")
def embedded_people(rendered_clips: Path) -> Path:
    """Joints of rendered people."""
    from framestream.cli.main import run

    folder = rendered_clips.parent / "joints"
    assert run(["embed", str(rendered_clips), "--output", str(folder), "--size", "96", "--rate", "10"]) == 0
    return folder


@pytest.mark.long
def test_joints_train_as_films_do_and_the_model_is_verified(
    rendered_clips: Path, embedded_people: Path, tmp_path: Path, cli: Cli
) -> None:
    encoder = ("--preset", "people", "--size", "96", "--rate", "10")
    assert cli("train", rendered_clips, "--output", tmp_path / "films", *encoder, *HEAD)[0] == 0
    assert cli("train", embedded_people, "--output", tmp_path / "joints", *HEAD)[0] == 0
    np.testing.assert_allclose(losses(tmp_path / "joints"), losses(tmp_path / "films"), atol=1e-5)
    run, model = tmp_path / "run", tmp_path / "model.onnx"
    learning = ("--window", "8", "--lstm-units", "32", "--epochs", "40", "--patience", "40")
    assert cli("train", embedded_people, "--output", run, *learning)[0] == 0
    assert cli("export", run, "--output", model)[0] == 0
    code, out, errors = cli("verify", model, "--run", run)
    assert code == 0, out + errors


def test_only_what_is_missing_damaged_or_changed_is_made_again(films: Path, tmp_path: Path, cli: Cli) -> None:
    data = tmp_path / "films"
    shutil.copytree(films / "idle", data / "idle")
    shutil.copytree(films / "upright", data / "upright")
    assert cli("embed", data, "--output", tmp_path / "e", *TINY)[1].count("8 recordings") == 1
    made = sorted((tmp_path / "e").rglob("*.npz"))
    before = {path: path.stat().st_mtime_ns for path in made}
    assert "8 of them kept" in cli("embed", data, "--output", tmp_path / "e", *TINY)[1]
    assert {path: path.stat().st_mtime_ns for path in made} == before
    made[0].unlink()
    made[1].write_bytes(made[1].read_bytes()[:-100])
    toy.write_video(data / "upright" / "003.mp4", toy.draw("upright", 5, frames=20))
    (tmp_path / "e" / "manifest.csv").unlink()
    assert "5 of them kept" in cli("embed", data, "--output", tmp_path / "e", *TINY)[1]
    changed = [path for path in made if path.stat().st_mtime_ns != before[path]]
    assert changed == [*made[:2], tmp_path / "e" / "upright" / "003.mp4.npz"]
    assert len(read_features(changed[-1]).features) == 8
    assert len(rows_of(tmp_path / "e" / "manifest.csv")) == 8
    assert "0 of them kept" in cli("embed", data, "--output", tmp_path / "e", *TINY[:2])[1]


def test_films_that_cannot_be_read_are_named_and_left_out(films: Path, tmp_path: Path, cli: Cli) -> None:
    data = tmp_path / "films"
    shutil.copytree(films / "idle", data / "idle")
    shutil.copytree(films / "upright", data / "upright")
    (data / "idle" / "bad.mp4").write_bytes(b"no film")
    code, out, errors = cli("embed", data, "--output", tmp_path / "e", *TINY)
    assert code == 0
    assert "8 recordings" in out
    assert "idle/bad.mp4" in errors
    assert not any("bad" in row["path"] for row in rows_of(tmp_path / "e" / "manifest.csv"))


def test_places_splits_and_labels_are_kept(films: Path, tmp_path: Path, cli: Cli) -> None:
    """Of a manifest, with films outside of its folder, a background of another name, and times of labels."""
    data, nothing = tmp_path / "data", tmp_path / "nothing"
    shutil.copytree(films, data)
    nothing.mkdir()
    shutil.copy(films / "idle" / "000.mp4", nothing / "empty.mp4")
    rows: list[tuple[object, ...]] = [
        ("across/000.mp4", "across", "", "", "train", "Ann", ""),
        ("film 0.mp4", "across", 0.5, 1.0, "validation", "Bob", "background"),
        ("film 0.mp4", "upright", 2.5, 3.5, "validation", "Bob", "background"),
        ("upright/001.mp4", "upright", "", 1.25, "test", "", ""),
    ]
    manifest = toy.write_csv(data / "list.csv", "path,label,start,end,split,group,gaps", rows)
    code, out, errors = cli(
        "embed", manifest, "--output", tmp_path / "e", *TINY, "--negatives", nothing, "--background", "rest"
    )
    assert code == 0, errors
    assert f"framestream train {tmp_path / 'e'} --background rest --output RUN" in out
    found = rows_of(tmp_path / "e" / "manifest.csv")
    assert [tuple(row.values())[:5] for row in found[:4]] == [
        ("across/000.mp4.npz", "across", "", "", "train"),
        ("film 0.mp4.npz", "across", "0.5", "1.0", "validation"),
        ("film 0.mp4.npz", "upright", "2.5", "3.5", "validation"),
        ("upright/001.mp4.npz", "upright", "", "1.25", "test"),
    ]
    assert [(row["group"], row["gaps"]) for row in found[:3]] == [
        ("Ann", ""),
        ("Bob", "background"),
        ("Bob", "background"),
    ]
    assert found[4]["path"].endswith("/empty.mp4.npz")
    assert all((tmp_path / "e" / row["path"]).is_file() for row in found)


@pytest.mark.long
def test_films_and_features_in_one_manifest(films: Path, embedded: Path, tmp_path: Path, cli: Cli) -> None:
    shutil.copytree(embedded, tmp_path / "features")
    shutil.copytree(films, tmp_path / "films")
    rows: list[tuple[object, ...]] = [
        (
            f"films/{label}/{number:03}.mp4" if split != "train" else f"features/{label}/{number:03}.mp4.npz",
            label,
            split,
        )
        for label in toy.LABELS
        for number, split in enumerate(("train", "train", "validation", "test"))
    ]
    manifest = toy.write_csv(tmp_path / "manifest.csv", "path,label,split", rows)
    code, _, errors = cli("train", manifest, "--output", tmp_path / "run", *HEAD, "--looks", "2")
    assert code == 0, errors
    assert "6 of 12 recordings are features of small" in errors
    assert "augmented copies are made of films only" in errors
    report = (tmp_path / "run" / "report" / "report.html").read_text(encoding="utf-8")
    assert "data:image/jpeg" in report, "the test clips are films, so there are pictures of them"
    code, _, errors = cli("export", tmp_path / "run", "--output", tmp_path / "m.onnx", "--variant", "float16")
    assert code == 0, errors


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--rate", "12.5"), "the run encodes with small at 96 pixels and 12.5 frames a second"),
        (("--preset", "small"), "the run encodes with EfficientNetLite0 at 160 pixels and 10 frames a second"),
        (("--weights", "none"), "weights none"),
        (("--fine-tune", "1"), "holds features and no pictures, from which alone an encoder learns: leave out --fine"),
        (("--looks", "2"), "no pictures to make 2 augmented copies of: give --looks 0"),
        (("--preset", "auto"), "so there is no encoder to choose"),
    ],
)
def test_what_does_not_go_with_the_features_is_refused(
    embedded: Path, tmp_path: Path, cli: Cli, options: tuple[str, str], said: str
) -> None:
    code, _, errors = cli("train", embedded, "--output", tmp_path / "run", *options)
    assert code == 1
    assert said in errors
    assert ".npz" in errors
    if "encodes" in said:
        assert "was made by small at 96 pixels and 10 frames a second, weights people (" in errors
        assert "give --encoder small --weights people --size 96 --rate 10, or embed the films again" in errors


def remade(embedded: Path, target: Path, **changes: Any) -> list[Path]:
    """A copy of embedded films whose encoder is said to be another one."""
    shutil.copytree(embedded, target)
    paths = sorted(target.rglob("*.npz"))
    for path in paths:
        found = read_features(path)
        write_features(path, replace(found, maker=replace(found.maker, **changes)))
    return paths


def test_other_weights_are_noticed(embedded: Path, tmp_path: Path, cli: Cli) -> None:
    remade(embedded, tmp_path / "e", weights_digest="ab" * 32)
    code, _, errors = cli("train", tmp_path / "e", "--output", tmp_path / "run", *HEAD)
    assert code == 1
    assert "weights people (abababababab), and the run encodes with small" in errors
    remade(embedded, tmp_path / "own", weights="pose.weights.h5")
    code, _, errors = cli("train", tmp_path / "own", "--output", tmp_path / "run", *HEAD)
    assert code == 1
    assert "give with --weights the file or run that `embed` was given" in errors
    assert cli("train", tmp_path / "own", "--output", tmp_path / "run", *HEAD, "--weights", "people")[0] == 0


def test_features_of_two_encoders_are_refused_and_damaged_ones_left_out(
    embedded: Path, tmp_path: Path, cli: Cli
) -> None:
    paths = remade(embedded, tmp_path / "e")
    paths[0].write_bytes(b"damaged")
    code, _, errors = cli("train", tmp_path / "e", "--output", tmp_path / "run", *HEAD)
    assert code == 0, errors
    assert f"skipped {paths[0].relative_to(tmp_path / 'e')}" in errors
    assert "make it again with `framestream embed`" in errors
    found = read_features(paths[-1])
    write_features(paths[-1], replace(found, maker=replace(found.maker, frame_rate=12.5)))
    code, _, errors = cli("train", tmp_path / "e", "--output", tmp_path / "other", *HEAD)
    assert code == 1
    assert f"{paths[-1]} was made by small at 96 pixels and 12.5 frames a second" in errors
    assert "a model learns from one encoder only" in errors
    code, out, _ = cli("data", "check", tmp_path / "e", "--format", "json")
    assert code == 1
    assert "a model learns from one encoder only" in json.loads(out)["reasons"][0]
    assert [clip["name"] for clip in json.loads(out)["unreadable"]] == [str(paths[0].relative_to(tmp_path / "e"))]


def test_data_check_reads_them(embedded: Path, tmp_path: Path, cli: Cli) -> None:
    code, out, errors = cli("data", "check", embedded, "--format", "json", "--sheets", tmp_path / "sheets")
    assert code == 0, errors
    found = json.loads(out)
    assert found["usable"]
    assert found["sizes"] == [{"width": 96, "height": 96, "recordings": 16}]
    assert "slow" not in [warning["kind"] for warning in found["warnings"]]


def test_folders_and_films_that_do_not_fit_are_refused(films: Path, embedded: Path, tmp_path: Path, cli: Cli) -> None:
    for output in (films, films / "features"):
        code, _, errors = cli("embed", films, "--output", output, *TINY)
        assert code == 1
        assert "would be read as clips; give another --output" in errors
    own = toy.write_csv(tmp_path / "own" / "manifest.csv", "path,label", [("a.mp4", "x")])
    code, _, errors = cli("embed", films, "--output", own.parent, *TINY)
    assert code == 1
    assert "would be lost; give another --output" in errors
    assert "a.mp4" in own.read_text()
    code, _, errors = cli("embed", embedded, "--output", tmp_path / "e", *TINY)
    assert code == 1
    assert "holds features already" in errors
    code, _, errors = cli("embed", films, "--output", tmp_path / "e", "--encoder", "small")
    assert code == 1
    assert "random weights" in errors
    assert not (tmp_path / "e").exists()
