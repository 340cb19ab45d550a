"""The camera that looks at a scene: framing, perspective, shake."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from footage.skeleton import Vector, rotate_x, rotate_z

FRAMINGS = ("far", "whole", "knees", "waist")


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

    @property
    def eye(self) -> Vector:
        """Where the camera is, metres `[3]`."""
        return np.array([0.0, self.height, self.distance])

    def enlarged(self, times: int) -> Camera:
        """The same view with `times` as many pixels along each side."""
        return replace(
            self,
            size_wh=(self.size_wh[0] * times, self.size_wh[1] * times),
            focal_pixels=self.focal_pixels * times,
            shake_pixels=self.shake_pixels * times,
            drift_pixels=self.drift_pixels * times,
        )

    def rays(self, margin: int) -> NDArray[np.float32]:
        """Directions in which pixels look, metres per metre of depth: `[height + 2 margin, width + 2 margin, 3]`."""
        columns = np.arange(-margin, self.size_wh[0] + margin) + 0.5 - self.size_wh[0] / 2
        rows = np.arange(-margin, self.size_wh[1] + margin) + 0.5 - self.size_wh[1] / 2
        across, down = np.meshgrid(columns / self.focal_pixels, rows / self.focal_pixels)
        view = np.stack([across, -down, np.ones_like(across)], axis=2)
        turned = view @ rotate_z(self.tilt) @ rotate_x(-self.pitch)
        return np.asarray(turned * np.array([1.0, 1.0, -1.0]), np.float32)

    def project(self, points: Vector) -> tuple[Vector, Vector]:
        """Project points `[n, 3]` (metres) to pixels `[n, 2]` and depths `[n]` (metres)."""
        view = (points - self.eye) @ np.diag([1.0, 1.0, -1.0])
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
        framing: `"far"` away, `"whole"` body, down to the `"knees"`, or to the `"waist"`.
        person_height: Height of the person, metres.
    """
    degrees = (34.0, 58.0)
    if framing == "waist":
        visible, aim, down = rng.uniform(0.62, 0.90), rng.uniform(0.74, 0.82), rng.uniform(-6, 12)
    elif framing == "knees":
        visible, aim, down = rng.uniform(0.95, 1.15), rng.uniform(0.58, 0.68), rng.uniform(-6, 20)
    else:
        visible, aim = rng.uniform(2.1, 3.8) if framing == "far" else rng.uniform(1.25, 2.1), rng.uniform(0.44, 0.58)
        down = rng.uniform(-4, 16)
        degrees = (38.0, 68.0)
    field = np.deg2rad(rng.uniform(*degrees))
    distance = visible * person_height / (2 * np.tan(field / 2))
    aim_height = aim * person_height
    height = aim_height + distance * np.tan(np.deg2rad(down))
    if framing in ("far", "whole") and rng.random() < 0.3:  # under the ceiling, where cameras in rooms often hang
        height = min(rng.uniform(2.0, 3.0), aim_height + distance * np.tan(np.deg2rad(42)))
    shaky = rng.random()
    scale = size_wh[1] / 120
    return Camera(
        size_wh=size_wh,
        distance=float(distance),
        height=float(np.clip(height, 0.3, 3.2)),
        aim_height=float(aim_height),
        focal_pixels=float(size_wh[1] / (2 * np.tan(field / 2))),
        tilt=float(np.deg2rad(rng.normal(0, 1.5))),
        shake_pixels=float(scale * (0.0 if shaky < 0.45 else rng.uniform(0.1, 1.2))),
        drift_pixels=float(scale * (0.0 if shaky < 0.6 else rng.uniform(0.5, 5.0))),
        shake_phase=float(rng.uniform(0, 100)),
    )
