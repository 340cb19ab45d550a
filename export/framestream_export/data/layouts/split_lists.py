"""A list for each split, such as train.csv and test.csv, with the columns of a manifest, in any of their spellings.

So come the subsets of UCF101 that tutorials use: columns video_name and tag, the clips in folders train and test. Clips
are looked for from the list's folder on, in the folder called as the list is, and in those named after its split.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from framestream.errors import DataError
from framestream_export.data.footage import Recording
from framestream_export.data.layouts.layout import DataSetLayout, Found, Reading
from framestream_export.data.manifest import SPELLINGS, read_manifest
from framestream_export.data.paths import Paths
from framestream_export.data.split_names import split_named
from framestream_export.data.tables import read_header

_SUFFIXES = frozenset({".csv", ".tsv"})
_KNOWN = [*SPELLINGS, *(name for names in SPELLINGS.values() for name in names)]
_UCF101_CLIP = re.compile(r"v_(?P<group>.+_g\d+)_c\d+")


def _named_after_splits(data: Path) -> dict[Path, str]:
    """Tables in the folder that are named after a split, with it."""
    if not data.is_dir():
        return {}
    tables = [path for path in sorted(data.iterdir()) if path.suffix.lower() in _SUFFIXES and path.is_file()]
    stems = [path.stem for path in tables]
    named = {path: split_named(path.stem, [path.stem]) or split_named(path.stem, stems) for path in tables}
    return {path: split for path, split in named.items() if split is not None}


def _has(path: Path, column: str) -> bool:
    return bool({column, *SPELLINGS[column]} & set(read_header(path, known=_KNOWN)))


def _is_here(data: Path) -> bool:
    return any(
        split == "train" and _has(path, "path") and _has(path, "label")
        for path, split in _named_after_splits(data).items()
    )


def _read(data: Path, reading: Reading) -> Found:
    tables = _named_after_splits(data)
    if not tables:
        raise DataError(f"{data} has no list named after a split, such as train.csv")
    folders = {path: split_named(path.name) for path in sorted(data.iterdir()) if path.is_dir()}
    recordings: list[Recording] = []
    warnings, paths = [], Paths()
    for table, split in tables.items():
        if not (_has(table, "path") and _has(table, "label")):
            warnings.append(f"{table.name} has no columns for clips and their labels, and is left out")
            continue
        listed = read_manifest(
            table,
            reading.problems,
            root=data,
            paths=paths,
            group_column=reading.group_column,
            split=split,
            folders=[folder for folder, its_split in folders.items() if its_split == split],
        )
        recordings += map(_grouped, listed)
    warnings.append(f"splits are those of the lists {', '.join(table.name for table in tables)}")
    return Found(tuple(recordings), tuple(warnings))


def _grouped(recording: Recording) -> Recording:
    """Clips that UCF101 cut from one video are a group, unless the list gives groups itself."""
    found = _UCF101_CLIP.fullmatch(recording.path.stem)
    return replace(recording, group=found["group"]) if found and recording.group == recording.name else recording


LAYOUT = DataSetLayout("split-lists", _is_here, _read)
