"""Every kind of encoder in every variant, over a thousand frames, with a head that knows what it says."""

from __future__ import annotations

from collections import Counter
from functools import partial

import cv2
import keras
import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

from framestream_export.exporting.float16 import halve_encoder
from framestream_export.exporting.int8 import quantize_encoder, store_lstm
from framestream_export.graph.encoder import convert_encoder
from framestream_export.graph.parts import HeadWeights
from framestream_export.graph.streaming import GraphLayout, check_structure, streaming_model
from framestream_export.training.network.sequence_model import SequenceModel
from framestream_export.training.settings import TrainSettings

SIZE, WINDOW, LABELS = 64, 4, ("a", "b", "c")
FRAMES, SCENE_FRAMES, PORTION = 1000, 50, 25
STATES = {"window": ["features"], "stateful": ["hidden", "cell"]}


def film(seed: int, frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Scenes of three kinds, one after another, none like another: uint8 [frames, SIZE, SIZE, 3], and their kinds."""
    kinds = np.random.default_rng(9).integers(0, 256, (len(LABELS), 4, 4, 3))
    rng = np.random.default_rng(seed)
    order = rng.integers(0, len(LABELS), -(-frames // SCENE_FRAMES))
    labels = np.repeat(order, SCENE_FRAMES)[:frames]
    light = rng.uniform(-8, 8, (frames, 1, 1, 1))
    coarse = kinds[labels] + light + rng.normal(0, 2, (frames, 4, 4, 3))
    pictures = np.clip(coarse, 0, 255).astype(np.uint8)
    return np.stack([cv2.resize(picture, (SIZE, SIZE)) for picture in pictures]), labels


def taught(settings: TrainSettings) -> SequenceModel:
    """A network of random weights whose batch norms know their inputs, whose last layer distinguishes the scenes."""
    keras.utils.set_random_seed(3)
    model = SequenceModel.build(settings, labels=LABELS)
    frames, labels = film(1, 300)
    norms = [layer for layer in model.encoder._flatten_layers() if isinstance(layer, keras.layers.BatchNormalization)]
    for norm in norms:
        norm.momentum = 0.0  # take the statistics of these frames as they are
    model.encoder(frames[::4].astype(np.float32), training=True)
    for norm in norms:
        # Not centred: random weights see little but what all frames share, and without it noise is all there is.
        mean, variance = np.asarray(norm.moving_mean), np.asarray(norm.moving_variance)
        norm.moving_variance.assign(variance + mean**2)
        norm.moving_mean.assign(np.zeros_like(mean))
    features = np.asarray(model.encoder(frames.astype(np.float32), training=False))
    cell = model.head.get_layer("lstm").cell
    cell.kernel.assign(np.asarray(cell.kernel) / (features.std() + 1e-3))
    lstm = keras.layers.LSTM(settings.lstm_units, return_sequences=True)
    lstm.build((None, None, features.shape[1]))
    lstm.set_weights(model.head.get_layer("lstm").get_weights())
    if settings.kind == "window":
        ends = np.arange(WINDOW - 1, len(frames))
        hidden = np.asarray(lstm(features[ends[:, None] + np.arange(1 - WINDOW, 1)]))[:, -1]
    else:
        ends, hidden = np.arange(len(frames)), np.asarray(lstm(features[None]))[0]
    known = np.concatenate([hidden, np.ones((len(hidden), 1))], axis=1)
    wanted = 1.0 * np.eye(len(LABELS))[labels[ends]]
    fitted = np.linalg.solve(known.T @ known + 1e-2 * np.eye(known.shape[1]), known.T @ wanted)
    model.head.get_layer("logits").set_weights([fitted[:-1], fitted[-1]])
    return model


def chained(proto: onnx.ModelProto, frames: np.ndarray, *, steps: int) -> np.ndarray:
    """Rows [frames, classes], so many frames at a time, the state carried along."""
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    shapes = {item.name: [1, *item.shape[1:]] for item in session.get_inputs() if item.name != "frames"}
    state, rows = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}, []
    for start in range(0, len(frames), steps):
        row, *after = session.run(None, {"frames": frames[None, start : start + steps], **state})
        state = dict(zip(shapes, after, strict=True))
        rows.append(row[0])
    return np.concatenate(rows)


# Lite0 is the costliest by far, and the state is no matter of the encoder's: once is enough.
ENCODERS = [(name, kind) for name in ("small", "MobileNetV2@0.35", "MobileNetV3Small") for kind in STATES]
ENCODERS.append(("EfficientNetLite0", "window"))


@pytest.mark.long
@pytest.mark.parametrize(("encoder", "kind"), ENCODERS)
def test_all_variants_of_all_encoders_over_a_thousand_frames(encoder: str, kind: str) -> None:
    settings = TrainSettings(kind=kind, encoder=encoder, size=SIZE, window=WINDOW, lstm_units=16, feature_dim=32)
    model = taught(settings)
    frames, labels = film(2, FRAMES)
    expected = model.predictions(frames[None])[0]
    first = FRAMES - len(expected)
    meant = expected.argmax(axis=1)
    assert (meant == labels[first:]).mean() > 0.85, "decisions of a model that knows nothing prove nothing"
    converted, head = convert_encoder(model.encoder, size_wh=(SIZE, SIZE)), HeadWeights.of(model.head)
    calibration = film(1, 300)[0][::3].transpose(0, 3, 1, 2)
    whole = quantize_encoder(converted, np.array_split(np.ascontiguousarray(calibration), 10))
    layout = partial(GraphLayout, kind, WINDOW, SIZE, SIZE)
    one_step = 1 if kind == "stateful" else PORTION
    variants = {
        "float32": (streaming_model(converted, head, layout()), PORTION, 1e-4),
        "static": (streaming_model(converted, head, layout(fixed=True)), 1, 1e-4),
        "no-lstm-op": (streaming_model(converted, head, layout(lstm_op=False)), one_step, 1e-4),
        "static, no-lstm-op": (streaming_model(converted, head, layout(fixed=True, lstm_op=False)), 1, 1e-4),
        "float16": (streaming_model(halve_encoder(converted), head, layout()), PORTION, 5e-3),
        "int8": (streaming_model(whole, head, layout()), PORTION, np.inf),
    }
    store_lstm(variants["int8"][0])
    # Random weights, unlike learnt ones, make much of the least difference, so float16 is held against its own weights.
    half = chained(streaming_model(with_rounded_weights(converted), head, layout()), frames, steps=PORTION)[first:]
    for name, (proto, steps, limit) in variants.items():
        check_structure(proto, states=STATES[kind], lstm_nodes=int("no-lstm-op" not in name))
        counts = Counter(node.op_type for node in proto.graph.node)
        assert not {"Loop", "If", "Scan", "BatchNormalization", "Pad"} & set(counts), name
        assert counts["Transpose"] <= 2, name
        assert counts["LSTM"] == int("no-lstm-op" not in name), name
        assert [opset.version for opset in proto.opset_import] == [17]
        rows = chained(proto, frames, steps=steps)[first:]
        apart = np.abs(rows - (half if name == "float16" else expected)).max(axis=1)
        assert apart.max() <= limit, name
        assert (rows.argmax(axis=1) != meant).mean() <= 0.02, name
        # Scene by scene, since some are nearer to the edge than others.
        scenes = [apart[labels[first:] == label] for label in range(len(LABELS))]
        early, late = (np.mean([np.median(part) for part in parts]) for parts in _halves(scenes))
        assert late <= 2 * early + 1e-5, f"{name} drifts"


def with_rounded_weights(encoder: onnx.ModelProto) -> onnx.ModelProto:
    """The same encoder in float32, its weights those of half precision."""
    rounded = onnx.ModelProto()
    rounded.CopyFrom(encoder)
    for tensor in rounded.graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT:
            values = numpy_helper.to_array(tensor).astype(np.float16).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    return rounded


def _halves(scenes: list[np.ndarray]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    return [scene[: len(scene) // 2] for scene in scenes], [scene[len(scene) // 2 :] for scene in scenes]
