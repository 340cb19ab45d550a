"""Video files, decoded by PyAV or OpenCV."""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path

from framestream.errors import SourceNotFoundError, UnreadableSourceError
from framestream.escapes import is_utf8
from framestream.frames import Image, SourceInfo
from framestream.sources.decoders import FALLBACK_FPS, Decoder, DecoderChoice, Grab, StreamFacts, choose_decoder
from framestream.sources.frame_times import FrameTimes

_log = logging.getLogger(__name__)

# Headers of healthy files are off by a frame or two.
_NEARLY_ALL = 0.95
# What OpenCV's wheels lack is in PyAV's.
_AV1_REMEDY = (
    "this OpenCV (5.0) has no decoder for AV1; install one that has: pip install av, "
    'or pip install "opencv-python-headless>=4.14,<5"'
)


class VideoFile:
    """A video file; a `FrameSource` that also says which frames it has lost (`framestream.frames.Damaged`).

    Times are those a player shows: seconds from the beginning of the film, which is the picture's unless sound begins
    earlier. A frame without a timestamp gets the time that its neighbours give it, and times before 0 count from the
    first frame; see `FrameTimes`. A container's clock that jumps or restarts is told as it is.

    Pictures are turned and mirrored as they are displayed. A sample aspect ratio is not applied, and need not be: the
    model's picture is the whole frame stretched to a fixed size, which comes out the same whether pixels were made
    square before or not (and so do zones, which are shares of the frame). Where the size changes on the way, later
    frames are scaled to the size of the first, which is that same stretch, so nothing breaks off there. Gray and more
    than 8 bits become 8-bit BGR. A damaged file plays on behind the damage.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        threads: int | None = None,
        decoder: DecoderChoice = "auto",
        video_stream: int | None = None,
    ) -> None:
        """Open a file and decode its first frame.

        Args:
            path: Path of the file.
            threads: Number of threads for decoding; 0 lets FFmpeg choose. By default small pictures leave a core to
                others.
            decoder: Library that decodes; `auto` takes PyAV where it is installed and OpenCV where it is not.
            video_stream: Number of the video stream to read, from 0; by default the film is told from covers and
                previews.

        Raises:
            SourceNotFoundError: The file does not exist.
            UnreadableSourceError: The file is a directory, empty, not a video, or no frame decodes.
            SettingsError: The decoder is not installed, or there is no such stream.
        """
        self._path = Path(path)
        check_file(self._path)
        self._decoder = _open_decoder(self._path, threads=threads, decoder=decoder, video_stream=video_stream)
        self._closed = False
        self._lost = 0
        self._lost_before = 0
        self._frames = 0
        # The first frame is grabbed here, so that a file without any is refused at the door; grab() then hands it out.
        self._first_grabbed = self._next_frame()
        facts = self._decoder.facts
        if not self._first_grabbed:
            self._decoder.close()
            remedy = "check that the file is complete and has a video track"
            is_missing = facts.codec.lower() == "av01" and facts.decoder == "opencv"
            raise UnreadableSourceError(f"{path}: no frame could be decoded; {_AV1_REMEDY if is_missing else remedy}")
        for note in facts.notes:
            _log.warning("%s %s", self._path, note)
        self._lead_seconds = facts.shown_lead_seconds
        self._info = SourceInfo(
            name=str(self._path),
            size_wh=facts.size_wh,
            declared_fps=facts.declared_fps,
            declared_frames=facts.declared_frames,
            decoder=facts.decoder,
        )
        self._times = FrameTimes(step_seconds=1 / self._fps, is_avi=facts.is_avi)
        self._seconds = 0.0

    @property
    def info(self) -> SourceInfo:
        """Name, size as displayed, and what the header declares."""
        return self._info

    @property
    def threads(self) -> int:
        """Number of threads that decode."""
        return self._decoder.threads

    @property
    def lost_before(self) -> int:
        """Frames right before the one grabbed last that could not be decoded."""
        return self._lost_before

    def grab(self) -> float | None:
        """Advance to the next frame; return its presentation timestamp in seconds, or None at the end (or closed)."""
        if self._closed:
            return None
        if self._first_grabbed:
            self._first_grabbed = False
        elif not self._next_frame():
            self._report_end()
            return None
        self._frames += 1
        self._seconds = self._times.place(self._decoder.pts_seconds)
        return self._seconds + self._lead_seconds

    def retrieve(self) -> Image:
        """Return the frame grabbed last, BGR.

        Raises:
            UnreadableSourceError: The frame cannot be converted to an image.
        """
        image = self._decoder.retrieve()
        if image is None:
            raise UnreadableSourceError(
                f"{self._path}: frame {self._frames} cannot be converted to an image; re-encode the file"
            )
        return image

    def skip_until(self, pts_seconds: float) -> None:
        """Take note that no frame before this time, and after the one grabbed last, will be retrieved."""
        self._decoder.skip_until(self._times.timestamp_of(pts_seconds - self._lead_seconds))

    def close(self) -> None:
        """Release the file; may be called twice."""
        self._closed = True
        self._decoder.close()

    def _next_frame(self) -> bool:
        self._lost_before = 0
        while (found := self._decoder.grab()) is Grab.LOST:
            self._lost_before += 1
        self._lost += self._lost_before
        return found is Grab.FRAME

    @property
    def _fps(self) -> float:
        return self._decoder.facts.declared_fps or FALLBACK_FPS

    def _report_end(self) -> None:
        """Say, in one warning, what was missing; nothing more comes after the end."""
        self._closed = True
        missing = _missing_frames(self._decoder.facts, frames=self._frames, lost=self._lost, reached=self._reached())
        if self._times.timed <= 1 < self._frames and self._times.untimed:
            _log.warning("%s has no timestamps; times follow from %g frames per second", self._path, self._fps)
        if missing:
            declared = self._decoder.facts.declared_frames
            _log.warning("%s: %d of %d declared frames could be decoded", self._path, self._frames, declared)
        elif self._lost:
            _log.warning("%s: %d frames could not be decoded, %d could", self._path, self._lost, self._frames)

    def _reached(self) -> float:
        """Return how many frames' time the container's clock has gone by at the declared rate."""
        return (self._seconds + max(0.0, self._decoder.facts.start_seconds)) * self._fps + 1


def _missing_frames(facts: StreamFacts, *, frames: int, lost: int, reached: float) -> bool:
    """Say whether fewer frames came than the header promises to show.

    The count may be a duration times a rate, where time jumps ahead or starts high: then the last timestamp is as far
    as it should be, and nothing is missing.
    """
    declared = facts.declared_frames
    if declared is None:
        return False
    expected = declared if facts.shown_frames is None else min(declared, facts.shown_frames)
    return max(frames + lost, reached) < _NEARLY_ALL * expected


def _open_decoder(path: Path, *, threads: int | None, decoder: DecoderChoice, video_stream: int | None) -> Decoder:
    if choose_decoder(decoder) == "opencv":
        from framestream.sources.opencv_decoder import OpenCVDecoder

        return OpenCVDecoder(path, threads=threads, video_stream=video_stream)
    # Imported where it is used, because it is an extra.
    from framestream.sources.av_decoder import open_film

    return open_film(path, threads=threads, video_stream=video_stream)


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
    if not is_utf8(path.absolute()):
        # OpenCV would end the process.
        shown = os.fsencode(path).decode(errors="replace")
        raise UnreadableSourceError(f"{shown}: its name is not UTF-8; rename it")
