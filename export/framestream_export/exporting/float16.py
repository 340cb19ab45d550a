"""Half precision in the encoder, for GPUs: half the size, and twice the speed where the hardware has it.

The recurrent head stays float32. It is small, and a state that is carried along for hours must gather no rounding
errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

# Up to these operators an encoder that finds joints works in float16; behind the last of them joints are read off.
_LAST_HALVES = ("Conv", "Sigmoid")


def halve_encoder(encoder: Any) -> Any:
    """An encoder that works in float16, and still outputs float32.

    What comes after the convolutions of an encoder that finds joints stays float32: it chooses cells and measures
    distances, and has next to nothing to do.

    Args:
        encoder: An onnx.ModelProto from uint8 [N, 3, height, width] to float32 [N, D], and joints [N, 51] if it has
            them.
    """
    halved = onnx.ModelProto()
    halved.CopyFrom(encoder)
    graph = halved.graph
    kept = _after_convolutions(graph) if any(node.op_type == "TopK" for node in graph.node) else []
    working = [node for node in graph.node if node not in kept]
    _halve(graph, working)
    _cast_to_float(graph, working, kept)
    del graph.value_info[:]
    return halved


def _after_convolutions(graph: Any) -> list[Any]:
    """The nodes behind the last convolutions and sigmoids, in order."""
    needed: set[str] = set()
    for node in reversed(graph.node):
        if node.op_type in _LAST_HALVES or needed.intersection(node.output):
            needed.update(node.input)
    return [node for node in graph.node if not (needed.intersection(node.output) or node.op_type in _LAST_HALVES)]


def _halve(graph: Any, working: Sequence[Any]) -> None:
    """Make float16 of the weights that some nodes use, and of what they cast to float32."""
    # The factors of a Resize are float32, whatever it resizes.
    used = {name for node in working for name in (node.input[:1] if node.op_type == "Resize" else node.input)}
    for tensor in graph.initializer:
        if tensor.data_type == TensorProto.FLOAT and tensor.name in used:
            values = numpy_helper.to_array(tensor).astype(np.float16)
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    for node in working:
        for attribute in node.attribute:
            if node.op_type == "Cast" and attribute.name == "to" and attribute.i == TensorProto.FLOAT:
                attribute.i = TensorProto.FLOAT16


def _cast_to_float(graph: Any, working: Sequence[Any], kept: Sequence[Any]) -> None:
    """Cast what leaves float16: outputs of the graph, and what the nodes that are kept take."""
    made = {name for node in working for name in node.output}
    outputs = {value.name for value in graph.output}
    leaving = [name for name in made if name in outputs or any(name in node.input for node in kept)]
    casts = []
    for name in sorted(leaving):
        half = f"{name}/half"
        for node in working:
            node.output[:] = [half if item == name else item for item in node.output]
            node.input[:] = [half if item == name else item for item in node.input]
        casts.append(helper.make_node("Cast", [half], [name], to=TensorProto.FLOAT))
    ordered = [onnx.NodeProto.FromString(node.SerializeToString()) for node in (*working, *casts, *kept)]
    del graph.node[:]
    graph.node.extend(ordered)
