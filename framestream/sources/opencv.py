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
# OpenCV's log level belongs to the process; two that change it at once would leave it silent.
_log_level_lock = threading.Lock()


@contextmanager
def opencv_silenced() -> Iterator[None]:
    """Keep OpenCV and FFmpeg from printing while our one-line error does the telling."""
    # FFmpeg's level is read once, at the first capture of the process, and only from the environment; a value the user
    # set is kept.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    # OpenCV 4 has the functions at the top, OpenCV 5 in a module of their own.
    levels: Any = cv2 if hasattr(cv2, "setLogLevel") else cv2.utils.logging
    with _log_level_lock:
        before = levels.getLogLevel()
        levels.setLogLevel(_LOG_LEVEL_SILENT)
        try:
            yield
        finally:
            levels.setLogLevel(before)


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
