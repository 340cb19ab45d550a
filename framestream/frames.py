"""Images, and the one thing FrameStream asks of a video source."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from framestream.errors import SettingsError

Image: TypeAlias = NDArray[np.uint8]
"""uint8 ``[height, width, 3]``; BGR as OpenCV gives it, until ``framestream.preprocess`` makes it RGB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceInfo:
    """What a source says about itself; ``declared_`` values come from its header and may be wrong.

    Attributes:
        name: path or address without credentials.
        size_wh: width and height of its images, pixels.
        declared_fps: frame rate according to the header, or None.
        declared_frames: number of frames according to the header, or None.
    """

    name: str
    size_wh: tuple[int, int]
    declared_fps: float | None = None
    declared_frames: int | None = None

    def __post_init__(self) -> None:
        """Raise SettingsError for values no source can have."""
        if min(self.size_wh) < 1:
            raise SettingsError(f"{self.name}: size_wh is {self.size_wh}, both must be 1 or more")
        if self.declared_fps is not None and not (math.isfinite(self.declared_fps) and self.declared_fps > 0):
            raise SettingsError(f"{self.name}: declared_fps is {self.declared_fps}, give a rate above 0 or None")


@runtime_checkable
class FrameSource(Protocol):
    """A video, frame by frame. Grabbing is split from retrieving so that frames nobody wants cost little."""

    @property
    def info(self) -> SourceInfo:
        """What the source says about itself."""
        ...

    def grab(self) -> float | None:
        """Advance to the next frame; return its presentation timestamp in seconds, or None at the end (or closed)."""
        ...

    def retrieve(self) -> Image:
        """Return the frame grabbed last, BGR, as an array that later frames do not overwrite."""
        ...

    def close(self) -> None:
        """Release the source; may be called twice."""
        ...


def safe_address(address: str) -> str:
    """Return scheme and host of an address: no user, no password, and nothing that might be a part of them."""
    scheme, _, rest = address.partition("://")
    authority = re.split(r"[/?#\s]", rest, maxsplit=1)[0]
    if "@" in rest[len(authority) :]:
        # Perhaps a password with a slash or a space in it; then what looks like the host is the user.
        return f"{scheme}://***"
    return f"{scheme}://{authority.rpartition('@')[2]}"
