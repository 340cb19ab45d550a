"""What a graph is made of and what it costs, as flat strings for its metadata."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx

from framestream.model.spec import KEY_PREFIX
from framestream_export.graph.parts import HeadWeights
from framestream_export.graph.streaming import OPSET


@dataclass(frozen=True, slots=True)
class ModelCost:
    """What a model costs for one frame, whatever the variant.

    Attributes:
        parameters: Number of parameters as Keras counts them, before batch norms are folded away.
        macs_per_frame: Multiply-adds for one more frame: the encoder once, the LSTM over the window, the last layer.
    """

    parameters: int
    macs_per_frame: int

    @classmethod
    def of(cls, encoder: Any, head: HeadWeights, *, lstm_steps: int, parameters: int) -> ModelCost:
        """Count the parameters and multiply-adds of a model.

        Args:
            encoder: The float32 encoder as an onnx.ModelProto.
            head: The recurrent part's weights.
            lstm_steps: Steps of the LSTM per frame: the window, or 1 for a stateful model.
            parameters: Number of parameters, as Keras counts them.
        """
        head_macs = lstm_steps * head.macs_per_step + int(head.dense_kernel.size)
        return cls(parameters, _encoder_macs(encoder) + head_macs)

    def to_metadata(self) -> dict[str, str]:
        """Flat strings for the file."""
        return {
            f"{KEY_PREFIX}parameters": str(self.parameters),
            f"{KEY_PREFIX}macs_per_frame": str(self.macs_per_frame),
        }


def operator_table(model: Any) -> dict[str, str]:
    """The metadata of a graph's operators, one a line with its count, the commonest first; and their version."""
    counts = Counter(node.op_type for node in model.graph.node)
    lines = [f"{name} {count}" for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
    return {f"{KEY_PREFIX}operators": "\n".join(lines), f"{KEY_PREFIX}opset": str(OPSET)}


def _encoder_macs(encoder: Any) -> int:
    """Count the multiply-adds of the encoder for one frame."""
    one = onnx.ModelProto()
    one.CopyFrom(encoder)
    del one.graph.value_info[:]
    first = one.graph.input[0].type.tensor_type.shape.dim[0]
    first.Clear()
    first.dim_value = 1
    one.graph.output[0].type.tensor_type.shape.dim[0].Clear()
    inferred = onnx.shape_inference.infer_shapes(one, data_prop=True).graph
    shapes = {tensor.name: list(tensor.dims) for tensor in inferred.initializer}
    for value in (*inferred.input, *inferred.value_info, *inferred.output):
        shapes[value.name] = [dimension.dim_value for dimension in value.type.tensor_type.shape.dim]
    return sum(_macs(node, shapes) for node in inferred.node)


def _macs(node: Any, shapes: dict[str, list[int]]) -> int:
    if node.op_type == "Conv":  # weights [made, channels of a group, height, width]
        return int(np.prod(shapes[node.output[0]]) * np.prod(shapes[node.input[1]][1:]))
    if node.op_type == "ConvTranspose":
        return int(np.prod(shapes[node.input[0]]) * np.prod(shapes[node.input[1]][1:]))
    if node.op_type in ("MatMul", "Gemm"):
        return int(np.prod(shapes[node.output[0]]) * shapes[node.input[0]][-1])
    return 0
