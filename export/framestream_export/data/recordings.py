"""Reading labelled footage: class folders, CSV manifests and films with a timeline beside them.

Nothing is decoded here. The result says which file carries which label from when to when.
"""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from framestream.errors import DataError

VIDEO_SUFFIXES = frozenset(
    {".3gp", ".avi", ".flv", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ogv", ".ts", ".webm", ".wmv"}
)
SPLITS = ("train", "validation", "test")
MANIFEST = "manifest.csv"
_BACKGROUND_NAMES = ("idle", "background")
_SPLIT_SPELLINGS = {"": None, "val": "validation", "valid": "validation", **{name: name for name in SPLITS}}


@dataclass(frozen=True, slots=True)
class Segment:
    """A labelled piece of a recording, half open: `start_seconds` belongs to it, `end_seconds` does not."""

    start_seconds: float
    end_seconds: float
    label: str

    def __post_init__(self) -> None:
        """Refuse times that no piece of a film can have."""
        if not self.label:
            raise DataError("the label is empty")
        if "\n" in self.label or "\r" in self.label:
            raise DataError(f"the label {self.label!r} has a line break")
        if not (self.start_seconds >= 0 and not math.isinf(self.start_seconds)):
            raise DataError(f"start {self.start_seconds} is not a time in seconds")
        if not self.end_seconds > self.start_seconds:
            raise DataError(f"end {self.end_seconds} is not after start {self.start_seconds}; correct the times")


@dataclass(frozen=True, slots=True)
class Recording:
    """One video file with its labels.

    Attributes:
        path: The file.
        name: How reports call it: the path relative to the data set.
        segments: Labelled pieces in order of time, without overlap.
        group: Recordings of one group (a person, a place, a film) stay in one split.
        split: "train", "validation", "test", or None where the data set does not say.
        fill_background: Whether time outside all segments is the background class (as in a timeline) or unlabelled.
        manifest: The manifest that lists it, if one does.
    """

    path: Path
    name: str
    segments: tuple[Segment, ...]
    group: str
    split: str | None = None
    fill_background: bool = False
    manifest: Path | None = None


@dataclass(frozen=True, slots=True)
class Dataset:
    """Recordings, the sorted labels they use, and the label that stands for "nothing happens", if any."""

    root: Path
    recordings: tuple[Recording, ...]
    labels: tuple[str, ...]
    background: str | None


def read_dataset(data: Path, *, background: str | None = None) -> Dataset:
    """Read a data set of labelled videos.

    Args:
        data: A manifest, or a directory of class folders, manifests and films with a timeline beside them.
        background: The label that means "nothing happens", in any case. None takes "idle" or "background" if a segment
            has it.

    Raises:
        DataError: Nothing to train on, or a row that cannot be true (it names file and row).
    """
    if data.is_dir():
        root, recordings = data, list(_walk(data))
    elif data.is_file() and data.suffix.lower() == ".csv":
        root, recordings = data.parent, _read_manifest(data, root=data.parent)
    elif data.exists():
        raise DataError(f"{data} is neither a directory of clips nor a .csv manifest")
    else:
        raise DataError(f"{data} does not exist; give a directory of clips or a .csv manifest")
    if not recordings and data.is_file():
        raise DataError(f"{data} lists no clips; add a row for each")
    if not recordings:
        raise DataError(
            f"{data} holds no clips; expected <class>/<clip>.mp4, a {MANIFEST}, or films with a timeline"
            " NAME.csv beside them"
        )
    _refuse_files_listed_twice(recordings)
    used = {segment.label for recording in recordings for segment in recording.segments}
    background = _as_spelled(_BACKGROUND_NAMES if background is None else (background,), used) or background
    if background not in (None, *used) and not any(recording.fill_background for recording in recordings):
        raise DataError(f"background label {background!r} is on no clip; the labels are {', '.join(sorted(used))}")
    labels = tuple(sorted(used | ({background} if background else set())))
    if len(labels) < 2:
        raise DataError(f"{data} has one class only ({', '.join(labels)}); add clips of at least one other")
    return Dataset(root=root, recordings=tuple(recordings), labels=labels, background=background)


def _walk(root: Path) -> Iterator[Recording]:
    """Every recording below `root`. A manifest answers for its whole folder; class names are the folders under root."""
    for folder, subfolders, files in os.walk(root, followlinks=True):
        here = Path(folder)
        subfolders[:] = sorted(
            name for name in subfolders if not name.startswith(".") and not _loops(here / name, root)
        )
        if MANIFEST in files:
            subfolders.clear()
            yield from _read_manifest(here / MANIFEST, root=root)
            continue
        for name in sorted(files):
            path = here / name
            if path.suffix.lower() not in VIDEO_SUFFIXES or name.startswith("."):
                continue
            relative = path.relative_to(root)
            timeline = path.with_suffix(".csv")
            if timeline.is_file():
                segments = _read_timeline(timeline)
                yield Recording(path, relative.as_posix(), segments, relative.as_posix(), fill_background=True)
            elif len(relative.parts) > 1:
                try:
                    whole = Segment(0.0, math.inf, relative.parts[0])
                except DataError as error:
                    raise DataError(f"{path}: {error}") from None
                yield Recording(path, relative.as_posix(), (whole,), relative.as_posix())
            else:
                raise DataError(
                    f"{path} has no label: put it into a class folder or a {MANIFEST},"
                    f" or give it a timeline {timeline.name}"
                )


def _loops(folder: Path, root: Path) -> bool:
    """Whether a folder is, by way of a link, one of those it was reached through."""
    above = [parent for parent in folder.parents if parent == root or root in parent.parents]
    return os.path.realpath(folder) in {os.path.realpath(parent) for parent in above}


def _refuse_files_listed_twice(recordings: Sequence[Recording]) -> None:
    """One file is one recording: twice, it could be trained on and tested on, or carry two labels at once."""
    seen: dict[str, Recording] = {}
    for recording in recordings:
        first = seen.setdefault(os.path.realpath(recording.path), recording)
        if first is not recording and recording.path.exists():  # links into nowhere are for decoding to name
            places = f"{first.manifest or first.path} and by {recording.manifest or recording.path}"
            raise DataError(f"the file {recording.path} comes in twice, by {places}; name it once")


def _as_spelled(names: Sequence[str], used: set[str]) -> str | None:
    """The first of `names` that is a label, as the labels spell it; the exact spelling before one in another case."""
    for name in names:
        if name in used:
            return name
        alike = sorted(label for label in used if label.casefold() == name.casefold())
        if alike:
            return alike[0]
    return None


def _rows(path: Path, *, required: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a CSV file with their line numbers, blank ones left out, keys and values stripped."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.reader(stream)
            header = next((row for row in reader if any(cell.strip() for cell in row)), [])
            columns = [column.strip().lower() for column in header]
            missing = [column for column in required if column not in columns]
            if missing:
                raise DataError(
                    f"{path}: the header lacks {', '.join(missing)}; columns found: {', '.join(columns) or 'none'}"
                )
            for row in reader:
                cells = (cell.strip() for cell in row)
                values = dict.fromkeys(columns, "") | dict(zip(columns, cells, strict=False))
                if any(values.values()):
                    yield reader.line_num, values
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is not a UTF-8 CSV file: {error}") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error


def _seconds(text: str, *, otherwise: float) -> float:
    if not text:
        return otherwise
    try:
        return float(text)
    except ValueError:
        raise DataError(f"{text!r} is not a time in seconds") from None


def _segment(row: dict[str, str]) -> Segment:
    start = _seconds(row.get("start", ""), otherwise=0.0)
    return Segment(start, _seconds(row.get("end", ""), otherwise=math.inf), row["label"])


def _in_order(segments: list[Segment], *, where: str) -> tuple[Segment, ...]:
    ordered = sorted(segments, key=lambda segment: segment.start_seconds)
    for before, after in pairwise(ordered):
        if after.start_seconds < before.end_seconds:
            raise DataError(
                f"{where}: {after.label!r} starts at {after.start_seconds} s, before {before.label!r} ends"
                f" at {before.end_seconds} s; segments must not overlap"
            )
    return tuple(ordered)


def _read_timeline(path: Path) -> tuple[Segment, ...]:
    segments = []
    for number, row in _rows(path, required=("start", "end", "label")):
        try:
            segments.append(_segment(row))
        except DataError as error:
            raise DataError(f"{path}, row {number}: {error}") from None
    return _in_order(segments, where=str(path))


@dataclass(slots=True)
class _Entry:
    """What the rows of a manifest have said so far about one file."""

    path: Path
    name: str
    split: str | None
    group: str
    segments: list[Segment]
    timeline: bool = False


def _read_manifest(manifest: Path, *, root: Path) -> list[Recording]:
    entries: dict[str, _Entry] = {}  # by the file's real path: a.mp4 and ./a.mp4 are one file
    for number, row in _rows(manifest, required=("path", "label")):
        try:
            _add_row(entries, row, folder=manifest.parent)
        except DataError as error:
            raise DataError(f"{manifest}, row {number}: {error}") from None
    recordings = []
    for entry in entries.values():
        where = f"{manifest}: {entry.name}"
        try:
            shown = entry.path.relative_to(root).as_posix()
        except ValueError:
            shown = entry.name
        recordings.append(
            Recording(
                path=entry.path,
                name=shown,
                segments=_in_order(entry.segments, where=where),
                group=entry.group or shown,
                split=entry.split,
                fill_background=entry.timeline,
                manifest=manifest,
            )
        )
    return recordings


def _add_row(entries: dict[str, _Entry], row: dict[str, str], *, folder: Path) -> None:
    name, group = row["path"], row.get("group", "")
    if not name:
        raise DataError("the path is empty")
    path = folder / name
    if not path.is_file():
        raise DataError(f"no file {path}; paths are relative to the manifest")
    spelling = row.get("split", "").lower()
    if spelling not in _SPLIT_SPELLINGS:
        raise DataError(f"split {spelling!r} is none of {', '.join(SPLITS)}")
    split = _SPLIT_SPELLINGS[spelling]
    entry = entries.setdefault(os.path.realpath(path), _Entry(path, name, split, group, []))
    if (entry.split, entry.group) != (split, group):
        raise DataError(f"an earlier row puts {name} into another split or group")
    if row["label"]:
        entry.segments.append(_segment(row))
        return
    timeline = path.with_suffix(".csv")
    if not timeline.is_file():
        raise DataError(f"the label is empty and there is no timeline {timeline}")
    entry.segments.extend(_read_timeline(timeline))
    entry.timeline = True
