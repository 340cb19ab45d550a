"""What people wear."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from footage.colours import Colour, cloth_colour, jitter, trouser_colour


@dataclass(frozen=True, slots=True)
class Clothes:
    """Clothes of one person.

    `sleeves` are `"long"`, `"short"` or `"none"`, `legs` `"long"`, `"short"` or `"skirt"`. `stripes` colours rings
    around the shirt, `front` what an open jacket shows.
    """

    shirt: Colour
    trousers: Colour
    shoes: Colour
    sleeves: str
    legs: str
    stripes: Colour | None
    front: Colour | None


def draw_clothes(rng: np.random.Generator) -> Clothes:
    """Draw random clothes."""
    shirt = cloth_colour(rng)
    legs = str(rng.choice(["long", "short", "skirt"], p=[0.74, 0.15, 0.11]))
    sleeves = str(rng.choice(["long", "short", "none"], p=[0.5, 0.43, 0.07]))
    kind = rng.random()
    shoe = float(rng.choice([35.0, 60.0, 225.0], p=[0.5, 0.3, 0.2]))
    return Clothes(
        shirt=shirt,
        trousers=cloth_colour(rng) if legs == "skirt" else trouser_colour(rng),
        shoes=jitter(rng, (shoe, shoe, shoe), 15),
        sleeves=sleeves,
        legs=legs,
        stripes=cloth_colour(rng) if kind < 0.16 else None,
        front=cloth_colour(rng) if kind > 0.84 and sleeves == "long" else None,
    )
