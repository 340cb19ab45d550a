"""A model cut in two, so that encoder and recurrent head can be timed by themselves.

Everything that depends on a state input is the head; everything else is the encoder. The tensors that cross are the
outputs of the one and inputs of the other. Both are real runs, and together they give what the whole gives; that is
checked.

Each is timed by itself, again and again, so that its weights stay in the caches. In the whole model the head comes
after the encoder and does not find them there: the time given for it is the least it takes.

ONNX Runtime's own profile tells the nodes of the two by their names and sees them in their place. But it adds several
microseconds to each node, as much as most of a head's take, and where the encoder is large the head is smaller than the
error of taking that off again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framestream.errors import ModelError
from framestream.model.onnx_runtime import open_runtime_session
from framestream.model.session import PROBABILITIES, ModelSession, Tensors
from framestream.model.spec import FRAMES
from framestream.model.wire import Field, read_fields, with_length, with_varint

_TOLERANCE = 1e-4
# Field numbers of onnx.proto: ModelProto, GraphProto, NodeProto, AttributeProto, ValueInfoProto, TypeProto.
_MODEL_GRAPH = 7
_GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_INPUT, _GRAPH_OUTPUT = 1, 5, 11, 12
_NODE_INPUT, _NODE_OUTPUT, _NODE_ATTRIBUTE = 1, 2, 5
_ATTRIBUTE_GRAPHS = (6, 11)
_TENSOR_NAME = 8
_VALUE_NAME, _VALUE_TYPE = 1, 2
_TYPE_TENSOR, _TENSOR_ELEMENT, _TENSOR_SHAPE, _SHAPE_DIMENSION = 1, 1, 2, 1
_ELEMENTS = {"float32": 1, "uint8": 2, "int8": 3, "int32": 6, "int64": 7, "bool": 9, "float16": 10, "float64": 11}


@dataclass(frozen=True, slots=True)
class GraphParts:
    """Encoder and head of a model as two sessions, proven to give what the whole gives."""

    encoder: Any
    head: Any
    crossing: tuple[str, ...]
    head_inputs: Tensors

    def run_encoder(self, frames: NDArray[np.uint8]) -> Tensors:
        """Turn frames into the tensors that cross over to the head."""
        return dict(zip(self.crossing, self.encoder.run(list(self.crossing), {FRAMES: frames}), strict=True))

    def run_head(self) -> list[NDArray[Any]]:
        """Run the head on what the model was taken apart with."""
        values: list[NDArray[Any]] = self.head.run(None, self.head_inputs)
        return values


def take_apart(session: ModelSession, frame: NDArray[np.uint8]) -> GraphParts:
    """Cut a model into encoder and head, and check them against the whole.

    Args:
        session: Session of the model to cut.
        frame: `[cameras, steps, height, width, 3]`; what `GraphParts.run_head` returns.

    Raises:
        ModelError: The model cannot be cut, or the parts do not give what the whole gives.
    """
    split = Split(session.path.read_bytes(), session.spec.state_names)
    if not split.crossing:
        raise ModelError(f"{session.path}: nothing of it is independent of its state; it is one part")
    encoder = _open(session, split.encoder())
    crossing = dict(zip(split.crossing, encoder.run(list(split.crossing), {FRAMES: frame}), strict=True))
    head = _open(session, split.head(crossing))
    names = {item.name for item in head.get_inputs()}
    state = session.zero_state(len(frame))
    given: Tensors = {FRAMES: frame, **state, **crossing}
    parts = GraphParts(encoder, head, split.crossing, {name: value for name, value in given.items() if name in names})
    outputs = [item.name for item in head.get_outputs()]
    expected, _ = session.run(frame, state)
    found = parts.run_head()[outputs.index(PROBABILITIES)]
    if np.abs(found - expected).max() > _TOLERANCE:
        raise ModelError(
            f"{session.path}: encoder and head, run one after the other, give something else than the whole"
        )
    return parts


def _open(session: ModelSession, content: bytes) -> Any:
    return open_runtime_session(session.path, content=content, provider=session.provider, threads=session.threads)


@dataclass(frozen=True, slots=True)
class _Node:
    raw: bytes
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


class Split:
    """A model file, to be cut where its state comes in."""

    def __init__(self, model: bytes, states: Sequence[str]) -> None:
        """Read the graph of a model.

        Raises:
            ModelError: The bytes are no ONNX model, or a graph with graphs inside, which cannot be cut here.
        """
        self._model = list(read_fields(model))
        graph = next((field.value for field in self._model if field.number == _MODEL_GRAPH), None)
        if graph is None:
            raise ModelError("not an ONNX model: it has no graph; export the model again")
        self._graph = list(read_fields(graph))
        self._nodes = [_read_node(field) for field in self._graph if field.number == _GRAPH_NODE]
        self._states = tuple(states)
        touched = set(states)
        self._head: list[_Node] = []
        # Nodes of an ONNX graph are in an order in which they can run.
        for node in self._nodes:
            if touched & set(node.inputs):
                touched |= set(node.outputs)
                self._head.append(node)
        made = {name for node in self._nodes for name in node.outputs} - touched
        needed = {name for node in self._head for name in node.inputs}
        self.crossing: tuple[str, ...] = tuple(sorted(made & needed))

    def encoder(self) -> bytes:
        """Return the model that turns frames into the crossing tensors."""
        wanted = set(self.crossing)
        nodes: list[_Node] = []
        for node in reversed(self._nodes):
            if wanted & set(node.outputs):
                wanted |= set(node.inputs)
                nodes.append(node)
        inputs = [
            field.raw
            for field in self._graph
            if field.number == _GRAPH_INPUT and _name(field, _VALUE_NAME) not in self._states
        ]
        # ONNX Runtime infers the types of outputs.
        outputs = [with_length(_GRAPH_OUTPUT, with_length(_VALUE_NAME, name.encode())) for name in self.crossing]
        return self._rebuild(nodes[::-1], inputs, outputs)

    def head(self, crossing: Mapping[str, NDArray[Any]]) -> bytes:
        """Return the model that turns crossing tensors and state into probabilities.

        Args:
            crossing: An example of each crossing tensor, for its type and number of axes.
        """
        needed = {name for node in self._head for name in node.inputs}
        inputs = [
            field.raw for field in self._graph if field.number == _GRAPH_INPUT and _name(field, _VALUE_NAME) in needed
        ]
        inputs += [with_length(_GRAPH_INPUT, _declare(name, crossing[name])) for name in self.crossing]
        outputs = [field.raw for field in self._graph if field.number == _GRAPH_OUTPUT]
        return self._rebuild(self._head, inputs, outputs)

    def _rebuild(self, nodes: Sequence[_Node], inputs: Sequence[bytes], outputs: Sequence[bytes]) -> bytes:
        needed = {name for node in nodes for name in node.inputs}
        parts = [node.raw for node in nodes]
        for field in self._graph:
            if field.number == _GRAPH_INITIALIZER:
                parts += [field.raw] if _name(field, _TENSOR_NAME) in needed else []
            elif field.number == 2:  # the graph's name, which it must have
                parts.append(field.raw)
        graph = with_length(_MODEL_GRAPH, b"".join([*parts, *inputs, *outputs]))
        return b"".join(graph if field.number == _MODEL_GRAPH else field.raw for field in self._model)


def _read_node(node: Field) -> _Node:
    inputs: list[str] = []
    outputs: list[str] = []
    for field in read_fields(node.value):
        if field.number == _NODE_INPUT:
            inputs.append(field.value.decode())
        elif field.number == _NODE_OUTPUT:
            outputs.append(field.value.decode())
        elif field.number == _NODE_ATTRIBUTE and any(
            inner.number in _ATTRIBUTE_GRAPHS for inner in read_fields(field.value)
        ):
            raise ModelError("the graph has graphs inside (Loop, If or Scan); export the model again")
    # An optional input that is left out has an empty name.
    return _Node(node.raw, tuple(filter(None, inputs)), tuple(filter(None, outputs)))


def _name(field: Field, number: int) -> str:
    return next((inner.value.decode() for inner in read_fields(field.value) if inner.number == number), "")


def _declare(name: str, example: NDArray[Any]) -> bytes:
    """Describe an input: its type and number of axes, no sizes."""
    element = _ELEMENTS.get(example.dtype.name)
    if element is None:
        raise ModelError(f"a tensor of type {example.dtype} crosses from encoder to head; export the model again")
    shape = with_length(_TENSOR_SHAPE, with_length(_SHAPE_DIMENSION, b"") * np.ndim(example))
    kind = with_length(_TYPE_TENSOR, with_varint(_TENSOR_ELEMENT, element) + shape)
    return with_length(_VALUE_NAME, name.encode()) + with_length(_VALUE_TYPE, kind)
