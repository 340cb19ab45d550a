"""The streaming graph, written by hand around a converted encoder: fold, state, native LSTM, softmax.

Window model (W frames per prediction, D features, U units, K classes; C cameras and S steps are dynamic)::

    frames [C,S,H,W,3] ─ channels first [C·S,3,H,W] ─ encoder ─ unfold [C,S,D] ─┐
    features [C,W-1,D] ──────────────────────────────────────────── Concat [C,W-1+S,D] ── last W-1 ─ next_features
                                                                      └ Gather windows [C,W,S,D] ─ [W,C·S,D] ─ LSTM
                                              probabilities [C,S,K] ─ Softmax ─ Dense ─ [C,S,U] ─┘

A bidirectional LSTM is one operator, too; its two ends are put side by side, [C,S,2U]. In a model without an LSTM the
mean over W takes its place, [C,S,D], and the windows need no other order.

Stateful model: the transpose of the frames puts time first, too, so that the unfolded features [S,C,D] go through the
LSTM as they are; the state is `hidden` and `cell`.

Fixed shapes (C = S = 1) leave nothing to compute about shapes, and all of it is constant. Without the LSTM operator its
steps are written out (`unrolled.py`): those of a window, or the one step of a stateful model, whose S is 1 then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from framestream.errors import ModelError
from framestream.model.spec import JOINTS, KEYPOINTS
from framestream_export.graph.parts import Graph, HeadWeights
from framestream_export.graph.unrolled import add_unrolled_lstm

OPSET = 17
IR_VERSION = 8  # what goes with opset 17; later ones lock out runtimes that could run the graph
LOOPS = frozenset({"Loop", "If", "Scan"})
_MOST_TRANSPOSES = 2  # the frames to channels first, and once between cameras and time first
_ENCODER_OUTPUTS = ("encoder/features", "encoder/keypoints")
_TO_END = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class GraphLayout:
    """The kind of graph to make.

    Attributes:
        kind: "window" or "stateful".
        window: Frames per prediction of a window model.
        height: Height of a frame, pixels.
        width: Width of a frame, pixels.
        fixed: Whether shapes are fixed, for one camera and one step, instead of any number of both.
        lstm_op: Whether the LSTM is ONNX's operator, or written out.
    """

    kind: str
    window: int
    height: int
    width: int
    fixed: bool = False
    lstm_op: bool = True

    @property
    def cameras(self) -> int | str:
        """Size or name of the frames' first axis."""
        return 1 if self.fixed else "cameras"

    @property
    def steps(self) -> int | str:
        """Size or name of the frames' second axis."""
        return 1 if self.fixed or (self.kind == "stateful" and not self.lstm_op) else "steps"


def streaming_model(encoder: Any, head: HeadWeights, layout: GraphLayout) -> Any:
    """Put an encoder and a head together into the graph of the streaming contract.

    Args:
        encoder: An onnx.ModelProto from uint8 [N, 3, height, width] to float32 [N, D], and to joints [N, 51] if its
            encoder finds them.
        head: The recurrent part's weights.
        layout: The kind of graph to make.

    Returns:
        An onnx.ModelProto without metadata.
    """
    graph = Graph()
    stateful = layout.kind == "stateful"
    graph.add("Transpose", ["frames"], "channels_first", perm=[1, 0, 4, 2, 3] if stateful else [0, 1, 4, 2, 3])
    pixels = [1 if layout.fixed else -1, 3, layout.height, layout.width]
    graph.add("Reshape", ["channels_first", graph.constant("frame_shape", pixels)], "encoder/frames")
    _append_encoder(graph, encoder)
    if layout.fixed:
        graph.constant("unfolded_shape", [1, 1, -1])
    else:
        graph.add("Shape", ["channels_first"], "leading_axes", start=0, end=2)
        graph.add("Concat", ["leading_axes", graph.constant("rest", [-1])], "unfolded_shape", axis=0)
    graph.add("Reshape", ["encoder/features", "unfolded_shape"], "new_features")
    more = _add_keypoints(graph, layout) if len(encoder.graph.output) > 1 else []
    states = add_head(graph, head, layout)
    graph.add("Softmax", ["logits"], "time_first" if stateful else "probabilities", axis=-1)
    if stateful:
        graph.add("Transpose", ["time_first"], "probabilities", perm=[1, 0, 2])
    free, tensor = [layout.cameras, layout.steps], helper.make_tensor_value_info
    return finished_model(
        graph,
        tensor("frames", TensorProto.UINT8, [*free, layout.height, layout.width, 3]),
        [tensor("probabilities", TensorProto.FLOAT, [*free, head.classes]), *more],
        states,
        layout,
    )


