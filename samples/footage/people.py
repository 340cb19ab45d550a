"""A person to draw: build, clothes, and the solids that a set of joints becomes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from footage.clothes import Clothes, draw_clothes
from footage.faces import Looks, draw_looks, head_solids
from footage.skeleton import Proportions, Vector
from footage.solids import Solid, limb
from footage.torsos import torso_solids


@dataclass(frozen=True, slots=True)
class Person:
    """A build, a head and what it wears."""

    body: Proportions
    looks: Looks
    clothes: Clothes

    def solids(self, joints: dict[str, Vector]) -> list[Solid]:
        """Dress joints in solids: torso, limbs, hands, feet, head."""
        thick = self.body.height * self.body.girth
        clothes, skin = self.clothes, self.looks.skin
        parts = torso_solids(joints, clothes, skin, thick=thick)
        parts += head_solids(joints, self.looks, height=self.body.height)
        cuff = 1.12 if clothes.sleeves == "long" else 1.0
        loose = 1.1 if clothes.legs == "long" else 1.0
        for side in ("left", "right"):
            shoulder, elbow, wrist = (joints[f"{side}_{name}"] for name in ("shoulder", "elbow", "wrist"))
            hand, ankle, knee = (joints[f"{side}_{name}"] for name in ("hand", "ankle", "knee"))
            hip, toe = joints[f"{side}_hip"], joints[f"{side}_toe"]
            upper = skin if clothes.sleeves == "none" else clothes.shirt
            lower = clothes.shirt if clothes.sleeves == "long" else skin
            parts += [
                limb(shoulder, elbow, (0.034 * thick, 0.026 * thick * cuff), upper),
                limb(elbow, wrist, (0.025 * thick * cuff, 0.0175 * thick * cuff), lower),
                limb(wrist, wrist + (hand - wrist) * 0.9, (0.017 * thick, 0.019 * thick), skin),
            ]
            thigh = skin if clothes.legs == "skirt" else clothes.trousers
            shin = clothes.trousers if clothes.legs == "long" else skin
            heel = ankle - (toe - ankle) * 0.25
            parts += [
                limb(hip, knee, (0.053 * thick, 0.035 * thick * loose), thigh),
                limb(knee, ankle, (0.034 * thick * loose, 0.022 * thick * loose), shin),
                limb(heel, ankle + (toe - ankle) * 0.95, (0.021 * thick, 0.019 * thick), clothes.shoes),
            ]
            if clothes.sleeves == "short":
                middle = shoulder + (elbow - shoulder) * 0.7
                parts[-6] = limb(middle, elbow, (0.0275 * thick, 0.025 * thick), skin)
                parts.append(limb(shoulder, middle, (0.036 * thick, 0.031 * thick), clothes.shirt))
        return parts


def draw_person(rng: np.random.Generator) -> Person:
    """Draw a random person."""
    body = Proportions(
        height=float(rng.uniform(1.5, 1.95)),
        girth=float(rng.uniform(0.86, 1.22)),
        shoulder=float(rng.uniform(0.104, 0.122)),
        hip=float(rng.uniform(0.050, 0.060)),
        arm=float(rng.uniform(0.305, 0.335)),
        leg=float(rng.uniform(0.46, 0.49)),
    )
    return Person(body=body, looks=draw_looks(rng), clothes=draw_clothes(rng))
