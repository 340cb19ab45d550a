"""Painting capsules as shaded limbs, far ones first."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from footage.cameras import Camera
from footage.people import Capsule, Colour

Canvas = NDArray[np.uint8]

_FRACTION_BITS = 4
#: Each limb is painted three times, smaller and lighter: (share of the radius, brightness, push towards the light).
_SHADES = ((1.0, 0.62, 0.0), (0.82, 0.92, 0.10), (0.42, 1.12, 0.28))


def draw_capsules(
    canvas: Canvas,
    capsules: list[Capsule],
    camera: Camera,
    *,
    light: tuple[float, float],
    offset_xy: tuple[float, float],
) -> None:
    """Paint capsules onto `canvas` in place, the farthest first.

    Args:
        canvas: uint8 BGR `[height, width, 3]`.
        capsules: Limbs in metres.
        camera: Camera that projects the limbs.
        light: Direction of the light in the picture (columns, rows), length about 1.
        offset_xy: Displacement by the camera's shake, pixels.
    """
    ends = np.array([end for limb in capsules for end in (limb.start, limb.end)])
    pixels, depths = camera.project(ends)
    pixels = pixels + np.asarray(offset_xy)
    order = np.argsort(-(depths[0::2] + depths[1::2]))
    for number in order:
        near = min(depths[2 * number], depths[2 * number + 1])
        if near < 0.2:
            continue
        limb = capsules[number]
        radii = (
            camera.focal_pixels * limb.start_radius / depths[2 * number],
            camera.focal_pixels * limb.end_radius / depths[2 * number + 1],
        )
        _draw_limb(canvas, pixels[2 * number], pixels[2 * number + 1], radii, limb.colour, light)


def draw_shadow(
    canvas: Canvas, feet: NDArray[np.float64], camera: Camera, *, strength: float, offset_xy: tuple[float, float]
) -> None:
    """Darken the floor under a body.

    Args:
        canvas: uint8 BGR `[height, width, 3]`, changed in place.
        feet: Joints set down on the floor, metres `[n, 3]`; the shadow covers them.
        camera: Camera that projects the limbs.
        strength: 0 no shadow … 1 black.
        offset_xy: Displacement by the camera's shake, pixels.
    """
    low, high = feet.min(axis=0), feet.max(axis=0)
    middle = (low + high) / 2
    corners = np.array(
        [
            [low[0] - 0.1, 0, middle[2]],
            [high[0] + 0.1, 0, middle[2]],
            [middle[0], 0, low[2] - 0.12],
            [middle[0], 0, high[2] + 0.12],
        ]
    )
    pixels, depths = camera.project(corners)
    if depths.min() < 0.3:
        return
    pixels = pixels + np.asarray(offset_xy)
    centre = pixels.mean(axis=0)
    half = (abs(pixels[1, 0] - pixels[0, 0]) / 2 + 1, abs(pixels[3, 1] - pixels[2, 1]) / 2 + 1)
    left, top = np.floor(centre - np.array(half) - 2).astype(int)
    right, bottom = np.ceil(centre + np.array(half) + 2).astype(int)
    left, top = max(left, 0), max(top, 0)
    region = canvas[top : max(bottom, 0), left : max(right, 0)]
    if region.size == 0:
        return
    mask = np.zeros(region.shape[:2], np.uint8)
    axes = (max(int(half[0]), 1), max(int(half[1]), 1))
    cv2.ellipse(
        mask, (int(centre[0]) - left, int(centre[1]) - top), axes, 0, 0, 360, int(255 * strength), -1, cv2.LINE_AA
    )
    region[:] = (region * (1.0 - mask[:, :, None] / 255.0)).astype(np.uint8)


def _draw_limb(
    canvas: Canvas,
    start: NDArray[np.float64],
    end: NDArray[np.float64],
    radii: tuple[float, float],
    colour: Colour,
    light: tuple[float, float],
) -> None:
    for share, brightness, push in _SHADES:
        if share < 1.0 and max(radii) < 1.2:
            break
        shift = np.array(light) * push * max(radii)
        shade = tuple(min(channel * brightness, 255.0) for channel in colour)
        _fill_capsule(canvas, start + shift, end + shift, (radii[0] * share, radii[1] * share), shade)


def _fill_capsule(
    canvas: Canvas,
    start: NDArray[np.float64],
    end: NDArray[np.float64],
    radii: tuple[float, float],
    colour: tuple[float, ...],
) -> None:
    scale = 1 << _FRACTION_BITS
    along = end - start
    length = float(np.hypot(*along))
    for centre, radius in ((start, radii[0]), (end, radii[1])):
        place = np.clip(centre * scale, -30000, 30000).astype(int)
        cv2.circle(
            canvas, (int(place[0]), int(place[1])), max(int(radius * scale), 8), colour, -1, cv2.LINE_AA, _FRACTION_BITS
        )
    if length > 0.3:
        normal = np.array([-along[1], along[0]]) / length
        corners = np.array(
            [start + normal * radii[0], end + normal * radii[1], end - normal * radii[1], start - normal * radii[0]]
        )
        points = np.clip(np.round(corners * scale), -30000, 30000).astype(np.int32)
        cv2.fillConvexPoly(canvas, points, colour, cv2.LINE_AA, _FRACTION_BITS)
