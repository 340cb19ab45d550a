"""Walking and running."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from footage.motions import Motion, Place, wobble
from footage.poses import Pose, ease, make_pose


def walk(rng: np.random.Generator, place: Place) -> Motion:
    """Walk to and fro."""
    return _stride(rng, place, "walk", rate=(0.75, 1.15), speed=(0.7, 1.6), reach=(22, 36), lift=(48, 64))


def run(rng: np.random.Generator, place: Place) -> Motion:
    """Run to and fro, or on the spot."""
    return _stride(rng, place, "run", rate=(1.3, 1.75), speed=(1.8, 3.6), reach=(36, 54), lift=(78, 112))


def _stride(
    rng: np.random.Generator,
    place: Place,
    label: str,
    *,
    rate: tuple[float, float],
    speed: tuple[float, float],
    reach: tuple[float, float],
    lift: tuple[float, float],
) -> Motion:
    running = label == "run"
    hertz, metres = rng.uniform(*rate), rng.uniform(*speed)
    if rng.random() < (0.3 if running else 0.12):
        metres = 0.0  # on the spot, or on a treadmill
    thigh, knee, phase = rng.uniform(*reach), rng.uniform(*lift), rng.uniform(0, 6.283)
    arm = rng.uniform(28, 52) if running else rng.uniform(14, 36)
    elbow = rng.uniform(75, 110) if running else rng.uniform(8, 32)
    lean = rng.uniform(6, 18) if running else rng.uniform(0, 6)
    if place.leaving:
        metres = max(metres, 0.7 if not running else 1.8)
    toward = metres > 0 and not place.leaving and abs(place.x) < place.half_width and rng.random() < 0.2
    path = _to_and_fro(rng, place, metres) if toward else _path(rng, place, metres)
    seconds = float(rng.uniform(2.4, 4.5))
    if place.leaving:
        seconds = next((t for t in np.arange(1.0, 12.0, 0.2) if abs(path(t)[0]) > 1.1 * place.half_width), 12.0)
    look = wobble(rng)

    def pose_at(t: float) -> Pose:
        turn = 6.283 * hertz * t + phase
        swing, other = float(np.sin(turn)), float(np.cos(turn))
        x, z, yaw = path(t)
        return make_pose(
            x=x,
            z=z,
            yaw=yaw,
            hop=(0.05 if running else 0.012) * abs(other),
            pitch=0.4 * lean,
            spine_pitch=lean,
            spine_twist=(9 if running else 6) * swing,
            neck_yaw=10 * look(t),
            left_hip_flex=thigh * swing + 0.5 * lean + (8 if running else 3),
            right_hip_flex=-thigh * swing + 0.5 * lean + (8 if running else 3),
            left_knee=6 + knee * max(0.0, other) ** 1.5 + (14 if running else 0),
            right_knee=6 + knee * max(0.0, -other) ** 1.5 + (14 if running else 0),
            hip_abduct=3,
            left_shoulder_flex=-arm * swing,
            right_shoulder_flex=arm * swing,
            shoulder_abduct=9,
            left_elbow=elbow - 0.3 * arm * swing,
            right_elbow=elbow + 0.3 * arm * swing,
        )

    return Motion(label, float(seconds), pose_at)


def _path(
    rng: np.random.Generator, place: Place, metres_per_second: float
) -> Callable[[float], tuple[float, float, float]]:
    """A line walked to and fro between the sides of the picture, with turns on the spot."""
    if metres_per_second == 0.0:
        yaw = float(rng.uniform(-180, 180))
        return lambda t: (place.x, place.z, yaw)
    side = float(rng.choice([90, -90]))
    if abs(place.x) > (1.0 if place.leaving else 0.5) * place.half_width:  # not into the wall, nor out of the picture
        side = -90.0 if place.x > 0 else 90.0
    heading = np.deg2rad(side + rng.uniform(-38, 38))
    limit = max(place.half_width * (1.3 if place.leaving else 0.7), 0.25)
    turn_seconds = 0.45

    def position(t: float) -> tuple[float, float, float]:
        x, way, seconds = place.x, 1.0 if np.sin(heading) > 0 else -1.0, t
        facing = float(np.rad2deg(heading))
        along = metres_per_second * abs(np.sin(heading))
        while True:
            reach = max((limit * way - x) * way, 0.0)
            if seconds * along <= reach:
                x += way * along * seconds
                return x, _depth(place, heading, x), facing
            seconds -= reach / along
            x += way * reach
            if seconds < turn_seconds:
                return x, _depth(place, heading, x), facing + 180 * ease(seconds / turn_seconds)
            seconds, way, facing = seconds - turn_seconds, -way, facing + 180

    return position


def _to_and_fro(
    rng: np.random.Generator, place: Place, metres_per_second: float
) -> Callable[[float], tuple[float, float, float]]:
    """A line walked towards the camera and away from it, with turns on the spot."""
    near, far = max(place.near, 0.3), -1.0
    towards = place.z < near - 0.5 and (place.z < far + 0.5 or bool(rng.random() < 0.5))
    turn_seconds = 0.6

    def position(t: float) -> tuple[float, float, float]:
        z, ahead, seconds, facing = place.z, towards, t, 0.0 if towards else 180.0
        while True:
            reach = max(near - z, 0.0) if ahead else max(z - far, 0.0)
            if seconds * metres_per_second <= reach:
                return place.x, z + (1 if ahead else -1) * metres_per_second * seconds, facing
            seconds -= reach / metres_per_second
            z = near if ahead else far
            if seconds < turn_seconds:
                return place.x, z, facing + 180 * ease(seconds / turn_seconds)
            seconds, ahead, facing = seconds - turn_seconds, not ahead, facing + 180

    return position


def _depth(place: Place, heading: float, x: float) -> float:
    slope = np.cos(heading) / np.sin(
        heading
    )  # never near zero: a heading is at most 38 degrees off the picture's plane
    return float(place.z * 0.5 + np.clip(slope * (x - place.x), -0.8, min(0.6, place.near)))
