"""A real ONNX model that keeps the streaming contract and whose predictions can be computed by hand.

Its encoder is the mean colour of a frame (3 features, 0 to 1); its prediction is `softmax(GAIN * mean over the
window)` over the labels red, green and blue. `expected_probabilities` computes the same in NumPy.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from framestream.model.spec import EventSettings, ModelSpec

LABELS = ("red", "green", "blue")
GAIN = 10.0
SIZE = 8


def make_spec(
    *, window: int = 4, frame_rate: float = 10.0, kind: str = "window", background: str | None = "blue"
) -> ModelSpec:
    """The tiny model's spec; blue is nothing happening."""
    stateful = kind == "stateful"
    return ModelSpec(
        kind="stateful" if stateful else "window",
        labels=LABELS,
        background=background,
        frame_rate=frame_rate,
        window=1 if stateful else window,
        anchor_frames=0 if stateful else window // 2,
        height=SIZE,
        width=SIZE,
        state_names=("total",) if stateful else ("features",),
        events=EventSettings(smoothing_seconds=0.0, min_seconds=0.2),
        producer="tests",
        training_fingerprint="none",
    )


def write_model(
    path: Path,
    spec: ModelSpec | None = None,
    *,
    metadata: Mapping[str, str] | None = None,
    fails_from: int | None = None,
) -> ModelSpec:
    """Write the model for a spec.

    Args:
        path: Path of the file to write.
        spec: The model's specification; by default that of `make_spec()`.
        metadata: Replaces the metadata that fits the spec.
        fails_from: Makes a model that fails while it runs on a frame with a byte of this brightness or more.
    """
    spec = spec or make_spec()
    graph = _stateful_graph() if spec.kind == "stateful" else _window_graph(spec.window)
    if fails_from is not None:
        _add_failure(graph, fails_from)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    helper.set_model_props(model, dict(spec.to_metadata() if metadata is None else metadata))
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, str(path))
    return spec


def expected_probabilities(frames: NDArray[np.uint8], spec: ModelSpec) -> NDArray[np.float64]:
    """Rows for frames `[steps, height, width, 3]` from a fresh stream, `[steps, classes]`."""
    features = frames.astype(np.float64).mean(axis=(1, 2)) / 255
    if spec.kind == "stateful":
        means = np.cumsum(features, axis=0) / np.arange(1, len(features) + 1)[:, np.newaxis]
    else:
        padded = np.concatenate([np.zeros((spec.window - 1, 3)), features])
        means = np.stack([padded[index : index + spec.window].mean(axis=0) for index in range(len(features))])
    powers = np.exp(GAIN * means)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _constant(name: str, values: object, dtype: type = np.int64) -> onnx.TensorProto:
    return numpy_helper.from_array(np.asarray(values, dtype=dtype), name)


