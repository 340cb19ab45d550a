"""Furniture, of boxes: what people sit and lie on, and what stands along the walls."""

from __future__ import annotations

import numpy as np

from footage.colours import Colour, any_colour, jitter, lit, wood_colour
from footage.skeleton import Vector, rotate_y
from footage.solids import Box, Solid

_LEG = 0.04
_UP = np.array([0.0, 1.0, 0.0])


def under(rng: np.random.Generator, kind: str, joints: dict[str, Vector]) -> list[Box]:
    """What somebody rests on, and perhaps what is in front of them.

    Args:
        rng: Source of chance.
        kind: `"chair"`, `"stool"`, `"sofa"`, `"desk"` (a chair behind a table), `"bed"` or `"floor"`.
        joints: Joints of the resting body, metres.
    """
    pelvis = joints["pelvis"]
    side = (joints["left_hip"] - joints["right_hip"]) * np.array([1.0, 0.0, 1.0])
    if kind == "floor":
        return []
    if kind == "bed":
        return _bed(rng, joints)
    side = side / max(float(np.linalg.norm(side)), 1e-6)
    back = -np.cross(side, _UP)
    seat = float(pelvis[1]) - 0.095
    place = pelvis * np.array([1.0, 0.0, 1.0])
    if kind == "sofa":
        return _sofa(place, side, back, seat, any_colour(rng, dull=True), seats=int(rng.integers(1, 4)))
    boxes = _chair(place, side, back, seat, _stuff(rng), rest=kind != "stool")
    if kind == "desk":
        boxes += _table(
            place - 0.62 * back, side, back, seat + 0.27, wood_colour(rng), wide=float(rng.uniform(0.9, 1.5))
        )
    return boxes


def draw_furniture(rng: np.random.Generator, *, left: float, right: float, back: float) -> list[Box]:
    """Draw what stands along the back wall of a room (metres; the wall is at z = -`back`)."""
    boxes: list[Box] = []
    across, behind = np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0, -1.0])
    for _ in range(int(rng.integers(0, 4))):
        place = np.array([rng.uniform(left + 0.4, right - 0.4), 0.0, -back + rng.uniform(0.3, 0.5)])
        kind = rng.integers(0, 7)
        if kind == 0:
            boxes += _shelf(rng, place)
        elif kind <= 2:
            boxes += _table(place, across, behind, float(rng.uniform(0.68, 0.78)), wood_colour(rng),
                            wide=float(rng.uniform(0.8, 1.6)))  # fmt: skip
        elif kind <= 4:
            seats = int(rng.integers(1, 4))
            boxes += _sofa(place, across, behind, 0.42, any_colour(rng, dull=True), seats=seats)
        else:
            high, wide = rng.uniform(0.7, 2.0), rng.uniform(0.5, 1.4)
            boxes.append(_block(place, across * wide, behind * 0.45, 0.0, high, _stuff(rng)))
    return boxes


def plant(rng: np.random.Generator, place: Vector) -> list[Solid]:
    """A pot with leaves at a place on the floor, metres `[3]`."""
    high, green = float(rng.uniform(0.4, 0.8)), jitter(rng, (55, 105, 70), 14)
    grey = float(rng.uniform(60, 200))
    pot = Solid(place + np.array([[-0.06, 0.1, 0.0], [0.06, 0.1, 0.0]]), np.array([0.1, 0.1]), (grey, grey, grey))
    leaves = []
    for _ in range(16):
        stem = place + np.array([rng.normal(0, 0.05), 0.2, 0.0])
        tip = stem + np.array([rng.uniform(-0.45, 0.45), high * rng.uniform(0.2, 1.0), rng.normal(0, 0.15)])
        shade = lit(green, float(rng.uniform(0.75, 1.25)))
        leaves.append(Solid(np.stack([stem + (tip - stem) * 0.4, tip]), np.array([0.05, 0.012]), shade))
    return [pot, *leaves]


def _stuff(rng: np.random.Generator) -> Colour:
    """The colour of a piece of furniture: wood, white or dark."""
    kind = rng.random()
    return wood_colour(rng) if kind < 0.5 else jitter(rng, (215, 218, 220) if kind < 0.75 else (55, 55, 58), 12)


