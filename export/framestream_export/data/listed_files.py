"""Finding the files that a list names, in the spellings in which lists name them.

Tried in the folder of the list, then in the one that is called as the list is (train.csv beside train/), then in
others: as written; with Windows' backslashes as separators; in the other Unicode form; and, if no folder has that, with
another suffix, for clips that were converted since, or other capitals.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
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

    def __init__(self, table: Path, root: Path, paths: Paths, *, places: Sequence[Sequence[Path]] = ()) -> None:
        """Look from the list's folder on.

        Args:
            table: Path of the list.
            root: The data set's folder, which no path may leave.
            paths: Finds files by their path, each folder listed once.
            places: Folders to look in after that of the list, those that are as likely together; without any, the
                folders right below the list's own.
        """
        self._table, self._root, self._paths = table, root, paths
        named_alike = table.with_suffix("")
        own = [named_alike] if paths.find_folder(named_alike) else []
        self._places: tuple[Sequence[Path], ...] = ((table.parent,), own, *places)
        self._guesses = not places
        self._converted: list[str] = []
        self._elsewhere: list[str] = []

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
        if (found := self._find_in(name, self._places)) is not None:
            return found
        if self._guesses and (found := self._find_in(name, (self._paths.folders_in(self._table.parent),))) is not None:
            self._elsewhere.append(f"{name} is {found.relative_to(self._table.parent).as_posix()}")
            return found
        raise DataError(
            f"no file {below(self._root, self._table.parent / name)}; paths are relative to the folder of the list"
        )

    def _find_in(self, name: str, places: Iterable[Sequence[Path]]) -> Path | None:
        """The file in the first of the places that have one of that name, or else one with another suffix."""
        candidates = [
            [list(self._candidates(name, place)) for place in self._likely(name, folders)] for folders in places
        ]
        for inside in candidates:
            if there := [path for paths in inside if (path := next(filter(self._is_there, paths), None))]:
                return self._only(name, there)
        for inside in candidates:
            converted = [next(filter(None, map(self._converted_to, paths)), None) for paths in inside]
            if there := list(filter(None, converted)):
                found = self._only(name, there)
                self._converted.append(f"{PurePosixPath(name).name} is {found.name}")
                return found
        return None

    def _only(self, name: str, there: Sequence[Path]) -> Path:
        different = {self._paths.find(path) or self._paths.find_folder(path): path for path in reversed(there)}
        if len(different) > 1:
            some = ", ".join(map(str, there[:_NAMED]))
            raise DataError(f"{len(different)} files are called {name}: {some}; write the path with its folder")
        return there[0]

    def warn(self, problems: Problems) -> None:
        """Say which files have another suffix, or lie elsewhere, than the list says."""
        if self._converted:
            some = ", ".join(self._converted[:_NAMED]) + (", …" if len(self._converted) > _NAMED else "")
            problems.warn(
                f"{len(self._converted)} clips that {self._table.name} lists have another suffix on the disk: {some}"
            )
        if self._elsewhere:
            some = ", ".join(self._elsewhere[:_NAMED]) + (", …" if len(self._elsewhere) > _NAMED else "")
            problems.warn(f"{len(self._elsewhere)} clips lie in other folders than {self._table.name} says: {some}")

    def _candidates(self, name: str, folder: Path) -> Iterator[Path]:
        """What the name may mean in a folder; the first is what the list says."""
        for spelling in [name, *([name.replace("\\", "/")] if "\\" in name else [])]:
            path = below(self._root, folder / spelling)
            yield path
            if not name.isascii():
                yield self._paths.as_on_disk(path)

    def _likely(self, name: str, folders: Sequence[Path]) -> Sequence[Path]:
        """Those of many folders that hold something of a bare name, with any suffix."""
        if len(folders) == 1 or "/" in name or "\\" in name:
            return folders
        stem = PurePosixPath(name).stem if PurePosixPath(name).suffix.lower() in VIDEO_SUFFIXES else name
        return [one for one in folders if self._paths.holds(one, name) or self._paths.of_stem(one, stem)]

    def _is_there(self, path: Path) -> bool:
        return self._paths.find(path) is not None or is_frame_folder(path)

    def _converted_to(self, path: Path) -> Path | None:
        """The one file of the same name with another suffix of a video."""
        stem = path.stem if path.suffix.lower() in VIDEO_SUFFIXES else path.name
        alike = self._paths.of_stem(path.parent, stem)
        if len(alike) > 1:
            raise DataError(f"no file {path}, but {' and '.join(alike)}: name the one that is meant")
        return path.parent / alike[0] if alike else None
