"""A live stream through OpenCV, inside the reader process: every call may block.

A stream that changes its picture's size without breaking off cannot be noticed here: OpenCV (up to 5.0 at least)
stretches what follows to the first size, and none of its properties, size and codec data included, tells of it.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from framestream.errors import SourceNotFoundError, UnreadableSourceError
from framestream.feeds.live.arrival_clock import ArrivalClock, StreamTimes
from framestream.feeds.live.backlog import Backlog
from framestream.feeds.live.certificates import check_certificate, uses_certificates
from framestream.feeds.live.protocol import ReaderJob
from framestream.frames import Image, SourceInfo
from framestream.sources.opencv import read_info

_HTTP = re.compile(r"https?://", re.IGNORECASE)
# Playlists hand out whole segments at once; their frames are read at the pace of their timestamps.
_PLAYLIST = re.compile(r"https?://[^?#]*\.(m3u8|mpd)([?#]|$)", re.IGNORECASE)
_SIDES = (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)
_LONGEST_PACE_SECONDS = 5.0
# OpenCV says False for a frame that does not decode, and goes on with the next. So many in a row are the end: of a
# stream that is over they take a millisecond.
_MOST_BAD_FRAMES = 100


class ExcessivePictureError(UnreadableSourceError):
    """A stream's pictures are larger than its reader may take."""


class LiveCapture:
    """A camera or stream; a `FrameSource` whose times are seconds since its first frame.

    The size it declares is that of its first image; should the stream's size change, OpenCV stretches later frames to
    it, which is what `framestream.sampling.resize` does as well. One frame is read ahead at the start, because only
    the second frame tells the time of the first.

    Attributes:
        lost_before: Frames right before the one grabbed last that could not be decoded.
        arrived_seconds: When the frame grabbed last could have been here, by `time.monotonic()`; see
            `ArrivalClock`. Of a recording and a playlist, whose frames come by the segment: when it was read.
    """

    def __init__(self, job: ReaderJob, *, pause: Callable[[float], object] = time.sleep) -> None:
        """Connect and read the first frame; `pause` waits for some seconds or until reading is to end.

        Raises:
            UnreadableSourceError: The source cannot be opened, or gives no frame; FFmpeg says why on standard error.
            SourceNotFoundError: The device does not exist.
            ExcessivePictureError: Its pictures are too large.
            CertificateError: Its certificate is not to be trusted.
        """
        self._most_pixels = job.most_pixels
        self._name = job.name
        self._pause = pause
        self._backlog = Backlog()
        self._capture = _open(job)
        self._closed = False
        self._check_size(*(int(self._capture.get(side)) for side in _SIDES))
        self._frames = 0
        self._read_seconds = job.read_seconds
        self._expected_frames = 0
        self.lost_before = 0
        if not self._read():
            self.close()
            raise UnreadableSourceError("no frame came; check that it sends video")
        self._first: tuple[float, float] = self._raw_seconds(), time.monotonic()
        self._first_image: Image | None = self._image()
        info = read_info(job.name, self._capture, live=True)
        is_http = _HTTP.match(str(job.address)) is not None
        # A recording behind HTTP can wait, as a file does.
        is_recording = info.declared_frames is not None and is_http
        self._expected_frames = info.declared_frames or 0 if is_recording else 0
        # Motion JPEG over HTTP has no timestamps, but FFmpeg counts its frames as if there were 25 a second.
        is_counted = is_http and not is_recording and self._is_jpeg()
        height, width = self._first_image.shape[:2]
        fps = None if is_counted else info.declared_fps
        insecure = job.insecure and uses_certificates(str(job.address))
        self._info = replace(info, size_wh=(width, height), declared_fps=fps, live=not is_recording, insecure=insecure)
        self._names_playlist = _PLAYLIST.match(str(job.address)) is not None
        self._is_paced = not is_recording and self._names_playlist
        # What devices report as time differs from driver to driver.
        self._times = StreamTimes(by_arrival=is_counted or not _is_address(job), declared_fps=fps)
        self._arrivals = ArrivalClock() if self._info.live and not self._is_paced else None
        self._second_seconds: float | None = None
        self._second_arrived = 0.0
        self.arrived_seconds = self._first[1]

    @property
    def info(self) -> SourceInfo:
        """What the stream says about itself; `live` is False for a recording."""
        return self._info

    @property
    def is_playlist(self) -> bool:
        """Whether it is read from a list of parts, each of which may have a clock of its own."""
        return self._names_playlist

    @property
    def is_behind(self) -> bool:
        """Whether frames come faster than they are read, and pile up."""
        return self._info.live and self._backlog.is_behind

    def grab(self) -> float | None:
        """Advance to the next frame; return its time in seconds since the first, or None at the end."""
        if self._closed:
            return None
        self._frames += 1
        if self._frames == 1:
            self._begin()
            # Whether or not there is a second, the first is at 0.
            return 0.0
        self._first_image = None
        if self._frames == 2:
            if self._second_seconds is not None:
                self._keep_pace(self._second_seconds)
                self.arrived_seconds = self._second_arrived
            return self._second_seconds
        if not self._read():
            return None
        read_seconds = time.monotonic()
        seconds = self._times.next(self._raw_seconds(), read_seconds)
        self._keep_pace(seconds)
        self.arrived_seconds = self._arrived(seconds, time.monotonic())
        return seconds

    def retrieve(self) -> Image:
        """Return the frame grabbed last, BGR."""
        return self._image() if self._first_image is None else self._first_image

    def close(self) -> None:
        """Release it, which says goodbye to the camera; may be called twice."""
        self._closed = True
        self._capture.release()

    def _begin(self) -> None:
        """Read the second frame, which tells what the timestamp of the first is worth."""
        if not self._read():
            return
        read_seconds = time.monotonic()
        self._second_seconds = self._times.begin((self._first[0], self._raw_seconds()), (self._first[1], read_seconds))
        self._arrived(0.0, self._first[1])
        self._second_arrived = self._arrived(self._second_seconds, read_seconds)

    def _arrived(self, seconds: float, read_seconds: float) -> float:
        if self._arrivals is None:
            return read_seconds
        return self._arrivals.place(seconds, read_seconds, waited=self._backlog.has_waited)

    def _read(self) -> bool:
        """Read the next frame that decodes; say whether there is one."""
        tries = max(_MOST_BAD_FRAMES, self._expected_frames - self._frames)
        for lost in range(tries):
            self.lost_before = lost
            self._backlog.before_read()
            began_seconds = time.monotonic()
            grabbed = self._capture.grab()
            self._backlog.after_read()
            if grabbed:
                return True
            # Nothing came in time: the connection is dead, and waiting again would hide that.
            if self._closed or time.monotonic() - began_seconds >= self._read_seconds:
                break
        return False

    def _image(self) -> Image:
        decoded, image = self._capture.retrieve()
        if not decoded or image is None:
            raise UnreadableSourceError(f"{self._name}: a frame cannot be converted to an image")
        height, width = image.shape[:2]
        self._check_size(width, height)
        return np.asarray(image, dtype=np.uint8)

    def _check_size(self, width: int, height: int) -> None:
        if width * height > self._most_pixels:
            raise ExcessivePictureError(
                f"its pictures are {width}x{height}, more than {self._most_pixels / 1e6:g} megapixels; "
                "give it a smaller picture, or raise picture_megapixels"
            )

    def _raw_seconds(self) -> float:
        return float(self._capture.get(cv2.CAP_PROP_POS_MSEC)) / 1000

    def _is_jpeg(self) -> bool:
        return int(self._capture.get(cv2.CAP_PROP_FOURCC)) == cv2.VideoWriter.fourcc(*"MJPG")

    def _keep_pace(self, seconds: float) -> None:
        if self._is_paced:
            early_seconds = self._first[1] + seconds - time.monotonic()
            if 0 < early_seconds < _LONGEST_PACE_SECONDS:
                self._pause(early_seconds)
                self._backlog.waited()