def _block(place: Vector, across: Vector, deep: Vector, low: float, high: float, colour: Colour) -> Box:
    """A box with its middle over a place on the floor, between two heights."""
    return Box(place - across / 2 - deep / 2 + low * _UP, across, (high - low) * _UP, deep, colour)


def _legs(place: Vector, across: Vector, deep: Vector, high: float, colour: Colour) -> list[Box]:
    corners = [place + a * across / 2.2 + d * deep / 2.2 for a in (-1, 1) for d in (-1, 1)]
    return [
        _block(corner, across / np.linalg.norm(across) * _LEG, deep / np.linalg.norm(deep) * _LEG, 0.0, high, colour)
        for corner in corners
    ]


def _chair(place: Vector, side: Vector, back: Vector, seat: float, colour: Colour, *, rest: bool) -> list[Box]:
    middle = place - 0.1 * back
    boxes = [_block(middle, 0.44 * side, 0.44 * back, seat - 0.05, seat, colour)]
    boxes += _legs(middle, 0.44 * side, 0.44 * back, seat - 0.05, lit(colour, 0.8))
    if rest:
        boxes.append(_block(place + 0.15 * back, 0.42 * side, 0.04 * back, seat + 0.1, seat + 0.45, colour))
    return boxes


def _sofa(place: Vector, side: Vector, back: Vector, seat: float, colour: Colour, *, seats: int) -> list[Box]:
    wide = 0.6 * seats + 0.1
    middle = place - 0.15 * back
    boxes = [
        _block(middle, wide * side, 0.6 * back, 0.05, seat, colour),
        _block(place + 0.24 * back, (wide + 0.2) * side, 0.18 * back, 0.05, seat + 0.42, lit(colour, 0.93)),
    ]
    arms = [middle + s * (wide / 2 + 0.08) * side for s in (-1, 1)]
    return boxes + [_block(arm, 0.16 * side, 0.7 * back, 0.05, seat + 0.18, lit(colour, 0.97)) for arm in arms]


def _table(place: Vector, side: Vector, back: Vector, high: float, colour: Colour, *, wide: float) -> list[Box]:
    top = _block(place, wide * side, 0.65 * back, high - 0.04, high, colour)
    return [top, *_legs(place, wide * side, 0.65 * back, high - 0.04, lit(colour, 0.8))]


def _shelf(rng: np.random.Generator, place: Vector) -> list[Box]:
    wide, high, colour = float(rng.uniform(0.5, 1.2)), float(rng.uniform(0.9, 2.1)), _stuff(rng)
    across, behind = np.array([wide, 0.0, 0.0]), np.array([0.0, 0.0, -0.3])
    boxes = [_block(place, across, behind, 0.0, high, lit(colour, 0.75))]
    for low in np.arange(0.1, high - 0.3, 0.36):
        start = -wide / 2 + 0.04
        while start < wide / 2 - 0.1:
            thick = float(rng.uniform(0.05, 0.3))
            book = place + np.array([start + thick / 2, 0.0, 0.16])
            boxes.append(_block(book, np.array([thick, 0.0, 0.0]), behind * 0.02, float(low),
                                float(low + rng.uniform(0.22, 0.3)), any_colour(rng, dull=True)))  # fmt: skip
            start += thick
    return boxes


def _bed(rng: np.random.Generator, joints: dict[str, Vector]) -> list[Box]:
    """A bed under a lying body, along it."""
    along = (joints["neck"] - joints["pelvis"]) * np.array([1.0, 0.0, 1.0])
    along = along / max(float(np.linalg.norm(along)), 1e-6)
    across = rotate_y(np.pi / 2) @ along
    top = min(float(joints[name][1]) for name in ("pelvis", "left_hip", "right_hip")) - 0.08
    middle = joints["pelvis"] * np.array([1.0, 0.0, 1.0])
    sheet, wide = jitter(rng, (215, 210, 205), 18), float(rng.uniform(0.9, 1.5))
    return [
        _block(middle, wide * across, 2.05 * along, max(top - 0.22, 0.02), top, sheet),
        _block(middle, wide * across, 2.05 * along, 0.0, max(top - 0.22, 0.02), wood_colour(rng)),
    ]
