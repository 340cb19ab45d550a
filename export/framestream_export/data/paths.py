"""Which files there are, and which of them are one and the same, asked once per folder.

`os.path.realpath` looks at every folder above a file again for every file: with 100,000 files most of the time that
reading a manifest takes, on a network drive minutes.
"""

from __future__ import annotations

import os
from pathlib import Path

from framestream.errors import DataError


class Paths:
    """Looks files up by the listing of their folder."""

    def __init__(self) -> None:
        """Make a listing that has read no folder yet."""
        self._folders: dict[str, tuple[str, frozenset[str]]] = {}  # real path, names of plain files

    def find(self, path: str | Path) -> str | None:
        """The real path of a file, or None if there is no such file."""
        folder, name = os.path.split(path)
        real, plain_files = self._listing(folder)
        if name in plain_files:
            return os.path.join(real, name)
        # A link, another spelling of the name on a file system that does not mind, or nothing.
        return os.path.realpath(path) if os.path.isfile(path) else None

    def _listing(self, folder: str) -> tuple[str, frozenset[str]]:
        if folder not in self._folders:
            try:
                with os.scandir(folder or ".") as entries:
                    plain_files = frozenset(entry.name for entry in entries if entry.is_file(follow_symlinks=False))
            except (OSError, ValueError):  # no such folder; a name that none can have
                plain_files = frozenset()
            self._folders[folder] = (os.path.realpath(folder), plain_files)
        return self._folders[folder]


def below(root: Path, path: Path) -> Path:
    """A path that a list of files gives, if it does not lead out of the data set.

    Only the text counts: a link inside the data set may point anywhere, because whoever made it had the right to. A
    list that came with downloaded footage had not.

    Raises:
        DataError: The path leads out of `root`.
    """
    top, absolute = os.path.abspath(root), os.path.abspath(path)
    if not absolute.startswith(top.rstrip(os.sep) + os.sep):
        raise DataError(
            f"{path} lies outside of {root}; if it is meant, put a link to it into that folder and name the link"
        )
    return path
