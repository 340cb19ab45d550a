"""What light, lens, sensor and compression do to a picture."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from footage.drawing import Canvas


@dataclass(frozen=True, slots=True)
class Appearance:
    """What light, lens and compression do to a picture."""

    gain: float
    tint: tuple[float, float, float]
    flicker: float
    noise: float
    blur: float
    jpeg_quality: int | None
    light: tuple[float, float]
    shadow: float

    def develop(self, canvas: Canvas, grain: NDArray[np.int16], *, seconds: float, number: int) -> Canvas:
        """Make of what was drawn what a camera delivers.

        Args:
            canvas: uint8 BGR `[height, width, 3]`.
            grain: Noise of standard deviation 16, 64 pixels wider and higher than the picture.
            seconds: Time of the picture.
            number: Picks the place in the grain.
        """
        if self.blur > 0.25:
            canvas = np.asarray(cv2.GaussianBlur(canvas, (0, 0), self.blur), np.uint8)
        gain = self.gain * (1 + self.flicker * np.sin(seconds * 9.7))
        picture = canvas * (np.array(self.tint, np.float32) * np.float32(gain))
        if self.noise > 0:
            height, width = canvas.shape[:2]
            row, column = (number * 37) % 64, (number * 53) % 64
            picture += np.float32(self.noise / 16) * grain[row : row + height, column : column + width]
        developed: Canvas = np.clip(picture, 0, 255).astype(np.uint8)
        if self.jpeg_quality is not None:
            _, packed = cv2.imencode(".jpg", developed, [cv2.IMWRITE_JPEG_QUALITY, self.jpeg_quality])
            developed = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)
        return developed


def draw_appearance(rng: np.random.Generator) -> Appearance:
    """Draw random light, lens and compression."""
    tint = 1 + rng.normal(0, 0.035, 3)
    return Appearance(
        gain=float(np.clip(rng.normal(0.95, 0.15), 0.55, 1.25)),
        tint=(float(tint[0]), float(tint[1]), float(tint[2])),
        flicker=float(rng.uniform(0, 0.04)) if rng.random() < 0.15 else 0.0,
        noise=float(rng.uniform(0, 8)) if rng.random() < 0.6 else 0.0,
        blur=float(rng.uniform(0, 0.75)),
        jpeg_quality=int(rng.integers(35, 92)) if rng.random() < 0.6 else None,
        light=(float(rng.uniform(-0.6, 0.6)), float(rng.uniform(-0.9, -0.2))),
        shadow=float(rng.uniform(0.1, 0.45)) if rng.random() < 0.8 else 0.0,
    )
