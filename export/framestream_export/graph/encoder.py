"""A Keras encoder as a tidy ONNX graph: what the streaming graph is put around.

tf2onnx keeps the channels last wherever it cannot move a transpose out of the way, and up to 1.17 its transpose
optimizer gives up on a whole network at the first constant without axes that is added (hard-swish has one in every
block: 102 transposes in MobileNetV3-Small). Giving such constants one axis changes no value and takes them all away.
What it leaves (pads before convolutions, batch norms of depthwise convolutions, additions of zero) ONNX Runtime folds,
with those of its optimizations that keep to ONNX's own operators.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
import tensorflow as tf
import tf2onnx

from framestream.model.onnx_runtime import open_runtime_session
from framestream.model.spec import KEYPOINTS
from framestream_export.graph.folding import fold_norms_of_sums, scale_weights_instead_of_pixels
from framestream_export.graph.streaming import OPSET

_ELEMENTWISE = frozenset({"Add", "AddV2", "Sub", "Mul", "RealDiv", "Maximum", "Minimum"})


def convert_encoder(encoder: Any, *, size_wh: tuple[int, int]) -> Any:
    """A Keras encoder as an onnx.ModelProto: uint8 [N, 3, height, width] to float32 [N, D], and joints if it has them.

    Channels come first, as convolutions want them: the streaming graph transposes the bytes, a quarter of the memory of
    numbers. The batch axis stays dynamic: with a fixed one tf2onnx makes other, worse graphs.
    """
    width, height = size_wh
    network = with_keypoints(encoder)
    signature = [tf.TensorSpec((None, height, width, 3), tf.uint8, name="frames")]

    @tf.function(input_signature=signature)  # type: ignore[untyped-decorator]
    def encode(frames: Any) -> Any:
        return network(tf.cast(frames, tf.float32), training=False)

    proto, _ = tf2onnx.convert.from_function(
        encode,
        input_signature=signature,
        opset=OPSET,
        inputs_as_nchw=["frames"],
        custom_rewriter=[_give_scalars_an_axis],
    )
    folded = fold(proto)
    scale_weights_instead_of_pixels(folded)
    fold_norms_of_sums(folded)
    return folded


def fold(proto: Any) -> Any:
    """The same graph after ONNX Runtime's basic optimizations: constants, pads, batch norms, what does nothing."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "folded.onnx"
        open_runtime_session(Path("encoder"), content=proto.SerializeToString(), optimized=path)
        return onnx.load(path)


def _give_scalars_an_axis(graph: Any, nodes: Any) -> Any:
    """A rewriter for tf2onnx: float constants of shape [] become [1] where the other operand has axes already."""
    for node in nodes:
        if node.type not in _ELEMENTWISE:
            continue
        ranks = [graph.get_rank(name) for name in node.input]
        for constant in node.inputs:
            if constant.is_const() and graph.get_rank(constant.output[0]) == 0 and any(ranks):
                value = constant.get_tensor_value(as_list=False)
                if value.dtype == np.float32:
                    constant.set_tensor_value(value.reshape(1))
                    graph.set_shape(constant.output[0], [1])
    return nodes


def finds_keypoints(encoder: Any) -> bool:
    """Whether an encoder finds joints on the way to its features."""
    return any(layer.name == KEYPOINTS for layer in encoder.layers[:-1])


def with_keypoints(encoder: Any) -> Any:
    """An encoder that finds joints on its way, with these as second output; any other as it is."""
    if not finds_keypoints(encoder):
        return encoder
    return keras.Model(encoder.input, [encoder.output, encoder.get_layer(KEYPOINTS).output], name=encoder.name)
