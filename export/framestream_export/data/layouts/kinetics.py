"""Kinetics: CSV files with the columns label, youtube_id, time_start, time_end, split.

Kay et al., "The Kinetics Human Action Video Dataset", 2017. Clips are called ID_START_END.mp4 with six digits for each
time, or ID.mp4; in the latter case the file is the clip itself, or the whole film it was cut from: its length decides.
Films disappear from where they were published, so rows without a file are normal.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from framestream.errors import DataError, SourceError
from framestream.sources import VideoFile
from framestream_export.data.footage import VIDEO_SUFFIXES, Recording, Segment, in_order, shown_name
from framestream_export.data.layouts.layout import DataSetLayout, Found, Reading, missing_clips
from framestream_export.data.layouts.video_index import VideoIndex
from framestream_export.data.split_names import SPLIT_SPELLINGS
from framestream_export.data.tables import Row, read_header, read_rows

_REQUIRED = ("youtube_id", "time_start", "time_end")
# A clip that was cut out is as long as its row says, or a little longer: cuts fall on key frames.
_LONGER_THAN_CUT = 1.5


@dataclass(frozen=True, slots=True)
class _Clip:
    label: str
    film: str
    start_seconds: float
    end_seconds: float
    split: str | None


def _tables(data: Path) -> list[Path]:
    if data.is_file():
        candidates = [data]
    elif data.is_dir():
        candidates = [*sorted(data.glob("*.csv")), *sorted(data.glob("*/*.csv"))]
    else:
        candidates = []
    return [path for path in candidates if set(_REQUIRED) <= set(read_header(path))]


def _is_here(data: Path) -> bool:
    return bool(_tables(data))


def _read(data: Path, reading: Reading) -> Found:
    root = data if data.is_dir() else data.parent
    tables = _tables(data)
    if not tables:
        raise DataError(f"{data} has no CSV file with the columns label, {', '.join(_REQUIRED)}, split")
    rows: dict[tuple[str, float, float], tuple[_Clip, str]] = {}
    unlabelled = 0
    for table in tables:
        for cells in read_rows(table, required=_REQUIRED):
            where = f"{table}, row {cells.number}"
            with reading.problems.about(where):
                row = _parse(cells, table)
                if not row.label:
                    unlabelled += 1
                    continue
                first, place = rows.setdefault((row.film, row.start_seconds, row.end_seconds), (row, where))
                if first != row:
                    raise DataError(f"the same segment of {row.film} has another label or split in {place}; keep one")
    found, missing = _clips(root, [row for row, _ in rows.values()], reading)
    warnings = missing_clips(missing, len(rows), by=", ".join(table.name for table in tables))
    if unlabelled:
        warnings.append(f"{unlabelled} rows have no label, as those of the official test list, and are left out")
    return Found(tuple(found), tuple(warnings))


def _parse(row: Row, table: Path) -> _Clip:
    film, label, split = row.text("youtube_id"), row.text("label"), row.text("split").lower()
    if not split:
        split = next((name for name in ("train", "val", "test") if name in table.stem.lower()), "")
    if split and split not in SPLIT_SPELLINGS:
        raise DataError(f"split {split!r} is none of train, validate, test")
    if not film:
        raise DataError("youtube_id is empty")
    start, end = row.seconds("time_start", otherwise=math.nan), row.seconds("time_end", otherwise=math.nan)
    if not (math.isfinite(start) and math.isfinite(end)):
        raise DataError(f"{row.text('time_start')!r} to {row.text('time_end')!r} are not times in seconds")
    if label:
        Segment(start, end, label)
    return _Clip(label, film, start, end, SPLIT_SPELLINGS.get(split))


def _clips(root: Path, rows: list[_Clip], reading: Reading) -> tuple[list[Recording], list[str]]:
    """Recordings of the rows that have a file, and the names of the others."""
    videos = VideoIndex(root, reading.problems)
    segments: dict[Path, list[_Clip]] = {}
    missing = []
    for row in rows:
        cut = f"{row.film}_{int(row.start_seconds):06}_{int(row.end_seconds):06}"
        folders = (row.label, row.label.replace(" ", "_"), row.split or "")
        video = None
        with reading.problems.about(f"{row.film} ({row.label})"):
            for stem in (cut, row.film):
                for suffix in sorted(VIDEO_SUFFIXES):
                    video = video or videos.find(stem + suffix, prefer=folders)
        if video is None:
            missing.append(cut)
        else:
            segments.setdefault(video, []).append(row)
    recordings = []
    for video, its in segments.items():
        with reading.problems.about(video):
            recordings.append(_recording(video, its, root))
    return recordings, missing


def _recording(video: Path, rows: list[_Clip], root: Path) -> Recording:
    first = rows[0]
    if any(row.split != first.split for row in rows):
        raise DataError("its segments are in different splits; one file is in one split")
    if video.stem == first.film and (len(rows) > 1 or _is_whole_film(video, first)):
        segments = in_order([Segment(row.start_seconds, row.end_seconds, row.label) for row in rows])
    elif len(rows) > 1:
        raise DataError(f"{len(rows)} rows mean this one clip; keep one")
    else:
        segments = (Segment(0.0, math.inf, first.label),)
    return Recording(video, shown_name(video, root), segments, first.film, first.split)


def _is_whole_film(video: Path, row: _Clip) -> bool:
    try:
        source = VideoFile(video)
    except SourceError:  # whoever decodes it will find the same, and name it
        return False
    frames, rate = source.info.declared_frames, source.info.declared_fps
    source.close()
    return bool(frames and rate and frames / rate > _LONGER_THAN_CUT * (row.end_seconds - row.start_seconds))


LAYOUT = DataSetLayout("kinetics", _is_here, _read)
