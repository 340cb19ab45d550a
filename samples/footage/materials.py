"""What floors and walls are made of: the colour at each place of a surface."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from footage.colours import Colour, any_colour, jitter, wall_colour, wood_colour

Places = NDArray[np.float32]
#: Colours `[n, 3]` at places of a surface: metres along its two edges, `[n]` each.
Material = Callable[[Places, Places], NDArray[np.float32]]

_GREENS, _GREYS = ((60, 120, 85), (50, 95, 75), (75, 140, 110)), ((110, 112, 115), (150, 150, 152), (88, 90, 92))


def draw_floor(rng: np.random.Generator) -> Material:
    """Draw the floor of a room: planks, tiles, carpet or lino."""
    kind = rng.random()
    if kind < 0.35:
        return _planks(rng, wood_colour(rng), wide=float(rng.uniform(0.09, 0.2)))
    if kind < 0.6:
        return _grid(wall_colour(rng), wide=(float(rng.uniform(0.2, 0.6)),) * 2, seam=float(rng.uniform(0.75, 0.95)))
    return _plain(any_colour(rng, dull=True), rough=float(rng.uniform(0, 5)), rng=rng)


def draw_ground(rng: np.random.Generator) -> Material:
    """Draw what is underfoot outdoors: lawn, asphalt, sand, slabs."""
    kind = rng.random()
    if kind < 0.4:
        return _plain(jitter(rng, _GREENS[rng.integers(3)], 10), rough=9.0, rng=rng)
    if kind < 0.7:
        return _plain(jitter(rng, _GREYS[rng.integers(3)], 6), rough=5.0, rng=rng)
    if kind < 0.85:
        return _plain(jitter(rng, (130, 170, 195), 10), rough=5.0, rng=rng)
    return _grid(jitter(rng, _GREYS[rng.integers(3)], 6), wide=(0.4, 0.4), seam=0.85)


def draw_hedge(rng: np.random.Generator) -> Material:
    """Draw what closes off a lawn or a street: a hedge or a fence."""
    if rng.random() < 0.6:
        return _plain(jitter(rng, _GREENS[rng.integers(3)], 8), rough=14.0, rng=rng)
    return _planks(rng, wood_colour(rng), wide=0.14)


def draw_wall(rng: np.random.Generator) -> Material:
    """Draw a wall: paint nearly always, else bricks or panels."""
    kind = rng.random()
    if kind > 0.95:
        return _grid(jitter(rng, (95, 115, 160), 15), wide=(0.24, 0.08), seam=0.8)
    if kind > 0.9:
        return _planks(rng, wall_colour(rng), wide=float(rng.uniform(0.15, 0.6)))
    return _plain(wall_colour(rng), rough=0.0, rng=rng)


def _plain(colour: Colour, *, rough: float, rng: np.random.Generator) -> Material:
    paint, seed = np.array(colour, np.float32), int(rng.integers(1 << 30))

    def colours(along: Places, across: Places) -> NDArray[np.float32]:
        grain = np.random.default_rng(seed).standard_normal(len(along), np.float32) * np.float32(rough)
        cloud = np.sin(1.7 * along + seed % 7) * np.sin(1.3 * across + seed % 5) * np.float32(2.0)
        return np.asarray(paint + (grain + cloud)[:, None], np.float32)

    return colours


def _planks(rng: np.random.Generator, colour: Colour, *, wide: float) -> Material:
    paint, shades = np.array(colour, np.float32), rng.uniform(0.9, 1.08, 64).astype(np.float32)

    def colours(along: Places, across: Places) -> NDArray[np.float32]:
        number = np.floor(along / wide)
        seam = 1 - 0.16 * (np.abs(along / wide - number - 0.5) > 0.44)
        end = np.floor(across / 1.9 + 0.37 * number).astype(int)
        return np.asarray(paint * (seam * shades[(number.astype(int) * 7 + end * 3) % 64])[:, None], np.float32)

    return colours


def _grid(colour: Colour, *, wide: tuple[float, float], seam: float) -> Material:
    paint = np.array(colour, np.float32)

    def colours(along: Places, across: Places) -> NDArray[np.float32]:
        edge = np.abs(along / wide[0] % 1.0 - 0.5) > 0.47
        edge |= np.abs(across / wide[1] % 1.0 - 0.5) > 0.46
        return np.asarray(paint * np.where(edge, seam, 1.0)[:, None], np.float32)

    return colours
