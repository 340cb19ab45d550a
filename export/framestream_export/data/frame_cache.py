"""Every recording decoded once: the model's frames in one memory-mapped file, cut by the code that serves.

Recordings that are files of features come after all others. They have no pictures: their frames, which are counted on,
stand in a table of features instead.

A cache folder is named after what went into it (files, their sizes and times of change, decoder, frame rate, frame
size), so a resumed run, or another run with the same frames, finds it ready.
"""

from __future__ import annotations

import hashlib
import json
import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
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
from framestream_export.data.feature_table import FeatureTable, open_feature_table
from framestream_export.data.file_states import state_of
from framestream_export.data.footage import Dataset, Recording
from framestream_export.time_limit import NO_LIMIT, TimeLimit

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
        frames: uint8 [P, height, width, 3], RGB, memory mapped: slice it, never load it whole. Frames P to N are those
            of recordings that are files of features.
        labels: int16 [N], index into the data set's labels or UNLABELLED.
        segments: All segments, in the order of the frames; `FrameSegment.recording` points into `recordings`.
        recordings: The recordings that could be decoded and have labelled frames.
        skipped: The recordings that could not be decoded or have no labelled frames.
        fingerprint: SHA-256 over the contents of the files and their labels.
        pts_seconds: float64 [N], presentation time of each frame in its file.
        digests: SHA-256 of each recording's file, in the order of `recordings`.
        features: Features of the frames P to N; None where all recordings are films.
    """

    frames: NDArray[np.uint8]
    labels: NDArray[np.int16]
    segments: tuple[FrameSegment, ...]
    recordings: tuple[Recording, ...]
    skipped: tuple[Skipped, ...]
    fingerprint: str
    pts_seconds: NDArray[np.float64]
    digests: tuple[str, ...]
    features: FeatureTable | None = None

    def has_pictures(self, segment: FrameSegment) -> bool:
        """Whether a segment is of a film, and not of a file of features."""
        return segment.stop <= len(self.frames)

    def read_features(self, first: int, stop: int) -> NDArray[np.float32]:
        """Features [stop - first, D] of frames [first, stop) of a recording that is a file of features.

        Raises:
            DataError: The frames are those of a film, or the table is shorter than it was.
        """
        pictures = len(self.frames)
        if self.features is None or first < pictures:
            raise DataError(f"frames {first} to {stop} are those of a film, which has to be encoded")
        return self.features.read(first - pictures, stop - pictures)

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
    dataset: Dataset,
    folder: Path,
    *,
    frame_rate: float,
    size_wh: tuple[int, int],
    time_limit: TimeLimit = NO_LIMIT,
    console: Console,
) -> FrameCache:
    """Decode the data set into `folder`, or find it there.

    Unreadable recordings are named on the console and left out.

    Raises:
        DataError: No recording gave a labelled frame.
        TimeLimitError: The time is up.
        SettingsError: The folder cannot be written to, or the disk is full.
    """
    films = [recording for recording in dataset.recordings if not recording.holds_features]
    others = [recording for recording in dataset.recordings if recording.holds_features]
    table = open_feature_table(others, folder, console=console) if others else None
    home = folder / _key(films, frame_rate, size_wh)
    if films and not (home / INDEX).is_file():
        decode_recordings(films, home, frame_rate=frame_rate, size_wh=size_wh, time_limit=time_limit, console=console)
    index = json.loads((home / INDEX).read_text(encoding="utf-8")) if films else []
    pts_seconds = np.load(home / TIMES, allow_pickle=False) if films else np.zeros(0)
    frames = _map(home / FRAMES, len(pts_seconds), size_wh)
    if table is not None:
        index += list(table.index)
        pts_seconds = np.concatenate([pts_seconds, table.pts_seconds])
        dataset = replace(dataset, recordings=(*films, *others))
    for warning in dataset.warnings:
        console.print(f"[yellow]warning[/] {escape(warning)}", highlight=False, soft_wrap=True)
    cache = replace(_label(dataset, index, pts_seconds, frames), features=table)
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
        facts += state_of(recording)
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


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
