"""Every recording decoded once: the model's frames in one memory-mapped file, cut by the code that serves.

A cache folder is named after what went into it (files, their sizes and times of change, decoder, frame rate, frame
size), so a resumed run, or another run with the same frames, finds it ready.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.markup import escape

from framestream.errors import DataError
from framestream.sources.decoders import is_av_installed
from framestream_export.data.decoding import FRAMES, INDEX, TIMES, decode_recordings
from framestream_export.data.footage import Dataset, Recording

UNLABELLED = -1


@dataclass(frozen=True, slots=True)
class FrameSegment:
    """Frames [start, stop) of the cache: a recording, or a part of it, without a gap in time."""

    recording: int
    start: int
    stop: int

    def __len__(self) -> int:
        """Number of frames in the segment."""
        return self.stop - self.start


@dataclass(frozen=True, slots=True)
class Skipped:
    """A recording that gave nothing to train on, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class FrameCache:
    """The decoded data set.

    Attributes:
        frames: uint8 [N, height, width, 3], RGB, memory mapped: slice it, never load it whole.
        labels: int16 [N], index into the data set's labels or UNLABELLED.
        segments: All segments, in the order of the frames; `FrameSegment.recording` points into `recordings`.
        recordings: The recordings that could be decoded and have labelled frames.
        skipped: The recordings that could not be decoded or have no labelled frames.
        fingerprint: SHA-256 over the contents of the files and their labels.
        pts_seconds: float64 [N], presentation time of each frame in its file.
        digests: SHA-256 of each recording's file, in the order of `recordings`.
    """

    frames: NDArray[np.uint8]
    labels: NDArray[np.int16]
    segments: tuple[FrameSegment, ...]
    recordings: tuple[Recording, ...]
    skipped: tuple[Skipped, ...]
    fingerprint: str
    pts_seconds: NDArray[np.float64]
    digests: tuple[str, ...]

    def read(self, first: int, stop: int) -> NDArray[np.uint8]:
        """Frames [first, stop) in memory of their own.

        Unlike a slice of `frames`, they leave no pages of the mapped file behind. The system would take those back when
        it needs them, but until then they look like gigabytes of memory that the process has.

        Raises:
            DataError: The file is shorter than it was.
        """
        frames = self.frames
        if not isinstance(frames, np.memmap) or frames.filename is None:
            return np.array(frames[first:stop])
        size = math.prod(frames.shape[1:])
        found = np.fromfile(frames.filename, np.uint8, (stop - first) * size, offset=frames.offset + first * size)
        if len(found) != (stop - first) * size:
            raise DataError(
                f"{frames.filename} is shorter than it was; delete its folder to have the clips decoded anew"
            )
        return found.reshape(stop - first, *frames.shape[1:])

    def segments_of(self, recording: int) -> list[FrameSegment]:
        """The segments of one recording, one after the other in the frames."""
        first = bisect_left(self.segments, recording, key=attrgetter("recording"))
        last = bisect_right(self.segments, recording, key=attrgetter("recording"))
        return list(self.segments[first:last])


def open_cache(
    dataset: Dataset, folder: Path, *, frame_rate: float, size_wh: tuple[int, int], console: Console
) -> FrameCache:
    """Decode the data set into `folder`, or find it there.

    Unreadable recordings are named on the console and left out.

    Raises:
        DataError: No recording gave a labelled frame.
        SettingsError: The folder cannot be written to, or the disk is full.
    """
    home = folder / _key(dataset.recordings, frame_rate, size_wh)
    if not (home / INDEX).is_file():
        decode_recordings(dataset.recordings, home, frame_rate=frame_rate, size_wh=size_wh, console=console)
    index = json.loads((home / INDEX).read_text(encoding="utf-8"))
    pts_seconds = np.load(home / TIMES, allow_pickle=False)
    for warning in dataset.warnings:
        console.print(f"[yellow]warning[/] {escape(warning)}", highlight=False, soft_wrap=True)
    cache = _label(dataset, index, pts_seconds, _map(home / FRAMES, len(pts_seconds), size_wh))
    for skipped in cache.skipped:
        console.print(
            f"[yellow]skipped[/] {escape(f'{skipped.name}: {skipped.reason}')}", highlight=False, soft_wrap=True
        )
    if cache.skipped:
        console.print(
            f"skipped {len(cache.skipped)} of {len(dataset.recordings)} recordings", highlight=False, soft_wrap=True
        )
    if not cache.recordings:
        raise DataError(f"{dataset.root}: none of the {len(dataset.recordings)} recordings gave a labelled frame")
    return cache


