"""What an exported file promises, on models that were trained on rendered video."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import keras
import numpy as np
import onnx
import pytest
import tensorflow as tf
import tf2onnx
from onnx import helper, numpy_helper
from rich.console import Console

from framestream import Classifier
from framestream.events import EventDetector
from framestream.model.model_file import DIGEST_KEY, digest_of
from framestream.model.session import ModelSession
from framestream.model.spec import ModelSpec
from framestream.records import Event, Prediction
from framestream_export.exporting.finished_run import FinishedRun
from framestream_export.exporting.parity import onnx_rows
from framestream_export.exporting.seal import sealed
from framestream_export.graph.encoder import convert_encoder
from framestream_export.graph.parts import HeadWeights
from framestream_export.graph.streaming import GraphLayout, streaming_model
from framestream_export.training.network.sequence_model import SequenceModel
from framestream_export.training.settings import TrainSettings
from framestream_export.training.training_data import DataPath, load_training_data
from framestream_export.verification.verifier import verify
from tests.export.conftest import Cli, Trained


def test_onnx_says_what_keras_says(trained: Trained) -> None:
    finished = FinishedRun.read(trained.run)
    expected = finished.model.predictions(finished.frames)
    assert expected.shape[0] * expected.shape[1] >= 50
    assert (expected.max(axis=(0, 1)) - expected.min(axis=(0, 1))).min() > 0.5, "a model that has learnt nothing"
    rows = onnx_rows(ModelSession(trained.model, device="cpu"), finished.frames)
    np.testing.assert_allclose(rows, expected, atol=1e-4)


@pytest.mark.parametrize("cameras", [1, 4])
@pytest.mark.parametrize("steps", [1, 3, 16, None])
def test_portions_and_cameras_change_nothing(trained: Trained, steps: int | None, cameras: int) -> None:
    frames = FinishedRun.read(trained.run).frames
    session = ModelSession(trained.model, device="cpu")
    rows, expected = onnx_rows(session, frames, steps=steps, cameras=cameras), onnx_rows(session, frames)
    np.testing.assert_allclose(rows, expected, atol=1e-5)
    events = [events_of(session.spec, sequence) for sequence in rows]
    assert events == [events_of(session.spec, sequence) for sequence in expected]
    assert sum(map(len, events)) > len(frames) // 4


def events_of(spec: ModelSpec, rows: np.ndarray) -> list[tuple[str, float, float]]:
    """What a user sees of a stream whose first prediction is `rows[0]`."""
    detector = EventDetector.for_model(spec)
    times = [(spec.window - 1 + number) / spec.frame_rate for number in range(len(rows))]
    found = [event for at, row in zip(times, rows, strict=True) for event in detector.push(at, row)]
    found += detector.flush(times[-1] + 1 / spec.frame_rate)
    return [(event.label, event.start_seconds, event.end_seconds) for event in found]


def test_watching_a_clip_says_what_keras_says_of_it(trained: Trained, silent: Console) -> None:
    """From the video file to the probability, once through training's own path and once through serving's."""
    finished = FinishedRun.read(trained.run)
    data = load_training_data(DataPath(trained.data), trained.data / "cache", finished.settings, console=silent)
    classifier = Classifier.load(trained.model, device="cpu")
    watched, events = 0, 0
    for segment in data.segments("test"):
        recording = data.cache.recordings[segment.recording]
        own = np.asarray(data.cache.frames[segment.start : segment.stop])
        records = list(classifier.watch(recording.path))
        served = [list(record.probabilities.values()) for record in records if isinstance(record, Prediction)]
        np.testing.assert_allclose(served, finished.model.predictions(own[None])[0], atol=1e-4)
        watched += 1
        label = recording.segments[0].label
        if label != "idle":  # the background is no event, the others were learnt by heart
            events += [record.label for record in records if isinstance(record, Event)] == [label]
    assert watched == 12
    assert events >= 6


def test_structure_names_and_metadata(trained: Trained) -> None:
    model = onnx.load(trained.model)
    onnx.checker.check_model(model, full_check=True)
    operators = [node.op_type for node in model.graph.node]
    assert operators.count("LSTM") == 1
    assert not {"Loop", "If", "Scan", "BatchNormalization"} & set(operators)
    assert [opset.version for opset in model.opset_import] == [17]
    record = json.loads((trained.run / "run.json").read_text())
    states = ["features"] if record["settings"]["kind"] == "window" else ["hidden", "cell"]
    assert [value.name for value in model.graph.input] == ["frames", *states]
    assert [value.name for value in model.graph.output] == ["probabilities", *(f"next_{name}" for name in states)]
    for value in (*model.graph.input, *model.graph.output):
        assert value.type.tensor_type.shape.dim[0].dim_param == "cameras"
    metadata = {prop.key: prop.value for prop in model.metadata_props}
    assert json.loads(trained.model.with_suffix(".json").read_text()) == metadata
    spec = ModelSpec.from_metadata(metadata)
    assert (spec.labels, spec.background) == (("fall", "idle", "jumping-jack"), "idle")
    assert (spec.window, spec.anchor_frames) == ((12, 6) if states == ["features"] else (1, 0))
    assert spec.accuracy == record["test"]["accuracy"] > 0.8
    assert spec.parity is not None
    assert 0 <= spec.parity <= 1e-4
    assert spec.training_fingerprint == f"sha256:{record['fingerprint']}"
    assert "tf2onnx" in spec.producer


@pytest.mark.parametrize("kind", ["window", "stateful"])
def test_hardly_more_nodes_than_encoder_and_head_alone(kind: str) -> None:
    settings = TrainSettings(kind=kind)  # the default model
    model = SequenceModel.build(settings, labels=[f"label-{number}" for number in range(10)])
    encoder = convert_encoder(model.encoder, size_wh=settings.size_wh)
    head, _ = tf2onnx.convert.from_keras(
        model.head, [tf.TensorSpec((None, settings.window, settings.feature_dim), tf.float32)], opset=17
    )
    whole = streaming_model(encoder, HeadWeights.of(model.head), GraphLayout(kind, settings.window, 96, 96))
    alone = len(encoder.graph.node) + len(head.graph.node)
    assert len(whole.graph.node) <= 1.15 * alone, [node.op_type for node in whole.graph.node]


@pytest.mark.parametrize("trained", ["window"], indirect=True)
def test_event_defaults_are_stamped(trained: Trained, tmp_path: Path, cli: Cli) -> None:
    options = ["--enter", "0.7", "--leave", "0.2", "--smoothing-seconds", "0", "--min-seconds", "0.25"]
    assert cli("export", trained.run, "--output", tmp_path / "deep" / "m.onnx", *options)[0] == 0
    events = Classifier.load(tmp_path / "deep" / "m.onnx", device="cpu").spec.events
    assert (events.enter, events.leave, events.smoothing_seconds, events.min_seconds) == (0.7, 0.2, 0.0, 0.25)
    code, _, errors = cli("export", trained.run, "--output", tmp_path / "bad.onnx", "--leave", "0.9")
    assert code == 1
    assert "leave is 0.9" in errors


def test_a_failed_export_leaves_nothing(trained: Trained, tmp_path: Path, cli: Cli) -> None:
    broken = tmp_path / "run"
    shutil.copytree(trained.run, broken)
    head = keras.saving.load_model(broken / "head.keras")
    config = head.get_config()
    (lstm,) = (layer for layer in config["layers"] if layer["class_name"] == "LSTM")
    lstm["config"]["activation"] = "relu"  # the graph's LSTM is the standard one
    other = keras.Model.from_config(config)
    other.set_weights(head.get_weights())
    other.save(broken / "head.keras")
    output = tmp_path / "out" / "m.onnx"
    code, _, errors = cli("export", broken, "--output", output)
    assert code == 1
    assert "ONNX differs from Keras by" in errors
    assert list(output.parent.iterdir()) == []
    np.save(broken / "parity_frames.npy", np.zeros((2, 20, 16, 16, 3), np.uint8))
    code, _, errors = cli("export", broken, "--output", output)
    assert code == 1
    assert "parity_frames.npy holds uint8 (2, 20, 16, 16, 3)" in errors


@pytest.mark.parametrize("trained", ["window"], indirect=True)
def test_places_where_nothing_can_be_written(trained: Trained, tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "file").touch()
    code, _, errors = cli("export", trained.run, "--output", tmp_path / "file" / "m.onnx")
    assert code == 1
    assert "file cannot be made" in errors
    code, _, errors = cli("train", trained.data, "--output", tmp_path / "file" / "run")
    assert code == 1
    assert "file/run cannot be made" in errors
    code, _, errors = cli("export", trained.run, "--output", tmp_path / "model")
    assert code == 1
    assert "is not the name of an .onnx file" in errors


def test_verify_passes_and_shows_its_figures(trained: Trained, cli: Cli) -> None:
    code, out, _ = cli("verify", trained.model, "--run", trained.run)
    assert code == 0, out
    assert "ONNX = Keras" in out
    assert "FAIL" not in out
    code, out, _ = cli("verify", trained.model)
    assert code == 0, out
    assert "ONNX = Keras" not in out


def tampered(trained: Trained, path: Path, change) -> Path:
    """A copy of the model with something wrong in it, its digest made anew; the sidecar says what the original did."""
    model = onnx.load(trained.model)
    change(model)
    path.write_bytes(sealed(model, {prop.key: prop.value for prop in model.metadata_props}))
    facts = json.loads(trained.model.with_suffix(".json").read_text())
    path.with_suffix(".json").write_text(json.dumps(facts | {DIGEST_KEY: digest_of(path.read_bytes())}))
    return path


def failures(path: Path, run: Path | None = None) -> list[str]:
    return [check.name for check in verify(path, run=run) if not check.passed]


def test_verify_finds_weights_that_are_not_those_of_the_run(trained: Trained, tmp_path: Path, cli: Cli) -> None:
    def nudge(model) -> None:
        kernel = next(tensor for tensor in model.graph.initializer if tensor.name == "lstm/R")
        changed = numpy_helper.to_array(kernel) * 1.02
        kernel.CopyFrom(numpy_helper.from_array(changed.astype(np.float32), kernel.name))

    path = tampered(trained, tmp_path / "m.onnx", nudge)
    assert failures(path, trained.run) == ["made from this run", "ONNX = Keras"]
    assert failures(path) == []
    code, out, _ = cli("verify", path, "--run", trained.run)
    assert code == 1
    assert "FAIL" in out


def test_verify_finds_what_was_changed_and_not_covered_up(trained: Trained, tmp_path: Path, cli: Cli) -> None:
    """Whatever it is: one bit of one weight, two labels, which output is which state, the metadata of another model."""

    def one_bit(model) -> None:
        kernel = max(model.graph.initializer, key=lambda tensor: len(tensor.raw_data))
        kernel.raw_data = bytes([kernel.raw_data[0] ^ 1]) + kernel.raw_data[1:]

    def labels(model) -> None:
        props = {prop.key: prop.value for prop in model.metadata_props}
        first, second, *rest = props["framestream.labels"].split("\n")
        helper.set_model_props(model, props | {"framestream.labels": "\n".join([second, first, *rest])})

    def states(model) -> None:
        last = [value.name for value in model.graph.output][-1]
        swap = {last: "next_hidden", "next_hidden": last}
        for node in model.graph.node:
            node.output[:] = [swap.get(name, name) for name in node.output]

    for change in (one_bit, labels, states):
        if change is states and "hidden" not in onnx.load(trained.model).graph.input[1].name:
            continue
        path = tmp_path / f"{change.__name__}.onnx"
        model = onnx.load(trained.model)
        change(model)
        onnx.save(model, path)
        path.with_suffix(".json").write_text(trained.model.with_suffix(".json").read_text())
        (check,) = (check for check in verify(path) if check.name == "unchanged since export")
        assert not check.passed
        assert "changed after it was exported" in check.measured
        assert cli("verify", path)[0] == 1


def test_the_digest_is_named_where_the_file_does_not_even_load(trained: Trained, tmp_path: Path, cli: Cli) -> None:
    model = onnx.load(trained.model)
    model.metadata_props.remove(next(prop for prop in model.metadata_props if prop.key == "framestream.window"))
    onnx.save(model, tmp_path / "m.onnx")
    code, _, errors = cli("verify", tmp_path / "m.onnx")
    assert (code, errors.count("\n")) == (1, 1)
    assert "lacks the metadata key framestream.window" in errors
    assert "the file was changed after it was exported: its digest is another" in errors
    code, _, errors = cli("verify", tmp_path / "gone.onnx")
    assert (code, errors.count("\n")) == (1, 1)
    (tmp_path / "text.onnx").write_text("no model " * 99)
    assert "text.onnx is not an ONNX model" in cli("verify", tmp_path / "text.onnx")[2]


def test_verify_reads_no_weights_from_elsewhere(trained: Trained, tmp_path: Path, cli: Cli) -> None:
    model = onnx.load(trained.model)
    (tmp_path / "inside").mkdir()
    path = tmp_path / "inside" / "m.onnx"
    onnx.save(model, path, save_as_external_data=True, location="weights.bin", size_threshold=1024)
    path.with_suffix(".json").write_text(trained.model.with_suffix(".json").read_text())
    (check,) = (check for check in verify(path) if check.name == "unchanged since export")
    assert not check.passed
    assert check.measured.startswith("weights in another file (weights.bin)")
    model = onnx.load(path, load_external_data=False)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            entry.value = "../weights.bin" if entry.key == "location" else entry.value
    path.write_bytes(model.SerializeToString())
    (tmp_path / "inside" / "weights.bin").rename(tmp_path / "weights.bin")
    code, _, errors = cli("verify", path)
    assert (code, errors.count("\n")) == (1, 1)
    assert "would read weights from '../weights.bin', outside its own folder; refused" in errors


@pytest.mark.parametrize("trained", ["window"], indirect=True)
def test_a_run_with_code_in_it_is_refused(trained: Trained, tmp_path: Path, cli: Cli) -> None:
    run, touched = tmp_path / "run", tmp_path / "touched"
    name_of_touched = str(touched)
    shutil.copytree(trained.run, run)
    features = keras.Input((4,))
    code = keras.layers.Lambda(lambda x: (__import__("pathlib").Path(name_of_touched).touch(), x)[1])
    model = keras.Model(features, code(features))
    touched.unlink(missing_ok=True)  # building it ran it
    for name in ("encoder.keras", "head.keras"):
        shutil.copy(trained.run / name, run / name)
        model.save(run / name)
        for command in (["export", run, "--output", tmp_path / "m.onnx"], ["verify", trained.model, "--run", run]):
            code_, _, errors = cli(*command)
            assert (code_, errors.strip().count("\n")) == (1, 0), errors
            assert f"{name} holds code of its own" in errors
        shutil.copy(trained.run / name, run / name)
    assert not touched.exists()


def test_verify_finds_state_that_is_not_carried(trained: Trained, tmp_path: Path) -> None:
    """The mistake that only accuracy shows: the next state is the one that was fed in."""

    def forget(model) -> None:
        for value in list(model.graph.output)[1:]:
            for node in model.graph.node:
                node.output[:] = ["unused_" + value.name if name == value.name else name for name in node.output]
            state = value.name.removeprefix("next_")
            model.graph.node.append(helper.make_node("Identity", [state], [value.name]))

    names = failures(tampered(trained, tmp_path / "m.onnx", forget))
    assert names == ["steps 1 = all at once", "steps 3 = all at once", "steps 16 = all at once"]


def test_verify_finds_what_a_model_does_not_say_about_itself(trained: Trained, tmp_path: Path, cli: Cli) -> None:
    def drop(key: str):
        def change(model) -> None:
            kept = {prop.key: prop.value for prop in model.metadata_props if prop.key != f"framestream.{key}"}
            helper.set_model_props(model, kept)

        return change

    assert failures(tampered(trained, tmp_path / "a.onnx", drop("accuracy"))) == ["metadata complete, sidecar the same"]
    path = tampered(trained, tmp_path / "b.onnx", lambda model: None)
    path.with_suffix(".json").unlink()
    assert failures(path) == ["metadata complete, sidecar the same"]
    code, _, errors = cli("verify", tampered(trained, tmp_path / "c.onnx", drop("window")))
    assert code == 1
    assert "framestream.window" in errors
    assert errors.count("\n") == 1


def test_verify_finds_another_run(trained: Trained, tmp_path: Path) -> None:
    def rename(model) -> None:
        props = {prop.key: prop.value for prop in model.metadata_props}
        helper.set_model_props(model, props | {"framestream.training_fingerprint": "sha256:0"})

    assert failures(tampered(trained, tmp_path / "m.onnx", rename), trained.run) == [
        "metadata complete, sidecar the same",
        "made from this run",
    ]


def test_when_training_finished_does_not_matter(trained: Trained, tmp_path: Path) -> None:
    """A run that was resumed to write a file anew is still the one the model was made from."""
    run = tmp_path / "run"
    shutil.copytree(trained.run, run)
    record = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps(record | {"finished": "2031-01-01T00:00:00+00:00"}))
    assert failures(trained.model, run) == []


def test_a_model_that_has_learnt_nothing_proves_no_parity(trained: Trained, tmp_path: Path, cli: Cli) -> None:
    weak = tmp_path / "run"
    shutil.copytree(trained.run, weak)
    head = keras.saving.load_model(weak / "head.keras")
    logits = head.get_layer("logits")
    logits.set_weights([0.001 * part for part in logits.get_weights()])
    head.save(weak / "head.keras")
    assert cli("export", weak, "--output", tmp_path / "weak.onnx")[0] == 0
    (failed,) = (check for check in verify(tmp_path / "weak.onnx", run=weak) if not check.passed)
    assert failed.name.startswith("probabilities vary")
    assert "the model has learnt too little to prove parity" in failed.measured
    assert cli("verify", tmp_path / "weak.onnx", "--run", weak)[0] == 1
    assert "learnt too little" in cli("verify", "--help")[1]


def test_export_replaces_no_json_that_is_not_a_sidecar(trained: Trained, tmp_path: Path, cli: Cli) -> None:
    for text in ('{"mine": 1}', "[]", "not JSON"):
        (tmp_path / "m.json").write_text(text)
        code, _, errors = cli("export", trained.run, "--output", tmp_path / "m.onnx")
        assert (code, errors.count("\n")) == (1, 1)
        assert "m.json exists and is no model's sidecar" in errors
        assert (tmp_path / "m.json").read_text() == text
        assert not (tmp_path / "m.onnx").exists()
    shutil.copy(trained.model.with_suffix(".json"), tmp_path / "m.json")
    assert cli("export", trained.run, "--output", tmp_path / "m.onnx")[0] == 0
    assert (tmp_path / "m.onnx").read_bytes() == trained.model.read_bytes(), "exporting twice gives the same bytes"
