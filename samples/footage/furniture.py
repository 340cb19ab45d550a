"""Chairs, of capsules like the people who sit on them."""

from __future__ import annotations

import numpy as np

from footage.people import Capsule, Colour
from footage.skeleton import Vector


def chair(pelvis: Vector, side: Vector, back: Vector, colour: Colour) -> list[Capsule]:
    """The chair under somebody's pelvis.

    Args:
        pelvis: Place of the pelvis, metres `[3]`.
        side: Unit vector `[3]` along the front edge of the seat.
        back: Unit vector `[3]` towards the backrest.
        colour: BGR, 0..255.
    """
    seat = pelvis - np.array([0.0, 0.10, 0.0])
    corners = [seat + 0.2 * s * side + d * back for s in (-1, 1) for d in (-0.3, 0.16)]
    legs = [Capsule(corner, corner * np.array([1.0, 0.0, 1.0]), 0.02, 0.02, colour) for corner in corners]
    rest = [
        Capsule(corners[1] + np.array([0, h, 0]), corners[3] + np.array([0, h, 0]), 0.04, 0.04, colour)
        for h in (0.2, 0.4)
    ]
    return [
        Capsule(corners[0], corners[2], 0.04, 0.04, colour),
        Capsule(seat, seat + 0.1 * back, 0.15, 0.15, colour),
        *legs,
        *rest,
    ]
