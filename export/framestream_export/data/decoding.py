"""Decoding every recording of a data set into one file of frames, cut by the code that serves."""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

from rich.console import Console
from rich.progress import track

from framestream.errors import SourceError, UnreadableSourceError
from framestream.records import Gap
from framestream.sampling.clock import SamplingClock
from framestream.sampling.resize import fit_frame
from framestream.sampling.sampler import Sample, Sampler, sample
from framestream_export.data.footage import Recording
from framestream_export.data.frame_folders import image_names, open_recording
from framestream_export.data.growing_frames import FRAMES, INDEX, TIMES, GrowingFrames
from framestream_export.files import writing
from framestream_export.folder_lock import locked_when_free
from framestream_export.time_limit import NO_LIMIT, TimeLimit, TimeLimitError

__all__ = ["FRAMES", "INDEX", "TIMES", "decode_recordings", "sha256_of"]

_WORKERS = 2
_ASK_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class _Decoded:
    """The result of decoding one recording: its frames lie in `part`."""

    part: Path
    pts_seconds: list[float]
    segment_frames: list[int]
    sha256: str


def decode_recordings(
    recordings: Sequence[Recording],
    home: Path,
    *,
    frame_rate: float,
    size_wh: tuple[int, int],
    time_limit: TimeLimit = NO_LIMIT,
    console: Console,
) -> None:
    """Write the folder `home`: frames, their times, and an index with what became of each recording.

    Everything goes into a folder of its own, `home`.part, which takes its place when it is complete. A run that is
    ended before leaves it, and the next one goes on from there. Runs that write below the same folder wait for each
    other; where they cannot, each has a folder of its own that nobody goes on from.

    Args:
        recordings: The recordings to decode, in order.
        home: Folder that the decoded frames are written to.
        frame_rate: Frames per second of media time to keep.
        size_wh: Width and height to scale the frames to, pixels.
        time_limit: When to stop.
        console: Console that progress is shown on.

    Raises:
        TimeLimitError: The time is up.
        SettingsError: The folder cannot be written to, or the disk is full.
    """
    with locked_when_free(home.parent, time_limit=time_limit) as alone:
        if (home / INDEX).is_file():  # by the run that was waited for
            return
        part = home.with_name(f"{home.name}.part" if alone else f"{home.name}.part.{uuid.uuid4().hex[:8]}")
        kept = False
        try:
            with writing(home.parent), GrowingFrames(part, frame_bytes=3 * size_wh[0] * size_wh[1]) as growing:
                decode = partial(_decode, frame_rate=frame_rate, size_wh=size_wh)
                _decode_into(growing, recordings, decode, time_limit=time_limit, console=console)
            with writing(home.parent):
                take_place(part, home)
        except (KeyboardInterrupt, TimeLimitError):
            kept = alone
            raise
        finally:
            if not kept:
                shutil.rmtree(part, ignore_errors=True)


def take_place(part: Path, home: Path) -> None:
    """Move a complete folder to its place, unless another run's, which has the same in it, is there by now."""
    if home.is_dir() and not (home / INDEX).is_file():
        shutil.rmtree(home)
    try:
        os.replace(part, home)
    except OSError:
        if not (home / INDEX).is_file():
            raise


def _decode_into(
    growing: GrowingFrames,
    recordings: Sequence[Recording],
    decode: Callable[[Recording, Path, threading.Event], _Decoded],
    *,
    time_limit: TimeLimit,
    console: Console,
) -> None:
    """Decode what is not there yet, and complete it."""
    if growing.count:
        console.print(f"{growing.count} of {len(recordings)} clips are read already", highlight=False, soft_wrap=True)

    def check_time() -> None:
        time_limit.check(f"{growing.count} of {len(recordings)} clips are read, and kept in {growing.folder.parent}")

    first = growing.count
    results = track(
        _decode_all(islice(recordings, first, None), growing.folder, decode, check_time),
        description="reading clips",
        total=len(recordings) - first,
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    for recording, result in zip(islice(recordings, first, None), results, strict=True):
        if isinstance(result, SourceError):
            growing.add({"name": recording.name, "reason": str(result)})
        else:
            entry = {"name": recording.name, "sha256": result.sha256, "segment_frames": result.segment_frames}
            growing.add(entry, result.pts_seconds, result.part)
    growing.complete()


def _decode_all(
    recordings: Iterable[Recording],
    folder: Path,
    decode: Callable[[Recording, Path, threading.Event], _Decoded],
    check_time: Callable[[], None],
) -> Iterator[_Decoded | SourceError]:
    """Decode in order on a few threads that are never far ahead, because every result lies on the disk twice."""
    stop = threading.Event()
    with ThreadPoolExecutor(_WORKERS) as pool:
        running: deque[Future[_Decoded]] = deque()
        try:
            for number, recording in enumerate(recordings):
                running.append(pool.submit(decode, recording, folder / f"{number}.part", stop))
                if len(running) > 2 * _WORKERS:
                    yield _result(running.popleft(), check_time)
            while running:
                yield _result(running.popleft(), check_time)
        finally:
            stop.set()  # after Ctrl-C nobody wants to wait for an hour of film
            pool.shutdown(wait=True, cancel_futures=True)


def _result(future: Future[_Decoded], check_time: Callable[[], None]) -> _Decoded | SourceError:
    check_time()
    while not wait([future], _ASK_SECONDS).done:
        check_time()
    try:
        return future.result()
    except SourceError as error:
        return error


def _decode(
    recording: Recording, part: Path, stop: threading.Event, *, frame_rate: float, size_wh: tuple[int, int]
) -> _Decoded:
    pts_seconds: list[float] = []
    segment_frames = [0]
    with sampled(recording, frame_rate=frame_rate, size_wh=size_wh) as samples, part.open("wb") as stream:
        for item in samples:
            if stop.is_set():
                break
            if isinstance(item, Gap):
                segment_frames.append(0)
                continue
            stream.write(item.image.data)
            pts_seconds.append(item.pts_seconds)
            segment_frames[-1] += 1
    return _Decoded(part, pts_seconds, [count for count in segment_frames if count], sha256_of(recording.path))


@contextmanager
def sampled(recording: Recording, *, frame_rate: float, size_wh: tuple[int, int]) -> Iterator[Iterator[Sample | Gap]]:
    """Open a recording: the frames of a recording that a model sees, scaled, and the gaps between them, as in serving.

    Args:
        recording: The recording to read.
        frame_rate: Frames per second of media time.
        size_wh: Width and height to scale the frames to, pixels.

    Raises:
        SourceError: It cannot be read.
    """
    sampler = Sampler(SamplingClock(frame_rate), prepare=partial(fit_frame, size_wh=size_wh), continuous=True)
    source = open_recording(recording)
    try:
        yield sample(source, sampler)
    finally:
        source.close()


def sha256_of(path: Path) -> str:
    """The hash of a file's content, in hexadecimal; of a folder, that of its images one after the other.

    Raises:
        UnreadableSourceError: The file cannot be read.
    """
    digest = hashlib.sha256()
    try:
        files = [path / name for name in image_names(os.listdir(path))] if path.is_dir() else [path]
        for one in files:
            with one.open("rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
    except OSError as error:
        raise UnreadableSourceError(f"{path} cannot be read: {error.strerror}") from error
    return digest.hexdigest()
