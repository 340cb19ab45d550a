"""A few frames of a clip side by side, inside the page itself."""

from __future__ import annotations

import base64

import cv2
import numpy as np
from numpy.typing import NDArray

_FRAMES = 8
_HEIGHT = 96
_JPEG_QUALITY = 75


def film_strip(frames: NDArray[np.uint8]) -> str:
    """Evenly spaced frames as images.

    Args:
        frames: uint8 [N, height, width, 3], RGB, at least one.
    """
    chosen = np.unique(np.linspace(0, len(frames) - 1, _FRAMES).round().astype(int))
    images = "".join(f'<img alt="" src="data:image/jpeg;base64,{_jpeg(frames[index])}">' for index in chosen)
    return f'<div class="strip">{images}</div>'


def _jpeg(frame: NDArray[np.uint8]) -> str:
    height, width = frame.shape[:2]
    if height > _HEIGHT:
        size_wh = (max(1, round(width * _HEIGHT / height)), _HEIGHT)
        frame = np.asarray(cv2.resize(frame, size_wh, interpolation=cv2.INTER_AREA), np.uint8)
    done, data = cv2.imencode(".jpg", cv2.cvtColor(frame, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    assert done  # eight bits and three channels can always be written
    return base64.b64encode(data.tobytes()).decode()
