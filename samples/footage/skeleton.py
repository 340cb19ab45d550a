"""Forward kinematics: a pose and a body's proportions become joint positions in metres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from footage.poses import INDEX, Pose

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

#: The joints that pose networks find, in the order of the COCO data set.
COCO_JOINTS = (
    "nose",
    *(f"{side}_{name}" for name in ("eye", "ear") for side in ("left", "right")),
    *(
        f"{side}_{name}"
        for name in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
        for side in ("left", "right")
    ),
)

#: How far the eyes are above and before the middle of the head, shares of a person's height.
EYES_UP, EYES_FORWARD = 0.008, 0.054
#: Where a face has what, from the middle of the head: shares of the height (aside, up, forward).
_FACE = {
    "nose": (0.0, -0.006, 0.062),
    "left_eye": (0.018, EYES_UP, EYES_FORWARD),
    "right_eye": (-0.018, EYES_UP, EYES_FORWARD),
    "left_ear": (0.046, 0.0, 0.0),
    "right_ear": (-0.046, 0.0, 0.0),
}
#: How thick a lying body is around its joints, shares of the height; what is not named is a hand or a foot.
_THICKNESS = {
    "pelvis": 0.062, "waist": 0.058, "neck": 0.04, "head": 0.058,
    "left_shoulder": 0.038, "right_shoulder": 0.038, "left_hip": 0.05, "right_hip": 0.05,
    "left_knee": 0.034, "right_knee": 0.034,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Proportions:
    """A body's build. Lengths are shares of `height` (metres); `girth` scales every thickness."""

    height: float = 1.75
    girth: float = 1.0
    shoulder: float = 0.112
    hip: float = 0.055
    arm: float = 0.325
    leg: float = 0.48

    def __post_init__(self) -> None:
        """Refuse bodies that nobody has."""
        if not 0.8 <= self.height <= 2.3 or not 0.5 <= self.girth <= 2.0:
            raise ValueError(f"not a human build: height {self.height} m, girth {self.girth}")


def rotate_x(angle: float) -> Matrix:
    """Pitch: a positive angle tips +y towards +z (forward)."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]])


def rotate_y(angle: float) -> Matrix:
    """Yaw: a positive angle turns +z towards +x."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]])


def rotate_z(angle: float) -> Matrix:
    """Roll: a positive angle swings a hanging limb towards +x."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def place_joints(pose: Pose, body: Proportions) -> dict[str, Vector]:
    """Compute every joint's position, metres, +y up, +z towards a person's front at yaw 0.

    The body is set down so that its lowest point touches the floor (y = 0), then lifted by the pose's `hop`.

    Returns:
        Joint name → `[3]` position.
    """
    at = {name: float(pose[position]) for name, position in INDEX.items()}
    tall = body.height
    pelvis = rotate_y(at["yaw"]) @ rotate_x(at["pitch"]) @ rotate_z(-at["roll"])
    bend = (at["spine_pitch"], at["spine_roll"], at["spine_twist"])
    waist = pelvis @ rotate_x(bend[0] / 2) @ rotate_z(-bend[1] / 2) @ rotate_y(bend[2] / 2)
    chest = pelvis @ rotate_x(bend[0]) @ rotate_z(-bend[1]) @ rotate_y(bend[2])
    head = chest @ rotate_x(at["neck_pitch"]) @ rotate_y(at["neck_yaw"])

    joints: dict[str, Vector] = {"pelvis": np.zeros(3)}
    joints["waist"] = waist @ np.array([0.0, 0.125 * tall, 0.0])
    joints["neck"] = joints["waist"] + chest @ np.array([0.0, 0.165 * tall, 0.0])
    joints["head"] = joints["neck"] + head @ np.array([0.0, 0.095 * tall, 0.012 * tall])
    joints["face"] = joints["head"] + head @ np.array([0.0, -0.008 * tall, 0.028 * tall])
    for name, place in _FACE.items():
        joints[name] = joints["head"] + head @ (np.array(place) * tall)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        _place_arm(joints, at, side, sign, chest, body)
        _place_leg(joints, at, side, sign, pelvis, body)
    _set_down(joints, at, body)
    return joints


def _place_arm(
    joints: dict[str, Vector], at: dict[str, float], side: str, sign: float, chest: Matrix, body: Proportions
) -> None:
    tall = body.height
    upper = (
        chest
        @ rotate_z(sign * at[f"{side}_shoulder_abduct"])
        @ rotate_x(-at[f"{side}_shoulder_flex"])
        @ rotate_y(sign * at[f"{side}_shoulder_rotate"])
    )
    lower = upper @ rotate_x(-at[f"{side}_elbow"])
    joints[f"{side}_shoulder"] = joints["neck"] + chest @ np.array([sign * body.shoulder * tall, -0.025 * tall, 0.0])
    joints[f"{side}_elbow"] = joints[f"{side}_shoulder"] + upper @ np.array([0.0, -0.52 * body.arm * tall, 0.0])
    joints[f"{side}_wrist"] = joints[f"{side}_elbow"] + lower @ np.array([0.0, -0.48 * body.arm * tall, 0.0])
    joints[f"{side}_hand"] = joints[f"{side}_wrist"] + lower @ np.array([0.0, -0.05 * tall, 0.0])


def _place_leg(
    joints: dict[str, Vector], at: dict[str, float], side: str, sign: float, pelvis: Matrix, body: Proportions
) -> None:
    tall = body.height
    thigh = pelvis @ rotate_z(sign * at[f"{side}_hip_abduct"]) @ rotate_x(-at[f"{side}_hip_flex"])
    shin = thigh @ rotate_x(at[f"{side}_knee"])
    joints[f"{side}_hip"] = pelvis @ np.array([sign * body.hip * tall, -0.01 * tall, 0.0])
    joints[f"{side}_knee"] = joints[f"{side}_hip"] + thigh @ np.array([0.0, -0.51 * body.leg * tall, 0.0])
    joints[f"{side}_ankle"] = joints[f"{side}_knee"] + shin @ np.array([0.0, -0.49 * body.leg * tall, 0.0])
    joints[f"{side}_toe"] = joints[f"{side}_ankle"] + shin @ np.array([0.0, -0.015 * tall, 0.085 * tall])


def _set_down(joints: dict[str, Vector], at: dict[str, float], body: Proportions) -> None:
    # A lying body rests on its thickness, a standing one on its soles.
    sunk = max(
        _THICKNESS.get(name, 0.02) * body.height * body.girth - float(position[1])
        for name, position in joints.items()
        if name not in _FACE
    )
    shift = np.array([at["x"], at["hop"] + sunk, at["z"]])
    for name in joints:
        joints[name] = joints[name] + shift
