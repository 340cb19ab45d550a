"""Trunks: chest, belly and hips as tapered volumes, in a shirt or a jacket and trousers or a skirt."""

from __future__ import annotations

import numpy as np

from footage.clothes import Clothes
from footage.colours import Colour, lit
from footage.skeleton import Vector
from footage.solids import Mark, Solid


def torso_solids(joints: dict[str, Vector], clothes: Clothes, skin: Colour, *, thick: float) -> list[Solid]:
    """The solids of a trunk.

    Args:
        joints: Joints of the whole body, metres.
        clothes: What the person wears.
        skin: Colour of the neck.
        thick: Height of the person times its girth, metres.
    """
    neck, waist, pelvis = joints["neck"], joints["waist"], joints["pelvis"]
    across = joints["left_shoulder"] - joints["right_shoulder"]
    wide = across / np.linalg.norm(across)
    up = (neck - waist) / np.linalg.norm(neck - waist)
    ahead = np.cross(wide, up)
    level = joints["left_hip"] - joints["right_hip"]
    level = level / np.linalg.norm(level)

    def pair(middle: Vector, aside: Vector, share: float) -> list[Vector]:
        return [middle + aside * share * thick, middle - aside * share * thick]

    shoulders = [joints[f"{side}_shoulder"] + up * 0.004 * thick for side in ("left", "right")]
    chest = pair(waist + (neck - waist) * 0.55, wide, 0.042)
    belly = pair(waist, wide, 0.036)
    hips = pair(pelvis - (waist - pelvis) * 0.12, level, 0.046)
    hem = pair(pelvis + (waist - pelvis) * 0.2, level, 0.043)
    upper = Solid(
        np.stack([*shoulders, neck - up * 0.012 * thick, *chest, *belly]),
        np.array([0.033, 0.033, 0.030, 0.057, 0.057, 0.054, 0.054]) * thick,
        clothes.shirt,
        tuple(_marks(clothes, skin, waist, neck, wide, ahead, thick)),
    )
    lower = Solid(np.stack([*belly, *hem]), np.array([0.054, 0.054, 0.058, 0.058]) * thick, clothes.shirt)
    belt = pair(pelvis + (waist - pelvis) * 0.3, level, 0.04)
    seat = Solid(np.stack([*belt, *hips]), np.array([0.053, 0.053, 0.056, 0.056]) * thick, clothes.trousers)
    parts = [upper, lower, seat]
    if clothes.legs == "skirt":
        knees = [joints[f"{side}_hip"] * 0.25 + joints[f"{side}_knee"] * 0.75 for side in ("left", "right")]
        parts.append(
            Solid(np.stack([*hips, *knees]), np.array([0.06, 0.06, 0.055, 0.055]) * thick, clothes.trousers),
        )
    return parts


def _marks(
    clothes: Clothes, skin: Colour, waist: Vector, neck: Vector, wide: Vector, ahead: Vector, thick: float
) -> list[Mark]:
    marks = []
    if clothes.stripes is not None:
        for share in (0.05, 0.25, 0.45, 0.65):
            middle = waist + (neck - waist) * share
            half = (0.075 + 0.035 * share) * thick
            ring = [middle + wide * half, middle - wide * half]
            ring += [middle + ahead * 0.048 * thick, middle - ahead * 0.048 * thick]
            marks.append(Mark(np.stack(ring), 0.008 * thick, clothes.stripes))
    front = ahead * 0.052 * thick
    if clothes.front is not None:
        marks.append(
            Mark(
                np.stack([neck + front * 0.4, waist + front, waist + front - (neck - waist) * 0.2]),
                0.016 * thick,
                clothes.front,
                ahead,
            )
        )
    marks.append(Mark(np.stack([neck + front * 0.5, neck + front * 0.7 - (neck - waist) * 0.09]), 0.013 * thick,
                      lit(skin, 0.92), ahead))  # fmt: skip
    return marks
