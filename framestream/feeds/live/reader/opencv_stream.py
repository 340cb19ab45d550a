"""A camera or stream through OpenCV: devices always, addresses where PyAV is not installed."""

from __future__ import annotations

import sys
import time

import cv2
import numpy as np

from framestream.errors import UnreadableSourceError
from framestream.feeds.live.protocol import ReaderJob
from framestream.frames import Image
from framestream.sources.decoders import Grab, StreamFacts
from framestream.sources.opencv import read_info

# OpenCV says False for a frame that does not decode, and goes on with the next. So many in a row are the end: of a
# stream that is over they take a millisecond.
_MOST_BAD_FRAMES = 100
# OpenCV does not name the container. Motion JPEG mostly comes without one, except by protocols that carry times.
_JPEG_CODEC = "MJPG"
_TIMED_SCHEMES = ("rtsp", "rtp", "rtmp")


class OpenCVStream:
    """A camera or stream; a `Decoder`.

    A stream that changes its picture's size without breaking off cannot be noticed here: OpenCV (up to 5.0 at least)
    stretches what follows to the first size, and none of its properties, size and codec data included, tells of it.
    """

    def __init__(self, address: str | int, job: ReaderJob) -> None:
        """Connect to an address, whose scheme is in small letters, or open a device.

        Raises:
            UnreadableSourceError: It cannot be opened; FFmpeg says why on standard error.
        """
        self._capture = cv2.VideoCapture()
        if not self._open(address, job):
            raise UnreadableSourceError("cannot be opened; check that no other program uses it")
        info = read_info(job.name, self._capture, live=True)
        codec = int(self._capture.get(cv2.CAP_PROP_FOURCC)).to_bytes(4, "little").decode("latin-1").strip("\0 ")
        self._facts = StreamFacts(
            decoder="opencv",
            codec=codec,
            has_clock=codec != _JPEG_CODEC or str(address).startswith(_TIMED_SCHEMES),
            size_wh=info.size_wh,
            declared_fps=info.declared_fps,
            declared_frames=info.declared_frames,
        )
        # Of a recording as many may be bad as are still to come.
        self._expected_frames = info.declared_frames or 0 if job.is_http else 0
        self._read_seconds = job.read_seconds
        self._frames = 0
        self._bad_frames = 0

    @property
    def facts(self) -> StreamFacts:
        """What the stream says about itself."""
        return self._facts

    @property
    def threads(self) -> int:
        """Number of threads that decode; several would hold back as many frames."""
        return 1

    @property
    def pts_seconds(self) -> float | None:
        """Timestamp of the frame grabbed last, or None; OpenCV says 0 for both the first and those that have none."""
        seconds = float(self._capture.get(cv2.CAP_PROP_POS_MSEC)) / 1000
        return None if seconds == 0.0 and self._frames > 1 else seconds

    def grab(self) -> Grab:
        """Decode the next frame."""
        began_seconds = time.monotonic()
        if self._capture.grab():
            self._frames += 1
            self._bad_frames = 0
            return Grab.FRAME
        self._bad_frames += 1
        # Nothing came in time: the connection is dead, and waiting again would hide that.
        if time.monotonic() - began_seconds >= self._read_seconds:
            return Grab.END
        is_over = self._bad_frames >= max(_MOST_BAD_FRAMES, self._expected_frames - self._frames)
        return Grab.END if is_over else Grab.LOST

    def retrieve(self) -> Image | None:
        """Return the frame grabbed last."""
        decoded, image = self._capture.retrieve()
        return np.asarray(image, dtype=np.uint8) if decoded and image is not None else None

    def skip_until(self, pts_seconds: float) -> None:
        """Do nothing: OpenCV decodes every frame."""

    def close(self) -> None:
        """Release it."""
        self._capture.release()

    def _open(self, address: str | int, job: ReaderJob) -> bool:
        if not job.is_address:
            return self._capture.open(address, cv2.CAP_V4L2 if sys.platform == "linux" else cv2.CAP_ANY)
        options = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, round(job.open_seconds * 1000)]
        options += [cv2.CAP_PROP_READ_TIMEOUT_MSEC, round(job.read_seconds * 1000)]
        return self._capture.open(str(address), cv2.CAP_FFMPEG, [*options, cv2.CAP_PROP_N_THREADS, self.threads])
