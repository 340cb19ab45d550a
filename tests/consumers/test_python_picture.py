"""The scaling of the plain Python programs: exact where a picture shrinks, whatever the picture's memory looks like."""

from __future__ import annotations

import importlib.util
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray

from framestream.sampling.resize import fit_frame
from tests.consumers.comparison import CONSUMERS


@pytest.fixture(scope="module")
def picture() -> ModuleType:
    spec = importlib.util.spec_from_file_location("consumer_picture", CONSUMERS / "python" / "picture.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def exact_mean(image: NDArray[np.uint8], size_hw: tuple[int, int]) -> NDArray[np.uint8]:
    """The mean of the area that each new pixel covers, in whole numbers to the end; halves to the even number."""

    def overlaps(have: int, want: int) -> NDArray[np.int64]:
        old, new = np.arange(have) * want, np.arange(want)[:, np.newaxis] * have
        return np.maximum(np.minimum(old + want, new + have) - np.maximum(old, new), 0)

    height, width = image.shape[:2]
    down, across = overlaps(height, size_hw[0]), overlaps(width, size_hw[1])
    # Whole numbers below 2**53, so float64 is exact, and much faster than products of integers.
    sums = down.astype(float) @ image.transpose(2, 0, 1).astype(float) @ across.T.astype(float)
    mean, rest = np.divmod(np.rint(sums).astype(np.int64).transpose(1, 2, 0), height * width)
    up = (2 * rest > height * width) | ((2 * rest == height * width) & (mean % 2 == 1))
    return (mean + up).astype(np.uint8)


SHRINKING = [
    ((480, 640), (96, 96)),
    ((360, 640), (96, 96)),
    ((192, 192), (160, 160)),
    ((97, 131), (96, 96)),
    ((96, 96), (96, 96)),
    ((300, 96), (96, 96)),
    ((1080, 1920), (12, 16)),
    ((40, 7), (1, 1)),
    # Sums of the whole picture are more than 31 bits.
    ((2200, 4000), (20, 30)),
]


@pytest.mark.parametrize(("old_hw", "new_hw"), SHRINKING)
def test_a_smaller_picture_is_the_mean_to_the_last_bit(
    picture: ModuleType, old_hw: tuple[int, int], new_hw: tuple[int, int]
) -> None:
    random = np.random.default_rng(4)
    # Two colours give more halves than many do; white tries how large the sums can be.
    for image in (
        random.integers(0, 256, (*old_hw, 3), dtype=np.uint8),
        random.integers(0, 2, (*old_hw, 3), dtype=np.uint8) * np.uint8(255),
        np.full((*old_hw, 3), 255, np.uint8),
    ):
        found = picture.fit(image, new_hw)
        assert (found.shape, found.dtype) == ((*new_hw, 3), np.uint8)
        assert found.flags.c_contiguous
        np.testing.assert_array_equal(found, exact_mean(image, new_hw))
        np.testing.assert_array_equal(picture.fit(image[:, :, ::-1], new_hw), found[:, :, ::-1])


def test_a_film_of_common_size_gives_framestreams_own_bytes(picture: ModuleType) -> None:
    image = np.random.default_rng(5).integers(0, 256, (480, 640, 3), dtype=np.uint8)
    np.testing.assert_array_equal(picture.fit(image, (96, 96))[:, :, ::-1], fit_frame(image, size_wh=(96, 96)))


@pytest.mark.parametrize(("old_hw", "new_hw"), [((60, 80), (96, 96)), ((60, 300), (96, 96)), ((300, 60), (96, 96))])
def test_a_larger_picture_is_interpolated(
    picture: ModuleType, old_hw: tuple[int, int], new_hw: tuple[int, int]
) -> None:
    image = np.random.default_rng(6).integers(0, 256, (*old_hw, 3), dtype=np.uint8)
    found, wanted = picture.fit(image, new_hw)[:, :, ::-1].astype(int), fit_frame(image, size_wh=new_hw[::-1])
    assert np.abs(found - wanted).max() <= 1
