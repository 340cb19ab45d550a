"""What the graphs look like, for encoders of each kind, and that they still say what Keras says."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import cv2
import keras
import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

from framestream_export.encoder_graph import convert_encoder
from framestream_export.finished_run import FinishedRun
from framestream_export.graph import Layout, check_structure, streaming_model
from framestream_export.graph_facts import ModelCost, operator_table
from framestream_export.graph_parts import HeadWeights
from framestream_export.training.model import SequenceModel
from framestream_export.training.settings import TrainSettings
from framestream_export.variants.float16 import halve_encoder
from tests.export.conftest import Cli, Trained

SIZE, WINDOW, FRAMES, LABELS = 64, 5, 9, ("a", "b", "c")
STATES = {"window": ["features"], "stateful": ["hidden", "cell"]}


def randomise(model: SequenceModel, frames: np.ndarray) -> None:
    """Weights for which answers differ from frame to frame, and batch norms that do something."""
    rng = np.random.default_rng(1)
    for layer in model.encoder._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.gamma.assign(rng.uniform(0.9, 1.1, layer.gamma.shape))
            layer.beta.assign(rng.uniform(-0.1, 0.1, layer.beta.shape))
            layer.momentum = 0.0  # take the statistics of these frames as they are
    model.encoder(frames.astype(np.float32), training=True)
    features = np.asarray(model.encoder(frames.astype(np.float32), training=False))
    cell = model.head.get_layer("lstm").cell
    cell.kernel.assign(np.asarray(cell.kernel) / (features.std() + 1e-3))
    logits = model.head.get_layer("logits")
    logits.set_weights([rng.normal(size=part.shape) for part in logits.get_weights()])


def answers(proto: onnx.ModelProto, frames: np.ndarray, kind: str) -> np.ndarray:
    """One frame at a time with the state carried along, as from `SequenceModel.answers`."""
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    shapes = {item.name: [1, *item.shape[1:]] for item in session.get_inputs() if item.name != "frames"}
    state, rows = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}, []
    for frame in frames:
        row, *after = session.run(None, {"frames": frame[None, None], **state})
        state = dict(zip(shapes, after, strict=True))
        rows.append(row[0, 0])
    return np.stack(rows)[WINDOW - 1 if kind == "window" else 0 :]


@pytest.mark.parametrize("kind", ["window", "stateful"])
@pytest.mark.parametrize("encoder", ["small", "MobileNetV2@0.35", "MobileNetV3Small"])
def test_no_encoder_spoils_the_graph(encoder: str, kind: str) -> None:
    """ReLU6 and pads, hard-swish and squeeze-and-excite, batch norms of depthwise convolutions."""
    settings = TrainSettings(kind=kind, encoder=encoder, size=SIZE, window=WINDOW, lstm_units=8, feature_dim=16)
    model = SequenceModel.build(settings, labels=LABELS)
    coarse = np.random.default_rng(2).integers(0, 256, (FRAMES, 4, 4, 3), dtype=np.uint8)
    frames = np.stack([cv2.resize(picture, (SIZE, SIZE)) for picture in coarse])[None]
    randomise(model, frames[0])
    expected = model.answers(frames)[0]
    assert np.ptp(expected, axis=0).max() > 0.02, "a model that always says the same proves nothing"
    converted, head = convert_encoder(model.encoder, size_wh=(SIZE, SIZE)), HeadWeights.of(model.head)
    layouts = {
        "plain": Layout(kind, WINDOW, SIZE, SIZE),
        "fixed": Layout(kind, WINDOW, SIZE, SIZE, fixed=True),
        "unrolled": Layout(kind, WINDOW, SIZE, SIZE, lstm_op=False),
        "fixed and unrolled": Layout(kind, WINDOW, SIZE, SIZE, fixed=True, lstm_op=False),
    }
    for name, layout in layouts.items():
        proto = streaming_model(converted, head, layout)
        check_structure(proto, states=STATES[kind], lstm_nodes=int(layout.lstm_op))
        counts = Counter(node.op_type for node in proto.graph.node)
        assert counts["Transpose"] <= 2, name
        assert counts["LSTM"] == int(layout.lstm_op), name
        assert not {"Loop", "If", "Scan", "BatchNormalization", "Pad"} & set(counts), name
        assert [opset.version for opset in proto.opset_import] == [17]
        np.testing.assert_allclose(answers(proto, frames[0], kind), expected, atol=1e-4, err_msg=name)
    halved = streaming_model(halve_encoder(converted), head, layouts["plain"])
    check_structure(halved, states=STATES[kind])
    # Random weights, unlike learnt ones, make much of the least difference: one grey level of noise turns a feature
    # into another. So the halved graph is held against float32 on the same weights, rounded.
    rounded = streaming_model(with_rounded_weights(converted), head, layouts["plain"])
    np.testing.assert_allclose(answers(halved, frames[0], kind), answers(rounded, frames[0], kind), atol=5e-3)


def with_rounded_weights(encoder: onnx.ModelProto) -> onnx.ModelProto:
    """The same encoder in float32, its weights those of half precision."""
    rounded = onnx.ModelProto()
    rounded.CopyFrom(encoder)
    for tensor in rounded.graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT:
            values = numpy_helper.to_array(tensor).astype(np.float16).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    return rounded


@pytest.mark.parametrize("kind", ["window", "stateful"])
def test_a_fixed_graph_has_no_shape_left_open(kind: str) -> None:
    settings = TrainSettings(kind=kind, size=32, window=WINDOW, lstm_units=8, feature_dim=16)
    model = SequenceModel.build(settings, labels=LABELS)
    encoder, head = convert_encoder(model.encoder, size_wh=(32, 32)), HeadWeights.of(model.head)
    proto = streaming_model(encoder, head, Layout(kind, WINDOW, 32, 32, fixed=True))
    known = {value.name: value for value in (*proto.graph.input, *proto.graph.value_info, *proto.graph.output)}
    made = {name for node in proto.graph.node for name in node.output if name}
    assert made <= set(known)
    for value in known.values():
        assert all(axis.HasField("dim_value") for axis in value.type.tensor_type.shape.dim), value.name
    operators = {node.op_type for node in proto.graph.node}
    assert not {"Shape", "Range", "Gather"} & operators, "nothing is left to compute about shapes"


def test_a_transpose_too_many_is_refused(trained: Trained) -> None:
    from framestream.errors import ModelError

    proto = onnx.load(trained.model)
    for name in ("a", "b"):
        proto.graph.node.append(onnx.helper.make_node("Transpose", ["frames"], [f"unused_{name}"]))
    states = [value.name for value in proto.graph.input][1:]
    with pytest.raises(ModelError, match="4 Transpose nodes; 2 are enough"):
        check_structure(proto, states=states)


def test_costs_are_those_of_keras_layers() -> None:
    """Multiply-adds follow by hand for a network of known shapes."""
    frames = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(4, 3, strides=2, padding="same")(frames)  # 8 x 8 x 4
    x = keras.layers.DepthwiseConv2D(3, padding="same")(x)  # 8 x 8 x 4
    x = keras.layers.Conv2DTranspose(5, 2, strides=2)(x)  # 16 x 16 x 5
    x = keras.layers.Dense(6)(keras.layers.GlobalAveragePooling2D()(x))
    encoder = keras.Model(frames, x)
    units, dim, classes, window = 7, 6, 3, 4
    shapes = ((dim, 4 * units), (units, 4 * units), (4 * units,), (units, classes), (classes,))
    head = HeadWeights(*(np.zeros(shape, np.float32) for shape in shapes))
    cost = ModelCost.of(convert_encoder(encoder, size_wh=(16, 16)), head, lstm_steps=window, parameters=1)
    convolutions = 8 * 8 * 4 * 27 + 8 * 8 * 4 * 9 + 8 * 8 * 4 * 5 * 4
    assert cost.macs_per_frame == convolutions + 5 * 6 + window * 4 * units * (dim + units) + units * classes


def test_info_shows_what_the_graph_is_made_of(trained: Trained, cli: Cli, tmp_path: Path) -> None:
    proto = onnx.load(trained.model)
    counts = Counter(node.op_type for node in proto.graph.node)
    table = operator_table(proto)["framestream.operators"].split("\n")
    assert table == [f"{name} {count}" for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
    code, out, errors = cli("info", trained.model)
    assert code == 0, errors
    shown = {line.split("  ")[0]: line.split("  ")[-1].strip() for line in out.splitlines()}
    assert shown["operators"] == ", ".join(table)
    assert (shown["variant"], shown["opset"], shown["steps_at_once"]) == ("float32", "17", "any")
    loaded = FinishedRun.read(trained.run).model
    assert int(shown["parameters"]) == loaded.encoder.count_params() + loaded.head.count_params()
    assert int(shown["macs_per_frame"]) > 1_000_000
    state = [value.type.tensor_type.shape.dim[1:] for value in list(proto.graph.input)[1:]]
    assert int(shown["state_bytes"]) == sum(4 * int(np.prod([axis.dim_value for axis in axes])) for axes in state)
