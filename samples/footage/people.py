"""A person to draw: proportions, clothes, and the capsules that a set of joints becomes."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import numpy as np

from footage.skeleton import Proportions, Vector

Colour = tuple[float, float, float]  # BGR, 0..255

_SKIN = ((197, 222, 247), (152, 189, 232), (120, 160, 210), (90, 125, 178), (62, 88, 132), (42, 60, 92))
_HAIR = ((20, 20, 25), (35, 45, 65), (50, 80, 120), (90, 150, 190), (150, 155, 160), (40, 50, 110))


@dataclass(frozen=True, slots=True)
class Capsule:
    """A limb: two ends in metres, a radius at each, one colour."""

    start: Vector
    end: Vector
    start_radius: float
    end_radius: float
    colour: Colour


@dataclass(frozen=True, slots=True)
class Person:
    """A build and what it wears."""

    body: Proportions
    skin: Colour
    hair: Colour
    shirt: Colour
    trousers: Colour
    shoes: Colour
    sleeves: str  # "long", "short", "none"
    legs: str  # "long", "short"
    hair_share: float

    def capsules(self, joints: dict[str, Vector]) -> list[Capsule]:
        """Dress joints in capsules: torso, limbs, hands, feet, head, hair."""
        tall, girth = self.body.height, self.body.girth
        thick = tall * girth
        parts = [
            Capsule(joints["pelvis"], joints["waist"], 0.072 * thick, 0.070 * thick, self.trousers),
            Capsule(joints["waist"], joints["neck"] - (joints["neck"] - joints["waist"]) * 0.22,
                    0.072 * thick, 0.082 * thick, self.shirt),
            Capsule(joints["left_shoulder"], joints["right_shoulder"], 0.042 * thick, 0.042 * thick, self.shirt),
            Capsule(joints["left_hip"], joints["right_hip"], 0.056 * thick, 0.056 * thick, self.trousers),
            Capsule(joints["neck"], joints["head"], 0.030 * thick, 0.030 * thick, self.skin),
            Capsule(joints["head"], joints["face"], 0.060 * tall, 0.056 * tall, self.skin),
        ]  # fmt: skip
        back = joints["head"] + (joints["head"] - joints["face"]) * 0.55
        crown = back + (joints["head"] - joints["neck"]) * 0.22
        parts.append(Capsule(back, crown, 0.058 * tall * self.hair_share, 0.055 * tall * self.hair_share, self.hair))
        upper = self.shirt if self.sleeves != "none" else self.skin
        lower = self.shirt if self.sleeves == "long" else self.skin
        shin = self.trousers if self.legs == "long" else self.skin
        for side in ("left", "right"):
            parts += [
                self._limb(joints, f"{side}_shoulder", f"{side}_elbow", (0.036, 0.029), upper),
                self._limb(joints, f"{side}_elbow", f"{side}_wrist", (0.028, 0.021), lower),
                self._limb(joints, f"{side}_wrist", f"{side}_hand", (0.022, 0.026), self.skin),
                self._limb(joints, f"{side}_hip", f"{side}_knee", (0.052, 0.037), self.trousers),
                self._limb(joints, f"{side}_knee", f"{side}_ankle", (0.036, 0.025), shin),
                self._limb(joints, f"{side}_ankle", f"{side}_toe", (0.026, 0.024), self.shoes),
            ]
        return parts

    def _limb(
        self, joints: dict[str, Vector], start: str, end: str, radii: tuple[float, float], colour: Colour
    ) -> Capsule:
        thick = self.body.height * self.body.girth
        return Capsule(joints[start], joints[end], radii[0] * thick, radii[1] * thick, colour)


def draw_person(rng: np.random.Generator) -> Person:
    """Draw a random person."""
    body = Proportions(
        height=float(rng.uniform(1.45, 1.98)),
        girth=float(rng.uniform(0.82, 1.35)),
        shoulder=float(rng.uniform(0.098, 0.125)),
        hip=float(rng.uniform(0.048, 0.064)),
        arm=float(rng.uniform(0.305, 0.345)),
        leg=float(rng.uniform(0.46, 0.50)),
    )
    return Person(
        body=body,
        skin=_jitter(rng, _SKIN[rng.integers(len(_SKIN))], 10),
        hair=_jitter(rng, _HAIR[rng.integers(len(_HAIR))], 10),
        shirt=_cloth(rng),
        trousers=_cloth(rng),
        shoes=_cloth(rng),
        sleeves=str(rng.choice(["long", "short", "none"], p=[0.5, 0.4, 0.1])),
        legs=str(rng.choice(["long", "short"], p=[0.78, 0.22])),
        hair_share=float(rng.uniform(0.85, 1.12)),
    )


def _cloth(rng: np.random.Generator) -> Colour:
    saturation = rng.uniform(0.0, 0.25) if rng.random() < 0.45 else rng.uniform(0.25, 0.95)
    red, green, blue = colorsys.hsv_to_rgb(rng.random(), saturation, rng.uniform(0.08, 0.97))
    return (255 * blue, 255 * green, 255 * red)


def _jitter(rng: np.random.Generator, colour: tuple[int, int, int], spread: float) -> Colour:
    blue, green, red = (float(np.clip(channel + rng.normal(0, spread), 0, 255)) for channel in colour)
    return (blue, green, red)
