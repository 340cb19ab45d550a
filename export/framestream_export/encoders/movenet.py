"""MoveNet SinglePose Lightning: a network that has learnt where the joints of a person are.

MobileNetV2 with a feature pyramid, and four heads on its finest level; `joints.py` makes joints of what the heads say.
Batch norms are folded into the convolutions, as the weights are published, so the network stays frozen.

Source: Google, "MoveNet", TensorFlow Hub, 2021 (Apache-2.0); Sandler and others, "MobileNetV2: Inverted Residuals and
Linear Bottlenecks", CVPR 2018; Zhou and others, "Objects as Points", 2019, for the heads.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from framestream.model.spec import JOINTS

PIXELS_MULTIPLE = 32
"""What height and width of the frames must be a multiple of, so that the levels of the pyramid fit."""

HEADS = {"centre": 1, "regression": 2 * JOINTS, "heat": JOINTS, "offset": 2 * JOINTS}
"""Channels of each head; of regression and offset, the even ones are y and the odd ones x."""

_SIGMOID_HEADS = ("centre", "heat")
_HEAD_CHANNELS = 96


# (stride, channels) of each inverted residual.
_BLOCKS = (
    *((2, 24), (1, 24)),
    *((2, 32), (1, 32), (1, 32)),
    *((2, 64), (1, 64), (1, 64), (1, 64)),
    *((1, 96), (1, 96), (1, 96)),
    *((2, 160), (1, 160), (1, 160)),
    (1, 320),
)
_WIDENING = 6
_LATERAL_BLOCKS = {"pyramid_16": 9, "pyramid_8": 5, "pyramid_4": 2}
_MIXED_CHANNELS = {"pyramid_16": 32, "pyramid_8": 24, "pyramid_4": 24}


def build_movenet(size: int) -> Any:
    """A Keras model from frames [N, size, size, 3], RGB 0..255, to its four heads, its weights random.

    Args:
        size: Height and width of the frames, pixels; a multiple of PIXELS_MULTIPLE.

    Returns:
        A model with one output for each of HEADS, [N, size / 4, size / 4, channels].
    """
    frames = keras.Input((size, size, 3), name="frames")
    x = layers.Rescaling(1 / 127.5, offset=-1, name="scale")(frames)
    x = _relu6(_convolve(x, 32, kernel=3, stride=2, name="stem"), name="stem")
    x = _relu6(_depthwise(x, name="expanded_conv_depthwise"), name="expanded_conv_depthwise")
    x = _convolve(x, 16, name="expanded_conv_project")
    outputs = {}
    for number, (stride, channels) in enumerate(_BLOCKS, 1):
        x = outputs[number] = _block(x, channels, stride=stride, name=f"block_{number}")
    x = _relu6(_convolve(x, 1280, name="top"), name="top")
    x = _convolve(x, 64, name="pyramid_32_lateral")
    for name, block in _LATERAL_BLOCKS.items():
        lateral = outputs[block]
        x = layers.UpSampling2D(interpolation="bilinear", name=f"{name}_up")(x)
        x = layers.Add(name=f"{name}_add")([x, _convolve(lateral, lateral.shape[-1], name=f"{name}_lateral")])
        x = _depthwise(x, bias=False, name=f"{name}_depthwise")
        x = layers.ReLU(name=f"{name}_relu")(_convolve(x, _MIXED_CHANNELS[name], name=f"{name}_mix"))
    return keras.Model(frames, {name: _head(x, name) for name in HEADS}, name="movenet")


def _head(x: Any, name: str) -> Any:
    x = _depthwise(x, bias=False, name=f"{name}_depthwise")
    x = layers.ReLU(name=f"{name}_relu")(_convolve(x, _HEAD_CHANNELS, name=f"{name}_mix"))
    x = _convolve(x, HEADS[name], name=f"{name}_output")
    return layers.Activation("sigmoid", name=name)(x) if name in _SIGMOID_HEADS else x


def _block(x: Any, channels: int, *, stride: int, name: str) -> Any:
    """An inverted residual: widen, look around in each channel by itself, narrow; added to what came in if it fits."""
    before = x
    x = _relu6(_convolve(x, _WIDENING * x.shape[-1], name=f"{name}_expand"), name=f"{name}_expand")
    x = _relu6(_depthwise(x, stride=stride, name=f"{name}_depthwise"), name=f"{name}_depthwise")
    x = _convolve(x, channels, name=f"{name}_project")
    return layers.Add(name=f"{name}_add")([before, x]) if before.shape == x.shape else x


def _convolve(x: Any, channels: int, *, kernel: int = 1, stride: int = 1, name: str) -> Any:
    return layers.Conv2D(channels, kernel, strides=stride, padding="same", name=name)(x)


def _depthwise(x: Any, *, stride: int = 1, bias: bool = True, name: str) -> Any:
    return layers.DepthwiseConv2D(3, strides=stride, padding="same", use_bias=bias, name=name)(x)


def _relu6(x: Any, *, name: str) -> Any:
    return layers.ReLU(max_value=6, name=f"{name}_relu6")(x)
