"""Standing about, sitting, getting up: what is called `idle`."""

from __future__ import annotations

import numpy as np

from footage.motions import Motion, Place, stance
from footage.poses import Pose, blend, ease, make_pose


def idle(rng: np.random.Generator, place: Place) -> Motion:
    """Stand: arms hanging, folded, on the hips, at the phone; now and then a small unrelated movement."""
    habits: tuple[dict[str, float], ...] = (
        {},
        {},
        {"shoulder_flex": 38, "elbow": 95, "shoulder_rotate": -62, "shoulder_abduct": -4},  # folded arms
        {"shoulder_abduct": 38, "elbow": 85, "shoulder_rotate": -75, "shoulder_flex": -18},  # hands on the hips
        {"right_shoulder_flex": 32, "right_elbow": 105, "right_shoulder_rotate": -25, "neck_pitch": 22},  # phone
        {"right_shoulder_flex": 25, "right_elbow": 130, "right_shoulder_abduct": 5},  # phone at the ear
        {"shoulder_flex": 18, "elbow": 62, "shoulder_rotate": -45},  # hands together
    )
    stand = stance(rng, place, **habits[rng.integers(len(habits))])
    fidget = _fidget(rng)
    begins, lasts = rng.uniform(0.3, 3.0), rng.uniform(0.7, 1.8)
    fidgets = rng.random() < 0.45

    def pose_at(t: float) -> Pose:
        pose = stand(t)
        if fidgets and begins < t < begins + lasts:
            pose = pose + fidget * np.sin(np.pi * (t - begins) / lasts)
        return np.asarray(pose)

    return Motion("idle", float(rng.uniform(2.0, 4.5)), pose_at)


def _fidget(rng: np.random.Generator) -> Pose:
    side = str(rng.choice(["left", "right"]))
    choices: tuple[dict[str, float], ...] = (
        {f"{side}_shoulder_flex": 55, f"{side}_elbow": 115},  # scratch the head
        {f"{side}_shoulder_flex": 35, f"{side}_elbow": 90},  # look at the watch
        {f"{side}_hip_flex": 25, f"{side}_knee": 40},  # shift the weight
        {"spine_twist": 35, "neck_yaw": 35},  # look behind
        {"spine_pitch": 14, "neck_pitch": 20},  # look down
        {f"{side}_shoulder_abduct": 30, f"{side}_elbow": 25},
        {"yaw": 50.0 if rng.random() < 0.5 else -50.0},
    )
    return make_pose(**choices[rng.integers(len(choices))])


def seated_legs(rng: np.random.Generator) -> Pose:
    """The angles that turn a standing pose into a sitting one."""
    lean = rng.uniform(-6, 8)
    return make_pose(hip_flex=86 + lean / 2, knee=rng.uniform(76, 96), pitch=lean, hip_abduct=rng.uniform(0, 8))


def get_up(rng: np.random.Generator, place: Place, lying: Pose) -> Motion:
    """Come back to one's feet after a fall; nothing to report: `idle`."""
    seconds = float(rng.uniform(1.5, 2.4))
    stand = stance(rng, place)
    kneel = stand(0.0) + make_pose(pitch=35, hip_flex=105, knee=115, spine_pitch=25, shoulder_flex=45)

    def pose_at(t: float) -> Pose:
        share = t / seconds
        if share < 0.5:
            return blend(lying, kneel, ease(share / 0.5))
        return blend(kneel, stand(t), ease((share - 0.5) / 0.5))

    return Motion("idle", seconds, pose_at)
