"""Video files through OpenCV."""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path

import cv2
import numpy as np

from framestream.cores import usable_cores
from framestream.errors import SourceNotFoundError, UnreadableSourceError
from framestream.frames import Image, SourceInfo
from framestream.sources.opencv import opencv_silenced, read_info

_log = logging.getLogger(__name__)

# Where a header gives no usable rate (raw H.264 without timing) 25 is what FFmpeg assumes as well.
_FALLBACK_FPS = 25.0
# FFmpeg draws any text file with one of these names (.txt, .nfo, .asc, .diz, …) as a film of a terminal.
_DRAWN_TEXT = "ansi"
# Headers of healthy files are off by a frame or two.
_NEARLY_ALL = 0.95
# Up to this size FFmpeg's threads cost a tenth to a half more processor time than one alone, and decoding takes little
# longer than what scaling and the model take, so they get a core. Large pictures get all cores.
_SMALL_PIXELS = 500_000
# The stream's own timestamp in frames; OpenCV has it since 4.10.
_PTS_PROPERTY: int | None = getattr(cv2, "CAP_PROP_PTS", None)


class VideoFile:
    """A video file; a `FrameSource`.

    Timestamps are the container's, relative to the start of the video stream: OpenCV's `CAP_PROP_POS_MSEC` after
    `grab()`. Compared with FFmpeg's own values it is exact on variable and constant rates, fragmented,
    interlaced and B-frame files and on transport streams that start anywhere (near the wrap of their clock, too).
    Index over declared rate is wrong on all but the plainest of them. For a frame without a timestamp OpenCV reports
    0; see `_time_of_frame`.

    Display rotation is applied by OpenCV. A sample aspect ratio is not, and need not be: the model's picture is the
    whole frame stretched to a fixed size, which comes out the same whether pixels were made square before or not
    (and so do zones, which are shares of the frame). Where the size changes on the way, OpenCV scales later frames
    to the size of the first, which is that same stretch, so nothing breaks off there. Gray and more than 8 bits
    become 8-bit BGR. A damaged file plays as far as it decodes.
    """

    def __init__(self, path: str | os.PathLike[str], *, threads: int | None = None) -> None:
        """Open a file and decode its first frame.

        Args:
            path: Path of the file.
            threads: Number of threads for decoding; 0 lets FFmpeg choose. By default small pictures leave a core to
                others.

        Raises:
            SourceNotFoundError: The file does not exist.
            UnreadableSourceError: The file is a directory, empty, not a video, or no frame decodes.
        """
        self._path = Path(path)
        check_file(self._path)
        self._capture = _open_capture(self._path, threads)
        # The first frame is grabbed here, so that a file without any is refused at the door; grab() then hands it out.
        self._closed = False
        self._first_grabbed = self._capture.grab()
        if not self._first_grabbed:
            self._capture.release()
            raise UnreadableSourceError(
                f"{path}: no frame could be decoded; check that the file is complete and has a video track"
            )
        self._info = read_info(str(self._path), self._capture)
        self._frames = 0
        self._raw_seconds = 0.0
        self._timed_seconds = 0.0
        self._untimed_run = 0

    @property
    def info(self) -> SourceInfo:
        """Name, size after rotation, and what the header declares."""
        return self._info

    @property
    def threads(self) -> int:
        """Number of threads that decode."""
        return int(self._capture.get(cv2.CAP_PROP_N_THREADS))

    def grab(self) -> float | None:
        """Advance to the next frame; return its presentation timestamp in seconds, or None at the end (or closed)."""
        if self._closed:
            return None
        if self._first_grabbed:
            self._first_grabbed = False
        elif not self._capture.grab():
            self._report_end()
            return None
        self._frames += 1
        return self._time_of_frame(self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)

    def retrieve(self) -> Image:
        """Return the frame grabbed last, BGR.

        Raises:
            UnreadableSourceError: The frame cannot be converted to an image.
        """
        decoded, image = self._capture.retrieve()
        if not decoded or image is None:
            raise UnreadableSourceError(
                f"{self._path}: frame {self._frames} cannot be converted to an image; re-encode the file"
            )
        return np.asarray(image, dtype=np.uint8)

    def close(self) -> None:
        """Release the file; may be called twice."""
        self._closed = True
        self._capture.release()

    def _time_of_frame(self, raw_seconds: float) -> float:
        """Return the timestamp, filling in where the container has none.

        A frame without a timestamp is reported as 0, and so are a first frame and a clock that restarts. A zero that
        follows a zero can only be a missing one: such frames continue at the declared rate. A zero after a later
        time is taken as it is (a restart), and so is any other value.
        """
        if raw_seconds != 0.0 or self._raw_seconds != 0.0 or self._frames == 1:
            self._timed_seconds = raw_seconds
            self._untimed_run = 0
        else:
            self._untimed_run += 1
            if self._frames == 2:
                _log.warning("%s has no timestamps; times follow from %g frames per second", self._path, self._fps)
        self._raw_seconds = raw_seconds
        return self._timed_seconds + self._untimed_run / self._fps

    @property
    def _fps(self) -> float:
        return self._info.declared_fps or _FALLBACK_FPS

    def _report_end(self) -> None:
        declared = self._info.declared_frames
        if declared is None or self._frames >= _NEARLY_ALL * declared:
            return
        # The count may be a duration times a rate, where time jumps ahead or starts high: then the last timestamp,
        # in frames, is as far as it should be, and nothing is missing.
        reached = self._raw_seconds * self._fps
        if _PTS_PROPERTY is not None:
            reached = max(reached, self._capture.get(_PTS_PROPERTY))
        if reached + 1 < _NEARLY_ALL * declared:
            _log.warning("%s: %d of %d declared frames could be decoded", self._path, self._frames, declared)


