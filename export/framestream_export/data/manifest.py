"""FrameStream's own list of labelled video: a CSV file with the columns path, label, and, if wanted, others.

======  ================================================================================
path    of the video, relative to the manifest; several rows of one path are one recording
label   empty where a timeline NAME.csv lies beside NAME.mp4
start   seconds, belongs to the segment; empty is the start of the film
end     seconds, does not belong to it; empty is the end of the film
split   train, validation or test; empty leaves it to training
group   recordings of one group (a person, a place) stay in one split; empty is a group of its own
gaps    "background" where all that no row labels is background; empty leaves it unlabelled
======  ================================================================================

Lists that others made are read where their columns are called file, filename, video or clip for path, class, action or
category for label, and subject, person or actor for group. Other columns do not matter.
"""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from framestream.errors import DataError, SettingsError
from framestream_export.data.footage import SPLITS, Recording, Segment, in_order, shown_name
from framestream_export.data.paths import Paths, below
from framestream_export.data.problems import Problems
from framestream_export.data.tables import read_rows
from framestream_export.files import write_atomically

MANIFEST = "manifest.csv"
COLUMNS = ("path", "label", "start", "end", "split", "group", "gaps")
SPLIT_SPELLINGS = {
    **{"": None, "val": "validation", "valid": "validation", "validate": "validation"},
    **{name: name for name in SPLITS},
}
_SPELLINGS = {
    "path": ("file", "filename", "video", "clip"),
    "label": ("class", "action", "category"),
    "group": ("subject", "person", "actor"),
}
_GAPS = {"": False, "background": True}


@dataclass(slots=True)
class _Entry:
    """What the rows of a manifest have said so far about one file."""

    path: Path
    name: str
    said: tuple[str | None, str, bool]
    segments: list[Segment]
    timeline: bool = False


def read_manifest(
    manifest: Path, problems: Problems, *, root: Path, paths: Paths, group_column: str | None = None
) -> list[Recording]:
    """The recordings that a manifest lists; what is wrong with a row is noted and the row left out.

    Args:
        manifest: Path of the manifest.
        problems: Where to note what is wrong.
        root: The data set's folder, which no path may leave.
        paths: Finds files by their path, each folder listed once.
        group_column: The column that groups recordings, if not "group".
    """
    group_by = (group_column or "group").lower()
    required = ("path", "label") if group_by == "group" else ("path", "label", group_by)
    listing = _Listing(manifest, root, paths)
    try:
        for number, row in read_rows(manifest, required=required, spellings=_SPELLINGS):
            with problems.about(f"{manifest}, row {number}"):
                listing.add(row | {"group": row.get(group_by, "")}, problems)
    except DataError as error:
        problems.note(error)
    recordings = []
    for entry in listing.entries.values():
        split, group, gaps = entry.said
        name = shown_name(entry.path, root)
        with problems.about(f"{manifest}: {entry.name}"):
            recordings.append(
                Recording(
                    path=entry.path,
                    name=name,
                    segments=in_order(entry.segments),
                    group=group or name,
                    split=split,
                    fill_background=entry.timeline or gaps,
                    manifest=manifest,
                )
            )
    return recordings


class _Listing:
    """The files that the rows of a manifest name, and what they say about each."""

    def __init__(self, manifest: Path, root: Path, paths: Paths) -> None:
        self._folder, self._root, self._paths = manifest.parent, root, paths
        self.entries: dict[str, _Entry] = {}  # by the file's real path: a.mp4 and ./a.mp4 are one file
        self._spelled: dict[str, _Entry] = {}  # by the row's own text, which is seldom another: nothing to look up then

    def add(self, row: Mapping[str, str], problems: Problems) -> None:
        """Add a row of the manifest.

        Raises:
            DataError: The row contradicts an earlier one, names no file, or has a label or times that cannot be.
        """
        said = (_split(row), row.get("group", ""), _gaps(row))
        entry = self._spelled.get(row["path"]) or self._entry(row["path"], said)
        if entry.said != said:
            raise DataError(
                f"an earlier row puts {entry.name} into another split or group, or says something else of its gaps"
            )
        if row["label"]:
            entry.segments.append(segment_of(row))
        elif not entry.said[2]:  # without a label, a film whose gaps are background is one in which nothing happens
            timeline = entry.path.with_suffix(".csv")
            if self._paths.find(timeline) is None:
                raise DataError(f"the label is empty and there is no timeline {timeline}")
            entry.segments.extend(read_timeline(timeline, problems))
            entry.timeline = True

    def _entry(self, name: str, said: tuple[str | None, str, bool]) -> _Entry:
        if not name:
            raise DataError("the path is empty")
        path = below(self._root, self._folder / name)
        real_path = self._paths.find(path)
        if real_path is None:
            raise DataError(f"no file {path}; paths are relative to the manifest")
        return self._spelled.setdefault(name, self.entries.setdefault(real_path, _Entry(path, name, said, [])))


