import numpy as np
import pytest

from framestream import SettingsError
from framestream.sampling.resize import fit_frame


def test_shrinking_takes_the_mean_of_the_area_covered() -> None:
    image = np.random.default_rng(1).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    expected = image.reshape(3, 4, 4, 4, 3).mean(axis=(1, 3))[:, :, ::-1]
    assert np.abs(fit_frame(image, size_wh=(4, 3)).astype(float) - expected).max() <= 0.5 + 1e-6


def test_the_whole_frame_is_stretched() -> None:
    image = np.zeros((40, 100, 3), np.uint8)
    image[:, 50:] = 255
    fitted = fit_frame(image, size_wh=(10, 10))
    assert fitted.shape == (10, 10, 3)
    assert (fitted[:, :5] == 0).all()
    assert (fitted[:, 5:] == 255).all()


def test_growing_interpolates_linearly() -> None:
    image = np.array([[[0] * 3, [100] * 3]], np.uint8)
    assert fit_frame(image, size_wh=(4, 1))[0, :, 0].tolist() == [0, 25, 75, 100]


@pytest.mark.parametrize(
    ("pixel", "color", "expected"),
    [
        ([1, 2, 3], "bgr", [3, 2, 1]),
        ([1, 2, 3], "rgb", [1, 2, 3]),
        ([1, 2, 3, 9], "bgr", [3, 2, 1]),
        ([1, 2, 3, 9], "rgb", [1, 2, 3]),
        ([7], "bgr", [7, 7, 7]),
        (7, "rgb", [7, 7, 7]),
    ],
)
@pytest.mark.parametrize("size_wh", [(6, 4), (3, 2), (12, 8), (3, 8)])
def test_every_channel_layout_becomes_rgb(
    pixel: list[int] | int, color: str, expected: list[int], size_wh: tuple[int, int]
) -> None:
    image = np.zeros((4, 6, *np.shape(pixel)), np.uint8)
    image[:] = pixel
    fitted = fit_frame(image, size_wh=size_wh, color=color)  # type: ignore[arg-type]
    assert fitted.shape == (size_wh[1], size_wh[0], 3)
    assert fitted.dtype == np.uint8
    assert fitted.flags.c_contiguous
    assert (fitted == expected).all()
    assert not np.shares_memory(fitted, image)


@pytest.mark.parametrize(
    ("image", "color"),
    [
        (np.zeros((4, 4, 3), np.float32), "bgr"),
        (np.zeros((4, 4, 2), np.uint8), "bgr"),
        (np.zeros((4,), np.uint8), "bgr"),
        (np.zeros((0, 4, 3), np.uint8), "bgr"),
        (np.zeros((4, 4, 3), np.uint8), "yuv"),
        (np.zeros((4, 4, 3), np.uint8), "BGR"),
        ([[[0, 0, 0]]], "bgr"),
        (None, "rgb"),
    ],
)
def test_what_is_no_image_is_refused(image: object, color: str) -> None:
    with pytest.raises(SettingsError, match="not an image"):
        fit_frame(image, size_wh=(2, 2), color=color)  # type: ignore[arg-type]