def check_file(path: Path) -> None:
    """Raise what is wrong with a file before OpenCV is asked: its errors say nothing."""
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise SourceNotFoundError(f"{path}: no such file; check the path") from error
    except (OSError, ValueError) as error:
        # Too long a name, a folder one may not enter, a loop of links; ValueError is a NUL in the name.
        reason = error.strerror if isinstance(error, OSError) else error
        raise UnreadableSourceError(
            f"{path} cannot be opened ({reason}); check the path and its permissions"
        ) from error
    if stat.S_ISDIR(status.st_mode):
        raise UnreadableSourceError(f"{path} is a directory; give one video file")
    if not os.access(path, os.R_OK):
        raise UnreadableSourceError(f"{path} may not be read; check its permissions")
    if stat.S_ISREG(status.st_mode) and status.st_size == 0:
        raise UnreadableSourceError(f"{path} is empty; check that the recording or copy was finished")
    try:
        str(path.absolute()).encode()
    except UnicodeEncodeError as error:
        # OpenCV would end the process.
        shown = os.fsencode(path).decode(errors="replace")
        raise UnreadableSourceError(f"{shown}: its name is not UTF-8; rename it") from error


def _open_capture(path: Path, threads: int | None) -> cv2.VideoCapture:
    with opencv_silenced():
        capture = _open_with_threads(path, max(1, usable_cores() - 1) if threads is None else threads)
        pixels = capture.get(cv2.CAP_PROP_FRAME_WIDTH) * capture.get(cv2.CAP_PROP_FRAME_HEIGHT)
        if threads is None and capture.isOpened() and pixels > _SMALL_PIXELS:
            capture.release()
            capture = _open_with_threads(path, 0)
    if not capture.isOpened() or int(capture.get(cv2.CAP_PROP_FOURCC)) == cv2.VideoWriter.fourcc(*_DRAWN_TEXT):
        capture.release()
        raise UnreadableSourceError(
            f"{path} is not a video that can be decoded; check that it is complete and has a video track"
        )
    return capture


def _open_with_threads(path: Path, threads: int) -> cv2.VideoCapture:
    """Open a file with so many decoding threads; 0 lets FFmpeg choose."""
    # An absolute path keeps FFmpeg from reading "name:rest.mp4" as a protocol.
    return cv2.VideoCapture(str(path.absolute()), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, threads])
