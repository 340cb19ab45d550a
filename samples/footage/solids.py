"""The solids that people and furniture are made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from footage.colours import Colour
from footage.skeleton import Vector


@dataclass(frozen=True, slots=True)
class Mark:
    """Something flat on a solid, such as an eye or a stripe.

    It covers what a ball of `radius` metres sweeps between all of `points` `[n, 3]`. With a `normal` `[3]` only a
    camera on that side sees it.
    """

    points: Vector
    radius: float
    colour: Colour
    normal: Vector | None = None


@dataclass(frozen=True, slots=True)
class Solid:
    """The convex hull of balls: `centres` `[n, 3]` and `radii` `[n]` in metres, one colour, and marks on it."""

    centres: Vector
    radii: Vector
    colour: Colour
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True)
class Box:
    """A box: one lower corner and three edges, metres `[3]` each: along the front, up, to the back."""

    corner: Vector
    across: Vector
    up: Vector
    deep: Vector
    colour: Colour

    @property
    def middle(self) -> Vector:
        """The middle of the box, metres `[3]`."""
        return np.asarray(self.corner + (self.across + self.up + self.deep) / 2)


def limb(start: Vector, end: Vector, radii: tuple[float, float], colour: Colour) -> Solid:
    """A limb that is as thick as `radii` (metres) at its two ends."""
    return Solid(np.stack([start, end]), np.array(radii), colour)
