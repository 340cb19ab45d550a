"""What a head is told of a body: joints relative to its middle and size, how sure they are, and where it is.

A person nearer or farther, more to the left or to the right, moves in the same way: so a motion learnt at one place is
known at another. A body that is not there gives zeros, and a flag that says so, instead of joints of nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from framestream.model.spec import JOINTS

KEYPOINT_NUMBERS = 3 * JOINTS
"""Numbers a frame of joints has: x, y and score of each in turn."""

BODY_FEATURES = KEYPOINT_NUMBERS + 4

_SHOULDERS, _HIPS = (5, 6), (11, 12)
# A body seen from the side has no shoulder width, one that bends towards the camera no torso: the largest counts.
_SHOULDER_SHARE, _SPREAD_SHARE, _SMALLEST = 1.2, 0.9, 0.03
_FARTHEST = 4.0
_LEAST_MEAN_SCORE = 0.15


def describe_body(keypoints: Any) -> Any:
    """Features of the body whose joints are given.

    Args:
        keypoints: Keras tensor [..., 51]: x, y (0..1 of the picture) and score (0..1) of each joint in turn.

    Returns:
        A Keras tensor [..., 55]: each joint's x, then each joint's y, from the body's middle in units of its size; the
        scores; the middle's x and y, -1..1 of the picture; the logarithm of the size; 1. All zeros without a body.
    """
    parts = [2 * JOINTS, 2 * JOINTS + 2, 2 * JOINTS + 4]
    from_middle, torso, shoulders, middle = ops.split(ops.matmul(keypoints, _differences()), parts, axis=-1)
    score = keypoints[..., 2::3]
    spread = _length(from_middle) / np.float32(np.sqrt(JOINTS))
    size = ops.maximum(
        ops.maximum(_length(torso), _SHOULDER_SHARE * _length(shoulders)),
        ops.maximum(_SPREAD_SHARE * spread, _SMALLEST),
    )
    near = ops.clip(from_middle / size, -_FARTHEST, _FARTHEST)
    found = ops.cast(ops.mean(score, axis=-1, keepdims=True) >= _LEAST_MEAN_SCORE, "float32")
    return ops.concatenate([near, score, 2 * middle - 1, ops.log(size), ops.ones_like(size)], axis=-1) * found


def _length(vector: Any) -> Any:
    """Length of vectors [..., n]: [..., 1]."""
    return ops.sqrt(ops.sum(ops.square(vector), axis=-1, keepdims=True))


def _differences() -> NDArray[np.float32]:
    """What keypoints are multiplied by, float32 [51, 40].

    The columns: each joint's x from the body's middle, each one's y; x and y of torso, shoulders, and middle.
    """
    joint = np.eye(JOINTS)
    shoulders, hips = joint[list(_SHOULDERS)].mean(axis=0), joint[list(_HIPS)].mean(axis=0)
    middle = (shoulders + hips) / 2
    columns = np.zeros((JOINTS, 3, 2 * JOINTS + 6))
    for axis in range(2):
        columns[:, axis, axis * JOINTS : (axis + 1) * JOINTS] = joint.T - middle[:, None]
        columns[:, axis, 2 * JOINTS + axis] = shoulders - hips
        columns[:, axis, 2 * JOINTS + 2 + axis] = joint[_SHOULDERS[0]] - joint[_SHOULDERS[1]]
        columns[:, axis, 2 * JOINTS + 4 + axis] = middle
    return columns.reshape(KEYPOINT_NUMBERS, -1).astype(np.float32)
