"""Scalings that no optimizer folds into weights: that of the pixels, and the batch norm of a sum."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import numpy_helper


def scale_weights_instead_of_pixels(model: Any) -> None:
    """Rewrite an encoder in place: `pixels * c -> Conv` is a Conv with weights times c, if no other node reads either.

    Args:
        model: An onnx.ModelProto.
    """
    graph = model.graph
    constants = _constants(graph)
    for scale in [node for node in graph.node if node.op_type == "Mul"]:
        scalars = [name for name in scale.input if name in constants and np.size(_value(constants, name)) == 1]
        readers = _readers(graph, scale.output[0])
        if len(scalars) != 1 or len(readers) != 1 or readers[0].op_type != "Conv":
            continue
        if readers[0].input[0] != scale.output[0] or readers[0].input[1] not in constants:
            continue
        weights = constants[readers[0].input[1]]
        if len(_readers(graph, weights.name)) != 1:
            continue
        pixels = next(name for name in scale.input if name != scalars[0])
        scaled = _value(constants, weights.name) * _value(constants, scalars[0]).reshape(())
        weights.CopyFrom(numpy_helper.from_array(scaled.astype(np.float32), weights.name))
        readers[0].input[0] = pixels
        graph.node.remove(scale)
        if not _readers(graph, scalars[0]):
            graph.initializer.remove(constants[scalars[0]])


def fold_norms_of_sums(model: Any) -> None:
    """Rewrite an encoder in place: `(Conv + Conv) * c + d`, a c and d for each channel, needs neither of them.

    Args:
        model: An onnx.ModelProto.
    """
    graph = model.graph
    constants = _constants(graph)
    for scale in [node for node in graph.node if node.op_type == "Mul"]:
        factors = _channel_constant(scale, constants)
        total = _maker(graph, scale.input[0])
        if factors is None or total is None or total.op_type != "Add" or len(_readers(graph, total.output[0])) != 1:
            continue
        terms = [_maker(graph, name) for name in total.input]
        plain = next((term for term in terms if term is not None and term.op_type == "Conv"), None)
        if plain is None or not all(_is_free(graph, term, constants) for term in terms):
            continue
        for term in filter(None, terms):
            weights = constants[term.input[1]]
            values = _value(constants, weights.name)
            axis = 0 if term.op_type == "Conv" else 1
            shape = [-1 if index == axis else 1 for index in range(values.ndim)]
            weights.CopyFrom(numpy_helper.from_array(values * factors.reshape(shape), weights.name))
        removed = [scale]
        readers = _readers(graph, scale.output[0])
        if len(readers) == 1 and readers[0].op_type == "Add":
            offsets = _channel_constant(readers[0], constants)
            if offsets is not None:
                removed.append(readers[0])
                bias = f"{plain.output[0]}/bias"
                graph.initializer.append(numpy_helper.from_array(offsets, bias))
                plain.input.append(bias)
        total.output[0] = removed[-1].output[0]
        for node in removed:
            graph.node.remove(node)
            if not _readers(graph, node.input[1]):
                graph.initializer.remove(constants[node.input[1]])


def _is_free(graph: Any, term: Any, constants: dict[str, Any]) -> bool:
    """Whether a convolution can be scaled: no bias yet, weights of its own, and one reader."""
    if term is None or term.op_type not in ("Conv", "ConvTranspose") or len(term.input) != 2:
        return False
    grouped = any(item.name == "group" and item.i != 1 for item in term.attribute)
    own = term.input[1] in constants and len(_readers(graph, term.input[1])) == 1
    return own and not grouped and len(_readers(graph, term.output[0])) == 1


def _channel_constant(node: Any, constants: dict[str, Any]) -> NDArray[Any] | None:
    """The second operand, if it is a constant with one number a channel."""
    if node.input[1] not in constants:
        return None
    values = _value(constants, node.input[1])
    is_channels = values.ndim >= 3 and values.shape[-3] == values.size > 1
    return values.reshape(-1) if is_channels else None


def _maker(graph: Any, name: str) -> Any:
    return next((node for node in graph.node if name in node.output), None)


def _constants(graph: Any) -> dict[str, Any]:
    return {tensor.name: tensor for tensor in graph.initializer}


def _value(constants: dict[str, Any], name: str) -> NDArray[Any]:
    return numpy_helper.to_array(constants[name])


def _readers(graph: Any, name: str) -> list[Any]:
    return [node for node in graph.node if name in node.input]
