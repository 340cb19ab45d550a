"""What is on a wall: windows, doors, pictures, sockets."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from footage.colours import Colour, any_colour, jitter, lit, wood_colour

#: Paints onto a wall's colours `[n, 3]`, given metres along the wall and above the floor, `[n]` each.
Fixture = Callable[[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]], None]


def draw_fixtures(rng: np.random.Generator, *, count: int, half_width: float) -> list[Fixture]:
    """Draw `count` things for a wall; they may be up to `half_width` metres from its middle."""
    makers = (_window, _door, _picture, _picture, _board)
    return [makers[rng.integers(len(makers))](rng, float(rng.uniform(-half_width, half_width))) for _ in range(count)]


def skirting(rng: np.random.Generator) -> Fixture:
    """A board along the foot of a wall."""
    high, level = float(rng.uniform(0.05, 0.14)), float(rng.choice([70.0, 150.0, 225.0]))
    return lambda colours, along, above: _rectangle(
        colours, along, above, (-99.0, 99.0), (0.0, high), (level, level, level)
    )


def _window(rng: np.random.Generator, middle: float) -> Fixture:
    wide, low, high = rng.uniform(0.7, 1.8), rng.uniform(0.8, 1.1), rng.uniform(1.9, 2.3)
    sky = jitter(rng, (235, 215, 195), 18) if rng.random() < 0.8 else (50.0, 40.0, 35.0)
    frame = jitter(rng, (225, 228, 230), 10)
    curtain = any_colour(rng, dull=True) if rng.random() < 0.4 else None

    def paint(colours: NDArray[np.float32], along: NDArray[np.float32], above: NDArray[np.float32]) -> None:
        left, right = middle - wide / 2, middle + wide / 2
        _rectangle(colours, along, above, (left - 0.06, right + 0.06), (low - 0.06, high + 0.06), frame)
        _rectangle(colours, along, above, (left, right), (low, high), sky)
        _rectangle(colours, along, above, (left, right), (low, low + 0.3 * (high - low)), lit(sky, 0.8))
        _rectangle(colours, along, above, (middle - 0.03, middle + 0.03), (low, high), frame)
        if curtain is not None:
            for edge in (left - 0.15, right - 0.2):
                _rectangle(colours, along, above, (edge, edge + 0.35), (low - 0.4, high + 0.1), curtain)

    return paint


def _door(rng: np.random.Generator, middle: float) -> Fixture:
    leaf = wood_colour(rng) if rng.random() < 0.5 else jitter(rng, (215, 220, 222), 15)
    half, high = rng.uniform(0.38, 0.5), rng.uniform(1.95, 2.1)

    def paint(colours: NDArray[np.float32], along: NDArray[np.float32], above: NDArray[np.float32]) -> None:
        _rectangle(
            colours, along, above, (middle - half - 0.07, middle + half + 0.07), (0, high + 0.07), lit(leaf, 0.8)
        )
        _rectangle(colours, along, above, (middle - half, middle + half), (0.01, high), leaf)
        _rectangle(colours, along, above, (middle + half - 0.13, middle + half - 0.04), (1.0, 1.05), (60, 60, 60))

    return paint


def _picture(rng: np.random.Generator, middle: float) -> Fixture:
    half, low = rng.uniform(0.15, 0.5), rng.uniform(1.2, 1.6)
    high = low + rng.uniform(0.3, 0.7)
    frame, paper, inner = wood_colour(rng), any_colour(rng, dull=True), any_colour(rng)
    split = rng.uniform(0.3, 0.7)

    def paint(colours: NDArray[np.float32], along: NDArray[np.float32], above: NDArray[np.float32]) -> None:
        _rectangle(
            colours, along, above, (middle - half - 0.03, middle + half + 0.03), (low - 0.03, high + 0.03), frame
        )
        _rectangle(colours, along, above, (middle - half, middle + half), (low, high), paper)
        _rectangle(
            colours,
            along,
            above,
            (middle - half * 0.8, middle + half * 0.8),
            (low + 0.05, low + (high - low) * split),
            inner,
        )

    return paint


def _board(rng: np.random.Generator, middle: float) -> Fixture:
    """A screen, a notice board, a radiator."""
    half, low = rng.uniform(0.25, 0.8), rng.uniform(0.15, 1.2)
    high, level = low + rng.uniform(0.4, 0.7), float(rng.choice([25.0, 120.0, 235.0]))
    colour = jitter(rng, (level, level, level), 8)
    return lambda colours, along, above: _rectangle(
        colours, along, above, (middle - half, middle + half), (low, high), colour
    )


def _rectangle(
    colours: NDArray[np.float32],
    along: NDArray[np.float32],
    above: NDArray[np.float32],
    columns: tuple[float, float],
    rows: tuple[float, float],
    colour: Colour,
) -> None:
    inside = (along >= columns[0]) & (along <= columns[1]) & (above >= rows[0]) & (above <= rows[1])
    colours[inside] = colour
