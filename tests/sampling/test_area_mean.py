from fractions import Fraction

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from framestream.sampling.area_mean import plan_area_mean
from framestream.sampling.resize import fit_frame


def shares(old: int, new: int) -> list[list[tuple[int, Fraction]]]:
    """Return, for each new pixel of a side, which old ones it covers, and how much of itself each is."""
    scale = Fraction(old, new)
    covered = []
    for index in range(new):
        begin, end = index * scale, (index + 1) * scale
        parts = [(pixel, min(end, pixel + 1) - max(begin, pixel)) for pixel in range(int(begin), old) if pixel < end]
        covered.append([(pixel, part / scale) for pixel, part in parts])
    return covered


def exact_mean(image: np.ndarray, size_wh: tuple[int, int]) -> np.ndarray:
    height, width, channels = image.shape
    shrunk = np.empty((size_wh[1], size_wh[0], channels), np.uint8)
    columns = shares(width, size_wh[0])
    for y, rows in enumerate(shares(height, size_wh[1])):
        for x, pixels in enumerate(columns):
            for channel in range(channels):
                mean = sum(
                    int(image[row, pixel, channel]) * share * part for row, share in rows for pixel, part in pixels
                )
                # Halves go to the even number, as Python's own rounding has it.
                shrunk[y, x, channel] = round(mean)
    return shrunk


@given(
    old_wh=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    new_wh=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    channels=st.sampled_from([1, 3, 4]),
    flat=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
@settings(deadline=None, max_examples=150)
def test_it_is_the_mean_to_the_last_bit(
    old_wh: tuple[int, int], new_wh: tuple[int, int], channels: int, flat: bool, seed: int
) -> None:
    plan = plan_area_mean(old_wh, new_wh, channels)
    # Few grey values make many exact halves.
    image = np.random.default_rng(seed).integers(0, 2 if flat else 256, (old_wh[1], old_wh[0], channels), np.uint8)
    if plan is None:
        assert old_wh[0] < new_wh[0] or old_wh[1] < 2 * new_wh[1]
        return
    np.testing.assert_array_equal(plan.shrink(image), exact_mean(image, new_wh))


@pytest.mark.parametrize(
    "size_wh", [(640, 480), (768, 432), (1280, 720), (1920, 1080), (3840, 2160), (854, 480), (333, 227)], ids=str
)
@pytest.mark.parametrize("side", [96, 224])
def test_it_is_what_opencv_gives_but_for_halves(size_wh: tuple[int, int], side: int) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (size_wh[1], size_wh[0], 3), np.uint8)
    for image in (noise, np.full_like(noise, 255)):
        ours = fit_frame(image, size_wh=(side, side), color="rgb")
        difference = np.abs(ours.astype(int) - cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA))
        assert difference.max() <= 1
        assert np.count_nonzero(difference) < 0.01 * difference.size


def test_a_part_of_a_picture_is_shrunk_like_a_picture() -> None:
    image = np.random.default_rng(5).integers(0, 256, (480, 640, 3), np.uint8)
    part = image[20:308, 100:420]
    assert not part.flags.c_contiguous
    np.testing.assert_array_equal(fit_frame(part, size_wh=(96, 96)), fit_frame(part.copy(), size_wh=(96, 96)))


def test_sizes_without_a_common_measure_are_left_to_opencv() -> None:
    assert plan_area_mean((640, 480), (96, 96), 3) is not None
    assert plan_area_mean((853, 479), (96, 96), 3) is None
    assert plan_area_mean((100, 480), (96, 480), 3) is None
    assert plan_area_mean((50, 480), (96, 96), 3) is None
