"""A graph in which tensors are rounded and constants stored as whole numbers, one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from framestream_export.exporting.calibration import Span
from framestream_export.exporting.rounding import round_rows, round_stored, smallest_steps


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

    def store_product(self, node: Any, moments: NDArray[np.float64] | None) -> None:
        """Store weights and bias of a Conv, Gemm or MatMul whose input is rounded.

        Args:
            node: It.
            moments: Of its inputs; see `rounding.InputMoments`.
        """
        transposed = any(item.name == "transB" and item.i for item in node.attribute)
        axis = 0 if node.op_type == "Conv" or transposed else 1
        input_step = self.rounded[node.input[0]].scale
        bias = None
        if len(node.input) > 2:
            bias = numpy_helper.to_array(self.constants[node.input[2]]).reshape(-1)
        numbers, steps = round_rows(self._rows(node, 1, axis), moments, smallest_steps(bias, float(input_step)))
        self._store_rows(node, 1, numbers, steps, axis=axis)
        if bias is not None:
            # In the steps of the sums that it is added to.
            sums = np.float32(input_step) * steps
            self._dequantize(node, 2, np.rint(bias / sums).astype(np.int32), sums, axis=0)

    def store(self, node: Any, position: int, *, axis: int) -> None:
        """Keep a float constant as int8 numbers, a step for each index of an axis; what is computed stays float."""
        self._store_rows(node, position, *round_stored(self._rows(node, position, axis)), axis=axis)

    def _rows(self, node: Any, position: int, axis: int) -> NDArray[np.float32]:
        values = np.moveaxis(numpy_helper.to_array(self.constants[node.input[position]]), axis, 0)
        return values.reshape(len(values), -1)

    def _store_rows(
        self, node: Any, position: int, rows: NDArray[np.int8], steps: NDArray[np.float32], *, axis: int
    ) -> None:
        sides = list(self.constants[node.input[position]].dims)
        moved = [sides[axis], *sides[:axis], *sides[axis + 1 :]]
        numbers = np.ascontiguousarray(np.moveaxis(rows.reshape(moved), 0, axis))
        self._dequantize(node, position, numbers, steps, axis=axis)

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