def _encoder() -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """`frames` to `encoded`, float `[cameras, steps, 3]`."""
    nodes = [
        helper.make_node("Cast", ["frames"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats"], ["means"], axes=[2, 3], keepdims=0),
        helper.make_node("Mul", ["means", "scale"], ["encoded"]),
    ]
    return nodes, [_constant("scale", 1 / 255, np.float32)]


def _add_failure(graph: onnx.GraphProto, brightness: int) -> None:
    """Look the brightest byte up in a table of zeros that is too short, and add what is found to the logits."""
    graph.initializer.append(_constant("too_short", [0.0] * brightness, np.float32))
    lookup = [
        helper.make_node("ReduceMax", ["floats"], ["brightest"], keepdims=0),
        helper.make_node("Cast", ["brightest"], ["brightest_index"], to=TensorProto.INT64),
        helper.make_node("Gather", ["too_short", "brightest_index"], ["nothing"]),
        helper.make_node("Add", ["logits", "nothing"], ["safe_logits"]),
    ]
    softmax = next(node for node in graph.node if node.op_type == "Softmax")
    softmax.input[0] = "safe_logits"
    at = list(graph.node).index(softmax)
    nodes = [*list(graph.node)[:at], *lookup, *list(graph.node)[at:]]
    del graph.node[:]
    graph.node.extend(nodes)


def _softmax() -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    nodes = [
        helper.make_node("Mul", ["averages", "gain"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=2),
    ]
    return nodes, [_constant("gain", GAIN, np.float32)]


def _window_graph(window: int) -> onnx.GraphProto:
    """State: the last `window - 1` features; each new frame is averaged with those before it."""
    encoder, encoder_constants = _encoder()
    head, head_constants = _softmax()
    middle = [
        helper.make_node("Concat", ["features", "encoded"], ["joined"], axis=1),
        helper.make_node("Shape", ["encoded"], ["steps"], start=1, end=2),
        helper.make_node("Squeeze", ["steps"], ["steps_scalar"]),
        helper.make_node("Range", ["zero", "steps_scalar", "one"], ["firsts"]),
        helper.make_node("Unsqueeze", ["firsts", "axis_1"], ["column"]),
        helper.make_node("Add", ["column", "offsets"], ["indices"]),
        helper.make_node("Gather", ["joined", "indices"], ["windows"], axis=1),
        helper.make_node("ReduceMean", ["windows"], ["averages"], axes=[2], keepdims=0),
        helper.make_node("Slice", ["joined", "steps", "far", "axis_1"], ["next_features"]),
    ]
    constants = [
        _constant("zero", 0),
        _constant("one", 1),
        _constant("axis_1", [1]),
        _constant("offsets", [list(range(window))]),
        _constant("far", [2**62]),
    ]
    return _graph(
        [*encoder, *middle, *head], [*encoder_constants, *constants, *head_constants], "features", [window - 1, 3]
    )


def _stateful_graph() -> onnx.GraphProto:
    """State: the sum of all features so far, and how many; each row is the mean up to its frame."""
    encoder, encoder_constants = _encoder()
    head, head_constants = _softmax()
    middle = [
        # A fourth feature, always 1, counts the frames.
        helper.make_node("Pad", ["encoded", "pads", "pad_value"], ["counted"]),
        helper.make_node("CumSum", ["counted", "axis_1"], ["sums_here"]),
        helper.make_node("Unsqueeze", ["total", "unsqueeze_axis"], ["total_row"]),
        helper.make_node("Add", ["sums_here", "total_row"], ["sums"]),
        helper.make_node("Split", ["sums", "parts"], ["colours", "count"], axis=2),
        helper.make_node("Div", ["colours", "count"], ["averages"]),
        helper.make_node("Gather", ["sums", "last"], ["next_total"], axis=1),
    ]
    constants = [
        _constant("pads", [0, 0, 0, 0, 0, 1]),
        _constant("pad_value", 1.0, np.float32),
        _constant("axis_1", 1),
        _constant("unsqueeze_axis", [1]),
        _constant("parts", [3, 1]),
        _constant("last", -1),
    ]
    return _graph([*encoder, *middle, *head], [*encoder_constants, *constants, *head_constants], "total", [4])


def _graph(
    nodes: list[onnx.NodeProto], constants: list[onnx.TensorProto], state: str, state_shape: list[int]
) -> onnx.GraphProto:
    def tensor(name: str, element: int, shape: list[str | int]) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, element, shape)

    return helper.make_graph(
        nodes,
        "tiny",
        [
            tensor("frames", TensorProto.UINT8, ["cameras", "steps", SIZE, SIZE, 3]),
            tensor(state, TensorProto.FLOAT, ["cameras", *state_shape]),
        ],
        [
            tensor("probabilities", TensorProto.FLOAT, ["cameras", "steps", len(LABELS)]),
            tensor(f"next_{state}", TensorProto.FLOAT, ["cameras", *state_shape]),
        ],
        initializer=constants,
    )
