"""Whole numbers in the encoder: static quantization, written as QuantizeLinear and DequantizeLinear (QDQ).

Convolutions and what lies between them work on uint8; their weights are int8 with a scale for each output channel.
Three things stay float: the first convolution, whose three channels are too few for integer kernels to gain anything;
one that leads to a softmax (the maps of the small encoder), because there a rounding error is the same as looking
elsewhere; and all arithmetic of the recurrent head, whose weights are only stored as int8.

Weights are rounded so that the products stay what they were on the calibration frames, and so that they give the same
predictions on every processor; see `rounding`.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from framestream_export.exporting.activation_ranges import ActivationRange, RangeFinder, observe
from framestream_export.exporting.rounding import InputMoments, round_rows, round_stored, smallest_steps

_ACTIVATIONS = ("Relu", "Clip")
_PASSING = ("Reshape", "Transpose", "Identity", "Squeeze", "Flatten")
# Their output holds the numbers of their input in another order.
_SHUFFLING = ("Reshape", "DepthToSpace", "Flatten")


def quantize_encoder(encoder: Any, batches: Iterable[NDArray[np.uint8]]) -> Any:
    """Return a copy of an encoder that computes in whole numbers.

    Args:
        encoder: An onnx.ModelProto from uint8 [N, 3, height, width] to float32 [N, D].
        batches: Frames to calibrate the copy on, each uint8 [N, 3, height, width].
    """
    model = onnx.ModelProto()
    model.CopyFrom(encoder)
    _spread_by_rearranging(model.graph)
    graph = QdqGraph(model.graph)
    convolutions = [node for node in model.graph.node if _is_integer_convolution(graph, node)]
    tensors = dict.fromkeys(name for node in convolutions for name in (node.input[0], _made_by(graph, node)))
    matrices = [node for node in model.graph.node if _is_integer_matrix(graph, node, tensors)]
    tensors |= dict.fromkeys(_made_by(graph, node) for node in matrices)
    products = [*convolutions, *matrices]
    ranges, moments = _calibrate(model, list(tensors), {node.output[0]: node for node in products}, batches)
    for name, activations in ranges.items():
        graph.round(name, activations)
    graph.round_after(_SHUFFLING)
    for node in products:
        graph.store_product(node, moments[node.output[0]])
    graph.finish()
    return model


def store_lstm(model: Any) -> None:
    """Store an LSTM's weights as int8 in place, a scale for each row of a gate; the arithmetic stays float."""
    graph = QdqGraph(model.graph)
    for node in [node for node in model.graph.node if node.op_type == "LSTM"]:
        for position in (1, 2):
            graph.store(node, position, axis=1)
    graph.finish()


def _calibrate(
    model: Any, tensors: Sequence[str], products: Mapping[str, Any], batches: Iterable[NDArray[np.uint8]]
) -> tuple[dict[str, ActivationRange], dict[str, NDArray[np.float64] | None]]:
    """Ranges of the tensors to be rounded, by name; moments of the products' inputs, by the name of their output."""
    constants = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    finders = {name: RangeFinder(seed=index) for index, name in enumerate(tensors)}
    moments = {
        name: InputMoments(node, constants[node.input[1]], seed=index)
        for index, (name, node) in enumerate(products.items())
    }
    read = {name: node.input[0] for name, node in products.items()}
    for values in observe(model, list(dict.fromkeys([*tensors, *read.values()])), batches):
        for name, finder in finders.items():
            finder.add(values[name])
        for name, seen in moments.items():
            seen.add(values[read[name]])
    return {name: finder.find() for name, finder in finders.items()}, {
        name: seen.sums for name, seen in moments.items()
    }


def _is_integer_convolution(graph: QdqGraph, node: Any) -> bool:
    if node.op_type != "Conv" or not graph.has_constant_weights(node):
        return False
    group = next((item.i for item in node.attribute if item.name == "group"), 1)
    sees_pixels = int(graph.constants[node.input[1]].dims[1]) * group == 3
    return not sees_pixels and not _leads_to_softmax(graph, node.output[0])


def _is_integer_matrix(graph: QdqGraph, node: Any, whole_numbers: Container[str]) -> bool:
    """Whether a node multiplies what will be whole numbers, perhaps in another order, with a constant matrix."""
    if node.op_type not in ("Gemm", "MatMul") or not graph.has_constant_weights(node):
        return False
    name = node.input[0]
    while name not in whole_numbers:
        maker = next((other for other in graph.graph.node if name in other.output), None)
        if maker is None or maker.op_type not in _SHUFFLING:
            return False
        name = maker.input[0]
    return True


def _leads_to_softmax(graph: QdqGraph, name: str) -> bool:
    return any(
        node.op_type == "Softmax" or (node.op_type in _PASSING and _leads_to_softmax(graph, node.output[0]))
        for node in graph.readers(name)
    )


