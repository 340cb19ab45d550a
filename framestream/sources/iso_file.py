"""What OpenCV does not tell of MP4 and MOV files: how a track is displayed, when it starts, how much of it is shown.

Only the few boxes that say so are read (ISO/IEC 14496-12). Anything unexpected means that nothing is known.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from framestream.sources.orientation import Orientation, read_matrix

_FOLDERS = (b"moov", b"trak", b"edts", b"mdia")
_MOST_EDITS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """A track of a film.

    Attributes:
        handler: `vide` for pictures, `soun` for sound.
        orientation: How its pictures are displayed.
        lead_seconds: How long nothing of it is shown at the beginning.
        shown_seconds: How long it is shown after that; None where no edit list says so.
    """

    handler: str
    orientation: Orientation
    lead_seconds: float = 0.0
    shown_seconds: float | None = None


def read_tracks(path: Path) -> tuple[Track, ...]:
    """Return a file's tracks, in order; none if it is no MP4 or MOV file, or is damaged there."""
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            if file.read(8)[4:] not in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
                return ()
            return tuple(_tracks(file, size))
    except (OSError, struct.error, IndexError, ZeroDivisionError):
        return ()


def _tracks(file: BinaryIO, size: int) -> Iterator[Track]:
    timescale = 0
    for kind, start, end in _boxes(file, 0, size):
        if kind != b"moov":
            continue
        for inner, inner_start, inner_end in _boxes(file, start, end):
            if inner == b"mvhd":
                body = _read(file, inner_start, inner_end)
                timescale = struct.unpack_from(">I", body, 20 if body[0] == 1 else 12)[0]
            elif inner == b"trak":
                yield _track(file, inner_start, inner_end, timescale)


def _track(file: BinaryIO, start: int, end: int, timescale: int) -> Track:
    handler, orientation, lead, shown = "", Orientation(), 0.0, None
    for kind, box_start, box_end in _leaves(file, start, end):
        if kind == b"tkhd":
            body = _read(file, box_start, box_end)
            orientation = read_matrix(struct.unpack_from(">9i", body, 52 if body[0] == 1 else 40))
        elif kind == b"hdlr" and not handler:
            handler = _read(file, box_start, box_end)[8:12].decode("latin-1")
        elif kind == b"elst":
            lead, shown = _edits(_read(file, box_start, box_end), timescale)
    return Track(handler=handler, orientation=orientation, lead_seconds=lead, shown_seconds=shown)


def _edits(body: bytes, timescale: int) -> tuple[float, float | None]:
    """Return how long an edit list shows nothing at first, and how long it shows something."""
    is_long = body[0] == 1
    layout, count = (">Qqi" if is_long else ">Iii"), min(struct.unpack_from(">I", body, 4)[0], _MOST_EDITS)
    lead = shown = 0
    for index in range(count):
        duration, media_time, _ = struct.unpack_from(layout, body, 8 + index * struct.calcsize(layout))
        if media_time >= 0:
            shown += duration
        elif not shown:
            lead += duration
    # In fragmented files the duration is 0: all there is.
    return lead / timescale, shown / timescale if shown else None


def _leaves(file: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    for kind, box_start, box_end in _boxes(file, start, end):
        if kind in _FOLDERS:
            yield from _leaves(file, box_start, box_end)
        else:
            yield kind, box_start, box_end


def _boxes(file: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield the kind, start and end of the content of each box between two places."""
    while start + 8 <= end:
        file.seek(start)
        size, kind = struct.unpack(">I4s", file.read(8))
        header = 8
        if size == 1:
            size, header = struct.unpack(">Q", file.read(8))[0], 16
        elif size == 0:
            size = end - start
        if size < header:
            return
        yield kind, start + header, min(start + size, end)
        start += size


def _read(file: BinaryIO, start: int, end: int) -> bytes:
    file.seek(start)
    return file.read(min(end - start, 1 << 16))
