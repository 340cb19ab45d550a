"""Finding the files that a list names, in the spellings in which lists name them.

Tried in this order: as written; with Windows' backslashes as separators; in the folder that is called as the list is
(train.csv beside train/); in the other Unicode form; and, for clips that were converted since, with another suffix.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath

from framestream.errors import DataError
from framestream_export.data.footage import VIDEO_SUFFIXES
from framestream_export.data.frame_folders import is_frame_folder
from framestream_export.data.paths import Paths, below
from framestream_export.data.problems import Problems

_DRIVE = re.compile(r"[A-Za-z]:[\\/]|\\\\")
_NAMED = 3


class ListedFiles:
    """The files that one list names."""

    def __init__(self, table: Path, root: Path, paths: Paths, *, folders: Sequence[Path] = ()) -> None:
        """Look from the list's folder on.

        Args:
            table: Path of the list.
            root: The data set's folder, which no path may leave.
            paths: Finds files by their path, each folder listed once.
            folders: Folders to look in after that of the list.
        """
        self._table, self._root, self._paths = table, root, paths
        named_alike = table.with_suffix("")
        own = [named_alike] if paths.find_folder(named_alike) else []
        self._folders = (table.parent, *own, *folders)
        self._converted: list[str] = []

    def find(self, name: str) -> Path:
        """The path of the file that the list calls so.

        Raises:
            DataError: There is no such file, there are several, or the path leads out of the data set.
        """
        if not name:
            raise DataError("the path is empty")
        if _DRIVE.match(name) and not self._is_there(self._table.parent / name):
            raise DataError(
                f"{name} is a path of another machine: write paths relative to {self._table.parent},"
                f" as {PureWindowsPath(name).name}"
            )
        candidates = list(self._candidates(name))
        for path in candidates:
            if self._is_there(path):
                return path
        for path in candidates:
            if (found := self._converted_to(path)) is not None:
                self._converted.append(f"{PurePosixPath(path.name)} is {found.name}")
                return found
        raise DataError(f"no file {candidates[0]}; paths are relative to the manifest")

    def warn(self, problems: Problems) -> None:
        """Say which files have another suffix than the list gives them."""
        if self._converted:
            some = ", ".join(self._converted[:_NAMED]) + (", …" if len(self._converted) > _NAMED else "")
            problems.warn(
                f"{len(self._converted)} clips that {self._table.name} lists have another suffix on the disk: {some}"
            )

    def _candidates(self, name: str) -> Iterator[Path]:
        """Where the file may lie; the first is what the list says."""
        spellings = [name, *([name.replace("\\", "/")] if "\\" in name else [])]
        for spelling in spellings:
            for place in self._folders if "/" in spelling else self._holding(spelling):
                path = below(self._root, place / spelling)
                yield path
                if not name.isascii():
                    yield self._paths.as_on_disk(path)

    def _holding(self, name: str) -> list[Path]:
        """The list's own folder, and those others that hold something of a bare name, with any suffix."""
        own, *others = self._folders
        stem = PurePosixPath(name).stem if PurePosixPath(name).suffix.lower() in VIDEO_SUFFIXES else name
        held = [one for one in others if self._paths.holds(one, name) or self._paths.of_stem(one, stem)]
        return [own, *held]

    def _is_there(self, path: Path) -> bool:
        return self._paths.find(path) is not None or is_frame_folder(path)

    def _converted_to(self, path: Path) -> Path | None:
        """The one file of the same name with another suffix of a video."""
        stem = path.stem if path.suffix.lower() in VIDEO_SUFFIXES else path.name
        alike = self._paths.of_stem(path.parent, stem)
        if len(alike) > 1:
            raise DataError(f"no file {path}, but {' and '.join(alike)}: name the one that is meant")
        return path.parent / alike[0] if alike else None
