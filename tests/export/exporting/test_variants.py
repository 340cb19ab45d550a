"""Other ways to write one model down: what they keep, what they may lose, and that losing more is refused."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import onnx
import pytest

from framestream import Classifier
from framestream.errors import MetadataError, ModelError, SettingsError
from framestream.model.session import ModelSession
from framestream.records import Event
from framestream_export.cli.export_options import export_lines
from framestream_export.exporting.exporter import ExportedModel, Exporter
from framestream_export.exporting.figures import VARIANTS, VariantFigures, find_variant
from framestream_export.exporting.finished_run import FinishedRun
from framestream_export.exporting.gate import Gate, compare
from framestream_export.exporting.parity import onnx_rows
from framestream_export.exporting.speed import Speed, compare_speed
from framestream_export.verification.verifier import verify
from tests.export.conftest import Cli, Trained


@pytest.fixture(scope="module")
def made(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> dict[str, ExportedModel]:
    """Every variant of a trained model."""
    folder = tmp_path_factory.mktemp("variants")
    exporter = Exporter(trained.run)
    return {name: exporter.write(folder / f"{name}{item.suffix}", name) for name, item in VARIANTS.items()}


def test_each_variant_keeps_its_promise(trained: Trained, made: dict[str, ExportedModel]) -> None:
    record = json.loads((trained.run / "run.json").read_text())
    for name, exported in made.items():
        figures, limit = exported.figures, VARIANTS[name].parity_limit
        assert figures.variant == name
        assert limit is None or figures.parity <= limit, name
        failed = [check for check in verify(exported.path, run=trained.run) if not check.passed]
        assert failed == [], name
        if name == "float32":
            continue
        assert figures.predictions == record["test"]["windows"]
        assert figures.accuracy is not None
        assert figures.drop is not None
        assert figures.flips is not None
        # float32, fed as in serving, is as good as training found Keras to be on windows cut out one by one.
        assert figures.accuracy + figures.drop == pytest.approx(record["test"]["accuracy"])
        assert figures.drop <= 0.01
        assert figures.flips <= 0.02


def test_what_was_measured_is_in_the_file_and_beside_it(made: dict[str, ExportedModel]) -> None:
    for name, exported in made.items():
        session = ModelSession(exported.path, device="cpu")
        assert VariantFigures.from_metadata(session.metadata) == exported.figures, name
        beside = json.loads(exported.sidecar.read_text())
        assert VariantFigures.from_metadata(beside) == exported.figures, name
        if exported.figures.accuracy is not None:
            assert session.spec.accuracy == exported.figures.accuracy


def test_no_variant_drifts_over_a_thousand_frames(trained: Trained, made: dict[str, ExportedModel]) -> None:
    finished = FinishedRun.read(trained.run)
    clips = finished.frames.reshape(-1, *finished.frames.shape[2:])
    frames = np.concatenate([clips] * (1 + 1000 // len(clips)))[None, :1000]
    expected = finished.model.predictions(frames)
    for name, exported in made.items():
        rows = onnx_rows(ModelSession(exported.path, device="cpu"), frames, steps=1)
        apart = np.abs(rows - expected).max(axis=(0, 2))
        limit = VARIANTS[name].parity_limit
        if limit is None:
            assert (rows.argmax(axis=-1) != expected.argmax(axis=-1)).mean() <= 0.02, name
            assert np.median(apart[-200:]) <= 2 * np.median(apart[:200]) + 0.01, name
        else:
            assert apart.max() <= limit, name


def test_structures(made: dict[str, ExportedModel]) -> None:
    operators = {
        name: [node.op_type for node in onnx.load(item.path).graph.node]
        for name, item in made.items()
        if item.path.suffix == ".onnx"
    }
    assert {name: found.count("LSTM") for name, found in operators.items()} == {
        "float32": 1,
        "float16": 1,
        "int8": 1,
        "static": 1,
        "no-lstm-op": 0,
    }
    assert all(not {"Loop", "If", "Scan"} & set(found) for found in operators.values())
    assert operators["int8"].count("QuantizeLinear") >= 8
    halved = {tensor.data_type for tensor in onnx.load(made["float16"].path).graph.initializer}
    assert onnx.TensorProto.FLOAT16 in halved
    for name, exported in made.items():
        model = ModelSession(exported.path, device="cpu")
        stateful = model.spec.kind == "stateful"
        assert model.one_camera == (name == "static")
        assert model.one_step == (name == "static" or (stateful and name == "no-lstm-op"))


def test_a_fixed_model_watches_like_the_others(trained: Trained, made: dict[str, ExportedModel]) -> None:
    """Chunks and cameras are taken apart for it."""
    clip = sorted((trained.data / "test" / "jumping-jack").iterdir())[0]
    found = []
    for name in ("float32", "static"):
        records = Classifier.load(made[name].path, device="cpu").watch(clip)
        found.append([(item.label, item.start_seconds) for item in records if isinstance(item, Event)])
    assert found[0] == found[1]
    assert [label for label, _ in found[0]] == ["jumping-jack"]


def test_variants_are_the_same_bytes_each_time(
    trained: Trained, made: dict[str, ExportedModel], tmp_path: Path
) -> None:
    exporter = Exporter(trained.run)
    for name, exported in made.items():
        if name == "ort":  # ONNX Runtime writes its tables in an order that changes from time to time
            continue
        again = exporter.write(tmp_path / exported.path.name, name)
        assert again.path.read_bytes() == exported.path.read_bytes(), name
        assert again.sidecar.read_bytes() == exported.sidecar.read_bytes(), name


@pytest.fixture
def fragile(trained: Trained, tmp_path: Path) -> Path:
    """A run whose float32 is fine, and whose weights cannot be rounded: a large one where the input is always zero."""
    run = tmp_path / "fragile"
    shutil.copytree(trained.run, run)
    encoder = keras.saving.load_model(run / "encoder.keras")
    norm = encoder.get_layer("stage2_1_norm")
    gamma, beta, mean, variance = norm.get_weights()
    beta[0] = -100.0
    norm.set_weights([gamma, beta, mean, variance])
    convolution = encoder.get_layer("stage3_1_conv")
    (kernel,) = convolution.get_weights()
    kernel[:, :, 0] = 1000.0
    convolution.set_weights([kernel])
    encoder.save(run / "encoder.keras")
    return run


@pytest.mark.parametrize("trained", ["window"], indirect=True)  # the gate sees predictions only
def test_a_variant_that_loses_too_much_is_refused_and_not_written(fragile: Path, tmp_path: Path, cli: Cli) -> None:
    folder = tmp_path / "out"
    code, _, errors = cli("export", fragile, "--output", folder / "m.onnx", "--variant", "int8", "--max-drop", "100")
    assert code == 1
    assert errors.splitlines()[-1].startswith("error: int8 is refused: on")
    assert "% of its decisions are not float32's, and at most 2 % may be" in errors
    assert list(folder.iterdir()) == []
    code, out, errors = cli("export", fragile, "--output", folder / "m.onnx", "--variant", "static")
    assert code == 0, errors
    assert "held-out predictions (+0.00 points against float32), 0.00 % of decisions differ" in out


def test_the_gate() -> None:
    int8, float16 = VARIANTS["int8"], VARIANTS["float16"]
    labels = np.repeat([0, 1], 100)
    right = np.eye(2, dtype=np.float32)[labels]
    wrong = right.copy()
    wrong[:3] = [0, 1]
    figures = compare(int8, 0.3, wrong, right, labels)
    assert (figures.accuracy, figures.drop, figures.flips) == (0.985, pytest.approx(0.015), 0.015)
    with pytest.raises(ModelError, match=r"1\.50 points below float32's, and at most 1 may be lost"):
        Gate().check(figures, int8)
    Gate(max_drop=0.02).check(figures, int8)
    with pytest.raises(ModelError, match=r"1\.50 % of its decisions"):
        Gate(max_drop=0.02, max_flips=0.01).check(figures, int8)
    better = compare(int8, 0.3, right, wrong, labels)
    assert better.drop == pytest.approx(-0.015)
    Gate(max_drop=0).check(better, int8)
    with pytest.raises(ModelError, match="differs from Keras by"):
        Gate().check(replace(better, variant="float16"), float16)
    for broken in (float("nan"), float("inf")):
        with pytest.raises(ModelError, match="differs from Keras by"):
            Gate().check(replace(better, parity=broken), int8)
    with pytest.raises(SettingsError, match="max_drop"):
        Gate(max_drop=2)


@pytest.mark.parametrize("trained", ["window"], indirect=True)  # the clips are the same
def test_the_held_out_clips_have_to_be_there(trained: Trained, tmp_path: Path, cli: Cli, toy_clips: Path) -> None:
    run, output = tmp_path / "run", tmp_path / "m.onnx"
    shutil.copytree(trained.run, run)
    record = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps(record | {"data": str(tmp_path / "gone")}))
    code, _, errors = cli("export", run, "--output", output, "--variant", "float16")
    assert code == 1
    assert "gone, which" in errors.splitlines()[-1]
    assert "give --data DIR" in errors
    assert cli("export", run, "--output", output)[0] == 0, "float32 needs no clips"
    output.unlink()
    code, _, errors = cli("export", run, "--output", output, "--variant", "float16", "--data", toy_clips)
    assert code == 1
    assert "is not the data set that" in errors
    assert not output.exists()
    code, _, errors = cli("export", run, "--output", output, "--variant", "float16", "--data", trained.data)
    assert code == 0, errors


def test_names_of_files_and_variants(trained: Trained, tmp_path: Path, cli: Cli) -> None:
    code, _, errors = cli("export", trained.run, "--output", tmp_path / "m.onnx", "--variant", "ort")
    assert code == 1
    assert "is not the name of an .ort file" in errors
    both = ["--variant", "int8", "--no-lstm-op"]
    assert cli("export", trained.run, "--output", tmp_path / "m.onnx", *both)[0] == 2
    assert cli("export", trained.run, "--output", tmp_path / "m.onnx", "--variant", "int4")[0] == 2
    with pytest.raises(SettingsError, match="no variant 'int4'; there are float32"):
        find_variant("int4")
    assert list(tmp_path.iterdir()) == []


def test_speed_is_reported_as_measured(made: dict[str, ExportedModel]) -> None:
    speed = compare_speed(made["int8"].path, made["float32"].path)
    assert min(speed.variant_fps, speed.float32_fps, speed.ratio) > 0
    shown = {
        ratio: list(export_lines(replace(made["int8"], speed=Speed(1.0, 1.0, ratio, 16, 2, "a processor"))))[-1]
        for ratio in (0.9, 1.6)
    }
    assert shown[0.9].startswith("int8 is not faster than float32 here (0.90 times its speed)")
    assert shown[1.6].startswith("int8 is 1.60 times as fast as float32 here")


def test_figures_that_cannot_be_read() -> None:
    figures = VariantFigures("int8", 0.1, 0.9, 0.0, 0.01, 100)
    metadata = figures.to_metadata()
    assert VariantFigures.from_metadata(metadata) == figures
    assert VariantFigures.from_metadata({}) is None
    with pytest.raises(MetadataError, match="variant_"):
        VariantFigures.from_metadata(metadata | {"framestream.variant_parity": "much"})


@pytest.mark.long
def test_another_process_writes_the_same_bytes(
    trained: Trained, made: dict[str, ExportedModel], tmp_path: Path
) -> None:
    """One that hashes its names in another order shows what a second run in this process cannot.

    Each variant with each seed, and each kind of model with both.
    """
    names = ("float32", "int8") if made["float32"].spec.kind == "window" else ("int8", "float32")
    for seed, name in zip(("1", "2"), names, strict=True):
        path = tmp_path / f"{name}.onnx"
        command = [sys.executable, "-m", "framestream.cli", "export", str(trained.run), "--output", str(path)]
        done = subprocess.run(
            [*command, "--variant", name],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        )
        assert done.returncode == 0, done.stderr
        assert path.read_bytes() == made[name].path.read_bytes(), name
