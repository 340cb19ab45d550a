"""Shrinking a picture by the mean of the area that each new pixel covers, in whole numbers.

The same as `cv2.INTER_AREA`, which spends most of its time on adding one number after the other: here rows are added
first, many numbers at once, and columns are a small product of matrices. Weights are whole numbers over a common
denominator, so nothing is rounded before the end, and every machine gives the same bytes. OpenCV adds fractions, and
which way it rounds an exact half is chance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

# Weights repeat along a side; more new pixels than this in one period mean more work than OpenCV has.
_MOST_PHASES = 16
# Sums of rows must fit 16 bits, sums of pixels the 24 bits that float32 has for whole numbers.
_MOST_ROWS = 65_535 // 255
_MOST_DENOMINATOR = 32_768
# A product of matrices above this is cut up between threads, which cost more than it does, by OpenBLAS at least. Below
# it a large one is cheaper than many small ones.
_MOST_PRODUCT = 200_000


@dataclass(frozen=True, slots=True)
class _Side:
    """How one side shrinks: in `periods` that are alike, with `weights` `[new pixels, old pixels]` in each.

    A new pixel's weights add up to `len(weights[0])`; an old pixel that it covers as a whole weighs `len(weights)`.
    """

    periods: int
    weights: NDArray[np.int64]

    @classmethod
    def of(cls, old: int, new: int) -> _Side:
        periods = math.gcd(old, new)
        olds, news = old // periods, new // periods
        # In units of which an old pixel has `news` and a new one `olds`.
        first, begin = np.arange(olds) * news, np.arange(news)[:, np.newaxis] * olds
        overlap = np.minimum(first + news, begin + olds) - np.maximum(first, begin)
        return cls(periods, np.maximum(overlap, 0))

    @property
    def phases(self) -> int:
        return len(self.weights)


@dataclass(frozen=True, slots=True)
class AreaMean:
    """Shrinks pictures of one size to another; made by `plan_area_mean`."""

    _rows: _Side
    _columns: NDArray[np.float32]
    _periods: int
    _denominator: int
    _rows_at_once: int

    def shrink(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return an image `[height, width, channels]`, uint8, in the size of the plan; halves go to the even byte."""
        height, _, channels = image.shape
        periods, phases = self._rows.periods, self._rows.phases
        rows = image.reshape(periods, height // periods, -1)
        sums = np.empty((periods, phases, rows.shape[2]), np.uint16)
        for phase, weights in enumerate(self._rows.weights):
            _add_rows(rows, weights, whole=phases, out=sums[:, phase])
        height_new = periods * phases
        blocks = sums.reshape(height_new // self._rows_at_once, self._rows_at_once * self._periods, -1)
        mean = (blocks.astype(np.float32) @ self._columns) / np.float32(self._denominator)
        rounded: NDArray[np.uint8] = np.rint(mean, out=mean).astype(np.uint8)
        return rounded.reshape(height_new, -1, channels)


@lru_cache(maxsize=64)
def plan_area_mean(
    old_wh: tuple[int, int], new_wh: tuple[int, int], channels: int, *, reverses: bool = False
) -> AreaMean | None:
    """Return what shrinks pictures of a size to another; None where that would be no faster than OpenCV.

    With `reverses` the channels come out in reverse order, which costs nothing here.
    """
    if old_wh[0] < new_wh[0] or old_wh[1] < 2 * new_wh[1]:
        return None
    columns, rows = _Side.of(old_wh[0], new_wh[0]), _Side.of(old_wh[1], new_wh[1])
    denominator = columns.weights.shape[1] * rows.weights.shape[1]
    product = old_wh[0] * columns.phases * channels**2
    if (
        max(columns.phases, rows.phases) > _MOST_PHASES
        or rows.weights.shape[1] > _MOST_ROWS
        or denominator > _MOST_DENOMINATOR
        or product > _MOST_PRODUCT
    ):
        return None
    # Channels stay apart: a matrix from all bytes of a period to all bytes of its new pixels.
    order = np.eye(channels, dtype=np.int64)[:: -1 if reverses else 1]
    apart = np.kron(columns.weights.T, order).astype(np.float32)
    at_once = next(
        count for count in range(new_wh[1], 0, -1) if new_wh[1] % count == 0 and count * product <= _MOST_PRODUCT
    )
    return AreaMean(rows, apart, columns.periods, denominator, at_once)


def _add_rows(rows: NDArray[np.uint8], weights: NDArray[np.int64], *, whole: int, out: NDArray[np.uint16]) -> None:
    """Add up weighted rows `[periods, old rows, bytes]` of every period, into `out` `[periods, bytes]`."""
    first, *others = np.flatnonzero(weights == whole).tolist()
    np.copyto(out, rows[:, first])
    for row in others:
        np.add(out, rows[:, row], out=out)
    if whole > 1:
        np.multiply(out, np.uint16(whole), out=out)
    for row in np.flatnonzero((weights > 0) & (weights < whole)).tolist():
        np.add(out, np.multiply(rows[:, row], weights[row], dtype=np.uint16, casting="unsafe"), out=out)
