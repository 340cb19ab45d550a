"""A video in memory, for tests that need exact timestamps or a source that fails."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from framestream.frames import SourceInfo


class ImageSource:
    """A `FrameSource` over a list of (timestamp, BGR image); an exception in the list is raised at its place."""

    def __init__(self, frames: Sequence[tuple[float, NDArray[np.uint8]] | Exception]) -> None:
        self._frames = frames
        self._index = -1
        self.closed = False
        first = next(frame for frame in frames if not isinstance(frame, Exception))
        self._info = SourceInfo(name="memory", size_wh=(first[1].shape[1], first[1].shape[0]))

    @property
    def info(self) -> SourceInfo:
        return self._info

    def grab(self) -> float | None:
        self._index += 1
        if self.closed or self._index >= len(self._frames):
            return None
        frame = self._frames[self._index]
        if isinstance(frame, Exception):
            raise frame
        return frame[0]

    def retrieve(self) -> NDArray[np.uint8]:
        frame = self._frames[self._index]
        assert not isinstance(frame, Exception)
        return frame[1]

    def close(self) -> None:
        self.closed = True
