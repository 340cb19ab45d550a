"""Lying down slowly, lying, sleeping, getting up: `idle`, because nobody falls."""

from __future__ import annotations

import numpy as np

from footage.motions import Motion, Place, Rest, stance, wobble
from footage.poses import INDEX, Pose, blend, ease, make_pose

_BED_METRES = 0.45


def lie(rng: np.random.Generator, place: Place) -> Motion:
    """Lie in bed or on the floor, and stir now and then."""
    kind = "bed" if rng.random() < 0.65 else "floor"
    lying, stir = _lying(rng, place, kind), wobble(rng)
    restless = rng.uniform(0, 1)

    def pose_at(t: float) -> Pose:
        return np.asarray(
            lying + restless * make_pose(neck_yaw=8 * stir(t), left_elbow=9 * stir(t + 3), right_knee=5 * stir(t + 5))
        )

    return Motion("idle", float(rng.uniform(3.0, 6.0)), pose_at, Rest(kind, lying))


def lie_a_while(rng: np.random.Generator, place: Place) -> Motion:
    """Lie down slowly, by way of sitting, stay, and get up again."""
    down, stay, up = rng.uniform(2.6, 4.5), rng.uniform(1.5, 4.0), rng.uniform(2.2, 4.0)
    kind = "bed" if rng.random() < 0.5 else "floor"
    stand, lying, stir = stance(rng, place), _lying(rng, place, kind), wobble(rng)
    sitting = make_pose(x=place.x, z=place.z, yaw=place.yaw, pitch=-12, hip_flex=88, shoulder_flex=15, elbow=20,
                        knee=85 if kind == "bed" else 20)  # fmt: skip
    first = float(rng.uniform(0.45, 0.6))

    def pose_at(t: float) -> Pose:
        share = min(t / down, (down + stay + up - t) / up, 1.0)
        if share < first:
            return blend(stand(t), sitting, ease(share / first))
        still = lying + make_pose(neck_yaw=6 * stir(t))
        return blend(sitting, still, ease((share - first) / (1 - first)))

    return Motion("idle", float(down + stay + up), pose_at, Rest(kind, lying))


def _lying(rng: np.random.Generator, place: Place, kind: str) -> Pose:
    """A body at rest: on the back, a side or the belly."""
    pitch, roll = ((-88, 0), (-88, 0), (-20, 86), (-20, -86), (86, 0))[rng.integers(5)]
    curl = rng.uniform(0, 60) if roll else rng.uniform(0, 25)
    pose = make_pose(
        x=place.x,
        z=place.z,
        yaw=place.yaw + rng.uniform(-50, 50),
        pitch=pitch,
        roll=roll,
        left_hip_flex=curl + rng.uniform(0, 15),
        right_hip_flex=curl + rng.uniform(0, 15),
        left_knee=curl * 1.2 + rng.uniform(0, 25),
        right_knee=curl * 1.2 + rng.uniform(0, 25),
        left_shoulder_abduct=rng.uniform(5, 50),
        right_shoulder_abduct=rng.uniform(5, 50),
        left_elbow=rng.uniform(5, 95),
        right_elbow=rng.uniform(5, 95),
        shoulder_rotate=-40,
        hip_abduct=5,
        neck_pitch=12 if pitch < 0 else -10,
    )
    pose[INDEX["hop"]] = _BED_METRES if kind == "bed" else 0.0
    return pose
