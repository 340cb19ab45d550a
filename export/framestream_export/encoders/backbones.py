"""Encoders of `keras.applications`: a name, a width, and how each family wants its pixels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import layers

from framestream.errors import DataError
from framestream_export.encoders.weights_file import first_line

IMAGENET = "imagenet"

# How the ImageNet weights of a family want their pixels (keras.applications.<family>.preprocess_input, as layers, so
# that a saved encoder needs no code of ours): scaled to -1..1, normalised per channel ("torch"), or left at 0..255
# because the network scales them itself. Families that want BGR ("caffe": ResNet 1, VGG) are left out.
_PIXELS = {
    "MobileNet": "signed",
    "MobileNetV2": "signed",
    "MobileNetV3Small": "bytes",
    "MobileNetV3Large": "bytes",
    "EfficientNetB0": "bytes",
    "EfficientNetB1": "bytes",
    "EfficientNetB2": "bytes",
    "EfficientNetB3": "bytes",
    "EfficientNetV2B0": "bytes",
    "EfficientNetV2B1": "bytes",
    "EfficientNetV2B2": "bytes",
    "EfficientNetV2B3": "bytes",
    "EfficientNetV2S": "bytes",
    "ConvNeXtTiny": "bytes",
    "DenseNet121": "torch",
    "InceptionV3": "signed",
    "NASNetMobile": "signed",
    "ResNet50V2": "signed",
    "Xception": "signed",
}
BACKBONES = tuple(_PIXELS)
WITH_ALPHA = ("MobileNet", "MobileNetV2", "MobileNetV3Small", "MobileNetV3Large")


def build_backbone(name: str, *, size: int, alpha: float | None, weights: str) -> tuple[Any, Any]:
    """An encoder around a network of Keras's, and that network, which is what weights files hold.

    Args:
        name: Name of a backbone, one of BACKBONES.
        size: Height and width of the frames, pixels.
        alpha: Width multiplier of those in WITH_ALPHA; None is the network's own.
        weights: "imagenet", which Keras downloads; anything else leaves them random.

    Raises:
        DataError: Weights that cannot be had, or a size or width that the network does not have.
    """
    build: Callable[..., Any] = getattr(keras.applications, name)
    options: dict[str, Any] = {} if alpha is None else {"alpha": alpha}
    pretrained = IMAGENET if weights == IMAGENET else None
    try:
        network = build(include_top=False, pooling="avg", input_shape=(size, size, 3), weights=pretrained, **options)
    except Exception as error:  # what Keras raises for a failed download is Exception itself
        raise DataError(f"{name} at {size} px, weights {weights}: {first_line(error)}") from error
    frames = keras.Input((size, size, 3), name="frames")
    return keras.Model(frames, network(_scale(frames, _PIXELS[name])), name="encoder"), network


def _scale(frames: Any, style: str) -> Any:
    if style == "signed":
        return layers.Rescaling(1 / 127.5, offset=-1, name="scale")(frames)
    if style == "torch":
        mean, deviation = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
        variance = [(255 * value) ** 2 for value in deviation]
        return layers.Normalization(mean=[255 * value for value in mean], variance=variance, name="scale")(frames)
    return frames
