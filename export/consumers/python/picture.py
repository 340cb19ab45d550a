"""Scaling, as a FrameStream model wants its pictures scaled. Needs numpy."""

import numpy as np


def fit(picture, size_hw):
    """Stretch a picture, uint8 `[height, width, 3]`, to the model's size; quick if its bytes lie in order.

    Where both sides shrink or stay, each pixel is the mean of the area it covers, halves to the even number; where one
    grows, bilinear with half-pixel centres is used for both.
    """
    (height, width), (rows, columns) = picture.shape[:2], size_hw
    if height >= rows and width >= columns:
        sums = _sum_rows(_sum_rows(picture, rows).swapaxes(0, 1).astype(np.int64, order="C"), columns).swapaxes(0, 1)
        return np.rint(sums / (height * width)).astype(np.uint8, order="C")
    planes = _shares(height, rows) @ picture.astype(np.float32).transpose(2, 0, 1) @ _shares(width, columns).T
    return np.rint(planes).transpose(1, 2, 0).astype(np.uint8, order="C")


def _sum_rows(rows, want):
    """Add up what each of `want` new rows covers, in whole numbers: an old row weighs `want`, a part of it less."""
    at, cut = np.divmod(np.arange(want + 1, dtype=np.int32) * len(rows), want)
    # The first old row that begins in each new one, the second in each and so on, each as a whole. Products of matrices
    # would be mostly zeros, and `np.add.reduceat` takes several times as long.
    parts = (rows[(at[:-1] + n) % len(rows)] * (n < np.diff(at))[:, None, None] for n in range(np.diff(at).max()))
    # Where a border cuts an old row, the part beyond it is taken off on one side and added on the other.
    return sum(parts, np.int32(0)) * want + np.diff(rows[at % len(rows)] * cut[:, None, None], axis=0)


def _shares(have, want):
    """What share each of `have` pixels in a row has in each of `want` pixels, bilinear: float32 `[want, have]`."""
    centre = np.clip((np.arange(want)[:, None] + 0.5) * (have / want) - 0.5, 0, have - 1)
    return np.maximum(1 - np.abs(np.arange(have) - centre), 0).astype(np.float32)
