"""Things that move by themselves: vehicles, balls, leaves, a flickering screen."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from footage.cameras import Camera
from footage.colours import any_colour, jitter
from footage.drawing import Canvas

#: A thing that moves by itself: paints onto a canvas at a time, displaced by the camera's shake.
Mover = Callable[[Canvas, float, tuple[float, float]], None]


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

    def paint(canvas: Canvas, t: float, offset: tuple[float, float]) -> None:
        place = (start + speed * t + 0.5) % 2.0 - 0.5
        x, y = int(place[0] * width + offset[0]), int(place[1] * height + offset[1])
        cv2.rectangle(canvas, (x, y), (x + wide, y + high), colour, -1)
        cv2.rectangle(canvas, (x + wide // 6, y + high // 6), (x + wide // 2, y + high // 2), trim, -1)
        for wheel in (wide // 5, wide - wide // 5):
            cv2.circle(canvas, (x + wheel, y + high), max(high // 8, 1), (60, 60, 60), -1, cv2.LINE_AA)

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
    places = rng.uniform(0, 1, 2) + rng.normal(0, 0.3, (18, 2))
    axes = (max(int(0.03 * width * size), 2), max(int(0.012 * width * size), 1))
    angles, colour, hertz = rng.uniform(0, 180, 18), jitter(rng, (60, 110, 75), 18), rng.uniform(0.3, 1.5)

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
