"""Painting solids with soft shading, far ones first, and their shadow on the floor."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from footage.cameras import Camera
from footage.colours import Colour, lit
from footage.solids import Box, Mark, Solid

Canvas = NDArray[np.uint8]
Vector = NDArray[np.float64]

_FRACTION_BITS = 4
_NEAREST = 0.2  # metres from the camera; what is nearer is not drawn
#: A solid is painted several times, smaller and lighter: (share of the size, brightness, push towards the light).
_SHADES = ((1.0, 0.74, 0.0), (0.88, 0.83, 0.06), (0.72, 0.92, 0.13), (0.52, 1.0, 0.2), (0.3, 1.06, 0.27))
_CIRCLE = np.stack([np.cos(np.linspace(0, 2 * np.pi, 14)[:-1]), np.sin(np.linspace(0, 2 * np.pi, 14)[:-1])], axis=1)


def draw_solids(
    canvas: Canvas,
    solids: list[Solid],
    camera: Camera,
    *,
    light: tuple[float, float],
    offset_xy: tuple[float, float],
) -> None:
    """Paint solids onto `canvas` in place, the farthest first.

    Args:
        canvas: uint8 BGR `[height, width, 3]`.
        solids: Solids in metres.
        camera: Camera that projects them.
        light: Direction of the light in the picture (columns, rows), length about 1.
        offset_xy: Displacement by the camera's shake, pixels.
    """
    pixels, depths = camera.project(np.concatenate([solid.centres for solid in solids]))
    pixels = pixels + np.asarray(offset_xy)
    borders = np.cumsum([0, *(len(solid.radii) for solid in solids)])
    spans = [slice(first, last) for first, last in pairwise(borders)]
    for number in np.argsort([-float(depths[span].mean()) for span in spans]):
        solid, span = solids[number], spans[number]
        if depths[span].min() < _NEAREST:
            continue
        _shade(canvas, pixels[span], camera.focal_pixels * solid.radii / depths[span], solid.colour, light)
        for mark in solid.marks:
            _draw_mark(canvas, mark, camera, light, offset_xy)


def draw_boxes(canvas: Canvas, boxes: list[Box], camera: Camera, *, offset_xy: tuple[float, float]) -> None:
    """Paint boxes onto `canvas` in place, the farthest first: tops light, fronts and sides darker."""
    for box in sorted(boxes, key=lambda box: -float(np.linalg.norm(box.middle - camera.eye))):
        low, top = box.corner, box.corner + box.up
        faces = (
            (low, box.across, box.up, -box.deep, 0.94),
            (low + box.deep, box.across, box.up, box.deep, 0.86),
            (low, box.deep, box.up, -box.across, 0.8),
            (low + box.across, box.deep, box.up, box.across, 0.72),
            (top, box.across, box.deep, box.up, 1.1),
            (low, box.across, box.deep, -box.up, 0.5),
        )
        for corner, first, second, outwards, brightness in faces:
            if (camera.eye - corner) @ outwards > 0:
                fill(canvas, camera, np.stack([corner, corner + first, corner + first + second, corner + second]),
                     lit(box.colour, brightness), offset_xy)  # fmt: skip


def fill(canvas: Canvas, camera: Camera, corners: Vector, colour: Colour, offset_xy: tuple[float, float]) -> None:
    """Fill a convex polygon with corners `[n, 3]` in metres; one that comes too near to the camera is left out."""
    pixels, depths = camera.project(corners)
    if depths.min() >= _NEAREST:
        cv2.fillConvexPoly(canvas, _fixed(pixels + np.asarray(offset_xy)), colour, cv2.LINE_AA, _FRACTION_BITS)


def draw_shadow(
    canvas: Canvas, feet: Vector, camera: Camera, *, strength: float, offset_xy: tuple[float, float]
) -> None:
    """Darken the floor under a body.

    Args:
        canvas: uint8 BGR `[height, width, 3]`, changed in place.
        feet: Joints set down on the floor, metres `[n, 3]`; the shadow covers them.
        camera: Camera that projects the limbs.
        strength: 0 no shadow … 1 black.
        offset_xy: Displacement by the camera's shake, pixels.
    """
    outline = (feet[:, None, :] + 0.13 * np.stack([_CIRCLE[:, 0], 0 * _CIRCLE[:, 0], _CIRCLE[:, 1]], axis=1)).reshape(
        -1, 3
    )
    outline[:, 1] = feet[:, 1].min() - 0.02
    pixels, depths = camera.project(outline)
    if depths.min() < _NEAREST:
        return
    pixels = pixels + np.asarray(offset_xy)
    left, top = np.maximum(np.floor(pixels.min(axis=0) - 6).astype(int), 0)
    right, bottom = np.maximum(np.ceil(pixels.max(axis=0) + 6).astype(int), 0)
    region = canvas[top:bottom, left:right]
    if region.size == 0:
        return
    mask = np.zeros(region.shape[:2], np.uint8)
    hull = cv2.convexHull((pixels - (left, top)).astype(np.float32))[:, 0]
    cv2.fillConvexPoly(mask, _fixed(hull), int(255 * strength), cv2.LINE_AA, _FRACTION_BITS)
    soft = cv2.blur(mask, (9, 5))
    region[:] = (region * (1.0 - soft[:, :, None] / 255.0)).astype(np.uint8)


def _shade(canvas: Canvas, centres: Vector, radii: Vector, colour: Colour, light: tuple[float, float]) -> None:
    largest = float(radii.max())
    middle = centres.mean(axis=0)
    for share, brightness, push in _SHADES:
        if share < 1.0 and largest * share < 0.8:
            break
        shrunk = middle + (centres - middle) * (0.55 + 0.45 * share) + np.array(light) * push * largest
        _fill_hull(canvas, shrunk, radii * share, lit(colour, brightness))


def _draw_mark(
    canvas: Canvas, mark: Mark, camera: Camera, light: tuple[float, float], offset_xy: tuple[float, float]
) -> None:
    if mark.normal is not None:
        away = camera.eye - mark.points[0]
        if mark.normal @ away < 0.12 * np.linalg.norm(away):
            return
    pixels, depths = camera.project(mark.points)
    radii = camera.focal_pixels * mark.radius / np.maximum(depths, _NEAREST)
    if mark.normal is None:
        _shade(canvas, pixels + np.asarray(offset_xy), radii, mark.colour, light)
    else:
        _fill_hull(canvas, pixels + np.asarray(offset_xy), np.maximum(radii, 0.45), mark.colour)


def _fill_hull(canvas: Canvas, centres: Vector, radii: Vector, colour: Colour) -> None:
    rims = (centres[:, None, :] + radii[:, None, None] * _CIRCLE).reshape(-1, 2)
    hull = cv2.convexHull(rims.astype(np.float32))[:, 0]
    cv2.fillConvexPoly(canvas, _fixed(hull), colour, cv2.LINE_AA, _FRACTION_BITS)


def _fixed(points: NDArray[np.floating]) -> NDArray[np.int32]:
    """Pixels with the fraction bits that OpenCV wants."""
    return np.clip(np.round(points * (1 << _FRACTION_BITS)), -60000, 60000).astype(np.int32)
