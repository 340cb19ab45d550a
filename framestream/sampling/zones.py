"""Zones: parts of one camera's picture that are watched each for itself, while the video is decoded once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from framestream.errors import SettingsError
from framestream.frames import Color, Image
from framestream.quantities import read_number
from framestream.sampling.resize import fit_frame


@dataclass(frozen=True, slots=True)
class Zone:
    """A rectangle of the picture, in shares of its width and height: 0 is left or top, 1 is right or bottom.

    Attributes:
        name: What records call it; unique for its camera.
        left: First column of the zone.
        top: First row of the zone.
        right: End of the columns, above `left`.
        bottom: End of the rows, above `top`.
    """

    name: str
    left: float
    top: float
    right: float
    bottom: float

    def __post_init__(self) -> None:
        """Raise SettingsError for a rectangle that is none, or lies outside."""
        if not self.name.strip():
            raise SettingsError("a zone has no name; give it one")
        sides = (self.left, self.top, self.right, self.bottom)
        for side in sides:
            read_number(side, name=f"zone {self.name}: box", wanted="[left, top, right, bottom] in shares, 0 to 1")
        inside = all(0 <= side <= 1 for side in sides)
        if not inside or self.left >= self.right or self.top >= self.bottom:
            raise SettingsError(
                f"zone {self.name}: box is {list(sides)}; give [left, top, right, bottom] in shares of the picture, "
                "0 to 1, with left below right and top below bottom"
            )

    @classmethod
    def around(cls, name: str, polygon: Iterable[Sequence[float]]) -> Zone:
        """Return the smallest zone around a polygon of (x, y) points, in shares of the picture.

        The model looks at rectangles, so what lies between polygon and rectangle is seen as well.
        """
        points = [tuple(point) for point in polygon]
        if len(points) < 3 or any(len(point) != 2 for point in points):
            raise SettingsError(f"zone {name}: a polygon is three or more [x, y] points, in shares of the picture")
        columns, rows = [point[0] for point in points], [point[1] for point in points]
        return cls(name, min(columns), min(rows), max(columns), max(rows))

    def cut(self, image: Image) -> Image:
        """Return the zone's part of an image `[height, width, …]`, a view of at least one pixel."""
        height, width = image.shape[:2]
        # Rounded to the nearest pixel, so that zones that touch share no pixel and leave none out.
        left, top = min(round(self.left * width), width - 1), min(round(self.top * height), height - 1)
        right, bottom = max(round(self.right * width), left + 1), max(round(self.bottom * height), top + 1)
        return image[top:bottom, left:right]


def check_zones(zones: Sequence[Zone]) -> None:
    """Raise SettingsError if two zones of one camera share a name."""
    names = [zone.name for zone in zones]
    double = sorted({name for name in names if names.count(name) > 1})
    if double:
        raise SettingsError(f"zone {double[0]} occurs twice; give each zone of a camera a name of its own")


def cut_zones(image: Image, *, zones: Sequence[Zone], size_wh: tuple[int, int], color: Color = "bgr") -> Image:
    """Cut zones out of a frame and bring each to the model's size and colour order.

    Returns:
        RGB, uint8 `[zones, height, width, 3]`, in the order of `zones`.
    """
    return np.stack([fit_frame(zone.cut(image), size_wh=size_wh, color=color) for zone in zones])


def prepare_for(size_wh: tuple[int, int], zones: Sequence[Zone]) -> Callable[[Image], Image]:
    """Return what makes model input of a frame: `[height, width, 3]`, or `[zones, height, width, 3]` with zones."""
    if zones:
        return partial(cut_zones, zones=tuple(zones), size_wh=size_wh)
    return partial(fit_frame, size_wh=size_wh)
