"""What every reader that uses OpenCV needs: quiet opening, and the facts of a capture."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import cv2

from framestream.frames import SourceInfo

_MAX_PLAUSIBLE_FPS = 1000.0
_LOG_LEVEL_SILENT = 0


class _Silence:
    """OpenCV's log level, which belongs to the process: low while anybody opens something, and then as it was.

    The lock is held while it is changed, never while something is opened: that may take for ever.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wishes = 0
        self._level_before = _LOG_LEVEL_SILENT

    def begin(self) -> None:
        with self._lock:
            if not self._wishes:
                self._level_before = _levels().getLogLevel()
                _levels().setLogLevel(_LOG_LEVEL_SILENT)
            self._wishes += 1

    def end(self) -> None:
        with self._lock:
            self._wishes -= 1
            if not self._wishes:
                _levels().setLogLevel(self._level_before)


_silence = _Silence()


@contextmanager
def opencv_silenced() -> Iterator[None]:
    """Keep OpenCV and FFmpeg from printing while our one-line error does the telling; any number may at once."""
    # FFmpeg's level is read once, at the first capture of the process, and only from the environment; a value the user
    # set is kept.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    _silence.begin()
    try:
        yield
    finally:
        _silence.end()


def _levels() -> Any:
    # OpenCV 4 has the functions at the top, OpenCV 5 in a module of their own.
    return cv2 if hasattr(cv2, "setLogLevel") else cv2.utils.logging


def read_info(name: str, capture: cv2.VideoCapture, *, live: bool = False) -> SourceInfo:
    """Return what an open capture says about itself; `name` must be free of credentials.

    Raises:
        SettingsError: The video has no picture size.
    """
    fps = capture.get(cv2.CAP_PROP_FPS)
    count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
    return SourceInfo(
        name=name,
        size_wh=(int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))),
        declared_fps=fps if math.isfinite(fps) and 0 < fps <= _MAX_PLAUSIBLE_FPS else None,
        declared_frames=int(count) if math.isfinite(count) and count >= 1 else None,
        live=live,
    )