def _add_keypoints(graph: Graph, layout: GraphLayout) -> list[Any]:
    """Append an output of joints, [C, S, 17, 3]; nothing of it is computed for whoever does not ask for it."""
    joints, stateful = [JOINTS, 3], layout.kind == "stateful"
    if layout.fixed:
        shape = graph.constant("keypoints_shape", [1, 1, *joints])
    else:
        shape = graph.add("Concat", ["leading_axes", graph.constant("joints", joints)], "keypoints_shape", axis=0)
    graph.add("Reshape", ["encoder/keypoints", shape], "keypoints_time_first" if stateful else KEYPOINTS)
    if stateful:
        graph.add("Transpose", ["keypoints_time_first"], KEYPOINTS, perm=[1, 0, 2, 3])
    free = [layout.cameras, layout.steps]
    return [helper.make_tensor_value_info(KEYPOINTS, TensorProto.FLOAT, [*free, *joints])]


def add_head(graph: Graph, head: HeadWeights, layout: GraphLayout) -> dict[str, list[int]]:
    """Append what processes features over time, from `new_features` to `logits` and the states to feed next time.

    Both are cameras first in a window model, [C, S, D] and [C, S, K], and time first in a stateful one, [S, C, D] and
    [S, C, K]. Unless shapes are fixed, a window model also needs `leading_axes`, which is [C, S], and in any case
    `unfolded_shape`, which is [C, S, -1].

    Args:
        graph: The graph to append to.
        head: The weights.
        layout: The kind of graph to make; the size of frames does not matter here.

    Returns:
        The shape of each state by its name, without the cameras axis.
    """
    return _stateful_head(graph, head, layout) if layout.kind == "stateful" else _window_head(graph, head, layout)


def finished_model(
    graph: Graph, given: Any, predicted: Sequence[Any], states: Mapping[str, Sequence[int]], layout: GraphLayout
) -> Any:
    """Make a model of a graph that is complete: one input, its outputs, and each state in and out.

    Args:
        graph: Nodes and constants of the complete graph.
        given: The input that is new each time, an onnx.ValueInfoProto.
        predicted: The outputs, each an onnx.ValueInfoProto, probabilities first; states come after these.
        states: The shapes of the states that `add_head` returned.
        layout: The layout that was given to `add_head`.

    Returns:
        An onnx.ModelProto without metadata.
    """

    def state(name: str, shape: Sequence[int]) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, [layout.cameras, *shape])

    made = helper.make_graph(
        graph.nodes,
        "framestream",
        [given, *(state(name, shape) for name, shape in states.items())],
        [predicted[0], *(state(f"next_{name}", shape) for name, shape in states.items()), *predicted[1:]],
        initializer=graph.constants,
    )
    model = helper.make_model(
        made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="framestream"
    )
    # Compilers that need fixed shapes need those inside the graph, too.
    return onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True) if layout.fixed else model


def _window_head(graph: Graph, head: HeadWeights, layout: GraphLayout) -> dict[str, list[int]]:
    window = layout.window
    graph.add("Concat", ["features", "new_features"], "all_features", axis=1)
    last = [graph.constant("state_start", [1 - window]), graph.constant("to_end", [_TO_END])]
    graph.add("Slice", ["all_features", *last, graph.constant("time_axis", [1])], "next_features")
    rows = _window_rows(graph, head, layout) if head.lstms else _mean_rows(graph, layout)
    _add_dense(graph, head, rows)
    return {"features": [window - 1, head.feature_dim]}


