"""What a motion is, and what all motions share.

A motion is made for one performance: `rng` fixes its speed, amplitude, phase and habits, and what comes back is a pure
function of time. All angles are degrees until `make_pose` turns them into radians.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from footage.poses import Pose, make_pose

LABELS = ("idle", "walk", "run", "wave", "wave-both-hands", "clap", "punch", "jumping-jack", "bend", "fall")
BACKGROUND = "idle"
#: What takes people from one place to another.
STRIDES = ("walk", "run")
#: What a picture cut off at the waist still shows.
UPPER_BODY = ("idle", "wave", "wave-both-hands", "clap", "punch")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a motion begins: metres on the floor and degrees of yaw.

    One may stray `half_width` metres to either side and come as near as z = `near`. `leaving` is for those who walk
    out of the picture, `can_rest` for those who may find something to sit or lie on.
    """

    x: float = 0.0
    z: float = 0.0
    yaw: float = 0.0
    half_width: float = 1.5
    near: float = 0.5
    leaving: bool = False
    can_rest: bool = False


@dataclass(frozen=True, slots=True)
class Rest:
    """Something to rest on: a kind of furniture (see `furniture.under`) and the pose of who rests on it."""

    kind: str
    pose: Pose


@dataclass(frozen=True, slots=True)
class Motion:
    """A performance of a label: its label, how long it lasts, the pose at each moment of it, what it needs."""

    label: str
    seconds: float
    pose_at: Callable[[float], Pose]
    rest: Rest | None = None


def wobble(rng: np.random.Generator) -> Callable[[float], float]:
    """A slow irregular swing in -1..1."""
    rates, phases = rng.uniform(0.25, 1.3, 3), rng.uniform(0, 6.3, 3)
    return lambda t: float(np.sin(rates * 6.283 * t + phases) @ np.array([0.5, 0.3, 0.2]))


def stance(rng: np.random.Generator, place: Place, **values: float) -> Callable[[float], Pose]:
    """A standing body that sways a little; `values` are added to it."""
    sway, lean, look = wobble(rng), wobble(rng), wobble(rng)
    size = rng.uniform(0.3, 1.0)
    spread = rng.uniform(2, 11)
    loose = rng.uniform(4, 16)

    def pose_at(t: float) -> Pose:
        pose = make_pose(
            x=place.x,
            z=place.z,
            yaw=place.yaw + 2 * sway(t),
            roll=1.2 * size * sway(t),
            spine_pitch=3 + 3 * size * lean(t),
            spine_roll=1.5 * size * lean(t),
            neck_yaw=14 * size * look(t),
            neck_pitch=5 + 4 * size * lean(t),
            hip_abduct=spread,
            shoulder_abduct=loose,
            elbow=loose + 4 * size * sway(t),
        )
        return np.asarray(pose + make_pose(**values))

    return pose_at
