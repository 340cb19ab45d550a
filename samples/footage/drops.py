"""Going down: bending for something, and falling."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from footage.motions import Motion, Place, stance, wobble
from footage.poses import INDEX, Pose, ease, make_pose


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


def fall(rng: np.random.Generator, place: Place, start: Callable[[float], Pose] | None = None) -> Motion:
    """Lose balance, go down to any side, perhaps to the knees first, stay down.

    Args:
        rng: Source of chance.
        place: Where it happens.
        start: What the person was doing, seconds from now; standing where not given.
    """
    sink, lie = rng.uniform(0.5, 1.1), rng.uniform(1.0, 3.2)
    way = rng.uniform(0, 2 * np.pi) if start is None or rng.random() < 0.5 else rng.normal(0, 0.5)
    knees_first = rng.random() < 0.25
    upright = start or stance(rng, place)
    buckle, curl = rng.uniform(85, 115) if knees_first else rng.uniform(10, 80), rng.uniform(0, 40)
    arms = rng.uniform(20, 95)
    yaw = np.deg2rad(place.yaw)
    forward, aside = np.cos(way) * 0.35, np.sin(way) * 0.35
    lying = make_pose(
        pitch=np.cos(way) * rng.uniform(80, 92),
        roll=np.sin(way) * rng.uniform(80, 92),
        x=float(aside * np.cos(yaw) + forward * np.sin(yaw)),
        z=float(forward * np.cos(yaw) - aside * np.sin(yaw)),
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
    bend_hips = 0.1 if knees_first else 0.5
    flail = make_pose(shoulder_abduct=arms * 0.9, elbow=20, knee=buckle, hip_flex=buckle * bend_hips, spine_pitch=10)
    stir = wobble(rng)
    # What the body was doing ends with the fall, but not where it was and which way it looked.
    fading = np.ones_like(lying)
    fading[[INDEX[name] for name in ("x", "z", "yaw")]] = 0.0

    def pose_at(t: float) -> Pose:
        share = min(t / sink, 1.0)
        gone = share ** (3.0 if knees_first else 1.9)  # gravity: slow, then fast
        middle = float(np.sin(np.pi * share))
        pose = upright(min(t, sink)) * (1 - 0.85 * gone * fading) + lying * gone + flail * middle * 0.8
        if t > sink:
            pose = pose + make_pose(neck_yaw=6 * stir(t), left_elbow=5 * stir(t + 3))
        return np.asarray(pose)

    return Motion("fall", float(sink + lie), pose_at)
