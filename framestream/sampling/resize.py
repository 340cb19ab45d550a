"""Scaling a video frame to the model's input: the one implementation that training and serving share.

Method `stretch-area`, for those who rebuild it in another language: the whole frame is stretched to the model's
width and height, without keeping the aspect ratio and without cropping. Where both sides shrink or stay, each output
pixel is the mean of the input area it covers, weighted by overlap (`cv2.INTER_AREA`); where a side grows, bilinear
interpolation with pixel centres at `(i + 0.5) * scale - 0.5` is used for both (`cv2.INTER_LINEAR`). Results are
rounded to bytes, halves to the even one; OpenCV, which does the work for some sizes, may round a half the other way.
Colour becomes RGB; values stay 0 to 255, because normalisation is inside the model.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from framestream.errors import SettingsError
from framestream.frames import Color, Image
from framestream.sampling.area_mean import plan_area_mean

# OpenCV's names for what brings an image of 1, 3 or 4 channels to RGB; None where nothing is to be done.
_TO_RGB: dict[tuple[str, int], str | None] = {
    ("bgr", 1): "COLOR_GRAY2RGB",
    ("rgb", 1): "COLOR_GRAY2RGB",
    ("bgr", 3): "COLOR_BGR2RGB",
    ("rgb", 3): None,
    ("bgr", 4): "COLOR_BGRA2RGB",
    ("rgb", 4): "COLOR_RGBA2RGB",
}


def fit_frame(image: NDArray[Any], *, size_wh: tuple[int, int], color: Color = "bgr") -> Image:
    """Bring a frame to the model's size and colour order.

    Args:
        image: uint8 `[height, width]`, `[height, width, 1]`, `[height, width, 3]` or `[height, width, 4]`.
        size_wh: Width and height of the result, pixels.
        color: Channel order of `image`; a fourth channel (alpha) is dropped.

    Returns:
        RGB, uint8 `[height, width, 3]`, contiguous, never sharing memory with `image`.

    Raises:
        SettingsError: The array is not an image of this form.
    """
    channels = check_image(image, color=color)
    height, width = image.shape[:2]
    code = _TO_RGB[color, channels]
    fits = (width, height) == size_wh
    reverses = code == "COLOR_BGR2RGB"
    planned = image.ndim == 3 and not fits
    plan = plan_area_mean((width, height), size_wh, channels, reverses=reverses) if planned else None
    if plan is not None:
        resized: NDArray[Any] = plan.shrink(image)
        if reverses or code is None:
            return resized
    else:
        resized = image if fits else _stretch(image, size_wh)
    # Colour last: there are fewer pixels now.
    if code is not None:
        import cv2

        return np.ascontiguousarray(cv2.cvtColor(resized, getattr(cv2, code)), dtype=np.uint8)
    return np.array(resized, dtype=np.uint8, order="C")


def check_image(image: NDArray[Any], *, color: Color = "bgr") -> int:
    """Return the number of channels of what `fit_frame` takes.

    Raises:
        SettingsError: The array is not an image of that form.
    """
    if not isinstance(image, np.ndarray):
        raise SettingsError(f"not an image: {type(image).__name__}; give a NumPy array, uint8 [height, width, 3]")
    channels = image.shape[2] if image.ndim == 3 else 1
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or image.size == 0 or (color, channels) not in _TO_RGB:
        raise SettingsError(
            f"not an image: {image.dtype} {list(image.shape)} with color={color!r}; "
            "give uint8 [height, width, 3] in bgr or rgb, or [height, width] for gray"
        )
    return channels


def _stretch(image: Image, size_wh: tuple[int, int]) -> NDArray[Any]:
    # Imported where it is used: processes that read cameras mostly do without, and it takes time and memory.
    import cv2

    height, width = image.shape[:2]
    shrinks = size_wh[0] <= width and size_wh[1] <= height
    return cv2.resize(image, size_wh, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
