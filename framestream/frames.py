"""Images, and the one thing FrameStream asks of a video source."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from framestream.errors import SettingsError
from framestream.escapes import abbreviate
from framestream.quantities import read_count, read_number

Image: TypeAlias = NDArray[np.uint8]
"""uint8 `[height, width, 3]`; BGR as OpenCV gives it, until `framestream.sampling.resize` makes it RGB."""

Color = Literal["bgr", "rgb"]
"""Order of an image's channels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceInfo:
    """What a source says about itself; `declared_` values come from its header and may be wrong.

    Attributes:
        name: Path or address without credentials.
        size_wh: Width and height of the source's images, pixels.
        declared_fps: Frame rate according to the header, or None.
        declared_frames: Number of frames according to the header, or None.
        live: True if it goes on while nobody reads, as a camera does; a recording waits.
        decoder: Library that decodes it (`av`, `opencv`), or None where nothing says so.
        insecure: True if its certificate was not checked.
    """

    name: str
    size_wh: tuple[int, int]
    declared_fps: float | None = None
    declared_frames: int | None = None
    live: bool = False
    decoder: str | None = None
    insecure: bool = False

    def __post_init__(self) -> None:
        """Raise SettingsError for values no source can have."""
        check_size(self.size_wh, name=f"{self.name}: size_wh")
        if self.declared_fps is not None:
            check_rate(self.declared_fps, name=f"{self.name}: declared_fps")

    def is_slower_than(self, frame_rate: float) -> bool:
        """Say whether fewer frames a second are declared than `frame_rate`; 29.97 counts as 30."""
        return self.declared_fps is not None and self.declared_fps < 0.99 * frame_rate


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


@runtime_checkable
class Interruptible(Protocol):
    """A source whose `grab` may wait for somebody else, so that stopping must not wait for it."""

    def interrupt(self) -> None:
        """End a grab that waits, and all later ones, with None; any thread and any signal handler may call it."""
        ...


@runtime_checkable
class Lossy(Protocol):
    """A live source that loses frames when nobody reads them in time, and counts them."""

    @property
    def dropped(self) -> int:
        """Frames lost so far before they could be grabbed."""
        ...


@runtime_checkable
class Damaged(Protocol):
    """A source some of whose frames may not decode; it goes on behind them."""

    @property
    def lost_before(self) -> int:
        """Frames right before the one grabbed last that could not be decoded."""
        ...


@runtime_checkable
class Skipping(Protocol):
    """A source that need not decode what nobody will look at."""

    def skip_until(self, pts_seconds: float) -> None:
        """Take note that no frame before this time, and after the one grabbed last, will be retrieved."""
        ...


def check_size(size_wh: tuple[int, int], *, name: str) -> None:
    """Check a size.

    Raises:
        SettingsError: The size is not two whole numbers above 0.
    """
    wanted = "width and height in pixels, both 1 or more"
    if not isinstance(size_wh, (tuple, list)) or len(size_wh) != 2:
        raise SettingsError(f"{name} is {abbreviate(size_wh)}: give {wanted}")
    for side in size_wh:
        read_count(side, name=name, wanted=wanted)


def check_rate(rate: float, *, name: str) -> float:
    """Check a rate, and return it.

    Raises:
        SettingsError: The rate is not a finite number above 0.
    """
    number = read_number(rate, name=name, wanted="a number per second above 0")
    if number <= 0:
        raise SettingsError(f"{name} is {rate}: give a number per second above 0")
    return rate


def safe_address(address: str) -> str:
    """Return scheme and host of an address: no user, no password, and nothing that might be a part of them."""
    scheme, _, rest = address.partition("://")
    authority = re.split(r"[/?#\s]", rest, maxsplit=1)[0]
    if "@" in rest[len(authority) :]:
        # Perhaps a password with a slash or a space in it; then what looks like the host is the user.
        return f"{scheme}://***"
    return f"{scheme}://{authority.rpartition('@')[2]}"
