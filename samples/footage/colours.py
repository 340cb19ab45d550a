"""Colours of things: BGR triples, 0..255."""

from __future__ import annotations

import colorsys

import numpy as np

Colour = tuple[float, float, float]  # BGR, 0..255

_WOOD = ((70, 110, 160), (50, 80, 120), (95, 140, 185), (40, 58, 84), (120, 160, 195))


def any_colour(rng: np.random.Generator, *, dull: bool = False) -> Colour:
    """Draw a colour; `dull` gives what large things have."""
    saturation = rng.uniform(0, 0.22 if dull else 0.85)
    return _from_hsv(rng.random(), saturation, rng.uniform(0.15, 0.92))


def wall_colour(rng: np.random.Generator) -> Colour:
    """Draw the colour of a painted wall: mostly near white, beige or grey, now and then a clear light colour."""
    kind = rng.random()
    if kind < 0.55:
        return _from_hsv(rng.uniform(0.05, 0.2), rng.uniform(0, 0.18), rng.uniform(0.62, 0.93))
    if kind < 0.8:
        return _from_hsv(rng.random(), rng.uniform(0, 0.1), rng.uniform(0.35, 0.8))
    return _from_hsv(rng.random(), rng.uniform(0.12, 0.38), rng.uniform(0.45, 0.88))


def wood_colour(rng: np.random.Generator) -> Colour:
    """Draw the colour of wood."""
    return jitter(rng, _WOOD[rng.integers(len(_WOOD))], 10)


def cloth_colour(rng: np.random.Generator) -> Colour:
    """Draw the colour of clothes: half of them grey, black, white or dull, half colourful."""
    if rng.random() < 0.5:
        return _from_hsv(rng.random(), rng.uniform(0, 0.18), rng.uniform(0.1, 0.95))
    return _from_hsv(rng.random(), rng.uniform(0.2, 0.8), rng.uniform(0.2, 0.9))


def trouser_colour(rng: np.random.Generator) -> Colour:
    """Draw the colour of trousers: jeans, black, grey, khaki, seldom anything else."""
    kind = rng.random()
    if kind < 0.35:
        return _from_hsv(rng.uniform(0.57, 0.66), rng.uniform(0.25, 0.6), rng.uniform(0.2, 0.6))
    if kind < 0.7:
        return _from_hsv(rng.random(), rng.uniform(0, 0.15), rng.uniform(0.08, 0.55))
    if kind < 0.85:
        return _from_hsv(rng.uniform(0.07, 0.13), rng.uniform(0.2, 0.5), rng.uniform(0.3, 0.75))
    return cloth_colour(rng)


def jitter(rng: np.random.Generator, colour: tuple[float, float, float], spread: float) -> Colour:
    """A colour a little beside the given one."""
    blue, green, red = (float(np.clip(channel + rng.normal(0, spread), 0, 255)) for channel in colour)
    return (blue, green, red)


def lit(colour: Colour, brightness: float) -> Colour:
    """The colour under more or less light; 1 leaves it."""
    blue, green, red = (min(max(channel * brightness, 0.0), 255.0) for channel in colour)
    return (blue, green, red)


def _from_hsv(hue: float, saturation: float, value: float) -> Colour:
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
    return (255 * blue, 255 * green, 255 * red)
