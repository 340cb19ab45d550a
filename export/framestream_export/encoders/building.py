"""Frame encoders: RGB bytes in, one feature vector per frame out, normalisation inside."""

from __future__ import annotations

import importlib.resources
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers

from framestream.errors import DataError, SettingsError
from framestream_export.encoders.efficientnet_lite import build_efficientnet_lite0
from framestream_export.encoders.lite0_weights import find_lite0_weights, load_lite0_weights
from framestream_export.encoders.small_encoder import build_small_encoder
from framestream_export.files import DAMAGED
from framestream_export.run_folder import ENCODER_FILE

# Made by samples/pretrain_encoder.py: (size in pixels, feature_dim) and the file.
PEOPLE_SHAPE = (96, 128)
_PEOPLE_WEIGHTS = importlib.resources.files("framestream_export") / "weights" / "people.weights.h5"

SMALL, LITE0 = "small", "EfficientNetLite0"
_TORCH_SUFFIX = ".pth"

NAMED_WEIGHTS = ("none", "people", "imagenet")
"""What `--weights` knows by name; anything else is a path."""

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
_WITH_ALPHA = ("MobileNet", "MobileNetV2", "MobileNetV3Small", "MobileNetV3Large")


@dataclass(frozen=True, slots=True)
class EncoderName:
    """A parsed encoder name: the Keras spelling and the width multiplier, e.g. "mobilenetv2@0.35"."""

    name: str
    alpha: float | None

    def __str__(self) -> str:
        """As a user would write it."""
        return self.name if self.alpha is None else f"{self.name}@{self.alpha:g}"

    @classmethod
    def parse(cls, text: str) -> EncoderName:
        """Raise SettingsError for a name nobody knows, listing those that are known."""
        name, at, alpha = text.partition("@")
        known = {candidate.lower(): candidate for candidate in (SMALL, LITE0, *_PIXELS)}
        if name.lower() not in known:
            raise SettingsError(f"no encoder {name!r}; known are {', '.join(known.values())}")
        name = known[name.lower()]
        if not at:
            return cls(name, None)
        if name not in _WITH_ALPHA:
            raise SettingsError(f"{name} has no width multiplier; only {', '.join(_WITH_ALPHA)} have one")
        try:
            return cls(name, float(alpha))
        except ValueError:
            raise SettingsError(f"width multiplier {alpha!r} in {text!r} is not a number") from None


def build_encoder(
    name: str, *, size: int, feature_dim: int, weights: str = "none", freeze: bool = False, restored: bool = False
) -> Any:
    """A Keras model from frames float32 or uint8 [N, size, size, 3], RGB 0..255, to features [N, D].

    Args:
        name: "small", "EfficientNetLite0" or a keras.applications backbone, in any case.
        size: Height and width of the frames, pixels.
        feature_dim: D of the small encoder; D of the others is their own number of channels.
        weights: "none"; "people" (small encoder, 96 px: has learnt where a person's joints are, on rendered footage);
            "imagenet" (EfficientNetLite0: from an installed package, see `lite0_weights`; backbones: Keras downloads
            them); a weights file of the same network (of a backbone: without its classification layer; of
            EfficientNetLite0 also PyTorch's, .pth); or the folder of a finished run with the same encoder. A folder or
            file of one of these names is written ./people.
        freeze: Keep the encoder's weights, and its batch statistics, as they are.
        restored: A checkpoint is going to set the weights: do not read them from where they first came from.

    Raises:
        SettingsError: Unknown name, or an option that does not go with it.
        DataError: Weights that cannot be had or do not fit.
        MissingDependencyError: The package that holds the weights is not installed.
    """
    parsed = EncoderName.parse(name)
    source = weights.lower() if weights.lower() in NAMED_WEIGHTS else weights
    if freeze and source == "none":
        raise SettingsError("freezing an encoder with random weights leaves nothing to learn from; give it weights")
    _check_source(parsed.name, source, shape=(size, feature_dim))
    if parsed.name == SMALL:
        encoder = network = build_small_encoder(size, feature_dim)
    elif parsed.name == LITE0:
        encoder = network = build_efficientnet_lite0(size)
    else:
        network = _backbone(parsed, size, "none" if restored else source)
        frames = keras.Input((size, size, 3), name="frames")
        encoder = keras.Model(frames, network(_scale(frames, _PIXELS[parsed.name])), name="encoder")
    if not restored:
        _start_from(source, encoder, network, name=parsed)
    network.trainable = not freeze
    return encoder


def _check_source(name: str, source: str, *, shape: tuple[int, int]) -> None:
    """Refuse weights that a network of this name, and size and feature_dim `shape`, has never had."""
    if name == SMALL and source == "imagenet":
        raise SettingsError("there are no imagenet weights for the small encoder; give people, none or a file")
    if name != SMALL and source == "people":
        raise SettingsError(f"the people weights are for the small encoder (--preset tiny), not {name}")
    if source == "people" and shape != PEOPLE_SHAPE:
        raise SettingsError(f"the people weights are for size and feature_dim {PEOPLE_SHAPE}, not {shape}")


def _start_from(source: str, encoder: Any, network: Any, *, name: EncoderName) -> None:
    """Set the weights of `encoder`, or of `network`, the part of it without the scaling of a backbone's pixels."""
    if source == "people":
        with importlib.resources.as_file(_PEOPLE_WEIGHTS) as path:
            _load_weights(network, path, name=name)
    elif name.name == LITE0 and source == "imagenet":
        load_lite0_weights(network, find_lite0_weights())
    elif name.name == LITE0 and Path(source).suffix == _TORCH_SUFFIX:
        load_lite0_weights(network, Path(source))
    elif source in NAMED_WEIGHTS:
        return
    elif Path(source).is_dir():
        _load_weights(encoder, Path(source) / ENCODER_FILE, name=name)
    else:
        _load_weights(network, Path(source), name=name)


def _backbone(name: EncoderName, size: int, source: str) -> Any:
    build: Callable[..., Any] = getattr(keras.applications, name.name)
    options: dict[str, Any] = {} if name.alpha is None else {"alpha": name.alpha}
    pretrained = "imagenet" if source == "imagenet" else None
    try:
        return build(include_top=False, pooling="avg", input_shape=(size, size, 3), weights=pretrained, **options)
    except Exception as error:  # what Keras raises for a failed download is Exception itself
        raise DataError(f"{name.name} at {size} px, weights {source}: {_first_line(error)}") from error


def _load_weights(network: Any, path: Path, *, name: EncoderName) -> None:
    if not path.is_file():
        raise DataError(f"no weights file {path}; --weights takes people, imagenet, none, a file or a run")
    # Keras leaves a layer it finds nothing for as it was, and only warns (also about files that are complete). What is
    # still not a number afterwards was not in the file.
    network.set_weights([np.full(weight.shape, np.nan, np.float32) for weight in network.weights])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            network.load_weights(path)
    except DAMAGED as error:
        raise DataError(f"{path} does not hold the weights of this {name} encoder: {_first_line(error)}") from error
    absent = [weight.path for weight in network.weights if np.isnan(np.asarray(weight)).any()]
    if absent:
        raise DataError(f"{path} lacks {len(absent)} weights of this {name} encoder, {absent[0]} first")


def _scale(frames: Any, style: str) -> Any:
    if style == "signed":
        return layers.Rescaling(1 / 127.5, offset=-1, name="scale")(frames)
    if style == "torch":
        mean, deviation = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
        variance = [(255 * value) ** 2 for value in deviation]
        return layers.Normalization(mean=[255 * value for value in mean], variance=variance, name="scale")(frames)
    return frames


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
