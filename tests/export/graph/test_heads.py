"""Heads other than the plain LSTM: their graphs predict what Keras does, however they are fed, and what is reported."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
import onnxruntime
import pytest

from framestream.errors import SettingsError
from framestream.model.spec import ModelSpec
from framestream_export.exporting.finished_run import FinishedRun
from framestream_export.exporting.parity import onnx_rows
from framestream_export.graph.cost import ModelCost
from framestream_export.graph.encoder import convert_encoder
from framestream_export.graph.parts import HeadWeights
from framestream_export.graph.streaming import GraphLayout, check_structure, streaming_model
from framestream_export.training.network.heads import build_head, divide_logits, without_softmax
from framestream_export.training.network.sequence_model import SequenceModel
from framestream_export.training.settings import TrainSettings
from tests.export.conftest import Cli, Trained
from tests.export.training.network.test_model import settle_batch_statistics

HEADS = ("lstm", "bidirectional", "mean")
LABELS = ("clap", "idle", "wave", "walk")
SMALL = TrainSettings(size=32, window=6, lstm_units=8, feature_dim=12)
CAMERAS, FRAMES = 4, 50


def drawn_frames() -> np.ndarray:
    """Cameras that each see something of their own, and never the same twice: uint8 [cameras, frames, 32, 32, 3]."""
    rng = np.random.default_rng(1)
    coarse = rng.integers(0, 256, (CAMERAS, FRAMES, 4, 4, 3), dtype=np.uint8)
    return coarse.repeat(8, axis=2).repeat(8, axis=3)


@pytest.fixture(scope="module")
def encoder() -> tuple[Any, Any]:
    """An encoder whose features vary, as Keras and as ONNX have it."""
    made = SequenceModel.build(SMALL, labels=LABELS).encoder
    settle_batch_statistics(made)
    return made, convert_encoder(made, size_wh=(32, 32))


def model_with(head: str, encoder: Any, **changes: Any) -> SequenceModel:
    """Random weights, the last scaled so that predictions differ between frames; "centred" is an LSTM, too."""
    centred = head == "centred"
    settings = replace(SMALL, head="lstm" if centred else head, **changes)
    keras.utils.set_random_seed(5)
    made = build_head(settings, feature_dim=settings.feature_dim, classes=len(LABELS), centred=centred)
    features = np.asarray(encoder(drawn_frames()[0].astype(np.float32), training=False))
    windows = features[np.arange(FRAMES - 5)[:, None] + np.arange(6)]
    last = made.get_layer("logits")
    hidden = np.asarray(keras.Model(made.input, last.input)(windows, training=False)).reshape(-1, last.input.shape[-1])
    kernel = np.random.default_rng(2).normal(size=last.kernel.shape) / (hidden.std(axis=0)[:, None] + 1e-3)
    last.set_weights([kernel, -hidden.mean(axis=0) @ kernel])
    return SequenceModel(settings.kind, settings.window, encoder, made, without_softmax(made))


# The last weights are as large as they are above, and so is what is left of rounding in what they are multiplied with.
ATOL = 3e-5


def chained(proto: onnx.ModelProto, frames: np.ndarray, *, steps: int, cameras: int) -> np.ndarray:
    """Rows [cameras, frames, classes], fed in portions, each camera's state carried along."""
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    states = {item.name: item.shape[1:] for item in session.get_inputs() if item.name != "frames"}
    rows = np.empty((*frames.shape[:2], len(LABELS)), np.float32)
    for first in range(0, len(frames), cameras):
        some = slice(first, first + cameras)
        state = {name: np.zeros((len(frames[some]), *shape), np.float32) for name, shape in states.items()}
        for start in range(0, frames.shape[1], steps):
            portion = slice(start, start + steps)
            rows[some, portion], *after = session.run(None, {"frames": frames[some, portion], **state})
            state = dict(zip(states, after, strict=True))
    return rows