def _is_address(job: ReaderJob) -> bool:
    return isinstance(job.address, str) and "://" in job.address


def _open(job: ReaderJob) -> cv2.VideoCapture:
    capture = cv2.VideoCapture()
    if _is_address(job):
        options = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, round(job.open_seconds * 1000)]
        options += [cv2.CAP_PROP_READ_TIMEOUT_MSEC, round(job.read_seconds * 1000)]
        # Several decoding threads would hold back as many frames.
        # FFmpeg knows its protocols in small letters only.
        scheme, _, rest = str(job.address).partition("://")
        address = f"{scheme.lower()}://{rest}"
        if uses_certificates(address) and not job.insecure:
            check_certificate(address, timeout_seconds=job.open_seconds)
        opened = capture.open(address, cv2.CAP_FFMPEG, [*options, cv2.CAP_PROP_N_THREADS, 1])
    else:
        _check_device(job)
        opened = capture.open(job.address, cv2.CAP_V4L2 if sys.platform == "linux" else cv2.CAP_ANY)
    if not opened:
        raise UnreadableSourceError("cannot be opened; check that no other program uses it")
    return capture


def _check_device(job: ReaderJob) -> None:
    """Tell what OpenCV does not: all it has to say is that the device cannot be used."""
    path = Path(f"/dev/video{job.address}" if isinstance(job.address, int) else str(job.address))
    if sys.platform == "linux" and not path.exists():
        raise SourceNotFoundError("no such device; plug it in")
    if sys.platform == "linux" and not os.access(path, os.R_OK | os.W_OK):
        raise UnreadableSourceError("this user may not use the device; add the user to its group (often video)")
