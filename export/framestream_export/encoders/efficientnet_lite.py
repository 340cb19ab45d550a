"""EfficientNet-Lite0: a network for small devices that comes with pip, its ImageNet weights in a package of their own.

EfficientNet-B0 without what accelerators dislike: no squeeze-and-excitation, ReLU6 for swish. Pictures are padded as
TensorFlow does (`padding="same"`), pixels scaled to (x - 127) / 128, variances raised by 0.001.

Source: Tan, Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML 2019, table 1; Liu,
"Higher accuracy on vision models with EfficientNet-Lite", TensorFlow blog, 2020.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
from keras import layers

FEATURES = 1280
NORM_EPSILON = 1e-3
_STEM_CHANNELS = 32


@dataclass(frozen=True, slots=True)
class _BlockGroup:
    """Blocks of one kind, one after another; only the first may halve the picture."""

    blocks: int
    kernel: int
    stride: int
    widening: int
    channels: int


_BLOCK_GROUPS = (
    _BlockGroup(1, kernel=3, stride=1, widening=1, channels=16),
    _BlockGroup(2, kernel=3, stride=2, widening=6, channels=24),
    _BlockGroup(2, kernel=5, stride=2, widening=6, channels=40),
    _BlockGroup(3, kernel=3, stride=2, widening=6, channels=80),
    _BlockGroup(3, kernel=5, stride=1, widening=6, channels=112),
    _BlockGroup(4, kernel=5, stride=2, widening=6, channels=192),
    _BlockGroup(1, kernel=3, stride=1, widening=6, channels=320),
)


def build_efficientnet_lite0(size: int) -> Any:
    """A Keras model from frames [N, size, size, 3], RGB 0..255, to features [N, 1280], its weights random.

    Layers are named after their part of the network: "stem", "block1" to "block16", "head".
    """
    frames = keras.Input((size, size, 3), name="frames")
    x = layers.Rescaling(1 / 128, offset=-127 / 128, name="scale")(frames)
    x = _convolve(x, _STEM_CHANNELS, kernel=3, stride=2, name="stem")
    number = 0
    for group in _BLOCK_GROUPS:
        for index in range(group.blocks):
            number += 1
            x = _block(x, group, stride=group.stride if index == 0 else 1, name=f"block{number}")
    x = _convolve(x, FEATURES, kernel=1, name="head")
    return keras.Model(frames, layers.GlobalAveragePooling2D(name="features")(x), name="encoder")


def _block(x: Any, group: _BlockGroup, *, stride: int, name: str) -> Any:
    """An inverted residual: widen, look around in each channel by itself, narrow; added to what came in if it fits."""
    before = x
    if group.widening != 1:
        x = _convolve(x, group.widening * x.shape[-1], kernel=1, name=f"{name}_expand")
    x = layers.DepthwiseConv2D(
        group.kernel, strides=stride, padding="same", use_bias=False, name=f"{name}_depthwise_conv"
    )(x)
    x = _activate(_normalise(x, f"{name}_depthwise"), f"{name}_depthwise")
    x = layers.Conv2D(group.channels, 1, use_bias=False, name=f"{name}_project_conv")(x)
    x = _normalise(x, f"{name}_project")
    return layers.Add(name=f"{name}_add")([before, x]) if before.shape == x.shape else x


def _convolve(x: Any, channels: int, *, kernel: int, stride: int = 1, name: str) -> Any:
    x = layers.Conv2D(channels, kernel, strides=stride, padding="same", use_bias=False, name=f"{name}_conv")(x)
    return _activate(_normalise(x, name), name)


def _normalise(x: Any, name: str) -> Any:
    return layers.BatchNormalization(epsilon=NORM_EPSILON, name=f"{name}_norm")(x)


def _activate(x: Any, name: str) -> Any:
    return layers.ReLU(max_value=6, name=f"{name}_relu6")(x)
