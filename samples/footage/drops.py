"""Going down: bending for something, and falling."""

from __future__ import annotations

import numpy as np

from footage.motions import Motion, Place, stance, wobble
from footage.poses import Pose, ease, make_pose


def bend(rng: np.random.Generator, place: Place) -> Motion:
    """Bend down to pick something up, and come back."""
    down, hold, up = rng.uniform(0.6, 1.2), rng.uniform(0.25, 1.0), rng.uniform(0.6, 1.2)
    squat = rng.uniform(0, 1)
    hinge, side = rng.uniform(60, 88) * (1 - 0.35 * squat), rng.uniform(-10, 10)
    one_hand = int(rng.integers(0, 3))  # 0 left, 1 right, 2 both
    stand = stance(rng, place)
    reach = rng.uniform(0.9, 1.2)

    def pose_at(t: float) -> Pose:
        if t < down:
            share = ease(t / down)
        elif t < down + hold:
            share = 1.0
        else:
            share = 1.0 - ease((t - down - hold) / up)
        values = {
            "pitch": hinge * share,
            "spine_pitch": (34 - 8 * squat) * share,
            "spine_twist": side * share,
            "hip_flex": (hinge + 62 * squat) * share,
            "knee": (8 + 105 * squat) * share,
            "neck_pitch": -12 * share,
            "shoulder_flex": 34 * share,
        }
        for number, name in enumerate(("left", "right")):
            if one_hand in (number, 2):
                values[f"{name}_shoulder_flex"] = (hinge * reach - 34 * squat) * share * 0.45
        return np.asarray(stand(t) + make_pose(**values))

    return Motion("bend", float(down + hold + up), pose_at)


def fall(rng: np.random.Generator, place: Place) -> Motion:
    """Lose balance, go down, stay down."""
    sink, lie = rng.uniform(0.55, 1.15), rng.uniform(1.0, 2.6)
    way = rng.uniform(0, 2 * np.pi)
    stand = stance(rng, place)
    buckle, curl = rng.uniform(10, 80), rng.uniform(0, 40)
    arms = rng.uniform(20, 95)
    lying = make_pose(
        pitch=np.cos(way) * rng.uniform(80, 92),
        roll=np.sin(way) * rng.uniform(80, 92),
        x=float(np.sin(way) * 0.35),
        z=float(np.cos(way) * 0.35),
        spine_pitch=curl * 0.4,
        left_hip_flex=curl + rng.uniform(-10, 25),
        right_hip_flex=curl + rng.uniform(-10, 25),
        left_knee=rng.uniform(5, 70),
        right_knee=rng.uniform(5, 70),
        left_shoulder_abduct=rng.uniform(5, arms),
        right_shoulder_abduct=rng.uniform(5, arms),
        left_shoulder_flex=rng.uniform(-10, 80),
        right_shoulder_flex=rng.uniform(-10, 80),
        elbow=rng.uniform(0, 70),
        neck_yaw=rng.uniform(-40, 40),
    )
    flail = make_pose(shoulder_abduct=arms * 0.9, elbow=20, knee=buckle, hip_flex=buckle * 0.5, spine_pitch=10)
    stir = wobble(rng)

    def pose_at(t: float) -> Pose:
        gone = min(t / sink, 1.0) ** 1.9  # gravity: slow, then fast
        middle = float(np.sin(np.pi * min(t / sink, 1.0)))
        upright = stand(min(t, sink))
        pose = upright + lying * gone + flail * middle * 0.8
        if t > sink:
            pose = pose + make_pose(neck_yaw=6 * stir(t), left_elbow=5 * stir(t + 3))
        return np.asarray(pose)

    return Motion("fall", float(sink + lie), pose_at)