@pytest.mark.parametrize("head", [*HEADS, "centred"])
def test_the_graph_says_what_keras_says_in_any_portions(head: str, encoder: tuple[Any, Any]) -> None:
    model, frames = model_with(head, encoder[0]), drawn_frames()
    expected = model.predictions(frames)
    assert expected.std(axis=(0, 1)).min() > 0.05, "predictions that hardly vary prove nothing"
    weights = HeadWeights.of(model.head)
    for lstm_op in (True, False):
        proto = streaming_model(encoder[1], weights, GraphLayout("window", 6, 32, 32, lstm_op=lstm_op))
        check_structure(proto, states=["features"], lstm_nodes=int(lstm_op and head != "mean"))
        for steps, cameras in ((1, 1), (1, 4), (3, 4), (7, 1), (16, 3), (FRAMES, 4)):
            rows = chained(proto, frames, steps=steps, cameras=cameras)[:, 5:]
            np.testing.assert_allclose(rows, expected, atol=ATOL, err_msg=f"{lstm_op} {steps} {cameras}")
        fixed = streaming_model(encoder[1], weights, GraphLayout("window", 6, 32, 32, fixed=True, lstm_op=lstm_op))
        check_structure(fixed, states=["features"], lstm_nodes=int(lstm_op and head != "mean"))
        rows = chained(fixed, frames, steps=1, cameras=1)[:, 5:]
        np.testing.assert_allclose(rows, expected, atol=ATOL, err_msg=f"fixed {lstm_op}")


@pytest.mark.parametrize("head", [*HEADS, "centred"])
def test_the_graph_is_lean(head: str, encoder: tuple[Any, Any]) -> None:
    weights = HeadWeights.of(model_with(head, encoder[0]).head)
    counts = {
        fixed: Counter(
            node.op_type
            for node in streaming_model(encoder[1], weights, GraphLayout("window", 6, 32, 32, fixed=fixed)).graph.node
        )
        for fixed in (False, True)
    }
    assert counts[False]["LSTM"] == (0 if head == "mean" else 1)
    assert counts[False]["Transpose"] == (1 if head == "mean" else 2)
    assert counts[True]["Transpose"] == 1
    assert not {"Shape", "Range", "Gather"} & set(counts[True])


def test_what_the_heads_know_of_order(encoder: tuple[Any, Any]) -> None:
    """The mean head predicts the same for frames in another order, an LSTM does not."""
    features = np.random.default_rng(0).normal(size=(1, 6, 12)).astype(np.float32)
    for head in HEADS:
        logits = model_with(head, encoder[0]).logits
        said, backwards = (np.asarray(logits(one, training=False)) for one in (features, features[:, ::-1]))
        assert np.allclose(said, backwards, rtol=1e-4) == (head == "mean")


