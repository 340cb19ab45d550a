"""Lists in a folder of clips that none of the readers understands, named where labels are missed."""

from __future__ import annotations

from pathlib import Path

from framestream_export.data.footage import VIDEO_SUFFIXES
from framestream_export.data.manifest import KNOWN_COLUMNS, lists_clips
from framestream_export.data.tables import read_header

_SUFFIXES = frozenset({".csv", ".eaf", ".json", ".ods", ".tsv", ".txt", ".xls", ".xlsx", ".xml"})
_TABLES = frozenset({".csv", ".tsv"})
_NO_LISTS = frozenset({"changelog", "manifest", "license", "licence", "notes", "notice", "readme", "requirements"})
_NAMED, _COLUMNS = 4, 6


def describe_unread_lists(data: Path) -> str:
    """What files in a folder, or right below it, may be lists: half a sentence that names them, or nothing."""
    if not data.is_dir():
        return ""
    found = [path for path in [*sorted(data.glob("*")), *sorted(data.glob("*/*"))] if _may_be_list(path)]
    if not found:
        return ""
    named = ", ".join(_described(path, data) for path in found[:_NAMED])
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return f"; lists beside the clips that were not read: {named}{more}"


def _may_be_list(path: Path) -> bool:
    if path.suffix.lower() not in _SUFFIXES or path.stem.casefold() in _NO_LISTS or path.name.startswith("."):
        return False
    return path.is_file() and not any(path.with_suffix(suffix).exists() for suffix in VIDEO_SUFFIXES)


def _described(path: Path, data: Path) -> str:
    name = path.relative_to(data).as_posix()
    if path.suffix.lower() not in _TABLES:
        return name
    columns = [column for column in read_header(path, known=KNOWN_COLUMNS) if column]
    if lists_clips(columns):
        return f"{name} (which can be given as DATA)"
    more = ", …" if len(columns) > _COLUMNS else ""
    return f"{name} (columns {', '.join(columns[:_COLUMNS])}{more})" if columns else f"{name} (empty)"
