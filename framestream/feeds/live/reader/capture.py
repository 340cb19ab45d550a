"""A live stream inside the reader process, where every call may block: what its frames' times are worth."""

from __future__ import annotations

import time
from collections.abc import Callable

from framestream.errors import UnreadableSourceError
from framestream.feeds.live.protocol import ReaderJob
from framestream.feeds.live.reader.arrival_clock import ArrivalClock, StreamTimes
from framestream.feeds.live.reader.backlog import Backlog
from framestream.feeds.live.reader.certificates import uses_certificates
from framestream.feeds.live.reader.recording_times import RecordingTimes
from framestream.feeds.live.reader.stream_opening import open_stream
from framestream.frames import Image, SourceInfo
from framestream.sources.decoders import FALLBACK_FPS, Grab
from framestream.sources.frame_times import FrameTimes

_LONGEST_PACE_SECONDS = 5.0


class ExcessivePictureError(UnreadableSourceError):
    """A stream's pictures are larger than its reader may take."""


class LiveCapture:
    """A camera or stream; a `FrameSource` whose times are seconds since its first frame; a recording's are the film's.

    The size it declares is that of its first image; should the stream's size change, decoders stretch later frames to
    it, which is what `framestream.sampling.resize` does as well. One frame is read ahead at the start, because only
    the second frame tells the time of the first.

    Attributes:
        lost_before: Frames right before the one grabbed last that could not be decoded.
        arrived_seconds: When the frame grabbed last could have been here, by `time.monotonic()`; see
            `ArrivalClock`. Of a recording and a playlist, whose frames come by the segment: when it was read.
        is_playlist: Whether it is read from a list of parts, each of which may have a clock of its own.
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
        self._decoder = open_stream(job)
        self._closed = False
        self._check_size(*self._decoder.facts.size_wh)
        self._frames = 0
        self.lost_before = 0
        if not self._read():
            self.close()
            raise UnreadableSourceError("no frame came; check that it sends video")
        self._first: tuple[float | None, float] = self._decoder.pts_seconds, time.monotonic()
        self._first_image: Image | None = self._image()
        facts = self._decoder.facts
        # A recording behind HTTP can wait, as a file does.
        is_recording = facts.declared_frames is not None and job.is_http
        # Timestamps that FFmpeg has made up, as of Motion JPEG, and so is the rate.
        is_counted = not is_recording and not facts.has_clock
        height, width = self._first_image.shape[:2]
        fps = None if is_counted else facts.declared_fps
        self._info = SourceInfo(
            name=job.name,
            size_wh=(width, height),
            declared_fps=fps,
            declared_frames=facts.declared_frames,
            live=not is_recording,
            decoder=facts.decoder,
            insecure=job.insecure and uses_certificates(str(job.address)),
        )
        # Playlists hand out whole segments at once; their frames are read at the pace of their timestamps.
        self.is_playlist = job.names_playlist or facts.is_playlist
        self._is_paced = not is_recording and self.is_playlist
        self._pace_start = self._first[1]
        self._paced_seconds = 0.0
        # What devices report as time differs from driver to driver.
        self._times: StreamTimes | RecordingTimes
        if is_recording:
            self._times = RecordingTimes(FrameTimes(step_seconds=1 / (fps or FALLBACK_FPS), is_avi=facts.is_avi))
        else:
            self._times = StreamTimes(by_arrival=is_counted or not job.is_address, declared_fps=fps)
        self._lead_seconds = facts.shown_lead_seconds if is_recording else 0.0
        self._arrivals = ArrivalClock() if self._info.live and not self._is_paced else None
        self._second_seconds: float | None = None
        self._second_arrived = 0.0
        self.arrived_seconds = self._first[1]

    @property
    def info(self) -> SourceInfo:
        """What the stream says about itself; `live` is False for a recording."""
        return self._info

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
            # Whether or not there is a second, the first is where the stream begins.
            return self._lead_seconds
        self._first_image = None
        if self._frames == 2:
            if self._second_seconds is not None:
                self._keep_pace(self._second_seconds)
                self.arrived_seconds = self._second_arrived
                return self._second_seconds + self._lead_seconds
            return None
        if not self._read():
            return None
        read_seconds = time.monotonic()
        seconds = self._times.next(self._decoder.pts_seconds, read_seconds)
        self._keep_pace(seconds)
        self.arrived_seconds = self._arrived(seconds, time.monotonic())
        return seconds + self._lead_seconds

    def retrieve(self) -> Image:
        """Return the frame grabbed last, BGR."""
        return self._image() if self._first_image is None else self._first_image

    def close(self) -> None:
        """Release it, which says goodbye to the camera; may be called twice."""
        self._closed = True
        self._decoder.close()

    def _begin(self) -> None:
        """Read the second frame, which tells what the timestamp of the first is worth."""
        if not self._read():
            return
        read_seconds = time.monotonic()
        pts_seconds = self._first[0], self._decoder.pts_seconds
        self._second_seconds = self._times.begin(pts_seconds, (self._first[1], read_seconds))
        self._arrived(0.0, self._first[1])
        self._second_arrived = self._arrived(self._second_seconds, read_seconds)

    def _arrived(self, seconds: float, read_seconds: float) -> float:
        if self._arrivals is None:
            return read_seconds
        return self._arrivals.place(seconds, read_seconds, waited=self._backlog.has_waited)

    def _read(self) -> bool:
        """Read the next frame that decodes; say whether there is one."""
        self.lost_before = 0
        while True:
            self._backlog.before_read()
            grabbed = self._decoder.grab()
            self._backlog.after_read()
            if grabbed is not Grab.LOST or self._closed:
                return grabbed is Grab.FRAME
            self.lost_before += 1

    def _image(self) -> Image:
        image = self._decoder.retrieve()
        if image is None:
            raise UnreadableSourceError(f"{self._name}: a frame cannot be converted to an image")
        height, width = image.shape[:2]
        self._check_size(width, height)
        return image

    def _check_size(self, width: int, height: int) -> None:
        if width * height > self._most_pixels:
            raise ExcessivePictureError(
                f"its pictures are {width}x{height}, more than {self._most_pixels / 1e6:g} megapixels; "
                "give it a smaller picture, or raise picture_megapixels"
            )

    def _keep_pace(self, seconds: float) -> None:
        if self._is_paced:
            now = time.monotonic()
            if not 0 <= seconds - self._paced_seconds < _LONGEST_PACE_SECONDS:
                # Another part, with a clock of its own.
                self._pace_start = now - seconds
            self._paced_seconds = seconds
            early_seconds = self._pace_start + seconds - now
            if 0 < early_seconds < _LONGEST_PACE_SECONDS:
                self._pause(early_seconds)
                self._backlog.waited()
