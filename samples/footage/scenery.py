"""What stands behind and around people: walls, floors, clutter, outdoor ground, and things that move by themselves."""

from __future__ import annotations

import colorsys
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from footage.cameras import Camera
from footage.drawing import Canvas

Colour = tuple[float, float, float]
#: A thing that moves by itself: paints onto a canvas at a time, displaced by the camera's shake.
Mover = Callable[[Canvas, float, tuple[float, float]], None]


def any_colour(rng: np.random.Generator, *, dull: bool = False) -> Colour:
    """Draw a BGR colour, 0..255; `dull` gives walls and floors."""
    saturation = rng.uniform(0, 0.35 if dull else 1.0)
    red, green, blue = colorsys.hsv_to_rgb(rng.random(), saturation, rng.uniform(0.12, 0.95))
    return (255 * blue, 255 * green, 255 * red)


def paint_background(rng: np.random.Generator, camera: Camera, *, margin: int) -> Canvas:
    """Paint a still background.

    Args:
        rng: Source of chance.
        camera: Says where the floor ends.
        margin: Extra pixels on every side, for the camera's shake.

    Returns:
        uint8 BGR `[height + 2 margin, width + 2 margin, 3]`.
    """
    width, height = camera.size_wh[0] + 2 * margin, camera.size_wh[1] + 2 * margin
    back = float(rng.uniform(1.0, 4.5))
    edge, _ = camera.project(np.array([[0.0, 0.0, -back]]))
    floor_row = int(np.clip(edge[0, 1] + margin, 0.05 * height, 1.4 * height))
    picture = np.empty((height, width, 3), np.float32)
    picture[:] = _gradient(rng, height, width)
    floor = _gradient(rng, height, width)
    if floor_row < height:
        picture[floor_row:] = floor[floor_row:]
        if rng.random() < 0.5:
            _floor_lines(rng, picture, floor_row, width)
    for _ in range(int(rng.integers(0, 3))):
        picture += _blotches(rng, height, width, float(rng.uniform(3, 26)))
    canvas = np.clip(picture, 0, 255).astype(np.uint8)
    if rng.random() < 0.85:
        for _ in range(int(rng.integers(1, 13))):
            _clutter(rng, canvas, floor_row)
    return np.asarray(cv2.GaussianBlur(canvas, (0, 0), float(rng.uniform(0.3, 1.6))))


def _gradient(rng: np.random.Generator, height: int, width: int) -> NDArray[np.float32]:
    first, second = (np.array(any_colour(rng, dull=rng.random() < 0.75), np.float32) for _ in range(2))
    second = first + (second - first) * rng.uniform(0, 0.6)
    share = np.linspace(0, 1, height, dtype=np.float32)[:, None] * np.ones((1, width), np.float32)
    if rng.random() < 0.4:
        share = np.linspace(0, 1, width, dtype=np.float32)[None, :] * np.ones((height, 1), np.float32)
    return np.asarray(first + (second - first) * share[:, :, None], np.float32)


def _blotches(rng: np.random.Generator, height: int, width: int, strength: float) -> NDArray[np.float32]:
    cells = int(rng.integers(3, 40))
    coarse = rng.normal(0, strength, (cells, cells + 2, 1 if rng.random() < 0.6 else 3)).astype(np.float32)
    fine = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(fine.reshape(height, width, -1), np.float32)


def _floor_lines(rng: np.random.Generator, picture: NDArray[np.float32], floor_row: int, width: int) -> None:
    height = picture.shape[0]
    shade = float(rng.uniform(-40, 40))
    mask = np.zeros(picture.shape[:2], np.uint8)
    vanish = (int(rng.uniform(0, width)), floor_row - int(rng.uniform(10, 120)))
    for column in np.linspace(-width, 2 * width, int(rng.integers(8, 30))):
        cv2.line(mask, vanish, (int(column), height), 255, 1, cv2.LINE_AA)
    row, step = float(floor_row + 2), 2.0
    while row < height:
        cv2.line(mask, (0, int(row)), (width, int(row)), 255, 1, cv2.LINE_AA)
        step *= 1.35
        row += step
    mask[:floor_row] = 0
    picture += shade * (mask[:, :, None] / np.float32(255))


