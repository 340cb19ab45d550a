"""A pose: the joint angles and the place of one person, as one flat vector that can be blended."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Pose = NDArray[np.float64]

FIELDS = (
    "x", "z", "hop",  # metres: place on the floor, height of a jump
    "yaw", "pitch", "roll",  # whole body: yaw 0 faces the camera, pitch leans forward, roll to the person's left
    "spine_pitch", "spine_roll", "spine_twist",
    "neck_pitch", "neck_yaw",
    "left_shoulder_flex", "left_shoulder_abduct", "left_shoulder_rotate", "left_elbow",
    "right_shoulder_flex", "right_shoulder_abduct", "right_shoulder_rotate", "right_elbow",
    "left_hip_flex", "left_hip_abduct", "left_knee",
    "right_hip_flex", "right_hip_abduct", "right_knee",
)  # fmt: skip
INDEX = {name: position for position, name in enumerate(FIELDS)}
_METRES = frozenset({"x", "z", "hop"})
_YAW = INDEX["yaw"]


def make_pose(**values: float) -> Pose:
    """Build a pose from named values: degrees for angles, metres for `x`, `z` and `hop`; the rest is zero.

    `shoulder_…`, `elbow`, `hip_…` and `knee` without a side set both sides.
    """
    pose = np.zeros(len(FIELDS))
    for name, value in values.items():
        scaled = value if name in _METRES else np.deg2rad(value)
        for field in (name,) if name in INDEX else (f"left_{name}", f"right_{name}"):
            pose[INDEX[field]] += scaled
    return pose


def mix(before: Pose, after: Pose, share: float) -> Pose:
    """Mix two poses, angles as the numbers they are; `share` 0 gives `before`, 1 gives `after`."""
    return np.asarray(before + (after - before) * share)


def blend(before: Pose, after: Pose, share: float) -> Pose:
    """Mix two poses that stay as they are, as `mix` does, but the body turns the short way round."""
    mixed = mix(before, after, share)
    turn = (after[_YAW] - before[_YAW] + np.pi) % (2 * np.pi) - np.pi
    mixed[_YAW] = before[_YAW] + turn * share
    return mixed


def ease(share: float) -> float:
    """Smooth start and stop: 0 → 0, 1 → 1, flat at both ends (clamped)."""
    share = min(max(share, 0.0), 1.0)
    return share * share * (3.0 - 2.0 * share)
