"""What is done with the arms: waving, clapping, boxing, jumping jacks."""

from __future__ import annotations

import numpy as np

from footage.motions import Motion, Place, stance
from footage.poses import Pose, make_pose


def wave(rng: np.random.Generator, place: Place) -> Motion:
    """Wave with one hand."""
    side = str(rng.choice(["left", "right"]))
    return _waving(rng, place, "wave", (side,))


def wave_both_hands(rng: np.random.Generator, place: Place) -> Motion:
    """Wave with both hands."""
    return _waving(rng, place, "wave-both-hands", ("left", "right"))


def _waving(rng: np.random.Generator, place: Place, label: str, sides: tuple[str, ...]) -> Motion:
    stand = stance(rng, place)
    hertz, phase = rng.uniform(1.1, 2.8), rng.uniform(0, 6.283)
    raised = rng.uniform(62, 165)  # the upper arm, sideways from hanging
    forward = rng.uniform(0, 40)
    folded = rng.uniform(70, 105) if raised < 85 else rng.uniform(25, 85) * (1 if raised < 120 else 0.5)
    swing = rng.uniform(16, 38)
    whole_arm = raised > 85 and rng.random() < 0.35  # swings from the shoulder, else from the elbow
    apart = float(rng.choice([0.0, np.pi])) if len(sides) == 2 else 0.0

    def pose_at(t: float) -> Pose:
        pose = stand(t)
        for number, side in enumerate(sides):
            beat = float(np.sin(6.283 * hertz * t + phase + number * apart))
            pose = pose + make_pose(
                **{
                    f"{side}_shoulder_abduct": raised - 8 + (0.75 * swing * beat if whole_arm else 4 * beat),
                    f"{side}_shoulder_rotate": 90 - forward,
                    f"{side}_elbow": folded * 0.6 if whole_arm else folded + swing * beat,
                }
            )
        return np.asarray(pose)

    return Motion(label, float(rng.uniform(2.0, 4.0)), pose_at)


def clap(rng: np.random.Generator, place: Place) -> Motion:
    """Clap in front of the chest, now and then above the head."""
    stand = stance(rng, place)
    hertz, phase = rng.uniform(1.4, 3.4), rng.uniform(0, 6.283)
    lift, fold = rng.uniform(28, 62), rng.uniform(62, 92)
    opening = rng.uniform(28, 55)
    closed = rng.uniform(-34, -28)
    if rng.random() < 0.2:  # above the head, where hands meet at other angles
        lift, fold, closed = rng.uniform(120, 150), rng.uniform(43, 49), rng.uniform(-53, -48)

    def pose_at(t: float) -> Pose:
        beat = 0.5 + 0.5 * float(np.sin(6.283 * hertz * t + phase))
        return np.asarray(
            stand(t)
            + make_pose(
                shoulder_flex=lift + 3 * beat,
                elbow=fold - 6 * beat,
                shoulder_rotate=closed + opening * beat,
                shoulder_abduct=-4 + 8 * beat,
            )
        )

    return Motion("clap", float(rng.uniform(2.0, 4.0)), pose_at)


def punch(rng: np.random.Generator, place: Place) -> Motion:
    """Box: from the guard, straight punches, alternating or with one hand."""
    stand = stance(rng, place)
    hertz, phase = rng.uniform(1.0, 1.9), rng.uniform(0, 1)
    only = int(rng.integers(0, 4))  # 0 left only, 1 right only, else alternating
    reach, guard = rng.uniform(74, 94), rng.uniform(105, 135)
    twist, crouch, step = rng.uniform(8, 26), rng.uniform(4, 24), rng.uniform(5, 20)

    def pose_at(t: float) -> Pose:
        beat = hertz * t + phase
        blow = float(np.sin(np.pi * min((beat % 1.0) / 0.62, 1.0))) ** 1.4
        side = only if only < 2 else int(beat) % 2
        out = (blow, 0.0) if side == 0 else (0.0, blow)
        values = {
            "hip_flex": crouch,
            "knee": crouch * 1.7,
            "left_hip_flex": step,
            "right_hip_flex": -step,
            "spine_twist": -twist * out[0] + twist * out[1],
            "spine_pitch": 5 + 4 * blow,
        }
        for name, share in zip(("left", "right"), out, strict=True):
            values[f"{name}_shoulder_flex"] = 34 + (reach - 34) * share
            values[f"{name}_elbow"] = guard + (4 - guard) * share - 10
            values[f"{name}_shoulder_rotate"] = -16 + 12 * share
        return np.asarray(stand(t) + make_pose(**values))

    return Motion("punch", float(rng.uniform(2.0, 4.0)), pose_at)


def jumping_jack(rng: np.random.Generator, place: Place) -> Motion:
    """Jump with legs and arms going out together."""
    stand = stance(rng, place)
    hertz, phase = rng.uniform(0.75, 1.3), rng.uniform(0, 6.283)
    arms, legs, hop = rng.uniform(125, 172), rng.uniform(15, 30), rng.uniform(0.04, 0.14)
    bent = rng.uniform(0, 30)

    def pose_at(t: float) -> Pose:
        turn = 6.283 * hertz * t + phase
        out = 0.5 - 0.5 * float(np.cos(turn))
        return np.asarray(
            stand(t)
            + make_pose(
                hop=hop * abs(float(np.sin(turn))),
                shoulder_abduct=arms * out - 6,
                elbow=bent * (1 - out),
                shoulder_rotate=-60,
                hip_abduct=legs * out - 3,
                knee=14 * (1 - abs(float(np.sin(turn)))),
                hip_flex=7 * (1 - abs(float(np.sin(turn)))),
            )
        )

    return Motion("jumping-jack", float(rng.uniform(2.6, 4.5)), pose_at)
