"""Going down: bending for something, and falling."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class _Manner:
    """How legs give way in a fall.

    Attributes:
        share: In which share of falls.
        knees: Least and most degrees that the knees bend on the way.
        hips: How far the hips bend, as a share of that.
        spine: Degrees that the back bends.
        power: Of the time, with which one goes down: 2 is gravity from the start.
        sits: Share of these falls that end sitting.
    """

    share: float
    knees: tuple[float, float]
    hips: float
    spine: float
    power: float
    sits: float = 0.0


_OUTRIGHT = _Manner(0.5, (10, 80), hips=0.5, spine=10, power=2.0)
_TO_THE_KNEES = _Manner(0.22, (85, 115), hips=0.1, spine=10, power=3.0)
_INTO_A_SQUAT = _Manner(0.28, (105, 130), hips=0.9, spine=30, power=2.6, sits=0.4)
_MANNERS = (_OUTRIGHT, _TO_THE_KNEES, _INTO_A_SQUAT)


def fall(rng: np.random.Generator, place: Place, start: Callable[[float], Pose] | None = None) -> Motion:
    """Lose balance, go down to any side, perhaps to the knees or into a squat first, stay lying or sitting.

    Args:
        rng: Source of chance.
        place: Where it happens.
        start: What the person was doing, seconds from now; standing where not given.
    """
    manner = _MANNERS[rng.choice(len(_MANNERS), p=[manner.share for manner in _MANNERS])]
    sink, stay = rng.uniform(0.5, 1.1) * manner.power / 2, rng.uniform(1.0, 3.2)
    way = rng.uniform(0, 2 * np.pi) if start is None or rng.random() < 0.5 else rng.normal(0, 0.5)
    upright = start or stance(rng, place)
    arms, buckle = rng.uniform(20, 95), rng.uniform(*manner.knees)
    down = _slumped(rng) if rng.random() < manner.sits else _lying(rng, place, way, arms)
    flail = make_pose(
        shoulder_abduct=arms * 0.9, elbow=20, knee=buckle, hip_flex=buckle * manner.hips, spine_pitch=manner.spine
    )
    stir = wobble(rng)
    # What the body was doing ends with the fall, but not where it was and which way it looked.
    fading = np.ones_like(down)
    fading[[INDEX[name] for name in ("x", "z", "yaw")]] = 0.0

    def pose_at(t: float) -> Pose:
        share = min(t / sink, 1.0)
        gone = share**manner.power  # gravity: slow, then fast
        middle = float(np.sin(np.pi * share))
        pose = upright(min(t, sink)) * (1 - 0.85 * gone * fading) + down * gone + flail * middle * 0.8
        if t > sink:
            pose = pose + make_pose(neck_yaw=6 * stir(t), left_elbow=5 * stir(t + 3))
        return np.asarray(pose)

    return Motion("fall", float(sink + stay), pose_at)


def _lying(rng: np.random.Generator, place: Place, way: float, arms: float) -> Pose:
    """How somebody lies who fell to the side `way`, radians from the front, arms up to `arms` degrees from the body."""
    curl, yaw = rng.uniform(0, 40), np.deg2rad(place.yaw)
    forward, aside = np.cos(way) * 0.35, np.sin(way) * 0.35
    prone = np.cos(way) > 0.4  # then arms lie along the body or beyond the head: they do not hold it up

    def flex() -> float:
        if not prone:
            return float(rng.uniform(-10, 80))
        return float(rng.uniform(-15, 10) if rng.random() < 0.5 else rng.uniform(125, 175))

    return make_pose(
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
        left_shoulder_flex=flex(),
        right_shoulder_flex=flex(),
        elbow=rng.uniform(0, 25 if prone else 70),
        neck_yaw=rng.uniform(-40, 40),
    )


def _slumped(rng: np.random.Generator) -> Pose:
    """How somebody sits on the floor whose legs gave way: leaning back or hunched, the head hanging."""
    lean, hunch = rng.uniform(-40, 15), rng.uniform(0, 45)
    return make_pose(
        pitch=lean,
        spine_pitch=hunch,
        spine_roll=rng.uniform(-20, 20),
        neck_pitch=rng.uniform(0, 35),
        left_hip_flex=75 + lean + rng.uniform(0, 40),
        right_hip_flex=75 + lean + rng.uniform(0, 40),
        left_knee=rng.uniform(10, 110),
        right_knee=rng.uniform(10, 110),
        hip_abduct=rng.uniform(0, 35),
        left_shoulder_flex=rng.uniform(-45, 40),
        right_shoulder_flex=rng.uniform(-45, 40),
        shoulder_abduct=rng.uniform(0, 35),
        elbow=rng.uniform(0, 60),
    )