def _made_by(graph: QdqGraph, node: Any) -> str:
    """The tensor to round behind a product: that of its activation, which the rounding does on the way."""
    readers = graph.readers(node.output[0])
    return str((readers[0] if len(readers) == 1 and readers[0].op_type in _ACTIVATIONS else node).output[0])


def _spread_by_rearranging(graph: Any) -> None:
    """Make a transposed convolution whose tiles do not overlap a 1 x 1 convolution that rearranges its channels.

    There is no transposed convolution in whole numbers. (In floats the rearrangement costs more than it saves.)
    """
    constants = {tensor.name: tensor for tensor in graph.initializer}
    for index, node in reversed(list(enumerate(graph.node))):
        if node.op_type != "ConvTranspose" or node.input[1] not in constants or len(node.input) > 2:
            continue
        attributes = {item.name: helper.get_attribute_value(item) for item in node.attribute}
        weights = numpy_helper.to_array(constants[node.input[1]])
        channels, made, height, width = weights.shape
        tiles = height == width and list(attributes.get("strides", ())) == [height, width]
        plain = attributes.get("group", 1) == 1 and not any(attributes.get("pads", ()))
        shared = sum(node.input[1] in other.input for other in graph.node) > 1
        if not (tiles and plain) or shared or attributes.keys() & {"output_padding", "output_shape"}:
            continue
        kernel = weights.transpose(1, 2, 3, 0).reshape(made * height * width, channels, 1, 1)
        constants[node.input[1]].CopyFrom(numpy_helper.from_array(np.ascontiguousarray(kernel), node.input[1]))
        folded = f"{node.output[0]}/folded"
        mixed = helper.make_node("Conv", list(node.input), [folded], name=folded, kernel_shape=[1, 1])
        spread = helper.make_node("DepthToSpace", [folded], list(node.output), blocksize=height, mode="CRD")
        graph.node.remove(node)
        graph.node.insert(index, mixed)
        graph.node.insert(index + 1, spread)


class QdqGraph:
    """Puts QuantizeLinear and DequantizeLinear into a graph, in place.

    Attributes:
        graph: The onnx.GraphProto.
        constants: The graph's float constants by name, as they were at first.
        rounded: Ranges of the tensors that are whole numbers, by the name under which they are read.
    """

    def __init__(self, graph: Any) -> None:
        """Take a graph that has none of these operators yet."""
        self.graph = graph
        self.constants: dict[str, Any] = {tensor.name: tensor for tensor in graph.initializer}
        self.rounded: dict[str, ActivationRange] = {}

    def readers(self, name: str) -> list[Any]:
        """The nodes that read a tensor."""
        return [node for node in self.graph.node if name in node.input]

    def has_constant_weights(self, node: Any) -> bool:
        """Whether weights and bias of a product are constants."""
        return all(name in self.constants for name in node.input[1:] if name)

    def round(self, name: str, activations: ActivationRange) -> None:
        """Have everybody who reads a tensor read it rounded."""
        readers = self.readers(name)
        numbers, rounded = f"{name}/numbers", f"{name}/rounded"
        scale, zero = (
            self._constant(f"{name}/scale", activations.scale),
            self._constant(f"{name}/zero", activations.zero),
        )
        nodes = [
            helper.make_node("QuantizeLinear", [name, scale, zero], [numbers]),
            helper.make_node("DequantizeLinear", [numbers, scale, zero], [rounded]),
        ]
        maker = next(index for index, node in enumerate(self.graph.node) if name in node.output)
        for node in reversed(nodes):
            self.graph.node.insert(maker + 1, node)
        for node in readers:
            node.input[:] = [rounded if item == name else item for item in node.input]
        self.rounded[rounded] = activations

    def round_after(self, operators: tuple[str, ...]) -> None:
        """Let nodes that only move numbers about move whole ones: put DequantizeLinear behind them."""
        for node in list(self.graph.node):
            if node.op_type not in operators or node.input[0] not in self.rounded:
                continue
            (back,) = (other for other in self.graph.node if node.input[0] in other.output)
            activations, moved = self.rounded[node.input[0]], node.output[0]
            behind = helper.make_node("DequantizeLinear", [f"{moved}/numbers", *back.input[1:]], [f"{moved}/rounded"])
            if len(self.readers(node.input[0])) == 1:
                self.graph.node.remove(back)
            node.input[0], node.output[0] = back.input[0], f"{moved}/numbers"
            for reader in self.readers(moved):
                reader.input[:] = [behind.output[0] if item == moved else item for item in reader.input]
            self.graph.node.insert(list(self.graph.node).index(node) + 1, behind)
            self.rounded[behind.output[0]] = activations

    def store_product(self, node: Any, moments: NDArray[np.float64] | None) -> None:
        """Store weights and bias of a Conv, Gemm or MatMul whose input is rounded.

        Args:
            node: The onnx.NodeProto of the product.
            moments: How the product's inputs vary together, as `rounding.InputMoments.sums` has it.
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
