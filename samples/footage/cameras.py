"""The camera that looks at a scene: framing, perspective, shake."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from footage.skeleton import Vector, rotate_x, rotate_z

FRAMINGS = ("whole", "knees", "waist")


@dataclass(frozen=True, slots=True)
class Camera:
    """A pinhole camera in front of the scene's origin, looking towards -z.

    `shake_pixels` and `drift_pixels` move the picture as a hand or a loose mount does.
    """

    size_wh: tuple[int, int]
    distance: float
    height: float
    aim_height: float
    focal_pixels: float
    tilt: float
    shake_pixels: float
    drift_pixels: float
    shake_phase: float

    @property
    def pitch(self) -> float:
        """Angle by which the camera looks down, radians."""
        return float(np.arctan2(self.height - self.aim_height, self.distance))

    @property
    def half_width(self) -> float:
        """Half of what is visible sideways at the origin, metres."""
        return self.distance * self.size_wh[0] / (2 * self.focal_pixels)

    def project(self, points: Vector) -> tuple[Vector, Vector]:
        """Project points `[n, 3]` (metres) to pixels `[n, 2]` and depths `[n]` (metres)."""
        view = (points - np.array([0.0, self.height, self.distance])) @ np.diag([1.0, 1.0, -1.0])
        view = view @ rotate_x(-self.pitch).T @ rotate_z(self.tilt).T
        depth = np.maximum(view[:, 2], 0.15)
        column = self.size_wh[0] / 2 + self.focal_pixels * view[:, 0] / depth
        row = self.size_wh[1] / 2 - self.focal_pixels * view[:, 1] / depth
        return np.stack([column, row], axis=1), view[:, 2]

    def shake(self, seconds: float) -> tuple[float, float]:
        """Give the picture's displacement in pixels at a time."""
        angle = self.shake_phase + seconds
        fast_x = np.sin(7.3 * angle) + np.sin(11.9 * angle + 1.3) + 0.6 * np.sin(23.0 * angle)
        fast_y = np.sin(8.7 * angle + 0.4) + np.sin(13.1 * angle) + 0.6 * np.sin(26.0 * angle + 2.0)
        slow = self.drift_pixels * np.sin(0.35 * angle)
        return self.shake_pixels * fast_x / 2 + slow, self.shake_pixels * fast_y / 2 + slow / 3


def draw_camera(rng: np.random.Generator, *, size_wh: tuple[int, int], framing: str, person_height: float) -> Camera:
    """Place a camera so that the person fills the picture as `framing` says.

    Args:
        rng: Source of chance.
        size_wh: Picture size in pixels.
        framing: `"whole"` body, down to the `"knees"`, or to the `"waist"`.
        person_height: Height of the person, metres.
    """
    if framing == "waist":
        visible, aim = rng.uniform(0.62, 0.90), rng.uniform(0.74, 0.82)
    elif framing == "knees":
        visible, aim = rng.uniform(0.95, 1.15), rng.uniform(0.58, 0.68)
    else:
        visible, aim = rng.uniform(1.25, 2.1), rng.uniform(0.44, 0.58)
    field = np.deg2rad(rng.uniform(34, 58))
    distance = visible * person_height / (2 * np.tan(field / 2))
    aim_height = aim * person_height
    height = aim_height + distance * np.tan(np.deg2rad(rng.uniform(-6, 26 if framing != "waist" else 12)))
    shaky = rng.random()
    scale = size_wh[1] / 120
    return Camera(
        size_wh=size_wh,
        distance=float(distance),
        height=float(max(height, 0.3)),
        aim_height=float(aim_height),
        focal_pixels=float(size_wh[1] / (2 * np.tan(field / 2))),
        tilt=float(np.deg2rad(rng.normal(0, 1.5))),
        shake_pixels=float(scale * (0.0 if shaky < 0.45 else rng.uniform(0.1, 1.2))),
        drift_pixels=float(scale * (0.0 if shaky < 0.6 else rng.uniform(0.5, 5.0))),
        shake_phase=float(rng.uniform(0, 100)),
    )
