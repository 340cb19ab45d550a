"""The streaming graph, written by hand around a converted encoder: fold, state, native LSTM, softmax.

Window model (W frames per answer, D features, U units, K classes; C cameras and S steps are dynamic)::

    frames [C,S,H,W,3] ─ fold [C·S,H,W,3] ─ encoder ─ unfold [C,S,D] ─┐
    features [C,W-1,D] ──────────────────────────────────── Concat [C,W-1+S,D] ── last W-1 ─ next_features
                                                                      └ Gather windows [C,W,S,D] ─ [W,C·S,D] ─ LSTM
                                              probabilities [C,S,K] ─ Softmax ─ Dense ─ [C,S,U] ─┘

Stateful model: the unfolded features go through the LSTM as one sequence; the state is `hidden` and `cell`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from framestream.errors import ModelError

OPSET = 17
IR_VERSION = 8  # what goes with opset 17; later ones lock out runtimes that could run the graph
LOOPS = frozenset({"Loop", "If", "Scan"})
_TO_END = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class HeadWeights:
    """The recurrent head as arrays, in Keras's layout: gates in the order input, forget, cell, output.

    Attributes:
        kernel: [D, 4U].
        recurrent: [U, 4U].
        bias: [4U].
        dense_kernel: [U, K].
        dense_bias: [K].
    """

    kernel: NDArray[np.float32]
    recurrent: NDArray[np.float32]
    bias: NDArray[np.float32]
    dense_kernel: NDArray[np.float32]
    dense_bias: NDArray[np.float32]

    @classmethod
    def of(cls, head: Any) -> HeadWeights:
        """Take them from a Keras head made by `model.SequenceModel`."""
        cell, dense = head.get_layer("lstm").cell, head.get_layer("logits")
        parts = (cell.kernel, cell.recurrent_kernel, cell.bias, dense.kernel, dense.bias)
        return cls(*(np.asarray(part, dtype=np.float32) for part in parts))

    @property
    def units(self) -> int:
        """U."""
        return int(self.recurrent.shape[0])

    @property
    def feature_dim(self) -> int:
        """D."""
        return int(self.kernel.shape[0])

    @property
    def classes(self) -> int:
        """K."""
        return int(self.dense_kernel.shape[1])

    def onnx_lstm(self) -> dict[str, NDArray[np.float32]]:
        """The operator's inputs: W [1,4U,D], R [1,4U,U], B [1,8U], gates in the order input, output, forget, cell."""
        order = np.concatenate([np.arange(self.units) + gate * self.units for gate in (0, 3, 1, 2)])
        bias = np.concatenate([self.bias[order], np.zeros_like(self.bias)])  # Keras has no recurrent bias
        return {"W": self.kernel.T[None, order], "R": self.recurrent.T[None, order], "B": bias[None]}


@dataclass(slots=True)
class _Graph:
    """Nodes and constants as they are added."""

    nodes: list[Any] = field(default_factory=list)
    constants: list[Any] = field(default_factory=list)

    def add(self, op: str, inputs: Sequence[str], *outputs: str, **attributes: Any) -> str:
        """Append a node named after its first output, which is returned."""
        name = next(output for output in outputs if output)
        self.nodes.append(helper.make_node(op, list(inputs), list(outputs), name=name, **attributes))
        return name

    def constant(self, name: str, value: Any, dtype: Any = np.int64) -> str:
        """Add a constant and return its name."""
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value, dtype=dtype), name))
        return name


def streaming_model(encoder: Any, head: HeadWeights, *, kind: str, window: int, height: int, width: int) -> Any:
    """Put an encoder and a head together into the graph of the streaming contract.

    Args:
        encoder: An onnx.ModelProto from uint8 [N, height, width, 3] to float32 [N, D]; one input, one output.
        head: The recurrent part's weights.
        kind: "window" or "stateful".
        window: Frames per answer of a window model.
        height: Of a frame, pixels.
        width: Of a frame, pixels.

    Returns:
        An onnx.ModelProto without metadata.
    """
    graph = _Graph()
    graph.add("Reshape", ["frames", graph.constant("frame_shape", [-1, height, width, 3])], "encoder/frames")
    _append_encoder(graph, encoder)
    graph.add("Shape", ["frames"], "cameras_steps", start=0, end=2)
    graph.add("Concat", ["cameras_steps", graph.constant("rest", [-1])], "unfolded_shape", axis=0)
    graph.add("Reshape", ["encoder/features", "unfolded_shape"], "new_features")
    for name, value in head.onnx_lstm().items():
        graph.constant(f"lstm/{name}", value, np.float32)
    states = _window_head(graph, head, window=window) if kind == "window" else _stateful_head(graph, head)
    tensor, dynamic = helper.make_tensor_value_info, ["cameras", "steps"]
    made = helper.make_graph(
        graph.nodes,
        "framestream",
        [
            tensor("frames", TensorProto.UINT8, [*dynamic, height, width, 3]),
            *(tensor(name, TensorProto.FLOAT, ["cameras", *shape]) for name, shape in states.items()),
        ],
        [
            tensor("probabilities", TensorProto.FLOAT, [*dynamic, head.classes]),
            *(tensor(f"next_{name}", TensorProto.FLOAT, ["cameras", *shape]) for name, shape in states.items()),
        ],
        initializer=graph.constants,
    )
    return helper.make_model(
        made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="framestream"
    )


