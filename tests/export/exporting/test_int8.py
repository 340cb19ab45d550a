"""Whole numbers for an encoder: their range, how weights are rounded, and what that does to the predictions."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper

from framestream_export.exporting.activation_ranges import ActivationRange, RangeFinder
from framestream_export.exporting.int8 import quantize_encoder, store_lstm
from framestream_export.exporting.rounding import InputMoments, round_rows
from framestream_export.graph.encoder import convert_encoder
from framestream_export.graph.parts import HeadWeights
from framestream_export.graph.streaming import GraphLayout, streaming_model
from framestream_export.training.network.sequence_model import SequenceModel
from framestream_export.training.settings import TrainSettings


def test_weights_of_the_default_model_shrink() -> None:
    model = SequenceModel.build(TrainSettings(), labels=[f"label-{number}" for number in range(10)])
    encoder, head = convert_encoder(model.encoder, size_wh=(96, 96)), HeadWeights.of(model.head)
    layout = GraphLayout("window", 16, 96, 96)
    whole = streaming_model(encoder, head, layout)
    frames = np.random.default_rng(0).integers(0, 256, (4, 3, 96, 96), dtype=np.uint8)
    rounded = streaming_model(quantize_encoder(encoder, [frames]), head, layout)
    store_lstm(rounded)
    assert len(whole.SerializeToString()) >= 3.3 * len(rounded.SerializeToString())
    softmax = next(node for node in rounded.graph.node if node.op_type == "Softmax")
    maps = next(node for node in rounded.graph.node if node.op_type == "Conv" and node.input[1] in floats(rounded))
    assert softmax.name.startswith("encoder/")
    assert maps.name.startswith("encoder/")
    assert sum(node.op_type == "Conv" and node.input[1] in floats(rounded) for node in rounded.graph.node) == 2


def floats(model: onnx.ModelProto) -> set[str]:
    return {tensor.name for tensor in model.graph.initializer if tensor.data_type == onnx.TensorProto.FLOAT}


def test_spans_keep_zero_and_round_to_the_nearest_step() -> None:
    span = ActivationRange.between(-1.0, 3.0)
    assert span.zero == 64
    values = np.linspace(-1, 3, 1001).astype(np.float32)
    numbers = np.rint(values / span.scale) + span.zero
    assert (numbers.min(), numbers.max()) == (0, 255)
    assert ActivationRange.between(0.5, 2.0).zero == 0
    assert ActivationRange.between(0.0, 0.0).scale > 0


def test_a_span_leaves_out_what_is_rarest() -> None:
    finder = RangeFinder(seed=0)
    values = np.linspace(0, 1, 100_000).astype(np.float32)
    for _ in range(10):
        finder.add(values)
    values[7] = 1000.0  # once, and at the edge of one batch's values
    finder.add(values)
    span = finder.find()
    assert span.zero == 0
    assert 1.0 <= float(span.scale) * 255 < 1.01


def correlated(rng: np.random.Generator, rows: int, inputs: int) -> np.ndarray:
    """Inputs as those of a convolution are: neighbours are alike."""
    return np.cumsum(rng.normal(size=(rows, inputs)), axis=1).astype(np.float32)


def test_rounding_makes_up_for_its_errors() -> None:
    rng = np.random.default_rng(0)
    weights, inputs = rng.normal(size=(12, 40)).astype(np.float32), correlated(rng, 500, 40)
    moments = InputMoments(helper.make_node("Gemm", ["x", "w"], ["y"], transB=1), weights.shape, seed=0)
    moments.add(inputs)
    assert moments.sums is not None
    off = {}
    for name, sums in (("nearest", None), ("in turn", moments.sums)):
        numbers, steps = round_rows(weights, sums, 0.0)
        off[name] = np.square(inputs @ (numbers * steps[:, None] - weights).T).mean()
        assert numbers.dtype == np.int8
    assert off["in turn"] < 0.3 * off["nearest"]


@pytest.mark.parametrize("alike", [True, False])
def test_no_two_weights_of_one_sign_add_up_to_more_than_128(alike: bool) -> None:
    """Products of uint8 with two of them would not fit into 16 bits, in which some processors add them."""
    rng = np.random.default_rng(1)
    weights = rng.normal(size=(30, 25)).astype(np.float32)
    weights[0] = 1.0  # the worst row: all alike
    weights[1] = 0.0
    weights[1, 3] = 90.0  # the best: one alone, which takes all that eight bits have
    weights[2, 3] = 90.0  # nearly alone: it leaves to the next of its sign what that needs
    moments = None
    if alike:
        inputs = correlated(rng, 300, 25)
        moments = (inputs.T @ inputs)[None].astype(np.float64)
    numbers, steps = round_rows(weights, moments, 0.0)
    signed = np.stack([numbers, -numbers.astype(int)])
    pairs = np.sort(np.maximum(signed, 0), axis=2)[:, :, -2:].sum(axis=2).max(axis=0)
    assert pairs.max() <= 128
    # And no row is rounded more coarsely than that asks for: rounding moves each of the two by half a step.
    assert pairs.min() >= 125
    assert numbers[1, 3] == 127
    assert 122 <= numbers[2, 3] < 127
    assert np.abs(numbers * steps[:, None] - weights).max(axis=1)[1] <= 90.0 / 127
    again, _ = round_rows(weights, moments, 0.0)
    assert np.array_equal(numbers, again)


def test_a_channel_whose_weights_died_keeps_its_bias() -> None:
    """Training does that: all weights next to nothing, and a bias that is not. In their steps it needs 50 bits."""
    rng = np.random.default_rng(0)
    encoder = small_convolutions(rng)
    bias = next(tensor for tensor in encoder.graph.initializer if tensor.name == "bias")
    weights = next(tensor for tensor in encoder.graph.initializer if tensor.name == "weights")
    values = numpy_helper.to_array(weights).copy()
    values[2] = 1e-12
    weights.CopyFrom(numpy_helper.from_array(values, "weights"))
    bias.CopyFrom(numpy_helper.from_array(np.array([0.1, -0.1, 0.7, 0], np.float32), "bias"))
    frames = rng.integers(0, 256, (6, 3, 8, 8), dtype=np.uint8)
    with np.errstate(all="raise"):
        rounded = quantize_encoder(encoder, [frames])
    expected, found = (
        onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(
            None, {"frames": frames}
        )[0]
        for model in (encoder, rounded)
    )
    assert np.abs(found - expected).max() < 0.05 * np.abs(expected).max()
    assert found[:, 2] == pytest.approx(0.7, abs=0.02)


def small_convolutions(rng: np.random.Generator) -> onnx.ModelProto:
    """Frames, a convolution that sees pixels, one that does not, with strides and pads, and the mean of its maps."""
    first, second = rng.normal(size=(5, 3, 3, 3)) / 400, rng.normal(size=(4, 5, 3, 3)) / 5
    nodes = [
        helper.make_node("Cast", ["frames"], ["pixels"], to=onnx.TensorProto.FLOAT),
        helper.make_node("Conv", ["pixels", "first"], ["seen"], kernel_shape=[3, 3]),
        helper.make_node("Relu", ["seen"], ["seen_relu"]),
        helper.make_node(
            "Conv", ["seen_relu", "weights", "bias"], ["maps"], kernel_shape=[3, 3], strides=[2, 2], pads=[0, 0, 1, 1]
        ),
        helper.make_node("ReduceMean", ["maps"], ["features"], axes=[2, 3], keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("frames", onnx.TensorProto.UINT8, ["n", 3, 8, 8])],
        [helper.make_tensor_value_info("features", onnx.TensorProto.FLOAT, ["n", 4])],
        initializer=[
            numpy_helper.from_array(first.astype(np.float32), "first"),
            numpy_helper.from_array(second.astype(np.float32), "weights"),
            numpy_helper.from_array(np.zeros(4, np.float32), "bias"),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.parametrize(("strides", "pads", "dilations", "group"), [(1, 1, 1, 1), (2, 0, 1, 2), (1, 2, 2, 1)])
def test_patches_are_what_the_kernel_sees(strides: int, pads: int, dilations: int, group: int) -> None:
    """The moments of a single sum are the mean square of what the convolution gives."""
    rng = np.random.default_rng(0)
    inputs = correlated(rng, 4 * 6, 81).reshape(4, 6, 9, 9)
    weights = rng.normal(size=(group, 6 // group, 3, 3)).astype(np.float32)
    node = helper.make_node(
        "Conv", ["x", "w"], ["y"], strides=[strides] * 2, pads=[pads] * 4, dilations=[dilations] * 2, group=group
    )
    graph = helper.make_graph(
        [node],
        "one",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, inputs.shape)],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)],
        initializer=[numpy_helper.from_array(weights, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (given,) = session.run(None, {"x": inputs})
    moments = InputMoments(node, weights.shape, seed=0)
    for _ in range(200):
        moments.add(inputs)
    assert moments.sums is not None
    assert moments.sums.shape == (group, 9 * 6 // group, 9 * 6 // group)
    for index in range(group):
        row = weights[index].reshape(-1)
        found = row @ moments.sums[index] @ row / (200 * 256)
        assert found == pytest.approx(np.square(given[:, index]).mean(), rel=0.05)