def _split(row: Mapping[str, str]) -> str | None:
    spelling = row.get("split", "").lower()
    if spelling not in SPLIT_SPELLINGS:
        raise DataError(f"split {spelling!r} is none of {', '.join(SPLITS)}")
    return SPLIT_SPELLINGS[spelling]


def _gaps(row: Mapping[str, str]) -> bool:
    spelling = row.get("gaps", "").lower()
    if spelling not in _GAPS:
        raise DataError(f"gaps {spelling!r} is neither background nor empty")
    return _GAPS[spelling]


def write_manifest(path: Path, recordings: Sequence[Recording]) -> int:
    """Write recordings as a manifest, which reads back as the same; returns the number of rows.

    Raises:
        DataError: A recording lies outside of the manifest's folder, or its name cannot be written.
        SettingsError: The manifest is not a .csv file, or cannot be written.
    """
    if path.suffix.lower() != ".csv":
        raise SettingsError(f"{path}: a manifest is a .csv file; give a name that ends so")
    problems = Problems()
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    rows = 0
    for recording in recordings:
        with problems.about("the manifest cannot name a file"):
            for row in _rows_of(recording, path.parent):
                writer.writerow(row)
                rows += 1
    problems.check(path)
    content = text.getvalue().encode()
    write_atomically(path, lambda stream: stream.write(content))
    return rows


def _rows_of(recording: Recording, folder: Path) -> list[tuple[str, ...]]:
    top = Path(os.path.abspath(folder))
    try:
        relative = Path(os.path.abspath(recording.path)).relative_to(top).as_posix()
    except ValueError:
        raise DataError(
            f"{recording.path} lies outside of {folder}; write the manifest into a folder above all clips"
        ) from None
    try:
        relative.encode()
    except UnicodeEncodeError:
        raise DataError(f"{shown_name(recording.path, top)} is not UTF-8; rename it") from None
    if relative != relative.strip() or "\n" in relative or "\r" in relative:
        raise DataError(f"{relative!r} begins or ends with a space, or has a line break; rename it")
    what = (recording.split or "", recording.group, "background" if recording.fill_background else "")
    if not recording.segments:
        return [(relative, "", "", "", *what)]
    return [
        (relative, segment.label, _written(segment.start_seconds), _written(segment.end_seconds), *what)
        for segment in recording.segments
    ]


def _written(seconds: float) -> str:
    return "" if math.isinf(seconds) or seconds == 0 else repr(float(seconds))


def read_timeline(path: Path, problems: Problems) -> tuple[Segment, ...]:
    """The segments of a timeline; what is wrong with a row is noted and the row left out."""
    segments = []
    try:
        for number, row in read_rows(path, required=("start", "end", "label")):
            with problems.about(f"{path}, row {number}"):
                segments.append(segment_of(row))
    except DataError as error:
        problems.note(error)
    try:
        return in_order(segments)
    except DataError as error:
        problems.add(path, error)
        return ()


def segment_of(row: Mapping[str, str]) -> Segment:
    """The segment that a row of a timeline or manifest describes; without times it is the whole film.

    Raises:
        DataError: A time is not a number of seconds, the times are out of order, or the label is empty or unprintable.
    """
    start = _seconds(row.get("start", ""), otherwise=0.0)
    return Segment(start, _seconds(row.get("end", ""), otherwise=math.inf), row["label"])


def _seconds(text: str, *, otherwise: float) -> float:
    if not text:
        return otherwise
    try:
        return float(text)
    except ValueError:
        raise DataError(f"{text!r} is not a time in seconds") from None
