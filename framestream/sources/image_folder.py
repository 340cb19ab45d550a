"""A folder of images, or a pattern that names them, played as a video."""

from __future__ import annotations

import glob
import logging
import os
import re
from pathlib import Path

import cv2
import numpy as np

from framestream.errors import SourceNotFoundError, UnreadableSourceError
from framestream.frames import Image, SourceInfo, check_rate
from framestream.sources.opencv import opencv_silenced

_log = logging.getLogger(__name__)

IMAGE_ENDINGS = (".bmp", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
"""What counts as an image in a folder; a pattern may name files of any ending."""

# Thousands of damaged images should not be thousands of lines.
_MAX_WARNINGS = 10


class ImageSequence:
    """Images as frames; a `FrameSource`.

    They are taken in natural order (`9.png` before `10.png`); image *i* is shown at `i / image_rate` seconds.
    One that cannot be read is skipped with a warning, and keeps its place in time. Gray, 16-bit and transparent
    images are brought to 8-bit BGR, and a photo's orientation is applied, by OpenCV.
    """

    def __init__(self, path_or_pattern: str | os.PathLike[str], *, image_rate: float) -> None:
        """List the images and read the first.

        Args:
            path_or_pattern: A folder (its images, not those of folders inside), or a pattern such as
                `frames/cam1_*.png`, in which `**` reaches into folders.
            image_rate: Images per second.

        Raises:
            SourceNotFoundError: No file fits the pattern.
            UnreadableSourceError: The folder cannot be read or has no images, or none of them decodes.
            SettingsError: `image_rate` is no rate.
        """
        self._name = os.fspath(path_or_pattern)
        self._image_rate = check_rate(image_rate, name="image_rate")
        self._paths = _list_images(self._name)
        self._next_index = 0
        self._unreadable = 0
        self._image: Image | None = None
        # The first image is read here, so that a folder without any is refused at the door; grab() then hands it out.
        self._first = self._read_next()
        if self._first is None:
            raise UnreadableSourceError(
                f"{self._name}: none of the {len(self._paths)} images could be read; check that they are complete"
            )
        self._info = SourceInfo(
            name=self._name,
            size_wh=(self._first[1].shape[1], self._first[1].shape[0]),
            declared_fps=self._image_rate,
            declared_frames=len(self._paths),
        )

    @property
    def info(self) -> SourceInfo:
        """Name, size of the first image, the rate given and the number of files."""
        return self._info

    def grab(self) -> float | None:
        """Read the next image; return its time in seconds, or None at the end (or closed)."""
        found, self._first = self._first or self._read_next(), None
        if found is None:
            self._image = None
            return None
        seconds, self._image = found
        return seconds

    def retrieve(self) -> Image:
        """Return the image grabbed last, BGR.

        Raises:
            UnreadableSourceError: There is no frame, because nothing was grabbed or the source has ended.
        """
        if self._image is None:
            raise UnreadableSourceError(f"{self._name}: there is no image now; call grab first, until it returns None")
        return self._image

    def close(self) -> None:
        """End the sequence; may be called twice."""
        self._first = self._image = None
        self._next_index = len(self._paths)

    def _read_next(self) -> tuple[float, Image] | None:
        while self._next_index < len(self._paths):
            index = self._next_index
            self._next_index += 1
            image = _read_image(self._paths[index])
            if image is not None:
                return index / self._image_rate, image
            self._report_unreadable(self._paths[index])
        return None

    def _report_unreadable(self, path: str) -> None:
        self._unreadable += 1
        if self._unreadable <= _MAX_WARNINGS:
            more = "; further ones are not reported" if self._unreadable == _MAX_WARNINGS else ""
            _log.warning("%s is not an image that can be read; skipped%s", path, more)


def natural_order(name: str) -> tuple[list[str | int], str]:
    """Return a sort key by which numbers in names count as numbers."""
    # Text and numbers alternate, so that like is compared with like.
    parts = [int(part) if part.isdecimal() else part.casefold() for part in re.split(r"(\d+)", name)]
    return parts, name


def _list_images(name: str) -> list[str]:
    if not os.path.isdir(name):
        found = [path for path in glob.glob(name, recursive=True) if os.path.isfile(path)]
        if not found:
            raise SourceNotFoundError(f"{name}: no file has such a name; check the path and the pattern")
        return sorted(found, key=natural_order)
    try:
        names = os.listdir(name)
    except OSError as error:
        raise UnreadableSourceError(f"{name} cannot be listed ({error.strerror}); check its permissions") from error
    # A leading dot marks what other systems leave behind (macOS: "._1.jpg" beside "1.jpg").
    images = [item for item in names if item.lower().endswith(IMAGE_ENDINGS) and not item.startswith(".")]
    if not images:
        raise UnreadableSourceError(
            f"{name} is a directory without images ({', '.join(IMAGE_ENDINGS)}); give one that has some, or a video"
        )
    return [os.path.join(name, item) for item in sorted(images, key=natural_order)]


def _read_image(path: str) -> Image | None:
    """Return an image, or None if it cannot be read."""
    # A pipe or a device of an image's name might never end.
    if not os.path.isfile(path):
        return None
    try:
        # Read by Python: OpenCV takes no names that are not UTF-8.
        content = np.frombuffer(Path(path).read_bytes(), dtype=np.uint8)
        if not content.size:
            return None
        with opencv_silenced():
            image = cv2.imdecode(content, cv2.IMREAD_COLOR)
    except (OSError, cv2.error):
        return None
    return None if image is None else np.asarray(image, dtype=np.uint8)
