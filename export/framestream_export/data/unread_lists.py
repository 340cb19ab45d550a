"""Lists in a folder of clips that were not read: named, and held against the folders where they list the same clips."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from framestream_export.data.footage import VIDEO_SUFFIXES, Recording
from framestream_export.data.manifest import KNOWN_COLUMNS, is_manifest, lists_clips, read_manifest
from framestream_export.data.paths import Paths
from framestream_export.data.problems import Problems
from framestream_export.data.tables import TABLE_SUFFIXES, read_header

_SUFFIXES = frozenset({".csv", ".eaf", ".json", ".jsonl", ".ods", ".tsv", ".txt", ".xls", ".xlsx", ".xml"})
_NO_LISTS = frozenset({"changelog", "license", "licence", "notes", "notice", "readme", "requirements"})
_NAMED, _COLUMNS = 4, 6


def check_unread_lists(data: Path, recordings: Sequence[Recording], problems: Problems, paths: Paths) -> None:
    """Warn of lists beside clips that folders label, and refuse those that say something else of the same clips.

    Args:
        data: The data set's folder.
        recordings: What was read; folders that hold some of it are not looked into.
        problems: Where to note what lists say.
        paths: Finds files by their path.
    """
    read = {recording.manifest for recording in recordings}
    used = {recording.path.relative_to(data).parts[0] for recording in recordings if data in recording.path.parents}
    beside = [folder for folder in paths.folders_in(data) if folder.name not in used]
    inner = [path for folder in beside for path in sorted(folder.glob("*"))]
    unread = [path for path in [*sorted(data.glob("*")), *inner] if path not in read and _may_be_list(path)]
    by_path = {recording.path: recording for recording in recordings if recording.manifest is None}
    for table in filter(_is_table_of_clips, unread):
        for listed in read_manifest(table, Problems(), root=data, paths=paths):
            found = by_path.get(listed.path)
            if found is not None and (listed.segments, listed.split or found.split) != (found.segments, found.split):
                problems.add(table, f"{_differences(listed, found)}: give {table} as DATA, or move it away")
                break
    if unread:
        problems.warn(f"lists beside the clips were not read: {_named(unread, data)}")


def _differences(listed: Recording, found: Recording) -> str:
    """How a list differs from the folders, by one clip."""
    if listed.segments == found.segments:
        return f"it puts {found.name} into {listed.split}, which its folder does not say"
    says, said = (", ".join(dict.fromkeys(one.label for one in which.segments)) for which in (listed, found))
    return f"it says {says} of {found.name}" + (f", and its folder says {said}" if says != said else " with times")


def describe_unread_lists(data: Path) -> str:
    """What files in a folder, or right below it, may be lists: half a sentence that names them, or nothing."""
    if not data.is_dir():
        return ""
    found = [path for path in [*sorted(data.glob("*")), *sorted(data.glob("*/*"))] if _may_be_list(path)]
    if not found:
        return ""
    return f"; lists beside the clips that were not read: {_named(found, data)}"


def _named(lists: Sequence[Path], data: Path) -> str:
    more = f" and {len(lists) - _NAMED} more" if len(lists) > _NAMED else ""
    return ", ".join(_described(path, data) for path in lists[:_NAMED]) + more


def _is_table_of_clips(path: Path) -> bool:
    return path.suffix.lower() in TABLE_SUFFIXES and lists_clips(read_header(path, known=KNOWN_COLUMNS))


def _may_be_list(path: Path) -> bool:
    if path.suffix.lower() not in _SUFFIXES or path.stem.casefold() in _NO_LISTS or path.name.startswith("."):
        return False
    if is_manifest(path.name):
        return False
    return path.is_file() and not any(path.with_suffix(suffix).exists() for suffix in VIDEO_SUFFIXES)


def _described(path: Path, data: Path) -> str:
    name = path.relative_to(data).as_posix()
    if path.suffix.lower() not in TABLE_SUFFIXES:
        return name
    if _is_table_of_clips(path):
        return f"{name} (which can be given as DATA)"
    if path.suffix.lower() == ".txt":
        return name
    columns = [column for column in read_header(path, known=KNOWN_COLUMNS) if column]
    more = ", …" if len(columns) > _COLUMNS else ""
    return f"{name} (columns {', '.join(columns[:_COLUMNS])}{more})" if columns else f"{name} (empty)"
