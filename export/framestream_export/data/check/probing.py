"""Reading one video file from beginning to end: what it is, when its frames are shown, small pictures of them."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from framestream.errors import SourceError
from framestream.frames import FrameSource
from framestream_export.data.check.fingerprints import Fingerprint, FingerprintMaker
from framestream_export.data.check.thumbnails import PictureKeeper
from framestream_export.data.decoding import sha256_of
from framestream_export.data.feature_files import read_features
from framestream_export.data.feature_maker import FeatureMaker
from framestream_export.data.footage import Recording
from framestream_export.data.frame_folders import open_recording

# A pause between frames differs from the usual one if it does by this share of it and more than a container's clock,
# which may count milliseconds, rounds.
_UNEVEN = 0.15
_CLOCK_SECONDS = 0.002
_MANY = 0.05
_READERS = ("video_file", "image_folder")  # the modules that say what is wrong with a file


@dataclass(frozen=True, slots=True)
class Probe:
    """Facts about one recording, from reading its file.

    Attributes:
        recording: The recording whose file was read.
        reason: Why the file cannot be read; empty if it can, and then the rest holds.
        sha256: SHA-256 of the whole file, in hexadecimal.
        size_wh: Width and height after rotation, pixels.
        pts_seconds: float64 [N], when each frame is shown.
        fingerprint: What its frames look like, for finding copies; None where too little moves for that.
        maker: The encoder, if the file holds features; then `size_wh` is that of its frames.
        pictures: A few frames for each label that was asked for, in which it holds, as JPEG.
        warnings: Warnings of the file's reader.
    """

    recording: Recording
    reason: str = ""
    sha256: str = ""
    size_wh: tuple[int, int] = (0, 0)
    pts_seconds: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    fingerprint: Fingerprint | None = None
    maker: FeatureMaker | None = None
    pictures: dict[str, tuple[bytes, ...]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def _steps_seconds(self) -> NDArray[np.float64]:
        steps = np.diff(self.pts_seconds)
        return np.asarray(steps[steps > 0], dtype=np.float64)

    @property
    def frame_seconds(self) -> float:
        """Seconds between two frames: the median, which no pause moves; of a single frame what FFmpeg assumes."""
        steps = self._steps_seconds
        return float(np.median(steps)) if len(steps) else 0.04

    @property
    def end_seconds(self) -> float:
        """Time at which the latest frame ends."""
        return float(self.pts_seconds.max()) + self.frame_seconds if len(self.pts_seconds) else 0.0

    @property
    def duration_seconds(self) -> float:
        """How long the file's frames are shown; a clock that jumps back takes nothing away."""
        return float(self._steps_seconds.sum()) + self.frame_seconds if len(self.pts_seconds) else 0.0

    @property
    def frame_rate(self) -> float:
        """Frames per second, measured: their number over the time that they are shown."""
        return len(self.pts_seconds) / self.duration_seconds if self.duration_seconds > 0 else 0.0

    @property
    def has_variable_rate(self) -> bool:
        """Whether pauses between frames differ, and not just a few of them."""
        steps = self._steps_seconds
        if len(steps) < 2:
            return False
        uneven = np.abs(steps - np.median(steps)) > _UNEVEN * np.median(steps) + _CLOCK_SECONDS
        return bool(uneven.mean() > _MANY)


@dataclass(frozen=True, slots=True)
class ProbeRequest:
    """A recording to read, and the labels of which pictures are wanted."""

    recording: Recording
    labels_to_show: tuple[str, ...] = ()


def probe_all(wanted: Sequence[ProbeRequest], *, background: str | None, workers: int) -> Iterator[Probe]:
    """Read files, a few at a time, and give what was found in their order.

    Args:
        wanted: The recordings to read.
        background: The data set's background label.
        workers: Number of files read at a time.
    """
    stop = threading.Event()
    listener, logs = _Listener(), [logging.getLogger(f"framestream.sources.{name}") for name in _READERS]
    for log in logs:
        log.addFilter(listener)
    try:
        with ThreadPoolExecutor(workers, thread_name_prefix="framestream-probe") as pool:
            running: deque[Future[Probe]] = deque()
            try:
                for one in wanted:
                    running.append(pool.submit(_probe, one, background, listener, stop))
                    if len(running) > 4 * workers:
                        yield running.popleft().result()
                while running:
                    yield running.popleft().result()
            finally:
                stop.set()
                pool.shutdown(wait=True, cancel_futures=True)
    finally:
        for log in logs:
            log.removeFilter(listener)


def _probe(wanted: ProbeRequest, background: str | None, listener: _Listener, stop: threading.Event) -> Probe:
    recording = wanted.recording
    if recording.holds_features:
        return _probe_features(recording)
    with listener.listening() as said:
        try:
            source = open_recording(recording)
        except SourceError as error:
            return Probe(recording, reason=str(error))
        maker = FingerprintMaker()
        keepers = {label: PictureKeeper() for label in wanted.labels_to_show}
        try:
            pts = list(_read_frames(source, recording, maker, keepers, background, stop))
            sha256 = sha256_of(recording.path)
        except SourceError as error:
            return Probe(recording, reason=str(error))
        finally:
            source.close()
    return Probe(
        recording=recording,
        sha256=sha256,
        size_wh=source.info.size_wh,
        pts_seconds=np.asarray(pts, dtype=np.float64),
        fingerprint=maker.finish(),
        pictures={label: keeper.finish() for label, keeper in keepers.items()},
        warnings=tuple(said),
    )


def _probe_features(recording: Recording) -> Probe:
    try:
        found, sha256 = read_features(recording.path), sha256_of(recording.path)
    except SourceError as error:
        return Probe(recording, reason=str(error))
    size_wh = (found.maker.size, found.maker.size)
    return Probe(recording, sha256=sha256, size_wh=size_wh, pts_seconds=found.pts_seconds, maker=found.maker)


def _read_frames(
    source: FrameSource,
    recording: Recording,
    maker: FingerprintMaker,
    keepers: Mapping[str, PictureKeeper],
    background: str | None,
    stop: threading.Event,
) -> Iterator[float]:
    """Read a source frame by frame, converting only the frames that are wanted; yields the times of all."""
    while not stop.is_set() and (pts_seconds := source.grab()) is not None:
        yield pts_seconds
        keeper = keepers.get(label_at(recording, pts_seconds, background=background) or "") if keepers else None
        for_fingerprint = maker.wants_next()
        for_picture = keeper is not None and keeper.wants_next()
        if not (for_fingerprint or for_picture):
            continue
        image = source.retrieve()
        if for_fingerprint:
            maker.add(pts_seconds, image)
        if keeper is not None and for_picture:
            keeper.add(image)


def label_at(recording: Recording, pts_seconds: float, *, background: str | None) -> str | None:
    """The label that holds at a time, or None."""
    for segment in recording.segments:
        if (segment.start_seconds <= pts_seconds or segment.start_seconds == 0) and pts_seconds < segment.end_seconds:
            return segment.label
    return background if recording.fill_background else None


class _Listener(logging.Filter):
    """Takes what the reader of a file says on the thread that reads it, so that it stands in the report instead."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[int, list[str]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        said = self._said.get(threading.get_ident())
        if said is None:
            return True
        said.append(record.getMessage())
        return False

    @contextmanager
    def listening(self) -> Iterator[list[str]]:
        """Collect what is said on this thread."""
        said = self._said[threading.get_ident()] = []
        try:
            yield said
        finally:
            del self._said[threading.get_ident()]
