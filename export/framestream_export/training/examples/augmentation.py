"""Augmentation: the same recording mirrored, in other light, framed otherwise, before another background.

An augmentation holds for all frames of an example, so that nothing flickers or jumps.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

_BRIGHTNESS = 40.0
_CONTRAST = 0.35
_TINT = 0.15
_ZOOM = 0.18
_SHIFT = 0.08
_TILT_DEGREES = 5.0
_MIX = (0.1, 0.35)


@dataclass(frozen=True, slots=True)
class Augmentation:
    """A random change of a clip's appearance, the same for all of its frames.

    Attributes:
        mirrored: Whether left and right are swapped.
        levels: uint8 [1, 256, 3], what becomes of each level of each colour: light and tint.
        framing: float64 [2, 3], affine map of the picture: a camera a little nearer, aside, tilted.
        background: uint8 [H, W, 3], a picture of the background to mix in, or None. That a label is recognised by its
            scenery is less likely where the scenery changes (Wang et al., "Removing the Background by Adding the
            Background", CVPR 2021).
        background_share: How much of the background picture shows, 0 to 1.
    """

    mirrored: bool
    levels: NDArray[np.uint8]
    framing: NDArray[np.float64]
    background: NDArray[np.uint8] | None = None
    background_share: float = 0.0

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        *,
        size_wh: tuple[int, int],
        mirrored: bool,
        background: NDArray[np.uint8] | None = None,
    ) -> Augmentation:
        """Draw light, framing and how much of `background` shows."""
        contrast = 1 + _CONTRAST * rng.uniform(-1, 1)
        brightness = _BRIGHTNESS * rng.uniform(-1, 1)
        gains = contrast * (1 + _TINT * rng.uniform(-1, 1, 3))
        steps = np.arange(256)[:, None]
        levels = np.clip((steps - 127.5) * gains + 127.5 + brightness, 0, 255).astype(np.uint8)[None]
        framing = _draw_framing(rng, size_wh=size_wh)
        return cls(mirrored, levels, framing, background, float(rng.uniform(*_MIX)))

    def apply(self, frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Augment frames uint8 [N, H, W, 3], all in the same way, into new memory."""
        if self.background is not None:
            mixed = frames * np.float32(1 - self.background_share) + self.background * np.float32(self.background_share)
            frames = np.rint(mixed).astype(np.uint8)
        if self.mirrored:
            frames = frames[:, :, ::-1]
        lit = cv2.LUT(np.ascontiguousarray(frames).reshape(-1, frames.shape[2], 3), self.levels).reshape(frames.shape)
        size_wh = frames.shape[2], frames.shape[1]
        moved = [cv2.warpAffine(frame, self.framing, size_wh, borderMode=cv2.BORDER_REPLICATE) for frame in lit]
        return np.stack(moved).astype(np.uint8, copy=False)


def _draw_framing(rng: np.random.Generator, *, size_wh: tuple[int, int]) -> NDArray[np.float64]:
    """An affine map [2, 3] about the picture's middle."""
    width, height = size_wh
    matrix = cv2.getRotationMatrix2D(
        (width / 2, height / 2), _TILT_DEGREES * rng.uniform(-1, 1), 1 + _ZOOM * rng.uniform(-1, 1)
    )
    across, down = _SHIFT * rng.uniform(-1, 1, 2)
    return np.asarray(matrix + np.array([[0, 0, across * width], [0, 0, down * height]]), np.float64)
