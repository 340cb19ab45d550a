"""Sitting: on a chair all the time, or sitting down and standing up again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from footage.activities import draw_activity
from footage.motions import Motion, Place, Rest, stance
from footage.poses import Pose, ease, make_pose

_THIGH, _SHIN = 0.43, 0.41  # of a body of average height, metres


def draw_seat(rng: np.random.Generator) -> str:
    """Draw what somebody sits on."""
    return str(rng.choice(["chair", "stool", "sofa", "desk"], p=[0.35, 0.1, 0.25, 0.3]))


def seated_legs(rng: np.random.Generator) -> Pose:
    """The angles that turn a standing pose into a sitting one."""
    lean = rng.uniform(-8, 8)
    return make_pose(hip_flex=86 + lean / 2, knee=rng.uniform(72, 98), pitch=lean, hip_abduct=rng.uniform(0, 8))


def sit(rng: np.random.Generator, place: Place) -> Motion:
    """Stay seated and read, write, phone, drink, stretch, tie a shoe: `idle`. The legs are not bent yet."""
    upright, activity = stance(rng, place), draw_activity(rng, seated=True)
    return Motion("idle", float(rng.uniform(2.0, 4.5)), lambda t: np.asarray(upright(t) + activity(t)))


def on_seat(motion: Motion, legs: Pose, kind: str) -> Motion:
    """The same motion done by somebody who sits."""
    return Motion(
        motion.label,
        motion.seconds,
        lambda t: np.asarray(motion.pose_at(t) + legs),
        Rest(kind, np.asarray(motion.pose_at(0.0) + legs)),
    )


@dataclass(frozen=True, slots=True)
class Descent:
    """How somebody sits down on what is behind, feet where they are; angles in degrees."""

    place: Place
    thigh: float
    tuck: float
    pitch: float
    lean: float
    arms: float

    def lowered(self, share: float) -> Pose:
        """What is added to a standing pose when somebody has sat down as far as `share` says, 0..1."""
        pitch = self.pitch * share + self.lean * float(np.sin(np.pi * share))
        thigh, knee = self.thigh * share, (self.thigh + self.tuck) * share
        behind = float(_THIGH * np.sin(np.deg2rad(thigh)) + _SHIN * np.sin(np.deg2rad(thigh - knee)))
        yaw = np.deg2rad(self.place.yaw)
        return make_pose(
            pitch=pitch,
            hip_flex=thigh + pitch,
            knee=knee,
            shoulder_flex=self.arms * share,
            elbow=self.arms * share,
            x=-behind * float(np.sin(yaw)),
            z=-behind * float(np.cos(yaw)),
        )

    def rest(self, kind: str) -> Rest:
        """The seat that is sat down on."""
        place = self.place
        return Rest(kind, np.asarray(make_pose(x=place.x, z=place.z, yaw=place.yaw) + self.lowered(1.0)))


def draw_descent(rng: np.random.Generator, place: Place) -> Descent:
    """Draw a way to sit down."""
    return Descent(
        place=place,
        thigh=float(rng.uniform(80, 92)),
        tuck=float(rng.uniform(-8, 15)),
        pitch=float(rng.uniform(-6, 10)),
        lean=float(rng.uniform(15, 35)),
        arms=float(rng.uniform(10, 40)),
    )


def sit_a_while(rng: np.random.Generator, place: Place) -> Motion:
    """Sit down, do something, stand up: `idle`."""
    down, stay, up = rng.uniform(1.5, 2.6), rng.uniform(1.5, 4.0), rng.uniform(1.4, 2.4)
    descent, kind = draw_descent(rng, place), draw_seat(rng)
    stand, activity = stance(rng, place), draw_activity(rng, seated=True)

    def pose_at(t: float) -> Pose:
        share = ease(t / down) * ease((down + stay + up - t) / up)
        pose = stand(t) + descent.lowered(share)
        if down < t < down + stay:
            edge = min(t - down, down + stay - t)
            pose = pose + activity(t - down) * ease(edge / 0.4)
        return np.asarray(pose)

    return Motion("idle", float(down + stay + up), pose_at, descent.rest(kind))