def test_costs_count_both_directions_and_none(encoder: tuple[Any, Any]) -> None:
    costs = {
        head: ModelCost.of(
            encoder[1], HeadWeights.of(model_with(head, encoder[0]).head), lstm_steps=6, parameters=1
        ).macs_per_frame
        for head in HEADS
    }
    lstm, classes = 4 * 8 * (12 + 8) * 6, len(LABELS)
    assert costs["lstm"] - costs["mean"] == lstm + (8 - 12) * classes
    assert costs["bidirectional"] - costs["lstm"] == lstm + 8 * classes


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
@pytest.mark.parametrize("kind", ["window", "stateful"])
def test_a_temperature_goes_into_the_weights(kind: str, temperature: float, encoder: tuple[Any, Any]) -> None:
    model = model_with("lstm", encoder[0], kind=kind)
    features = np.random.default_rng(0).normal(size=(5, 6, 12)).astype(np.float32)
    logits = np.asarray(model.logits(features, training=False))
    divide_logits(model.head, temperature)
    np.testing.assert_allclose(model.logits(features, training=False), logits / temperature, rtol=1e-5, atol=1e-6)
    expected = np.asarray(keras.ops.softmax(logits / temperature))
    np.testing.assert_allclose(model.head(features, training=False), expected, atol=1e-6)
    assert HeadWeights.of(model.head).dense_bias == pytest.approx(np.asarray(model.head.get_layer("logits").bias))


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan"), float("inf")])
def test_a_temperature_that_is_none_is_refused(temperature: float, encoder: tuple[Any, Any]) -> None:
    model = model_with("mean", encoder[0])
    before = [weight.copy() for weight in model.head.get_weights()]
    with pytest.raises(SettingsError, match="temperature"):
        divide_logits(model.head, temperature)
    assert all(np.array_equal(*pair) for pair in zip(before, model.head.get_weights(), strict=True))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"head": "gru"}, "'gru' is none of lstm, bidirectional, mean"),
        ({"head": "bidirectional", "kind": "stateful"}, "whole window"),
        ({"head": "mean", "kind": "stateful"}, "whole window"),
        ({"predict_ahead_seconds": -1.0}, r"0\.08 \(one frame\)"),
        ({"predict_ahead_seconds": 0.07}, r"0\.08 \(one frame\)"),
        ({"predict_ahead_seconds": float("nan")}, "predict_ahead_seconds"),
        ({"predict_ahead_seconds": 1e9}, "predict_ahead_seconds"),
    ],
)
def test_settings_that_make_no_sense(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        TrainSettings(**changes)


def with_another_head(run: Path, folder: Path, head: str, *, temperature: float, ahead_seconds: float) -> Path:
    """A copy of a finished run whose head is of another kind, and has learnt from the old one what to say."""
    shutil.copytree(run, folder)
    finished = FinishedRun.read(run)
    settings, frames = replace(finished.settings, head=head), finished.frames
    keras.utils.set_random_seed(7)
    made = build_head(settings, feature_dim=settings.feature_dim, classes=len(finished.record["labels"]))
    model = SequenceModel("window", settings.window, finished.model.encoder, made, without_softmax(made))
    features = np.stack([np.asarray(model.encoder(one.astype(np.float32), training=False)) for one in frames])
    ends = np.arange(settings.window - 1, frames.shape[1])
    windows = features[:, ends[:, None] + np.arange(1 - settings.window, 1)].reshape(-1, settings.window, 32)
    inner = keras.Model(made.input, made.get_layer("logits").input)
    hidden = np.asarray(inner(windows, training=False))
    known = np.concatenate([hidden, np.ones((len(hidden), 1))], axis=1)
    wanted = np.log(np.maximum(finished.model.predictions(frames).reshape(len(known), -1), 1e-3))
    fitted = np.linalg.solve(known.T @ known + 1e-3 * np.eye(known.shape[1]), known.T @ wanted)
    made.get_layer("logits").set_weights([fitted[:-1], fitted[-1]])
    divide_logits(made, temperature)
    made.save(folder / "head.keras")
    record = json.loads((folder / "run.json").read_text())
    record["settings"] |= {"head": head, "predict_ahead_seconds": ahead_seconds}
    record["temperature"] = temperature
    (folder / "run.json").write_text(json.dumps(record))
    return folder


@pytest.mark.long
@pytest.mark.parametrize("trained", ["window"], indirect=True)
@pytest.mark.parametrize(("head", "ahead_seconds"), [("bidirectional", 0.0), ("mean", 0.8)])
def test_from_run_to_hand_off(head: str, ahead_seconds: float, trained: Trained, tmp_path: Path, cli: Cli) -> None:
    """Every variant is made, sealed, verified against Keras and by its golden vectors, and says what it is."""
    run = with_another_head(trained.run, tmp_path / "run", head, temperature=1.25, ahead_seconds=ahead_seconds)
    code, out, errors = cli("export", run, "--handoff", tmp_path / "out", "--max-drop", "100")
    assert code == 0, out + errors
    made = {path.parent.name for path in (tmp_path / "out").glob("*/vectors.json")}
    assert made >= {"float32", "float16", "static", "no-lstm-op", "ort"}
    code, out, errors = cli("verify", tmp_path / "out")
    assert code == 0, out + errors
    code, out, errors = cli("verify", tmp_path / "out" / "no-lstm-op" / "model.onnx", "--run", run)
    assert code == 0, out + errors
    model = onnx.load(tmp_path / "out" / "float32" / "model.onnx")
    spec = ModelSpec.from_metadata({entry.key: entry.value for entry in model.metadata_props})
    assert (spec.head, spec.temperature, spec.anchor_frames) == (head, 1.25, -10 if ahead_seconds else 6)
    code, out, errors = cli("info", tmp_path / "out" / "float32" / "model.onnx", "--format", "json")
    facts = json.loads(out)
    assert (facts["head"], facts["temperature"]) == (head, 1.25)
    assert facts["predict_ahead_seconds"] == (ahead_seconds or None)
    card, guide = ((tmp_path / "out" / name).read_text() for name in ("MODEL_CARD.md", "README.md"))
    assert ("it predicts what will be" in card) == ("`t + 0.8` s" in guide) == bool(ahead_seconds)
    assert {"bidirectional": "an LSTM of 24 units each way", "mean": "mean of the window's features"}[head] in card
    finished = FinishedRun.read(run)
    from framestream.model.session import ModelSession

    rows = onnx_rows(ModelSession(tmp_path / "out" / "float32" / "model.onnx", device="cpu"), finished.frames)
    np.testing.assert_allclose(rows, finished.model.predictions(finished.frames), atol=1e-4)
