"""The encoder whose features are joints: MoveNet, and what reads joints off its heads."""

from __future__ import annotations

import importlib.resources
from typing import Any

import keras
import numpy as np
from keras import layers

from framestream.errors import SettingsError
from framestream.model.spec import KEYPOINTS
from framestream_export.encoders.joints import find_joints
from framestream_export.encoders.movenet import PIXELS_MULTIPLE, build_movenet

_WEIGHTS = importlib.resources.files("framestream_export") / "weights" / "movenet.npz"


def build_pose_encoder(size: int) -> Any:
    """A Keras model from frames [N, size, size, 3], RGB 0..255, to joints [N, 51], its weights random.

    Of each joint in turn, in the order of the COCO data set (nose, eyes, ears, shoulders, elbows, wrists, hips, knees,
    ankles, left before right): x and y, 0..1 of the picture, and a score, 0..1.

    Raises:
        SettingsError: The size is no multiple of PIXELS_MULTIPLE.
    """
    if size % PIXELS_MULTIPLE:
        raise SettingsError(f"MoveNetLightning takes frames of a multiple of {PIXELS_MULTIPLE} pixels, not {size}")
    network = build_movenet(size)
    joints = layers.Flatten(name=KEYPOINTS)(find_joints(network.output))
    return keras.Model(network.input, joints, name="encoder")


def load_movenet_weights(network: Any) -> None:
    """Set the weights that the wheel holds, written by `samples/read_movenet.py`."""
    with importlib.resources.as_file(_WEIGHTS) as path, np.load(path) as stored:
        network.set_weights(
            [stored["/".join(weight.path.split("/")[-2:])].astype(np.float32) for weight in network.weights]
        )


def gives_keypoints(encoder: Any) -> bool:
    """Whether the features of an encoder are joints."""
    return bool(encoder.layers[-1].name == KEYPOINTS)
