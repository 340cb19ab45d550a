"""Decoding every recording of a data set into one file of frames, cut by the code that serves."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track

from framestream.errors import SourceError, UnreadableSourceError
from framestream.records import Gap
from framestream.sampling.clock import SamplingClock
from framestream.sampling.resize import fit_frame
from framestream.sampling.sampler import Sample, Sampler, sample
from framestream_export.data.footage import Recording
from framestream_export.data.frame_folders import image_names, open_recording
from framestream_export.files import writing

FRAMES, TIMES, INDEX = "frames.u8", "pts.npy", "index.json"
_WORKERS = 2


@dataclass(frozen=True, slots=True)
class _Decoded:
    """The result of decoding one recording: its frames lie in `part`."""

    part: Path
    pts_seconds: list[float]
    segment_frames: list[int]
    sha256: str


def decode_recordings(
    recordings: Sequence[Recording], home: Path, *, frame_rate: float, size_wh: tuple[int, int], console: Console
) -> None:
    """Write the folder `home`: frames, their times, and an index with what became of each recording.

    Everything goes into a folder of its own, `home`.part.*, which takes its place when it is complete: another run may
    be doing the same. What a killed run leaves of it can be deleted.

    Args:
        recordings: The recordings to decode, in order.
        home: Folder that the decoded frames are written to.
        frame_rate: Frames per second of media time to keep.
        size_wh: Width and height to scale the frames to, pixels.
        console: Console that progress is shown on.

    Raises:
        SettingsError: The folder cannot be written to, or the disk is full.
    """
    part = home.with_name(f"{home.name}.part.{uuid.uuid4().hex[:8]}")
    try:
        with writing(home.parent):
            part.mkdir(parents=True)
            _write(recordings, part, frame_rate=frame_rate, size_wh=size_wh, console=console)
            take_place(part, home)
    finally:
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


def _write(
    recordings: Sequence[Recording], home: Path, *, frame_rate: float, size_wh: tuple[int, int], console: Console
) -> None:
    pts_seconds: list[float] = []
    entries: list[dict[str, Any]] = []
    decode = partial(_decode, frame_rate=frame_rate, size_wh=size_wh)
    with (home / FRAMES).open("wb") as frames:
        results = track(
            _decode_all(recordings, home, decode),
            description="reading clips",
            total=len(recordings),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        for recording, result in zip(recordings, results, strict=True):
            entry: dict[str, Any] = {"name": recording.name}
            if isinstance(result, SourceError):
                entry["reason"] = str(result)
            else:
                with result.part.open("rb") as part:
                    shutil.copyfileobj(part, frames, 1 << 22)
                result.part.unlink()
                pts_seconds += result.pts_seconds
                entry |= {"sha256": result.sha256, "segment_frames": result.segment_frames}
            entries.append(entry)
    np.save(home / TIMES, np.asarray(pts_seconds, dtype=np.float64))
    # The index comes last: a cache with an index is whole.
    (home / INDEX).write_text(json.dumps(entries), encoding="utf-8")


def _decode_all(
    recordings: Sequence[Recording], home: Path, decode: Callable[[Recording, Path, threading.Event], _Decoded]
) -> Iterator[_Decoded | SourceError]:
    """Decode in order on a few threads that are never far ahead, because every result lies on the disk twice."""
    stop = threading.Event()
    with ThreadPoolExecutor(_WORKERS) as pool:
        running: deque[Future[_Decoded]] = deque()
        try:
            for number, recording in enumerate(recordings):
                running.append(pool.submit(decode, recording, home / f"{number}.part", stop))
                if len(running) > 2 * _WORKERS:
                    yield _result(running.popleft())
            while running:
                yield _result(running.popleft())
        finally:
            stop.set()  # after Ctrl-C nobody wants to wait for an hour of film
            pool.shutdown(wait=True, cancel_futures=True)


def _result(future: Future[_Decoded]) -> _Decoded | SourceError:
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
