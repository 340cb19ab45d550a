"""Things that open and close by themselves: a door on hinges, a sliding door, a box with a lid."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from footage.cameras import Camera
from footage.colours import Colour, any_colour, lit
from footage.drawing import Canvas
from footage.movers import Mover
from footage.skeleton import Vector, rotate_x, rotate_y

#: How far open something is at a time: 0 shut … 1 open.
Openness = Callable[[float], float]

_RIGHT, _UP, _NEAR = np.eye(3)


def draw_opening(rng: np.random.Generator, camera: Camera, openness: Openness) -> Mover:
    """Draw something that can be opened, at the scene's origin.

    Args:
        rng: Source of chance.
        camera: Camera that sees the opening.
        openness: How far open it is when.
    """
    makers = (_hinged_door, _sliding_door, _box)
    return makers[rng.integers(len(makers))](rng, camera, openness)


def _hinged_door(rng: np.random.Generator, camera: Camera, openness: Openness) -> Mover:
    wide, high = rng.uniform(0.75, 1.1), rng.uniform(1.8, 2.2)
    hinge_side = float(rng.choice([-1.0, 1.0]))
    hinge = np.array([rng.uniform(-0.3, 0.3) - hinge_side * wide / 2, 0.0, 0.0])
    swing = np.deg2rad(rng.uniform(70, 105)) * float(rng.choice([-1.0, 1.0]))
    behind, leaf, trim = _colours(rng)

    def paint(canvas: Canvas, seconds: float, offset: tuple[float, float]) -> None:
        turn = swing * openness(seconds)
        along = rotate_y(turn) @ (hinge_side * wide * _RIGHT)
        _fill(canvas, camera, _sides(hinge, hinge_side * wide * _RIGHT, high * _UP), behind, offset)
        _fill(canvas, camera, _sides(hinge, along, high * _UP), _lit(leaf, turn), offset)
        panel = hinge + 0.15 * along + 0.55 * high * _UP
        _fill(canvas, camera, _sides(panel, 0.7 * along, 0.35 * high * _UP), _lit(trim, turn), offset)

    return paint


def _sliding_door(rng: np.random.Generator, camera: Camera, openness: Openness) -> Mover:
    wide, high = rng.uniform(0.8, 1.3), rng.uniform(1.7, 2.2)
    corner = np.array([rng.uniform(-0.3, 0.3) - wide / 2, 0.0, 0.0])
    way = rng.uniform(0.8, 1.0) * wide * (float(rng.choice([-1.0, 1.0])) * _RIGHT)
    behind, leaf, trim = _colours(rng)

    def paint(canvas: Canvas, seconds: float, offset: tuple[float, float]) -> None:
        _fill(canvas, camera, _sides(corner, wide * _RIGHT, high * _UP), behind, offset)
        place = corner + openness(seconds) * way + 0.04 * _NEAR
        _fill(canvas, camera, _sides(place, wide * _RIGHT, high * _UP), leaf, offset)
        pane = place + 0.2 * wide * _RIGHT + 0.5 * high * _UP
        _fill(canvas, camera, _sides(pane, 0.6 * wide * _RIGHT, 0.35 * high * _UP), trim, offset)

    return paint


def _box(rng: np.random.Generator, camera: Camera, openness: Openness) -> Mover:
    wide, high, deep = rng.uniform(0.9, 1.5), rng.uniform(0.4, 0.8), rng.uniform(0.5, 0.8)
    turned = rotate_y(np.deg2rad(rng.uniform(-30, 30)))
    across, near = turned @ (wide * _RIGHT), turned @ (deep * _NEAR)
    low = -across / 2 - near / 2
    top = low + high * _UP
    swing = np.deg2rad(rng.uniform(80, 120))
    inside, body, trim = _colours(rng)
    shaded = _lit(body, np.pi / 4)

    def paint(canvas: Canvas, seconds: float, offset: tuple[float, float]) -> None:
        turn = swing * openness(seconds)
        lid = turned @ rotate_x(-turn) @ (deep * _NEAR)
        _fill(canvas, camera, _sides(top, across, near), inside, offset)
        for corner, outwards in ((low, -across), (low + across, across)):
            if _faces(camera, corner, outwards):
                _fill(canvas, camera, _sides(corner, near, high * _UP), shaded, offset)
        _fill(canvas, camera, _sides(low + near, across, high * _UP), body, offset)
        _fill(canvas, camera, _sides(top, across, lid), _lit(trim, turn), offset)

    return paint


def _colours(rng: np.random.Generator) -> tuple[Colour, Colour, Colour]:
    """What is behind or inside, much darker or lighter than what hides it; that; and something on it."""
    leaf, trim = any_colour(rng), any_colour(rng)
    dark = sum(leaf) > 3 * 110
    level = rng.uniform(5, 45) if dark else rng.uniform(190, 245)
    return (level, level, level), leaf, trim


def _lit(colour: Colour, turn: float) -> Colour:
    """A face that has turned away from the light, radians."""
    return lit(colour, 0.7 + 0.3 * abs(float(np.cos(turn))))


def _faces(camera: Camera, place: Vector, outwards: Vector) -> bool:
    """Whether the camera sees the outside of a face."""
    eye = np.array([0.0, camera.height, camera.distance])
    return bool((eye - place) @ outwards > 0)


def _sides(corner: Vector, first: Vector, second: Vector) -> Vector:
    """The corners `[4, 3]` of a parallelogram."""
    return np.stack([corner, corner + first, corner + first + second, corner + second])


def _fill(canvas: Canvas, camera: Camera, corners: Vector, colour: Colour, offset: tuple[float, float]) -> None:
    pixels, _ = camera.project(corners)
    scaled = np.round((pixels + np.asarray(offset)) * 16).astype(np.int32)
    shade = tuple(min(channel, 255.0) for channel in colour)
    cv2.fillConvexPoly(canvas, scaled, shade, cv2.LINE_AA, 4)
    edge = tuple(0.6 * channel for channel in shade)
    cv2.polylines(canvas, [scaled], True, edge, 1, cv2.LINE_AA, 4)
