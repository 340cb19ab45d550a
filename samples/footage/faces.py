"""Heads: skull, face, ears, hair."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from footage.colours import Colour, jitter, lit
from footage.skeleton import EYES_FORWARD, EYES_UP, Vector
from footage.solids import Mark, Solid, limb

_SKIN = ((197, 222, 247), (165, 195, 235), (152, 189, 232), (120, 160, 210), (90, 125, 178), (62, 88, 132))
_HAIR = ((20, 20, 25), (25, 30, 40), (35, 45, 65), (50, 80, 120), (90, 150, 190), (165, 170, 172), (40, 50, 110))


@dataclass(frozen=True, slots=True)
class Looks:
    """What a head looks like. `cut` is `"short"`, `"long"`, `"bun"`, `"bald"` or `"cap"`."""

    skin: Colour
    hair: Colour
    cut: str
    beard: bool
    glasses: bool
    volume: float


def draw_looks(rng: np.random.Generator) -> Looks:
    """Draw the looks of a head."""
    return Looks(
        skin=jitter(rng, _SKIN[rng.choice(len(_SKIN), p=[0.2, 0.2, 0.2, 0.16, 0.13, 0.11])], 8),
        hair=jitter(rng, _HAIR[rng.integers(len(_HAIR))], 8),
        cut=str(rng.choice(["short", "long", "bun", "bald", "cap"], p=[0.5, 0.25, 0.09, 0.08, 0.08])),
        beard=bool(rng.random() < 0.15),
        glasses=bool(rng.random() < 0.07),
        volume=float(rng.uniform(0.95, 1.12)),
    )


def head_solids(joints: dict[str, Vector], looks: Looks, *, height: float) -> list[Solid]:
    """The solids of a head.

    Args:
        joints: Joints of the whole body, metres.
        looks: What the head looks like.
        height: Height of the person, metres.
    """
    aside = joints["left_ear"] - joints["right_ear"]
    aside = aside / np.linalg.norm(aside)
    eyes = (joints["left_eye"] + joints["right_eye"]) / 2 - joints["head"]
    up = np.cross(eyes, aside)
    up = up / np.linalg.norm(up)
    forward = np.cross(aside, up)
    tip = np.arctan2(EYES_UP, EYES_FORWARD)  # the eyes are a little above the middle of the head
    up, forward = np.cos(tip) * up + np.sin(tip) * forward, np.cos(tip) * forward - np.sin(tip) * up
    frame = np.stack([aside, up, forward]) * height

    def at(*place: float) -> Vector:
        return np.asarray(joints["head"] + np.array(place) @ frame)

    skin, hair = looks.skin, looks.skin if looks.cut == "bald" else looks.hair
    neck = limb(joints["neck"] - 0.01 * height * up, at(0, -0.03, -0.006), (0.034 * height, 0.029 * height), skin)
    face = Solid(
        np.stack([at(0, 0.022, 0.012), at(0, -0.012, 0.017), at(0, -0.036, 0.027)]),
        np.array([0.0435, 0.039, 0.022]) * height,
        lit(skin, 1.04),
        tuple(_features(at, looks, forward, height)),
    )
    skull = Solid(
        np.stack([at(0, 0.024, -0.008), at(0, 0.004, -0.014)]),
        np.array([0.049, 0.044]) * height * (1.0 if looks.cut == "bald" else looks.volume),
        hair,
    )
    nose = limb(at(0, 0.008, 0.05), at(0, -0.007, 0.058), (0.005 * height, 0.007 * height), lit(skin, 1.06))
    parts = [neck, skull, face, nose]
    parts += [limb(at(s * 0.045, 0.004, -0.003), at(s * 0.043, -0.012, 0.0), (0.011 * height, 0.008 * height), skin)
              for s in (-1, 1)]  # fmt: skip
    if looks.cut == "long":
        parts.append(limb(at(0, 0.01, -0.022), at(0, -0.075, -0.03), (0.047 * height, 0.04 * height), hair))
    elif looks.cut == "bun":
        parts.append(limb(at(0, 0.045, -0.05), at(0, 0.04, -0.055), (0.022 * height, 0.02 * height), hair))
    elif looks.cut == "cap":
        parts.append(limb(at(-0.02, 0.04, 0.055), at(0.02, 0.04, 0.055), (0.013 * height, 0.013 * height), hair))
    return parts


def _features(at: Callable[..., Vector], looks: Looks, forward: Vector, height: float) -> list[Mark]:
    dark = lit(looks.hair if sum(looks.hair) < 330 else (60, 70, 90), 0.7)
    shade, lips = lit(looks.skin, 0.78), lit((looks.skin[0] * 0.62, looks.skin[1] * 0.58, looks.skin[2] * 0.82), 1.0)

    def mark(radius: float, colour: Colour, *places: tuple[float, float, float]) -> Mark:
        return Mark(np.stack([at(*place) for place in places]), radius * height, colour, forward)

    marks = []
    if looks.beard:
        marks.append(mark(0.011, lit(looks.hair, 0.9), (-0.02, -0.036, 0.04), (0, -0.05, 0.044), (0.02, -0.036, 0.04)))
    for side in (-1, 1):
        marks += [
            mark(0.0055, shade, (side * 0.012, 0.009, 0.053), (side * 0.024, 0.009, 0.05)),
            mark(0.0045, (235, 238, 240), (side * 0.013, 0.008, 0.054), (side * 0.023, 0.008, 0.051)),
            mark(0.0042, (30, 30, 35), (side * 0.018, 0.008, 0.054), (side * 0.0185, 0.008, 0.054)),
            mark(0.0032, dark, (side * 0.010, 0.020, 0.053), (side * 0.026, 0.021, 0.050)),
        ]
    if looks.glasses:
        marks.append(mark(0.0022, (30, 30, 30), (-0.034, 0.008, 0.045), (0.034, 0.008, 0.045)))
    marks += [
        mark(0.0045, lit(looks.skin, 1.13), (0, 0.006, 0.057), (0, -0.008, 0.063)),
        mark(0.0055, shade, (-0.006, -0.014, 0.058), (0.006, -0.014, 0.058)),
        mark(0.0042, lips, (-0.014, -0.030, 0.051), (0.014, -0.030, 0.051)),
    ]
    return marks
