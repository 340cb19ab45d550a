"""What the graphs look like, and what is reported about them; see test_backbones for encoders of each kind."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import keras
import numpy as np
import onnx
import pytest

from framestream_export.exporting.finished_run import FinishedRun
from framestream_export.graph.cost import ModelCost, operator_table
from framestream_export.graph.encoder import convert_encoder
from framestream_export.graph.parts import HeadWeights, LstmWeights
from framestream_export.graph.streaming import GraphLayout, check_structure, streaming_model
from framestream_export.training.network.sequence_model import SequenceModel
from framestream_export.training.settings import TrainSettings
from tests.export.conftest import Cli, Trained

WINDOW, LABELS = 5, ("a", "b", "c")


@pytest.mark.parametrize("kind", ["window", "stateful"])
def test_a_fixed_graph_has_no_shape_left_open(kind: str) -> None:
    settings = TrainSettings(kind=kind, size=32, window=WINDOW, lstm_units=8, feature_dim=16)
    model = SequenceModel.build(settings, labels=LABELS)
    encoder, head = convert_encoder(model.encoder, size_wh=(32, 32)), HeadWeights.of(model.head)
    proto = streaming_model(encoder, head, GraphLayout(kind, WINDOW, 32, 32, fixed=True))
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
    *lstm, kernel, bias = (np.zeros(shape, np.float32) for shape in shapes)
    head = HeadWeights((LstmWeights(*lstm),), dim, kernel, bias)
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
