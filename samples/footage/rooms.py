"""Places where people are: rooms with walls, floor and ceiling, plain backdrops, lawns and streets."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from footage.cameras import Camera
from footage.colours import jitter
from footage.drawing import Canvas, draw_boxes, draw_solids
from footage.fixtures import Fixture, draw_fixtures, skirting
from footage.furniture import draw_furniture, plant
from footage.materials import Material, draw_floor, draw_ground, draw_hedge, draw_wall

_FAR = np.float32(1e6)


@dataclass(frozen=True, slots=True)
class Room:
    """A box around the scene, metres: its walls are at x = `left` and `right` and z = -`back`.

    Outdoors there is no ceiling and no side wall, and `high` is where the back wall ends and the sky begins.
    """

    left: float
    right: float
    back: float
    high: float
    outdoors: bool
    floor: Material
    wall: Material
    side: Material
    fixtures: tuple[Fixture, ...]
    lamp: tuple[float, float, float]
    sky: tuple[float, float, float]


def draw_room(rng: np.random.Generator, camera: Camera, *, back: float) -> Room:
    """Draw a room that the camera is in.

    Args:
        rng: Source of chance.
        camera: Camera that sees the room.
        back: Distance of the back wall behind the scene's origin, metres.
    """
    outdoors, bare = rng.random() < 0.2, rng.random() < 0.3
    half = camera.half_width * (1 + back / camera.distance)
    left, right = (-half * rng.uniform(0.75, 2.0), half * rng.uniform(0.75, 2.0))
    wall = draw_hedge(rng) if outdoors and bare else draw_wall(rng)
    fixtures = draw_fixtures(rng, count=0 if bare else int(rng.integers(1, 5)), half_width=half)
    if not outdoors:
        fixtures.insert(0, skirting(rng))
    high = rng.uniform(0.8, 6.0) if outdoors else max(rng.uniform(2.4, 3.4), camera.height + 0.3)
    return Room(
        left=float(min(left, -1.0)),
        right=float(max(right, 1.0)),
        back=back * (3.0 if outdoors else 1.0),
        high=float(high),
        outdoors=outdoors,
        floor=draw_ground(rng) if outdoors else draw_floor(rng),
        wall=wall,
        side=wall if rng.random() < 0.7 else draw_wall(rng),
        fixtures=tuple(fixtures) if high > 1.8 else (),
        lamp=(float(rng.uniform(left, right)), float(rng.uniform(1.5, 3.0)), float(rng.uniform(-back, 1.0))),
        sky=jitter(rng, (225, 200, 175), 22),
    )


def paint_room(rng: np.random.Generator, room: Room, camera: Camera, *, margin: int) -> Canvas:
    """Paint a room and what stands in it as a still background.

    Args:
        rng: Source of chance.
        room: The room.
        camera: Camera that sees the room.
        margin: Extra pixels on every side, for the camera's shake.

    Returns:
        uint8 BGR `[height + 2 margin, width + 2 margin, 3]`.
    """
    rays = camera.rays(margin)
    eye = camera.eye.astype(np.float32)
    reach = np.stack([
        _reach(rays[..., 1], -eye[1]),
        _reach(rays[..., 2], np.float32(-room.back) - eye[2]),
        *(() if room.outdoors else (
            _reach(rays[..., 0], np.float32(room.left)),
            _reach(rays[..., 0], np.float32(room.right)),
            _reach(rays[..., 1], np.float32(room.high) - eye[1]),
        )),
    ])  # fmt: skip
    surface, nearest = reach.argmin(axis=0), reach.min(axis=0)
    hits = eye + rays * nearest[..., None]
    picture = np.empty_like(rays)
    for number, (material, first, second) in enumerate(
        ((room.floor, 0, 2), (room.wall, 0, 1), (room.side, 2, 1), (room.side, 2, 1), (_ceiling, 0, 2))
    ):
        where = surface == number
        if where.any():
            along, other = hits[where][:, first], hits[where][:, second]
            colours = material(along, other)
            for fixture in room.fixtures if number == 1 else room.fixtures[:1] if second == 1 else ():
                fixture(colours, along, other)
            picture[where] = colours * _light(room, hits[where], number)[:, None]
    if room.outdoors:
        above = (nearest >= _FAR) | ((surface == 1) & (hits[..., 1] > room.high))
        haze = np.clip(rays[..., 1:2], 0, 0.5)[above]
        picture[above] = np.array(room.sky, np.float32) * (1.08 - 0.5 * haze)
    canvas: Canvas = np.clip(picture, 0, 255).astype(np.uint8)
    if len(room.fixtures) > 1:
        offset = (float(margin), float(margin))
        boxes = [] if room.outdoors else draw_furniture(rng, left=room.left, right=room.right, back=room.back)
        draw_boxes(canvas, boxes, camera, offset_xy=offset)
        if rng.random() < 0.2:
            place = np.array([rng.uniform(room.left, room.right), 0.0, 0.35 - room.back])
            draw_solids(canvas, plant(rng, place), camera, light=(0.2, -0.6), offset_xy=offset)
    return np.asarray(cv2.GaussianBlur(canvas, (0, 0), float(rng.uniform(0.4, 1.4))))


def _reach(slope: NDArray[np.float32], way: np.float32) -> NDArray[np.float32]:
    """How far rays go, in depths, until they have gone `way` metres along one axis."""
    ahead = slope * np.sign(way) > 1e-5
    return np.where(ahead, way / np.where(ahead, slope, 1.0), _FAR).astype(np.float32)


def _light(room: Room, hits: NDArray[np.float32], surface: int) -> NDArray[np.float32]:
    """Brightness of places: lighter near the lamp, darker in corners and on side walls."""
    if room.outdoors:
        return np.ones(len(hits), np.float32)
    squared = ((hits - np.array(room.lamp, np.float32)) ** 2).sum(axis=1)
    corner = np.minimum(np.minimum(hits[:, 0] - room.left, room.right - hits[:, 0]), 1.0)
    brightness = 0.78 + 0.3 * np.exp(-squared / 9) + 0.06 * corner
    return np.asarray(brightness * (0.93 if surface in (2, 3) else 1.0), np.float32)


def _ceiling(along: NDArray[np.float32], across: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.full((len(along), 3), 222, np.float32)