def _window_head(graph: _Graph, head: HeadWeights, *, window: int) -> dict[str, list[int]]:
    graph.add("Concat", ["features", "new_features"], "all_features", axis=1)
    last = [graph.constant("state_start", [1 - window]), graph.constant("to_end", [_TO_END])]
    graph.add("Slice", ["all_features", *last, graph.constant("time_axis", [1])], "next_features")
    # Window s is frames s .. s + W - 1 of all: index [W, S] = column of offsets + row of steps.
    graph.add("Gather", ["cameras_steps", graph.constant("steps_index", 1)], "steps", axis=0)
    graph.add("Range", [graph.constant("zero", 0), "steps", graph.constant("one", 1)], "step_index")
    graph.add("Add", [graph.constant("offsets", np.arange(window)[:, None]), "step_index"], "window_index")
    graph.add("Gather", ["all_features", "window_index"], "windows", axis=1)
    graph.add("Transpose", ["windows"], "windows_time_first", perm=[1, 0, 2, 3])
    fold = graph.constant("sequence_shape", [window, -1, head.feature_dim])
    graph.add("Reshape", ["windows_time_first", fold], "sequences")
    graph.add("LSTM", ["sequences", "lstm/W", "lstm/R", "lstm/B"], "", "lstm_hidden", hidden_size=head.units)
    graph.add("Reshape", ["lstm_hidden", "unfolded_shape"], "hidden_rows")
    graph.add("Softmax", [_dense(graph, head, "hidden_rows")], "probabilities", axis=-1)
    return {"features": [window - 1, head.feature_dim]}


def _stateful_head(graph: _Graph, head: HeadWeights) -> dict[str, list[int]]:
    graph.add("Transpose", ["new_features"], "sequences", perm=[1, 0, 2])
    direction = graph.constant("direction_axis", [0])
    for name in ("hidden", "cell"):
        graph.add("Unsqueeze", [name, direction], f"first_{name}")
    inputs = ["sequences", "lstm/W", "lstm/R", "lstm/B", "", "first_hidden", "first_cell"]
    graph.add("LSTM", inputs, "lstm_hidden", "last_hidden", "last_cell", hidden_size=head.units)
    for name in ("hidden", "cell"):
        graph.add("Squeeze", [f"last_{name}", direction], f"next_{name}")
    # [S, 1, C, U] to [C, S, U]
    graph.add("Squeeze", ["lstm_hidden", graph.constant("lstm_direction_axis", [1])], "hidden_time_first")
    graph.add("Transpose", ["hidden_time_first"], "hidden_rows", perm=[1, 0, 2])
    graph.add("Softmax", [_dense(graph, head, "hidden_rows")], "probabilities", axis=-1)
    return {"hidden": [head.units], "cell": [head.units]}


def _dense(graph: _Graph, head: HeadWeights, rows: str) -> str:
    graph.add("MatMul", [rows, graph.constant("dense/kernel", head.dense_kernel, np.float32)], "weighted")
    return graph.add("Add", ["weighted", graph.constant("dense/bias", head.dense_bias, np.float32)], "logits")


def _append_encoder(graph: _Graph, encoder: Any) -> None:
    """Copy the encoder's nodes, everything renamed by position: the converter's names differ from call to call."""
    source = encoder.graph
    constants = {tensor.name: tensor for tensor in source.initializer}
    inputs = [value.name for value in source.input if value.name not in constants]
    if len(inputs) != 1 or len(source.output) != 1:
        raise ModelError(f"the encoder has inputs {inputs} and {len(source.output)} outputs; it must have one of each")
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
    last = names[source.output[0].name]
    for node in graph.nodes:
        for tensors in (node.input, node.output):
            for position, name in enumerate(tensors):
                if name == last:
                    tensors[position] = "encoder/features"


def check_structure(model: Any, *, states: Sequence[str]) -> None:
    """Assert the contract's names, one native LSTM, no control flow, and that ONNX's own checker agrees.

    Raises:
        ModelError: What is wrong.
    """
    expected = (["frames", *states], ["probabilities", *(f"next_{name}" for name in states)])
    found = ([value.name for value in model.graph.input], [value.name for value in model.graph.output])
    if found != expected:
        raise ModelError(f"inputs and outputs are {found}, not {expected}")
    operators = [node.op_type for node in model.graph.node]
    if loops := sorted(LOOPS.intersection(operators)):
        raise ModelError(f"the graph has control flow: {', '.join(loops)}")
    if operators.count("LSTM") != 1:
        raise ModelError(f"the graph has {operators.count('LSTM')} LSTM nodes instead of one")
    unknown = sorted({op for op in operators if not onnx.defs.has(op)})
    if unknown:  # the converter leaves what it cannot translate as it was, without an error
        raise ModelError(f"the encoder has operations that ONNX does not: {', '.join(unknown)}")
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ModelError(f"the ONNX checker refuses the graph: {str(error).splitlines()[0]}") from error
