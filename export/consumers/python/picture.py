"""Scaling, as a FrameStream model wants its pictures scaled. Needs numpy."""

import numpy as np


def fit(picture, size_hw):
    """Stretch a picture, uint8 `[height, width, 3]`, to the model's size.

    Where both sides shrink or stay, each pixel is the mean of the area it covers; where one grows, bilinear with
    half-pixel centres is used for both.
    """
    shrinks = all(have >= want for have, want in zip(picture.shape, size_hw, strict=False))
    down, across = (_shares(have, want, shrinks) for have, want in zip(picture.shape, size_hw, strict=False))
    planes = down @ picture.astype(np.float32).transpose(2, 0, 1) @ across.T
    return np.ascontiguousarray(np.rint(planes).astype(np.uint8).transpose(1, 2, 0))


def _shares(have, want, shrinks):
    """What share each of `have` pixels in a row has in each of `want` pixels: float32 `[want, have]`."""
    scale, old, new = have / want, np.arange(have), np.arange(want)[:, None]
    if shrinks:
        overlap = np.minimum(old + 1, (new + 1) * scale) - np.maximum(old, new * scale)
        return (np.maximum(overlap, 0) / scale).astype(np.float32)
    centre = np.clip((new + 0.5) * scale - 0.5, 0, have - 1)
    return np.maximum(1 - np.abs(old - centre), 0).astype(np.float32)