def frame_labels(
    recording: Recording, pts_seconds: NDArray[np.float64], labels: Sequence[str], *, background: str | None
) -> NDArray[np.int16]:
    """The label that holds at each time, as an index into `labels`, or UNLABELLED."""
    fill = labels.index(background) if background and recording.fill_background else UNLABELLED
    result = np.full(len(pts_seconds), fill, dtype=np.int16)
    for segment in recording.segments:
        inside = pts_seconds < segment.end_seconds
        if segment.start_seconds > 0:  # "from the start" includes timestamps just below zero
            inside &= pts_seconds >= segment.start_seconds
        result[inside] = labels.index(segment.label)
    return result


def fingerprint_of(
    recordings: Sequence[Recording], digests: Sequence[str], labels: Sequence[str], *, background: str | None
) -> str:
    """SHA-256 over what recordings are called, the digests of their files, and their labels; order does not matter."""
    facts: list[list[Any]] = []
    for recording, digest in zip(recordings, digests, strict=True):
        segments = [asdict(segment) for segment in recording.segments]
        facts.append([recording.name, digest, segments, recording.fill_background])
    facts.sort(key=lambda fact: (*fact[:2], json.dumps(fact[2:])))
    return hashlib.sha256(json.dumps([facts, labels, background]).encode()).hexdigest()


def _key(recordings: Sequence[Recording], frame_rate: float, size_wh: tuple[int, int]) -> str:
    # Damaged and interlaced films may differ from decoder to decoder.
    facts: list[Any] = ["frames-3", "av" if is_av_installed() else "opencv", frame_rate, size_wh]
    for recording in recordings:
        place = os.path.realpath(recording.path)
        try:
            status = os.stat(place)
        except OSError as error:  # decoding finds the same, and names it
            facts.append([place, error.strerror])
        else:
            facts.append([place, status.st_size, status.st_mtime_ns])
        if recording.image_rate is not None:
            facts.append([recording.image_rate, *_images(place)])
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


def _images(folder: str) -> list[list[Any]]:
    """Names, sizes and times of change of a folder's images: the folder's own time does not change with them."""
    try:
        with os.scandir(folder) as entries:
            found = [(entry.name, entry.stat()) for entry in entries]
    except OSError as error:
        return [[folder, error.strerror]]
    return sorted([name, status.st_size, status.st_mtime_ns] for name, status in found)


def _map(path: Path, count: int, size_wh: tuple[int, int]) -> NDArray[np.uint8]:
    shape = (count, size_wh[1], size_wh[0], 3)
    if count == 0:
        return np.zeros(shape, np.uint8)
    return np.memmap(path, dtype=np.uint8, mode="r", shape=shape)


def _label(
    dataset: Dataset,
    index: Sequence[dict[str, Any]],
    pts_seconds: NDArray[np.float64],
    frames: NDArray[np.uint8],
) -> FrameCache:
    """Lay the labels over the decoded frames, fresh each time: a corrected manifest needs no decoding."""
    labels = np.full(len(pts_seconds), UNLABELLED, dtype=np.int16)
    segments: list[FrameSegment] = []
    kept: list[Recording] = []
    skipped: list[Skipped] = []
    digests: list[str] = []
    first = 0
    for recording, entry in zip(dataset.recordings, index, strict=True):
        if "reason" in entry:
            skipped.append(Skipped(recording.name, entry["reason"]))
            continue
        last = first + sum(entry["segment_frames"])
        labels[first:last] = frame_labels(
            recording, pts_seconds[first:last], dataset.labels, background=dataset.background
        )
        if (labels[first:last] == UNLABELLED).all():
            skipped.append(Skipped(recording.name, "no frame lies inside its labelled times"))
            first = last
            continue
        for count in entry["segment_frames"]:
            segments.append(FrameSegment(len(kept), first, first + count))
            first += count
        kept.append(recording)
        digests.append(entry["sha256"])
    fingerprint = fingerprint_of(kept, digests, dataset.labels, background=dataset.background)
    return FrameCache(
        frames, labels, tuple(segments), tuple(kept), tuple(skipped), fingerprint, pts_seconds, tuple(digests)
    )
