"""A few small pictures of a clip, kept while it is read."""

from __future__ import annotations

from typing import Generic, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from framestream.errors import SettingsError
from framestream.frames import Image

_Item = TypeVar("_Item")
PICTURES = 4
PICTURE_WH = (120, 90)
_MOST_KEPT = 4 * PICTURES
_QUALITY = 90


class Thinned(Generic[_Item]):
    """The first item, and then every so many: the step doubles whenever there would be more than `most`."""

    def __init__(self, most: int) -> None:
        """Make an empty collection, with step 1."""
        self._most = most
        self._step = 1
        self._seen = 0
        self.items: list[_Item] = []

    def wants_next(self) -> bool:
        """Whether the next item of the sequence would be kept; asking counts it as seen."""
        wanted = self._seen % self._step == 0
        self._seen += 1
        return wanted

    def keep(self, item: _Item) -> None:
        """Keep an item that was wanted."""
        self.items.append(item)
        if len(self.items) > self._most:
            self.items = self.items[::2]
            self._step *= 2


class PictureKeeper:
    """Keeps pictures spread evenly over the frames it is offered: as JPEG, because there may be thousands of clips."""

    def __init__(self) -> None:
        """Make a keeper that holds no picture."""
        self._kept: Thinned[Image] = Thinned(_MOST_KEPT)

    def wants_next(self) -> bool:
        """Whether the next frame is needed; ask once for each."""
        return self._kept.wants_next()

    def add(self, image: Image) -> None:
        """Take a frame that was wanted, BGR."""
        self._kept.keep(_fit(image))

    def finish(self) -> tuple[bytes, ...]:
        """The pictures, first to last, as JPEG; fewer where there were fewer frames."""
        items = self._kept.items
        indices = sorted({round(index) for index in np.linspace(0, len(items) - 1, PICTURES)}) if items else []
        return tuple(_encode(items[index]) for index in indices)


def decode_picture(jpeg: bytes) -> Image:
    """Return a kept picture as an image: uint8 [PICTURE_WH[1], PICTURE_WH[0], 3], BGR."""
    return np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR), dtype=np.uint8)


def _fit(image: NDArray[np.uint8]) -> Image:
    """The whole frame, as large as fits, on black."""
    height, width = image.shape[:2]
    scale = min(PICTURE_WH[0] / width, PICTURE_WH[1] / height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    canvas = np.zeros((PICTURE_WH[1], PICTURE_WH[0], 3), np.uint8)
    left, top = (PICTURE_WH[0] - size[0]) // 2, (PICTURE_WH[1] - size[1]) // 2
    canvas[top : top + size[1], left : left + size[0]] = small if small.ndim == 3 else small[..., None]
    return canvas


def _encode(image: Image) -> bytes:
    encoded, jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not encoded:
        raise SettingsError("OpenCV cannot write JPEG pictures here; see `framestream doctor`")
    return bytes(jpeg)
