"""Synthetic frames, for where there are no real ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_SEQUENCES = 6
_FRAMES_BEYOND_WINDOW = 32


def drawn_frames(size_wh: tuple[int, int], *, window: int) -> NDArray[np.uint8]:
    """A bright disc on its way over a textured ground: uint8 [sequences, frames, H, W, 3], always the same.

    Args:
        size_wh: Width and height of the frames, pixels.
        window: Frames of a prediction; there are some more.
    """
    width, height = size_wh
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:height, :width] / max(height, width)
    ground = rng.integers(0, 120, (_SEQUENCES, 1, height, width, 3), dtype=np.uint8)
    frames: NDArray[np.uint8] = np.repeat(ground, window + _FRAMES_BEYOND_WINDOW, axis=1)
    for number, sequence in enumerate(frames):
        for index, frame in enumerate(sequence):
            angle = (index * (0.1 + 0.05 * number)) + number
            inside = (rows - 0.5 - 0.3 * np.sin(angle)) ** 2 + (columns - 0.5 - 0.3 * np.cos(1.3 * angle)) ** 2 < 0.02
            frame[inside] = 120 + 20 * number
    return frames
