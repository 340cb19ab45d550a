"""A graph in which tensors are rounded and constants stored as whole numbers, one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from framestream_export.variants.calibration import Span

_LARGEST_WEIGHT = 64  # see int8.py


class QdqGraph:
    """Puts QuantizeLinear and DequantizeLinear into a graph, in place.

    Attributes:
        graph: The onnx.GraphProto.
        constants: Its float constants by name, as they were at first.
        rounded: Spans of the tensors that are whole numbers, by the name under which they are read.
    """

    def __init__(self, graph: Any) -> None:
        """Start on a graph without any."""
        self.graph = graph
        self.constants: dict[str, Any] = {tensor.name: tensor for tensor in graph.initializer}
        self.rounded: dict[str, Span] = {}

    def readers(self, name: str) -> list[Any]:
        """The nodes that read a tensor."""
        return [node for node in self.graph.node if name in node.input]

    def has_constant_weights(self, node: Any) -> bool:
        """Whether weights and bias of a product are constants."""
        return all(name in self.constants for name in node.input[1:] if name)

    def round(self, name: str, span: Span) -> None:
        """Have everybody who reads a tensor read it rounded."""
        readers = self.readers(name)
        numbers, rounded = f"{name}/numbers", f"{name}/rounded"
        scale, zero = self._constant(f"{name}/scale", span.scale), self._constant(f"{name}/zero", span.zero)
        nodes = [
            helper.make_node("QuantizeLinear", [name, scale, zero], [numbers]),
            helper.make_node("DequantizeLinear", [numbers, scale, zero], [rounded]),
        ]
        maker = next(index for index, node in enumerate(self.graph.node) if name in node.output)
        for node in reversed(nodes):
            self.graph.node.insert(maker + 1, node)
        for node in readers:
            node.input[:] = [rounded if item == name else item for item in node.input]
        self.rounded[rounded] = span

    def round_after(self, operators: tuple[str, ...]) -> None:
        """Let nodes that only move numbers about move whole ones: put DequantizeLinear behind them."""
        for node in list(self.graph.node):
            if node.op_type not in operators or node.input[0] not in self.rounded:
                continue
            (back,) = (other for other in self.graph.node if node.input[0] in other.output)
            span, moved = self.rounded[node.input[0]], node.output[0]
            behind = helper.make_node("DequantizeLinear", [f"{moved}/numbers", *back.input[1:]], [f"{moved}/rounded"])
            if len(self.readers(node.input[0])) == 1:
                self.graph.node.remove(back)
            node.input[0], node.output[0] = back.input[0], f"{moved}/numbers"
            for reader in self.readers(moved):
                reader.input[:] = [behind.output[0] if item == moved else item for item in reader.input]
            self.graph.node.insert(list(self.graph.node).index(node) + 1, behind)
            self.rounded[behind.output[0]] = span

    def store_weights(self, node: Any) -> None:
        """Store weights and bias of a Conv, Gemm or MatMul whose input is rounded."""
        transposed = any(item.name == "transB" and item.i for item in node.attribute)
        scales = self.store(node, 1, axis=0 if node.op_type == "Conv" or transposed else 1)
        if len(node.input) > 2:
            # In the steps of the sums that it is added to.
            steps = np.float32(self.rounded[node.input[0]].scale) * scales
            limits = np.iinfo(np.int32)
            numbers = np.rint(numpy_helper.to_array(self.constants[node.input[2]]).reshape(-1) / steps)
            self._dequantize(node, 2, np.clip(numbers, limits.min, limits.max).astype(np.int32), steps, axis=0)

    def store(self, node: Any, position: int, *, axis: int) -> NDArray[np.float32]:
        """Replace a float constant by int8 numbers; returns their scales, one for each index of an axis."""
        values = numpy_helper.to_array(self.constants[node.input[position]])
        others = tuple(index for index in range(values.ndim) if index != axis)
        scales: NDArray[np.float32] = np.maximum(np.abs(values).max(axis=others) / _LARGEST_WEIGHT, 1e-10)
        numbers = np.rint(values / np.expand_dims(scales, others)).astype(np.int8)
        self._dequantize(node, position, numbers, scales, axis=axis)
        return scales

    def finish(self) -> None:
        """Drop the constants that nobody reads any more."""
        read = {name for node in self.graph.node for name in node.input}
        kept = [tensor for tensor in self.graph.initializer if tensor.name in read]
        del self.graph.initializer[:]
        self.graph.initializer.extend(kept)

    def _dequantize(
        self, node: Any, position: int, numbers: NDArray[Any], scales: NDArray[np.float32], *, axis: int
    ) -> None:
        name = f"{next(filter(None, node.output))}/{position}"
        inputs = [
            self._constant(f"{name}/numbers", numbers),
            self._constant(f"{name}/scale", scales),
            self._constant(f"{name}/zero", np.zeros(len(scales), numbers.dtype)),
        ]
        made = helper.make_node("DequantizeLinear", inputs, [f"{name}/float"], axis=axis)
        self.graph.node.insert(list(self.graph.node).index(node), made)
        node.input[position] = made.output[0]

    def _constant(self, name: str, value: Any) -> str:
        self.graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))
        return name
