"""The small encoder: a plain convolutional network whose features say where things are."""

from __future__ import annotations

import importlib.resources
from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from framestream.errors import SettingsError
from framestream_export.encoders.weights_file import load_weights_file

# (channels, convolutions) of each stage; every stage halves height and width.
STAGES = ((16, 1), (32, 1), (64, 2), (128, 2))
_FINE_STAGE = 3
_MIXED_CHANNELS = 64
_NARROW_CHANNELS = 32
_GRID_REACH = 2.0

# Made by samples/pretrain_encoder.py: (size in pixels, feature_dim) and the file.
PEOPLE_SHAPE = (96, 128)
_PEOPLE_WEIGHTS = importlib.resources.files("framestream_export") / "weights" / "people.weights.h5"


def build_small_encoder(size: int, feature_dim: int) -> Any:
    """A Keras model from frames [N, size, size, 3], RGB 0..255, to features [N, feature_dim].

    Motions differ in where hands, head and feet are, more exactly than the cells of a coarse map
    say, so half of the features are points: each a map of where something is, turned into the mean place under its
    softmax (a spatial softmax: Finn et al., "Deep Spatial Autoencoders for Visuomotor Learning", 2016). The others
    describe the picture as a whole.

    The maps are taken channels first, as ONNX has them, so that the exported graph needs no transposes.
    """
    frames = keras.Input((size, size, 3), name="frames")
    x = layers.Rescaling(1 / 255, name="scale")(frames)
    stages = []
    for stage, (channels, convolutions) in enumerate(STAGES, 1):
        for index in range(convolutions):
            stride = 2 if index == 0 else 1
            x = _convolve(x, channels, kernel=3, stride=stride, name=f"stage{stage}_{index + 1}")
        stages.append(x)
    points = feature_dim // 4
    places = _places(_mix(fine=stages[_FINE_STAGE - 1], coarse=x), points)
    whole = layers.Flatten(name="flatten")(
        layers.Permute((3, 1, 2), name="narrow_first")(
            _convolve(x, _NARROW_CHANNELS, kernel=1, stride=1, name="narrow")
        )
    )
    whole = layers.Dense(feature_dim - 2 * points, activation="relu", name="whole")(whole)
    return keras.Model(frames, layers.Concatenate(name="features")([places, whole]), name="encoder")


def load_people_weights(network: Any) -> None:
    """Set the weights that have learnt where a person's joints are; SettingsError for another size or width."""
    shape = network.input_shape[1], network.output_shape[-1]
    if shape != PEOPLE_SHAPE:
        raise SettingsError(f"the people weights are for size and feature_dim {PEOPLE_SHAPE}, not {shape}")
    with importlib.resources.as_file(_PEOPLE_WEIGHTS) as path:
        load_weights_file(network, path, name="small")


def _convolve(x: Any, channels: int, *, kernel: int, stride: int, name: str) -> Any:
    x = layers.Conv2D(channels, kernel, strides=stride, padding="same", use_bias=False, name=f"{name}_conv")(x)
    return _normalise(x, name)


def _normalise(x: Any, name: str) -> Any:
    x = layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(x)
    return layers.ReLU(name=f"{name}_relu")(x)


def _mix(*, fine: Any, coarse: Any) -> Any:
    """Join the fine map, which knows where, with the coarse one, which knows what: [N, height, width, channels]."""
    height, width = fine.shape[1:3]
    up = layers.Conv2DTranspose(_MIXED_CHANNELS, 2, strides=2, use_bias=False, name="coarse_up")(coarse)
    excess = (up.shape[1] - height, up.shape[2] - width)
    if any(excess):  # an odd size was rounded up on the way down
        up = layers.Cropping2D(((0, excess[0]), (0, excess[1])), name="coarse_crop")(up)
    side = layers.Conv2D(_MIXED_CHANNELS, 1, use_bias=False, name="fine_side")(fine)
    joined = _normalise(layers.Add(name="join")([up, side]), "join")
    return _convolve(joined, _MIXED_CHANNELS, kernel=3, stride=1, name="mix")


def _places(x: Any, points: int) -> Any:
    """The mean place of each of `points` maps: [N, 2 * points], x and y in turn, 0 in the middle of the picture."""
    height, width = x.shape[1:3]
    maps = layers.Permute((3, 1, 2), name="maps_first")(layers.Conv2D(points, 1, name="maps")(x))
    shares = layers.Softmax(name="shares")(layers.Reshape((points, height * width), name="cells")(maps))
    # The kernel starts as the coordinates of the cells; training may bend them a little.
    start = keras.initializers.Constant(_cell_places(height, width))  # type: ignore[arg-type, unused-ignore]
    places = layers.Dense(2, use_bias=False, kernel_initializer=start, name="places")(shares)
    return layers.Flatten(name="places_flat")(places)


def _cell_places(height: int, width: int) -> NDArray[np.float32]:
    """Float32 [height * width, 2]: x and y of each cell, row by row."""
    across, down = (_GRID_REACH * np.linspace(-1, 1, count) if count > 1 else np.zeros(1) for count in (width, height))
    return np.stack(np.meshgrid(across, down), axis=-1).reshape(-1, 2).astype(np.float32)
