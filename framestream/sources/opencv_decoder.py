"""Video files through OpenCV, which always comes with FrameStream."""

from __future__ import annotations

import math
import os
import stat
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from framestream.cores import usable_cores
from framestream.errors import SettingsError, UnreadableSourceError
from framestream.frames import Image
from framestream.sources.decoders import SMALL_PIXELS, Grab, StreamFacts
from framestream.sources.iso_file import Track, read_tracks
from framestream.sources.opencv import opencv_silenced, read_info
from framestream.sources.orientation import Orientation
from framestream.sources.patience import await_file, open_pipe

# FFmpeg draws any text file with one of these names (.txt, .nfo, .asc, .diz, …) as a film of a terminal.
_DRAWN_TEXT = "ansi"
# The stream's own timestamp in frames; OpenCV has it since 4.10.
_PTS_PROPERTY: int | None = getattr(cv2, "CAP_PROP_PTS", None)
# OpenCV says False for a frame that does not decode and for the end alike, and goes on after the first. So it is asked
# again: as often as frames are still to come, and a few times more. At the end that costs a hundredth of a millisecond.
_FEW_TRIES = 100
_MOST_TRIES = 10_000
_OPEN = "is not a video that can be decoded; check that it is complete and has a video track"


class OpenCVDecoder:
    """The first video stream of a file; a `Decoder`. Its timestamps count from the beginning of that stream.

    `CAP_PROP_POS_MSEC` after `grab()` is exact on variable and constant rates, fragmented, interlaced and B-frame
    files and on transport streams that start anywhere. For a frame without a timestamp it is 0, and `CAP_PROP_PTS`
    stays where it was. OpenCV applies rotation; what is mirrored as well it would turn upside down.
    """

    def __init__(self, path: Path, *, threads: int | None = None, video_stream: int | None = None) -> None:
        """Open a file; see `framestream.sources.video_file.VideoFile`.

        Raises:
            UnreadableSourceError: OpenCV cannot open it.
            SettingsError: Another stream than the first is asked for.
        """
        if video_stream:
            raise SettingsError(
                f"{path}: video stream {video_stream} is asked for, and OpenCV reads the first (0) only; "
                "install the other decoder with: pip install av"
            )
        mode = path.stat().st_mode
        is_file = stat.S_ISREG(mode)
        self._pipe: int | None = None
        try:
            if is_file:
                await_file(path)
            elif stat.S_ISFIFO(mode):
                self._pipe = open_pipe(path)
        except OSError as error:
            raise UnreadableSourceError(f"{path} cannot be read ({error.strerror}); check its permissions") from error
        tracks = read_tracks(path) if is_file else ()
        # An absolute path keeps FFmpeg from reading "name:rest.mp4" as a protocol.
        name = str(path.absolute()) if self._pipe is None else f"pipe:{self._pipe}"
        try:
            self._capture = _open_capture(path, name, threads, may_reopen=is_file)
        except BaseException:
            self._close_pipe()
            raise
        pictures = [track for track in tracks if track.handler == "vide"]
        self._orientation = pictures[0].orientation if pictures else Orientation()
        if self._orientation.mirrored:
            self._capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 0)
        else:
            self._orientation = Orientation()
        self._facts = self._read_facts(path, tracks, is_avi=is_file and _is_avi(path))
        self._frames = 0
        self._lost = 0
        self._has_grabbed = False
        self._pts_frames = math.nan
        self._pts_seconds: float | None = None

    @property
    def facts(self) -> StreamFacts:
        """What is known of the stream."""
        return self._facts

    @property
    def threads(self) -> int:
        """Number of threads that decode."""
        return int(self._capture.get(cv2.CAP_PROP_N_THREADS))

    @property
    def pts_seconds(self) -> float | None:
        """Timestamp of the frame grabbed last, or None."""
        return self._pts_seconds

    def grab(self) -> Grab:
        """Decode the next frame."""
        if not self._has_grabbed and not self._lost:
            self._has_grabbed = self._capture.grab()
            self._lost = 0 if self._has_grabbed else self._look_on()
            if not self._has_grabbed:
                return Grab.END
        if self._lost:
            self._lost -= 1
            return Grab.LOST
        self._has_grabbed = False
        self._frames += 1
        self._pts_seconds = self._read_pts()
        if self._frames == 1 and self._facts.declared_fps:
            start_seconds = self._pts_frames / self._facts.declared_fps - (self._pts_seconds or 0.0)
            self._facts = replace(self._facts, start_seconds=start_seconds)
        return Grab.FRAME

    def retrieve(self) -> Image | None:
        """Return the frame grabbed last."""
        decoded, image = self._capture.retrieve()
        if not decoded or image is None:
            return None
        return self._orientation.apply(np.asarray(image, dtype=np.uint8))

    def skip_until(self, pts_seconds: float) -> None:
        """Do nothing: OpenCV decodes every frame."""

    def close(self) -> None:
        """Release the file."""
        self._capture.release()
        self._close_pipe()

    def _close_pipe(self) -> None:
        pipe, self._pipe = self._pipe, None
        if pipe is not None:
            os.close(pipe)

    def _look_on(self) -> int:
        """Grab until there is a frame again or the end is certain; return how often there was none."""
        declared = self._facts.declared_frames
        expected = 0 if declared is None else max(0, declared - self._frames)
        for tries in range(1, min(expected + _FEW_TRIES, _MOST_TRIES)):
            if self._capture.grab():
                self._has_grabbed = True
                return tries
        return 0

    def _read_pts(self) -> float | None:
        seconds = float(self._capture.get(cv2.CAP_PROP_POS_MSEC)) / 1000
        before = self._pts_frames
        self._pts_frames = 0.0 if _PTS_PROPERTY is None else self._capture.get(_PTS_PROPERTY)
        return None if seconds == 0.0 and self._pts_frames == before else seconds

    def _read_facts(self, path: Path, tracks: tuple[Track, ...], *, is_avi: bool) -> StreamFacts:
        info = read_info(str(path), self._capture)
        width, height = info.size_wh
        pictures = [track for track in tracks if track.handler == "vide"]
        facts = StreamFacts(
            decoder="opencv",
            codec=int(self._capture.get(cv2.CAP_PROP_FOURCC)).to_bytes(4, "little").decode("latin-1").strip("\0 "),
            size_wh=(height, width) if self._orientation.swaps_sides else (width, height),
            declared_fps=info.declared_fps,
            declared_frames=info.declared_frames,
            is_avi=is_avi,
            streams=max(1, len(pictures)),
        )
        if not pictures:
            return facts
        # Leads of tracks that are neither pictures nor sound (texts, time codes) say nothing about the film.
        leads = [track.lead_seconds for track in tracks if track.handler in ("vide", "soun")]
        shown, fps = pictures[0].shown_seconds, info.declared_fps
        return replace(
            facts,
            lead_seconds=pictures[0].lead_seconds - min(leads),
            shown_frames=None if shown is None or fps is None else round(shown * fps),
        )


