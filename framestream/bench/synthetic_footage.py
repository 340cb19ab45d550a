"""Pictures to measure with: something textured that moves, so that codecs and scaling have work to do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from framestream.errors import UnreadableSourceError
from framestream.frames import FrameSource, Image, SourceInfo
from framestream.sampling.resize import fit_frame
from framestream.sources.opencv import opencv_silenced

CAMERA_SIZE_WH = (640, 480)
CAMERA_RATE = 15.0
FILM_RATE = 25.0
FILM_CODEC = "mp4v"
"""Nearly every build of OpenCV can write it."""
_IMAGES = 16


def render_images(count: int, *, size_wh: tuple[int, int]) -> list[Image]:
    """Return BGR images of two discs that cross a textured room."""
    width, height = size_wh
    random = np.random.default_rng(7)
    coarse = random.integers(40, 200, (max(2, height // 16), max(2, width // 16), 3), dtype=np.uint8)
    room = np.asarray(cv2.resize(coarse, size_wh, interpolation=cv2.INTER_CUBIC), np.uint8)
    images = []
    for index in range(count):
        phase = 2 * np.pi * index / max(count, 1)
        image = room.copy()
        for colour, offset in (((60, 90, 220), 0.0), ((200, 180, 60), np.pi / 2)):
            centre = (
                int(width * (0.5 + 0.35 * np.cos(phase + offset))),
                int(height * (0.5 + 0.3 * np.sin(2 * phase + offset))),
            )
            cv2.circle(image, centre, max(2, height // 6), colour, thickness=-1)
        images.append(image)
    return images


def model_images(size_wh: tuple[int, int]) -> list[Image]:
    """Return RGB images as a model of this input size is given them, all different."""
    return [fit_frame(image, size_wh=size_wh) for image in render_images(_IMAGES, size_wh=(320, 240))]


def model_frames(size_wh: tuple[int, int], *, cameras: int = 1, steps: int = 1) -> NDArray[np.uint8]:
    """Return frames for one run of a model of this input size: uint8 `[cameras, steps, height, width, 3]`."""
    images = model_images(size_wh)
    row = np.stack([images[index % len(images)] for index in range(steps)])
    return np.ascontiguousarray(np.broadcast_to(row, (cameras, *row.shape)))


def write_film(path: Path, *, frames: int, size_wh: tuple[int, int] = CAMERA_SIZE_WH) -> None:
    """Write a film of moving discs.

    Raises:
        UnreadableSourceError: This OpenCV cannot write video.
    """
    with opencv_silenced():
        writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*FILM_CODEC), FILM_RATE, size_wh)
        if not writer.isOpened():
            raise UnreadableSourceError(f"{path}: this OpenCV cannot write video; give a file to read with --source")
        images = render_images(50, size_wh=size_wh)
        for index in range(frames):
            writer.write(images[index % len(images)])
        writer.release()


class FirstFrames:
    """The first frames of another source, so that a long film does not make a long bench; a `FrameSource`."""

    def __init__(self, source: FrameSource, count: int) -> None:
        """End `source` after `count` frames; closing this closes it."""
        self._source = source
        self._left = count

    @property
    def info(self) -> SourceInfo:
        """What the source says about itself."""
        return self._source.info

    def grab(self) -> float | None:
        """Advance to the next frame; see `FrameSource`."""
        if self._left == 0:
            return None
        self._left -= 1
        return self._source.grab()

    def retrieve(self) -> Image:
        """Return the frame grabbed last."""
        return self._source.retrieve()

    def close(self) -> None:
        """Close the source."""
        self._source.close()


class ImagesInMemory:
    """Images handed out again and again at a rate, as fast as they are asked for; a `FrameSource`."""

    def __init__(self, images: Sequence[Image], *, rate: float, count: int) -> None:
        """Make a source of `count` frames, `rate` a second of media time, from few images."""
        self._images = images
        self._rate = rate
        self._count = count
        self._index = -1
        height, width = images[0].shape[:2]
        self._info = SourceInfo(name="images in memory", size_wh=(width, height), declared_fps=rate)

    @property
    def info(self) -> SourceInfo:
        """Size and rate of the images."""
        return self._info

    def grab(self) -> float | None:
        """Advance to the next frame; see `FrameSource`."""
        if self._index + 1 >= self._count:
            return None
        self._index += 1
        return self._index / self._rate

    def retrieve(self) -> Image:
        """Return the frame grabbed last."""
        return self._images[self._index % len(self._images)]

    def close(self) -> None:
        """Close the source, which gives no more frames."""
        self._index = self._count