def _window_rows(graph: Graph, head: HeadWeights, layout: GraphLayout) -> str:
    """Return the output of an LSTM, or of one each way, for each window: [C, S, U] or [C, S, 2U]."""
    windows = "all_features"
    if not layout.fixed:  # with a single window, time first is no other order
        windows = graph.add("Transpose", [_all_windows(graph, layout.window)], "windows_time_first", perm=[1, 0, 2, 3])
    fold = graph.constant("sequence_shape", [layout.window, 1 if layout.fixed else -1, head.feature_dim])
    sequences = graph.add("Reshape", [windows, fold], "sequences")
    if head.centred:
        graph.add("ReduceMean", [sequences], "window_mean", axes=[0], keepdims=1)
        graph.add("Sub", [sequences, "window_mean"], "from_mean")
        sequences = graph.add("Concat", [sequences, "from_mean"], "centred_sequences", axis=-1)
    ends = _last_hidden(graph, head, layout, sequences)
    last = graph.add("Concat", ends, "both_hidden", axis=-1) if len(ends) > 1 else ends[0]
    return graph.add("Reshape", [last, "unfolded_shape"], "hidden_rows")


def _last_hidden(graph: Graph, head: HeadWeights, layout: GraphLayout, sequences: str) -> list[str]:
    """Each direction's last hidden state, [1, C·S, U]; backwards, the last step is the window's first."""
    if not layout.lstm_op:
        forwards, *backwards = head.lstms
        ends = [add_unrolled_lstm(graph, forwards, sequences, steps=layout.window)]
        for weights in backwards:
            name = "lstm_backwards"
            ends.append(add_unrolled_lstm(graph, weights, sequences, steps=layout.window, name=name, backwards=True))
        return ends
    last = _add_lstm(graph, head, sequences, outputs=["", "lstm_hidden"])
    if len(head.lstms) == 1:
        return [last]
    ends = ["forwards_hidden", "backwards_hidden"]
    graph.add("Split", [last], *ends, axis=0)
    return ends


def _mean_rows(graph: Graph, layout: GraphLayout) -> str:
    """The mean of each window's features: [C, S, D]."""
    windows = "all_features" if layout.fixed else _all_windows(graph, layout.window)
    return graph.add("ReduceMean", [windows], "mean_features", axes=[1], keepdims=int(layout.fixed))


def _all_windows(graph: Graph, window: int) -> str:
    """The windows that end with each new frame: [C, W, S, D]."""
    graph.add("Gather", ["leading_axes", graph.constant("steps_index", 1)], "steps", axis=0)
    graph.add("Range", [graph.constant("zero", 0), "steps", graph.constant("one", 1)], "step_index")
    # Window s is frames s .. s + W - 1 of all: index [W, S] = column of offsets + row of steps.
    graph.add("Add", [graph.constant("offsets", np.arange(window)[:, None]), "step_index"], "window_index")
    return graph.add("Gather", ["all_features", "window_index"], "windows", axis=1)


def _stateful_head(graph: Graph, head: HeadWeights, layout: GraphLayout) -> dict[str, list[int]]:
    direction = graph.constant("direction_axis", [0])
    for name in ("hidden", "cell"):
        graph.add("Unsqueeze", [name, direction], f"first_{name}")
    if layout.lstm_op:
        state = ["", "first_hidden", "first_cell"]
        _add_lstm(graph, head, "new_features", *state, outputs=["lstm_hidden", "last_hidden", "last_cell"])
        graph.add("Squeeze", ["lstm_hidden", graph.constant("lstm_direction_axis", [1])], "hidden_rows")
    else:
        (weights,) = head.lstms
        add_unrolled_lstm(graph, weights, "new_features", steps=1, state=("first_hidden", "first_cell"))
        graph.add("Identity", ["lstm_hidden"], "hidden_rows")
    last = ("last_hidden", "last_cell") if layout.lstm_op else ("lstm_hidden", "lstm_cell")
    for name, made in zip(("hidden", "cell"), last, strict=True):
        graph.add("Squeeze", [made, direction], f"next_{name}")
    _add_dense(graph, head, "hidden_rows")
    return {"hidden": [head.units], "cell": [head.units]}


