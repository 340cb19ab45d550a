"""Augmentation of joints: the same motion by a person of another build, seen from elsewhere, by a worse camera.

Joints cost nothing to change: a clip looks otherwise each time it is trained on, and its pictures are encoded once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from framestream.model.spec import JOINTS

MIRRORED = np.array([0, *(joint for left in range(1, JOINTS, 2) for joint in (left + 1, left))])
"""Which joint is where each was, in a mirrored picture: the nose stays, left and right change places."""
_KNEES_AND_ANKLES = np.arange(13, JOINTS)

# Deviations of the normal distributions that the changes are drawn from; of factors, of their logarithm.
_SCALE, _ASPECT, _SHIFT, _SCORE = 0.2, 0.12, 0.08, 0.2
_NOISE = 0.004
_BUILD = 0.03
_CUT_OFF_SHARE, _MISSING_SHARE = 0.1, 0.1
_LOST_SCORE = 0.1


def augment_joints(keypoints: NDArray[np.float32], rng: np.random.Generator, *, flip: bool) -> NDArray[np.float32]:
    """Change the joints of an example, all frames in the same way but for noise.

    Args:
        keypoints: float32 [L, 51], as the pose encoder gives them.
        rng: What is drawn comes from here.
        flip: Whether half of the examples are mirrored.

    Returns:
        float32 [L, 51] in new memory.
    """
    joints = keypoints.reshape(-1, JOINTS, 3).astype(np.float64)
    place, score = joints[..., :2], joints[..., 2]
    if flip and rng.random() < 0.5:
        place[..., 0] = 1 - place[..., 0]
        place, score = place[:, MIRRORED], score[:, MIRRORED]
    middle = place.mean(axis=(0, 1))
    factors = np.exp(rng.normal(0, _SCALE) + np.array([0.5, -0.5]) * rng.normal(0, _ASPECT))
    place = (place - middle) * factors + middle + rng.normal(0, _SHIFT, 2)
    size = float(place.std(axis=(0, 1)).mean())
    place += rng.normal(0, _BUILD * size, (1, JOINTS, 2)) + rng.normal(0, _NOISE, place.shape)
    score *= np.exp(rng.normal(0, _SCORE))
    if rng.random() < _CUT_OFF_SHARE:
        _lose(place, score, _KNEES_AND_ANKLES, rng)
    if rng.random() < _MISSING_SHARE:
        _lose(place, score, rng.choice(JOINTS, rng.integers(1, 4), replace=False), rng)
    return np.concatenate([place, np.minimum(score, 1)[..., None]], axis=-1).reshape(len(joints), -1).astype(np.float32)


def _lose(
    place: NDArray[np.float64], score: NDArray[np.float64], lost: NDArray[np.int64], rng: np.random.Generator
) -> None:
    """Make joints as a network gives those that it cannot see: anywhere near the body, with a low score."""
    spread = place.std(axis=1, keepdims=True)
    place[:, lost] = place.mean(axis=1, keepdims=True) + spread * rng.normal(0, 1, (len(place), len(lost), 2))
    score[:, lost] = np.minimum(score[:, lost], _LOST_SCORE * rng.random((len(score), len(lost))))
