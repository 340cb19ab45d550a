"""A list for each split, such as train.csv and test.csv, with the columns of a manifest, in any of their spellings.

So come the subsets of UCF101 that tutorials use: columns video_name and tag, the clips in folders train and test.
Jester and Something-Something have no header, but rows `id;label`, and clips are folders of images, id/00001.jpg. Clips
are looked for from the list's folder on, in the folder called as the list is, and in those right below.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from framestream.errors import DataError
from framestream_export.data.clip_names import group_of_ucf101
from framestream_export.data.footage import Recording
from framestream_export.data.headless_lists import is_headless
from framestream_export.data.layouts.layout import DataSetLayout, Found, Reading
from framestream_export.data.listed_files import ListedFiles
from framestream_export.data.manifest import KNOWN_COLUMNS, SPELLINGS, lists_clips, read_manifest
from framestream_export.data.paths import Paths
from framestream_export.data.split_names import split_named, split_of_list
from framestream_export.data.tables import read_header

_SUFFIXES = frozenset({".csv", ".tsv", ".txt"})
_MOST_CLASSES = 1000  # more folders than that are clips, as images


def _named_after_splits(data: Path) -> dict[Path, str]:
    """Tables that are named after a split, with it: in the folder, or else in one right below that is none itself."""
    if not data.is_dir():
        return {}
    for folder in (data, *(inner for inner in _inner(data) if split_named(inner.name) is None)):
        tables = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in _SUFFIXES and path.is_file()]
        named = {path: split for path in tables if (split := split_of_list(path.stem)) is not None}
        if any(split == "train" and _is_list(path, split, data) for path, split in named.items()):
            return named
    return {}


def _places(data: Path, split: str) -> list[list[Path]]:
    """Folders in which clips of a split may lie: the data's, those named after it, class folders in them, others."""
    named = {path: split_named(path.name) for path in _inner(data)}
    own = [path for path, its in named.items() if its == split]
    classes = [inner for path in own for inner in _inner(path)]
    others = [path for path, its in named.items() if its is None]
    return [[data], own, classes if len(classes) <= _MOST_CLASSES else [], others]


def _inner(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _is_list(table: Path, split: str, data: Path) -> bool:
    header = set(read_header(table, known=KNOWN_COLUMNS))
    if lists_clips(header):
        return True
    no_header = not header & {"path", "label", *SPELLINGS["path"], *SPELLINGS["label"]}
    return no_header and is_headless(table, ListedFiles(table, data, Paths(), places=_places(data, split)))


def _is_here(data: Path) -> bool:
    return bool(_named_after_splits(data))


def _read(data: Path, reading: Reading) -> Found:
    tables = _named_after_splits(data)
    if not tables:
        raise DataError(f"{data} has no list named after a split, such as train.csv")
    recordings: list[Recording] = []
    warnings, paths, read = [], Paths(), []
    for table, split in tables.items():
        if not _is_list(table, split, data):
            warnings.append(f"{table.name} does not list clips with labels, and is left out")
            continue
        read.append(table.name)
        listed = read_manifest(
            table,
            reading.problems,
            root=data,
            paths=paths,
            group_column=reading.group_column,
            split=split,
            places=_places(data, split),
        )
        recordings += map(_grouped, listed)
    if not read:
        raise DataError(f"{data}: none of {', '.join(table.name for table in tables)} lists clips with labels")
    warnings.append(f"splits are those of the lists {', '.join(read)}")
    return Found(tuple(recordings), tuple(warnings))


def _grouped(recording: Recording) -> Recording:
    """Clips that UCF101 cut from one video are a group, unless the list gives groups itself."""
    group = group_of_ucf101(recording.path.stem)
    return replace(recording, group=group) if group and recording.group == recording.name else recording


LAYOUT = DataSetLayout("split-lists", _is_here, _read, frozenset({"group_column"}))