def _add_lstm(graph: Graph, head: HeadWeights, sequences: str, *state: str, outputs: Sequence[str]) -> str:
    for name, value in head.onnx_lstm().items():
        graph.constant(f"lstm/{name}", value, np.float32)
    both = {"direction": "bidirectional"} if len(head.lstms) > 1 else {}
    inputs = [sequences, "lstm/W", "lstm/R", "lstm/B", *state]
    return graph.add("LSTM", inputs, *outputs, hidden_size=head.units, **both)


def _add_dense(graph: Graph, head: HeadWeights, rows: str) -> None:
    graph.add("MatMul", [rows, graph.constant("dense/kernel", head.dense_kernel, np.float32)], "weighted")
    graph.add("Add", ["weighted", graph.constant("dense/bias", head.dense_bias, np.float32)], "logits")


def _append_encoder(graph: Graph, encoder: Any) -> None:
    """Copy the encoder's nodes, everything renamed by position: the converter's names differ from call to call."""
    source = encoder.graph
    constants = {tensor.name: tensor for tensor in source.initializer}
    inputs = [value.name for value in source.input if value.name not in constants]
    if len(inputs) != 1 or not 1 <= len(source.output) <= len(_ENCODER_OUTPUTS):
        raise ModelError(
            f"the encoder has inputs {inputs} and {len(source.output)} outputs; it must have one input, and one output"
            " or joints as well"
        )
    names = {"": "", inputs[0]: "encoder/frames"}

    def constant(name: str) -> str:
        copied = TensorProto()
        copied.CopyFrom(constants[name])
        copied.name = f"encoder/constant_{len(graph.constants):03}"
        graph.constants.append(copied)
        return str(copied.name)

    for index, node in enumerate(source.node):
        copied = helper.make_node(node.op_type, [], [], name=f"encoder/{index:03}_{node.op_type}", domain=node.domain)
        copied.attribute.extend(node.attribute)
        for name in node.input:
            if name not in names:
                names[name] = constant(name)
            copied.input.append(names[name])
        for position, name in enumerate(node.output):
            if name:
                names[name] = f"encoder/{index:03}_{node.op_type}_{position}"
            copied.output.append(names[name])
        graph.nodes.append(copied)
    renamed = {names[value.name]: name for value, name in zip(source.output, _ENCODER_OUTPUTS, strict=False)}
    for node in graph.nodes:
        for tensors in (node.input, node.output):
            for position, name in enumerate(tensors):
                tensors[position] = renamed.get(name, name)


def check_structure(model: Any, *, states: Sequence[str], outputs: Sequence[str] = (), lstm_nodes: int = 1) -> None:
    """Assert the contract's names, one native LSTM, no control flow, and that ONNX's own checker agrees.

    Args:
        model: An onnx.ModelProto.
        states: Names of the model's recurrent inputs.
        outputs: Names of what the model gives beside probabilities and states.
        lstm_nodes: Number of LSTM operators the graph must have: none where the LSTM is written out.

    Raises:
        ModelError: The graph breaks the contract; the message says how.
    """
    expected = (["frames", *states], ["probabilities", *(f"next_{name}" for name in states), *outputs])
    found = ([value.name for value in model.graph.input], [value.name for value in model.graph.output])
    if found != expected:
        raise ModelError(f"inputs and outputs are {found}, not {expected}")
    operators = [node.op_type for node in model.graph.node]
    if loops := sorted(LOOPS.intersection(operators)):
        raise ModelError(f"the graph has control flow: {', '.join(loops)}")
    if operators.count("LSTM") != lstm_nodes:
        raise ModelError(f"the graph has {operators.count('LSTM')} LSTM nodes instead of {lstm_nodes}")
    enough = _MOST_TRANSPOSES + len(outputs)
    if operators.count("Transpose") > enough:
        raise ModelError(f"the graph has {operators.count('Transpose')} Transpose nodes; {enough} are enough")
    unknown = sorted({op for op in operators if not onnx.defs.has(op)})
    if unknown:  # the converter leaves what it cannot translate as it was, without an error
        raise ModelError(f"the encoder has operations that ONNX does not: {', '.join(unknown)}")
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ModelError(f"the ONNX checker refuses the graph: {str(error).splitlines()[0]}") from error