def _clutter(rng: np.random.Generator, canvas: Canvas, floor_row: int) -> None:
    """Draw a thing in the background: a window or picture on the wall, furniture, a plant, a post, a lamp."""
    height, width = canvas.shape[:2]
    kind = rng.integers(0, 7)
    colour = any_colour(rng, dull=rng.random() < 0.5)
    x, wide = int(rng.uniform(-0.1, 1.0) * width), int(rng.uniform(0.04, 0.35) * width)
    stands = int(min(floor_row + rng.uniform(0, 0.25) * height, height * 1.1))
    high = int(rng.uniform(0.08, 0.55) * height)
    if kind <= 1:
        y = int(rng.uniform(0, 0.6) * max(floor_row, 10))
        cv2.rectangle(canvas, (x, y), (x + wide, y + high // 2), colour, -1)
        cv2.rectangle(canvas, (x, y), (x + wide, y + high // 2), any_colour(rng), int(rng.integers(1, 4)))
        if kind == 1:
            cv2.line(canvas, (x + wide // 2, y), (x + wide // 2, y + high // 2), any_colour(rng), 2)
    elif kind == 2:
        cv2.rectangle(canvas, (x, stands - high), (x + wide, stands), colour, -1)
        for row in range(stands - high, stands, max(high // int(rng.integers(2, 6)), 3)):
            cv2.line(canvas, (x, row), (x + wide, row), any_colour(rng, dull=True), 1)
    elif kind == 3:
        cv2.rectangle(canvas, (x, stands - high // 2), (x + wide, stands - high // 2 + 4), colour, -1)
        for leg in (x + 2, x + wide - 3):
            cv2.rectangle(canvas, (leg, stands - high // 2), (leg + 3, stands), colour, -1)
    elif kind == 4:
        for _ in range(14):
            centre = (x + int(rng.normal(0, wide / 4)), stands - high + int(rng.normal(0, high / 4)))
            leaf = tuple(float(np.clip(channel + rng.normal(0, 18), 0, 255)) for channel in colour)
            axes = (max(wide // 6, 2), max(wide // 12, 1))
            cv2.ellipse(canvas, centre, axes, float(rng.uniform(0, 180)), 0, 360, leaf, -1, cv2.LINE_AA)
    elif kind == 5:
        cv2.rectangle(canvas, (x, 0), (x + max(wide // 5, 2), stands), colour, -1)
    else:
        cv2.circle(canvas, (x, int(rng.uniform(0, 0.8) * height)), max(wide // 4, 2), colour, -1, cv2.LINE_AA)


def draw_movers(rng: np.random.Generator, camera: Camera, *, busy: bool) -> list[Mover]:
    """Things that move without being people: vehicles, balls, goods on a belt, leaves, a flickering screen.

    Args:
        rng: Source of chance.
        camera: Camera that has the picture's size.
        busy: Whether to fill the picture with them (an empty scene with traffic), else at most one small thing.
    """
    makers = (_passing_box, _bouncing_ball, _leaves, _screen, _passing_box)
    if busy:
        return [makers[rng.integers(len(makers))](rng, camera, 1.0) for _ in range(int(rng.integers(1, 5)))]
    return [makers[rng.integers(1, 4)](rng, camera, 0.35)] if rng.random() < 0.15 else []


def _passing_box(rng: np.random.Generator, camera: Camera, size: float) -> Mover:
    width, height = camera.size_wh
    wide, high = int(rng.uniform(0.06, 0.6) * width * size), int(rng.uniform(0.06, 0.6) * height * size)
    colour, trim = any_colour(rng), any_colour(rng)
    start, speed = rng.uniform(0, 1, 2), rng.normal(0, 1, 2)
    speed *= rng.uniform(0.05, 0.7) / max(float(np.hypot(*speed)), 1e-6) * np.array([1.0, rng.choice([0.0, 0.3, 1.0])])
    rounded = rng.random() < 0.4

    def paint(canvas: Canvas, t: float, offset: tuple[float, float]) -> None:
        place = (start + speed * t + 0.5) % 2.0 - 0.5
        x, y = int(place[0] * width + offset[0]), int(place[1] * height + offset[1])
        if rounded:
            cv2.ellipse(canvas, (x, y), (max(wide // 2, 2), max(high // 2, 2)), 0, 0, 360, colour, -1, cv2.LINE_AA)
            cv2.ellipse(canvas, (x, y - high // 3), (max(wide // 5, 1), max(high // 8, 1)), 0, 0, 360, trim, -1)
        else:
            cv2.rectangle(canvas, (x, y), (x + wide, y + high), colour, -1)
            cv2.rectangle(canvas, (x + wide // 6, y + high // 6), (x + wide // 2, y + high // 2), trim, -1)
            for wheel in (wide // 5, wide - wide // 5):
                cv2.circle(canvas, (x + wheel, y + high), max(high // 5, 1), (25, 25, 25), -1, cv2.LINE_AA)

    return paint


def _bouncing_ball(rng: np.random.Generator, camera: Camera, size: float) -> Mover:
    width, height = camera.size_wh
    radius = max(int(rng.uniform(0.02, 0.12) * height * size), 2)
    colour, hertz = any_colour(rng), rng.uniform(0.4, 1.6)
    column, speed, floor = rng.uniform(0, width), rng.uniform(-0.3, 0.3) * width, rng.uniform(0.6, 1.0) * height

    def paint(canvas: Canvas, t: float, offset: tuple[float, float]) -> None:
        row = floor - abs(np.sin(np.pi * hertz * t)) * 0.5 * height
        centre = (int((column + speed * t) % width + offset[0]), int(row + offset[1]))
        cv2.circle(canvas, centre, radius, colour, -1, cv2.LINE_AA)

    return paint


def _leaves(rng: np.random.Generator, camera: Camera, size: float) -> Mover:
    width, height = camera.size_wh
    places = rng.uniform(0, 1, 2) + rng.normal(0, 0.12, (18, 2))
    axes = (max(int(0.05 * width * size), 2), max(int(0.018 * width * size), 1))
    angles, colour, hertz = rng.uniform(0, 180, 18), any_colour(rng), rng.uniform(0.3, 1.5)

    def paint(canvas: Canvas, t: float, offset: tuple[float, float]) -> None:
        sway = np.sin(6.283 * hertz * t + angles)
        for number in range(18):
            x = int(places[number, 0] * width + 3 * sway[number] + offset[0])
            y = int(places[number, 1] * height + offset[1])
            cv2.ellipse(canvas, (x, y), axes, angles[number] + 15 * sway[number], 0, 360, colour, -1, cv2.LINE_AA)

    return paint


def _screen(rng: np.random.Generator, camera: Camera, size: float) -> Mover:
    width, height = camera.size_wh
    x, y = int(rng.uniform(0, 0.8) * width), int(rng.uniform(0, 0.6) * height)
    wide, high = int(rng.uniform(0.08, 0.3) * width * size), int(rng.uniform(0.06, 0.25) * height * size)
    colours = [any_colour(rng) for _ in range(6)]
    hertz = rng.uniform(0.5, 4.0)

    def paint(canvas: Canvas, t: float, offset: tuple[float, float]) -> None:
        corner = (int(x + offset[0]), int(y + offset[1]))
        cv2.rectangle(canvas, corner, (corner[0] + wide, corner[1] + high), colours[int(t * hertz) % 6], -1)

    return paint
