"""Frames that the caller's own loop hands over."""

from __future__ import annotations

import threading
from collections import deque
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from framestream.errors import SettingsError, UnreadableSourceError
from framestream.frames import Color, Image, SourceInfo
from framestream.quantities import read_count, read_number

# Codes that bring an image of 1, 3 or 4 channels to BGR; None where nothing is to be done.
_TO_BGR: dict[tuple[str, int], int | None] = {
    ("bgr", 1): cv2.COLOR_GRAY2BGR,
    ("rgb", 1): cv2.COLOR_GRAY2BGR,
    ("bgr", 3): None,
    ("rgb", 3): cv2.COLOR_RGB2BGR,
    ("bgr", 4): cv2.COLOR_BGRA2BGR,
    ("rgb", 4): cv2.COLOR_RGBA2BGR,
}

# How often a wait looks whether it was interrupted: a signal handler may take no lock, so it cannot wake anybody.
_POLL_SECONDS = 0.1


class PushedFrames:
    """A bounded queue of frames: one side pushes, the other reads; a `FrameSource` and `Interruptible`.

    Any thread may push; the frames of several are read in the order they came. As a recording (the default) a push
    waits while the queue is full, and nothing is lost. With `live` it never waits: the oldest frame goes, and
    `dropped` counts it, as does the `End` of the watch::

        frames = PushedFrames(size_wh=(640, 480))
        ...                             # in the caller's own loop, on a thread of its own
            if not frames.push(image, pts_seconds=seconds):
                break                   # nobody reads any more
        frames.end()
    """

    def __init__(
        self,
        *,
        size_wh: tuple[int, int],
        name: str = "pushed frames",
        declared_fps: float | None = None,
        live: bool = False,
        capacity: int = 32,
    ) -> None:
        """Make an empty queue; `size_wh` is what `info` says, and frames of another size may follow.

        Raises:
            SettingsError: `capacity` is below 1, or no source can have such a size or rate.
        """
        capacity = read_count(capacity, name=f"{name}: capacity", wanted="the number of frames to keep, 1 or more")
        self._info = SourceInfo(name=name, size_wh=size_wh, declared_fps=declared_fps, live=live)
        self._capacity = capacity
        self._changed = threading.Condition()
        self._waiting: deque[tuple[float, NDArray[np.uint8], Color]] = deque()
        self._current: tuple[NDArray[np.uint8], Color] | None = None
        self._dropped = 0
        self._no_more = False
        self._interrupted = False

    @property
    def info(self) -> SourceInfo:
        """What was given at the start."""
        return self._info

    @property
    def dropped(self) -> int:
        """Frames lost because the queue was full; always 0 unless `live`."""
        return self._dropped

    def push(self, image: NDArray[Any], *, pts_seconds: float, color: Color = "bgr") -> bool:
        """Hand over the next frame, from any thread.

        Args:
            image: uint8 `[height, width, 3]`; gray and four channels are accepted as well. It is copied.
            pts_seconds: When the image was taken, seconds on the source's clock.
            color: Channel order of the image.

        Returns:
            False if nobody reads any more; the frame is not taken then.

        Raises:
            SettingsError: The array is no image or the timestamp no time, or `end` was called before.
        """
        _check_image(image, color)
        seconds = read_number(pts_seconds, name="pts_seconds", wanted="the frame's presentation time in seconds")
        # NumPy's kinds say how exact a time is.
        kept: Any = pts_seconds
        kept = kept if isinstance(kept, np.floating) else seconds
        copied = np.array(image, dtype=np.uint8, order="C")
        with self._changed:
            if self._info.live:
                if len(self._waiting) >= self._capacity:
                    self._waiting.popleft()
                    self._dropped += 1
            else:
                while len(self._waiting) >= self._capacity and not (self._no_more or self._interrupted):
                    self._changed.wait(_POLL_SECONDS)
            if self._interrupted:
                return False
            if self._no_more:
                raise SettingsError(f"{self._info.name}: end was called, so no frame can follow; make a new source")
            self._waiting.append((kept, copied, color))
            self._changed.notify_all()
        return True

    def end(self) -> None:
        """Say that no frame follows: the reader gets those that wait, then the end. May be called twice."""
        with self._changed:
            self._no_more = True
            self._changed.notify_all()

    def grab(self) -> float | None:
        """Wait for the next frame; return its timestamp in seconds, or None at the end (or closed, or interrupted)."""
        with self._changed:
            self._current = None
            while not (self._waiting or self._no_more or self._interrupted):
                self._changed.wait(_POLL_SECONDS)
            if self._interrupted or not self._waiting:
                return None
            pts_seconds, image, color = self._waiting.popleft()
            self._current = (image, color)
            self._changed.notify_all()
            return pts_seconds

    def retrieve(self) -> Image:
        """Return the frame grabbed last, BGR.

        Raises:
            UnreadableSourceError: There is no frame, because nothing was grabbed or the source has ended.
        """
        if self._current is None:
            raise UnreadableSourceError(
                f"{self._info.name}: there is no frame now; call grab first, until it returns None"
            )
        image, color = self._current
        code = _TO_BGR[color, _channels(image)]
        return image if code is None else np.asarray(cv2.cvtColor(image, code), dtype=np.uint8)

    def interrupt(self) -> None:
        """End a grab or a push that waits, and all later ones; any thread and any signal handler may call it."""
        self._interrupted = True

    def close(self) -> None:
        """Stop reading and forget what waits; may be called twice, and by any thread. A later push returns False."""
        self._interrupted = True
        with self._changed:
            self._waiting.clear()
            self._current = None
            self._changed.notify_all()


def _channels(image: NDArray[Any]) -> int:
    return image.shape[2] if image.ndim == 3 else 1


def _check_image(image: object, color: str) -> None:
    # Here, and not only in preprocess, so that whoever pushes learns of it.
    if not isinstance(image, np.ndarray):
        raise SettingsError(f"not an image: {type(image).__name__}; give a NumPy array, uint8 [height, width, 3]")
    is_image = image.dtype == np.uint8 and image.ndim in (2, 3) and image.size > 0
    if not is_image or (color, _channels(image)) not in _TO_BGR:
        raise SettingsError(
            f"not an image: {image.dtype} {list(image.shape)} with color={color!r}; "
            "give uint8 [height, width, 3] in bgr or rgb, or [height, width] for gray"
        )