def _is_avi(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(12)
    return start[:4] == b"RIFF" and start[8:11] == b"AVI"


def _open_capture(path: Path, name: str, threads: int | None, *, may_reopen: bool) -> cv2.VideoCapture:
    """Open a file by the name that FFmpeg knows it by.

    What can be read only once, a pipe, is opened once and gets the threads of a small picture.
    """
    with opencv_silenced():
        capture = _open_with_threads(name, max(1, usable_cores() - 1) if threads is None else threads)
        pixels = capture.get(cv2.CAP_PROP_FRAME_WIDTH) * capture.get(cv2.CAP_PROP_FRAME_HEIGHT)
        if threads is None and may_reopen and capture.isOpened() and pixels > SMALL_PIXELS:
            capture.release()
            capture = _open_with_threads(name, 0)
    if not capture.isOpened() or int(capture.get(cv2.CAP_PROP_FOURCC)) == cv2.VideoWriter.fourcc(*_DRAWN_TEXT):
        capture.release()
        raise UnreadableSourceError(f"{path} {_OPEN}")
    return capture


def _open_with_threads(name: str, threads: int) -> cv2.VideoCapture:
    """Open a file with so many decoding threads; 0 stands for one on each core, as FFmpeg would see no quota."""
    return cv2.VideoCapture(name, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, threads or usable_cores()])
