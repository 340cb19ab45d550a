"""Decoded frames in a folder, recording after recording: what is there outlives whoever writes it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

FRAMES, TIMES, INDEX = "frames.u8", "pts.npy", "index.json"
_GROWING_TIMES, _GROWING_INDEX = "pts.f8", "index.jsonl"
_TIME_BYTES = 8


class GrowingFrames:
    """A folder of frames, their times, and an index with what became of each recording, as far as it has been written.

    Attributes:
        folder: The folder.
        count: How many recordings are in it.
    """

    def __init__(self, folder: Path, *, frame_bytes: int) -> None:
        """Go on with what lies in a folder, which is made if need be.

        Args:
            folder: The folder; another process may have been killed while it wrote there.
            frame_bytes: What a frame takes.
        """
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        for rest in folder.glob("*.part"):
            rest.unlink()
        # An entry is written behind its frames and times, so it speaks of what is there.
        self._entries = _entries_before_damage(folder / _GROWING_INDEX)
        frames = sum(sum(entry.get("segment_frames", ())) for entry in self._entries)
        files = (folder / FRAMES, folder / _GROWING_TIMES, folder / _GROWING_INDEX)
        self._frames, self._times, self._index = (path.open("ab") for path in files)
        wanted = (frames * frame_bytes, frames * _TIME_BYTES)
        if self._frames.tell() < wanted[0] or self._times.tell() < wanted[1]:  # the machine itself went down
            self._entries, wanted = [], (0, 0)
        self._frames.truncate(wanted[0])
        self._times.truncate(wanted[1])
        self._index.truncate(sum(len(_line(entry)) for entry in self._entries))

    @property
    def count(self) -> int:
        """How many recordings are there."""
        return len(self._entries)

    def __enter__(self) -> GrowingFrames:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the files."""
        for file in (self._frames, self._times, self._index):
            file.close()

    def add(self, entry: Mapping[str, Any], pts_seconds: Sequence[float] = (), part: Path | None = None) -> None:
        """Append a recording.

        Args:
            entry: What the index says of it: its `name`, and a `reason`, or `sha256` and `segment_frames`.
            pts_seconds: The times of its frames.
            part: The file of its frames, which is removed; None if there are none.
        """
        if part is not None:
            with part.open("rb") as stream:
                shutil.copyfileobj(stream, self._frames, 1 << 22)
            part.unlink()
        self._times.write(np.asarray(pts_seconds, np.float64).tobytes())
        self._frames.flush()
        self._times.flush()
        self._index.write(_line(entry))
        self._index.flush()
        self._entries.append(dict(entry))

    def complete(self) -> None:
        """Write times and index as they are read."""
        self._times.flush()
        np.save(self.folder / TIMES, np.fromfile(self.folder / _GROWING_TIMES, np.float64))
        (self.folder / INDEX).write_text(json.dumps(self._entries), encoding="utf-8")
        self._times.close()
        self._index.close()
        for name in (_GROWING_TIMES, _GROWING_INDEX):
            os.unlink(self.folder / name)


def _line(entry: Mapping[str, Any]) -> bytes:
    return json.dumps(entry).encode() + b"\n"


def _entries_before_damage(path: Path) -> list[dict[str, Any]]:
    """The entries of an index that was being written, up to where it may have been cut."""
    entries: list[dict[str, Any]] = []
    try:
        lines = path.read_bytes().split(b"\n")[:-1]
    except FileNotFoundError:
        return entries
    for line in lines:
        try:
            entries.append(json.loads(line))
        except ValueError:
            break
    return entries
