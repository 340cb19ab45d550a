"""Frames without any container, as another program writes them to a pipe."""

from __future__ import annotations

import io
import logging
import select
from dataclasses import dataclass
from fractions import Fraction
from typing import IO, Any, Literal

import cv2
import numpy as np

from framestream.errors import SettingsError, UnreadableSourceError
from framestream.frames import Image, SourceInfo, check_rate

_log = logging.getLogger(__name__)

PixelFormat = Literal["bgr24", "rgb24", "gray", "yuv420p"]
"""Names as FFmpeg's `-pix_fmt` has them."""

_MAX_FRAME_BYTES = 1 << 30
# How often a wait for data looks whether it was interrupted.
_POLL_MILLISECONDS = 100


@dataclass(frozen=True, slots=True)
class _PixelLayout:
    """How a pixel format lies in memory: bytes per pixel, and the conversion to BGR (None: it is BGR)."""

    bytes_per_pixel: Fraction
    conversion: int | None


_PIXEL_LAYOUTS: dict[str, _PixelLayout] = {
    "bgr24": _PixelLayout(Fraction(3), None),
    "rgb24": _PixelLayout(Fraction(3), cv2.COLOR_RGB2BGR),
    "gray": _PixelLayout(Fraction(1), cv2.COLOR_GRAY2BGR),
    "yuv420p": _PixelLayout(Fraction(3, 2), cv2.COLOR_YUV2BGR_I420),
}


class RawVideo:
    """Raw frames of one size, one after the other, at a constant rate; a `FrameSource` and `Interruptible`.

    For example what `ffmpeg -i … -f rawvideo -pix_fmt bgr24 -` writes. Frame *i* is shown at `i / rate` seconds.
    Nothing in the data says where a frame begins, so a wrong size or pixel format shows as nonsense, and at best as a
    last frame that is not whole.
    """

    def __init__(
        self,
        stream: IO[bytes],
        *,
        size_wh: tuple[int, int],
        rate: float,
        pixel_format: PixelFormat = "bgr24",
        name: str = "standard input",
    ) -> None:
        """Read from a binary stream that nobody has read from before; it is left open to its owner.

        Raises:
            SettingsError: Size, rate or pixel format cannot be used.
        """
        if pixel_format not in _PIXEL_LAYOUTS:
            raise SettingsError(f"{name}: pixel format is {pixel_format!r}; give one of {', '.join(_PIXEL_LAYOUTS)}")
        self._info = SourceInfo(name=name, size_wh=size_wh, declared_fps=check_rate(rate, name="rate"))
        if pixel_format == "yuv420p" and (size_wh[0] % 2 or size_wh[1] % 2):
            raise SettingsError(f"{name}: yuv420p needs an even width and height, not {size_wh}; use bgr24")
        frame_bytes = int(size_wh[0] * size_wh[1] * _PIXEL_LAYOUTS[pixel_format].bytes_per_pixel)
        if frame_bytes > _MAX_FRAME_BYTES:
            raise SettingsError(f"{name}: a frame of {size_wh[0]}x{size_wh[1]} is over a gigabyte; check the size")
        self._rate = rate
        self._pixel_format = pixel_format
        self._layout = _PIXEL_LAYOUTS[pixel_format]
        # Kept, because a buffered reader that is forgotten closes what is under it.
        self._given = stream
        # A buffered reader would wait until its buffer is full, where no wait can be interrupted.
        self._stream: Any = stream.raw if isinstance(stream, io.BufferedReader) else stream
        self._poll = _poll_of(self._stream)
        self._bytes = bytearray(frame_bytes)
        self._frames = 0
        self._is_current = False
        self._ended = False

    @property
    def info(self) -> SourceInfo:
        """Name, size and rate as given."""
        return self._info

    def grab(self) -> float | None:
        """Read the next frame; return its time in seconds, or None at the end (or closed, or interrupted).

        Raises:
            UnreadableSourceError: The stream has ended before one whole frame came.
        """
        self._is_current = False
        if self._ended:
            return None
        count = self._read_frame()
        if count is None:
            return None
        if count < len(self._bytes):
            self._ended = True
            self._report_end(count)
            return None
        self._is_current = True
        self._frames += 1
        return (self._frames - 1) / self._rate

    def retrieve(self) -> Image:
        """Return the frame grabbed last, BGR.

        Raises:
            UnreadableSourceError: There is no frame, because nothing was grabbed or the source has ended.
        """
        if not self._is_current:
            raise UnreadableSourceError(
                f"{self._info.name}: there is no frame now; call grab first, until it returns None"
            )
        width, height = self._info.size_wh
        pixels = np.frombuffer(self._bytes, dtype=np.uint8)
        if self._pixel_format == "yuv420p":
            pixels = pixels.reshape(height * 3 // 2, width)
        else:
            pixels = pixels.reshape(height, width, -1)
        if self._layout.conversion is None:
            return pixels.copy()
        return np.asarray(cv2.cvtColor(pixels, self._layout.conversion), dtype=np.uint8)

    def interrupt(self) -> None:
        """End a grab that waits, and all later ones; any thread and any signal handler may call it."""
        self._ended = True

    def close(self) -> None:
        """Read no more; may be called twice, and by any thread. The stream is left open."""
        self._ended = True

    def _read_frame(self) -> int | None:
        """Fill the buffer; return how many bytes came before the stream's end, or None if it was interrupted."""
        view = memoryview(self._bytes)
        filled = 0
        while filled < len(view):
            if self._ended:
                return None
            if self._poll is not None and not self._poll.poll(_POLL_MILLISECONDS):
                continue
            # A pipe gives what is there; None is a stream that does not block and has nothing now.
            count = self._stream.readinto(view[filled:])
            if count == 0:
                break
            filled += count or 0
        return filled

    def _report_end(self, count: int) -> None:
        name, needed = self._info.name, len(self._bytes)
        if not self._frames:
            raise UnreadableSourceError(
                f"{name}: it ended after {count} bytes, and one frame has {needed}; "
                "check that the program before it works, and the size and pixel format"
            )
        if count:
            _log.warning(
                "%s: the last %d bytes are no whole frame of %d; check size and pixel format if this was not cut off",
                name,
                count,
                needed,
            )


def _poll_of(stream: object) -> select.poll | None:
    """Return what waits for data with a time limit, or None where there is no such thing."""
    # Windows can wait for sockets only; and what is in memory, or unpacks as it goes, is not told by its descriptor.
    if not hasattr(select, "poll") or not isinstance(stream, io.FileIO):
        return None
    poll = select.poll()
    poll.register(stream.fileno(), select.POLLIN)
    return poll
