"""The layer between a frozen encoder and the head: a thousand numbers a frame become as many as the head can use.

It is trained with the head and becomes part of the encoder when that is done, so that a stream keeps small features as
its state and the head, which looks at each frame once for every window it is in, has little to do.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from framestream_export.encoders.body import KEYPOINT_NUMBERS, describe_body
from framestream_export.encoders.pose_encoder import gives_keypoints

PROJECTION = "projection"
_DROPOUT = 0.5
# Joints are few, and each says something else.
_JOINT_DROPOUT = 0.1
_ADDED_SHARE = 0.1


def build_projection(
    mean: NDArray[np.float32], deviation: NDArray[np.float32], *, width: int, seed: int, keypoints: bool = False
) -> Any:
    """A new projection of features with known statistics.

    Features that a network has for a thousand kinds of things differ a hundredfold in size, and the large ones are not
    those that tell a few actions apart: each is brought to mean 0 and a deviation near 1. Those that hardly ever change
    are kept from being blown up: a tenth of the deviation of all features together is added to each one's own.

    Args:
        mean: float32 [D], mean of each feature over the frames trained on.
        deviation: float32 [D], standard deviation of each feature.
        width: P, how many numbers the projection gives for a frame.
        seed: Fixes dropout; the weights come from Keras's random state.
        keypoints: It is given joints, and describes the body first: `mean` and `deviation` are of the description.

    Returns:
        A Keras model from features [B, T, D] to [B, T, P].
    """
    together = float(np.sqrt(np.square(deviation).mean() + mean.var())) or 1.0
    scale = deviation + _ADDED_SHARE * together
    features = keras.Input((None, KEYPOINT_NUMBERS if keypoints else len(mean)), name="frozen_features")
    x = describe_body(features) if keypoints else features
    x = layers.Normalization(mean=mean, variance=np.square(scale), name="standard")(x)
    # The same in all frames of a window: what the head looks for is how they change.
    x = layers.Dropout(
        _JOINT_DROPOUT if keypoints else _DROPOUT, noise_shape=(None, 1, len(mean)), seed=seed, name="feature_dropout"
    )(x)
    return keras.Model(features, layers.Dense(width, activation="relu", name=PROJECTION)(x), name=PROJECTION)


def describe_bodies(keypoints: NDArray[np.float32]) -> NDArray[np.float32]:
    """Features [N, 55] of the bodies whose joints [N, 51] are given."""
    return np.asarray(describe_body(keypoints))


def with_projection(encoder: Any, projection: Any) -> Any:
    """The encoder with a trained projection as its last layer, which takes the standardising into its weights.

    Returns:
        A Keras model from frames [N, H, W, 3] to features [N, P].
    """
    standard, dense = projection.get_layer("standard"), projection.get_layer(PROJECTION)
    mean, deviation = np.ravel(standard.mean), np.sqrt(np.ravel(standard.variance))
    kernel, bias = (np.asarray(weight, np.float64) for weight in dense.get_weights())
    folded = kernel / deviation[:, None]
    last = layers.Dense(dense.units, activation="relu", name=PROJECTION)
    if gives_keypoints(encoder):  # without a model in the model, so that the layer that gives joints can be asked
        projected = keras.Model(encoder.input, last(describe_body(encoder.output)), name="projected_encoder")
    else:
        frames = keras.Input(encoder.input_shape[1:], name="frames")
        projected = keras.Model(frames, last(encoder(frames)), name="projected_encoder")
    last.set_weights([folded.astype(np.float32), (bias - mean @ folded).astype(np.float32)])
    return projected
