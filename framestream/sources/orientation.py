"""How a stored picture is turned and mirrored to be displayed, as its container's display matrix says."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from framestream.frames import Image


@dataclass(frozen=True, slots=True)
class Orientation:
    """Mirrored left to right first, then turned counter-clockwise by quarters of a circle.

    Attributes:
        quarter_turns: 0 to 3.
        mirrored: Whether left and right change places.
    """

    quarter_turns: int = 0
    mirrored: bool = False

    @property
    def swaps_sides(self) -> bool:
        """Whether width and height change places."""
        return self.quarter_turns % 2 == 1

    def apply(self, image: Image) -> Image:
        """Return a picture as it is displayed."""
        if self == Orientation():
            return image
        mirrored = image[:, ::-1] if self.mirrored else image
        return np.ascontiguousarray(np.rot90(mirrored, self.quarter_turns))


def read_matrix(values: Sequence[int]) -> Orientation:
    """Return what a display matrix means: its nine numbers, row by row, as ISO files and FFmpeg have them.

    The matrix maps a stored point (x, y), y downwards, to (a x + c y, b x + d y), with a, b, c, d its numbers 0, 1, 3
    and 4. Other angles than quarters are taken for the nearest, as OpenCV does.
    """
    a, b, c, d = values[0], values[1], values[3], values[4]
    if not (a or b) or not (c or d):
        return Orientation()
    mirrored = a * d - b * c < 0
    # Where the right-hand side of the picture, mirrored if it is, points to: clockwise, since y goes down.
    clockwise = math.atan2(-b, -a) if mirrored else math.atan2(b, a)
    return Orientation(-round(clockwise / (math.pi / 2)) % 4, mirrored)
