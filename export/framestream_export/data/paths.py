"""Which files there are, and which of them are one and the same, asked once per folder.

`os.path.realpath` looks at every folder above a file again for every file: with 100,000 files most of the time that
reading a manifest takes, on a network drive minutes.
"""

from __future__ import annotations

import os
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from framestream.errors import DataError


@dataclass(frozen=True, slots=True)
class _Listing:
    """What lies in a folder: the names of all that is there, and of files that are no links."""

    real_path: str
    names: frozenset[str]
    plain_files: frozenset[str]


class Paths:
    """Looks files up by the listing of their folder."""

    def __init__(self) -> None:
        """Make a listing that has read no folder yet."""
        self._folders: dict[str, _Listing] = {}

    def find(self, path: str | Path) -> str | None:
        """The real path of a file, or None if there is no such file."""
        folder, name = os.path.split(path)
        listing = self._listing(folder)
        if name in listing.plain_files:
            return os.path.join(listing.real_path, name)
        # A link, another spelling of the name on a file system that does not mind, or nothing.
        return os.path.realpath(path) if os.path.isfile(path) else None

    def find_folder(self, path: str | Path) -> str | None:
        """The real path of a folder, or None if there is no such folder."""
        return os.path.realpath(path) if os.path.isdir(path) else None

    def names(self, folder: str | Path) -> frozenset[str]:
        """The names of all that lies in a folder; none where it cannot be read."""
        return self._listing(os.fspath(folder)).names

    def as_on_disk(self, path: Path) -> Path:
        """The path with the names that the disk has, where they differ in their Unicode form only.

        "é" is one code point or a letter and a mark. Macs write the latter, and copies keep it.
        """
        if os.path.lexists(path):
            return path
        here = Path(path.anchor)
        for name in path.parts[1:] if path.anchor else path.parts:
            if name not in self.names(here):
                alike = [other for other in self.names(here) if to_nfc(other) == to_nfc(name)]
                name = alike[0] if len(alike) == 1 else name
            here /= name
        return here

    def _listing(self, folder: str) -> _Listing:
        if folder not in self._folders:
            try:
                with os.scandir(folder or ".") as entries:
                    found = [(entry.name, entry.is_file(follow_symlinks=False)) for entry in entries]
            except (OSError, ValueError):  # no such folder; a name that none can have
                found = []
            names = frozenset(name for name, _ in found)
            plain_files = frozenset(name for name, is_plain_file in found if is_plain_file)
            self._folders[folder] = _Listing(_real(folder), names, plain_files)
        return self._folders[folder]


def to_nfc(text: str) -> str:
    """The text in Unicode's composed form, in which two spellings of one word are equal."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def below(root: Path, path: Path) -> Path:
    """A path that a list of files gives, as one inside of the data set's folder, if it does not lead out of it.

    Only the text counts: a link inside the data set may point anywhere, because whoever made it had the right to. A
    list that came with downloaded footage had not. An absolute path may reach the data set's folder by another way
    than `root` does (DATA is a link, or given relative).

    Raises:
        DataError: The path leads out of `root`.
    """
    absolute = os.path.abspath(path)
    # Where the folder of an absolute path really is, unless its text leads there already.
    candidates = [absolute, os.path.join(_real(os.path.dirname(absolute)), os.path.basename(absolute))]
    for top in (os.path.abspath(root), _real(root)):
        for candidate in candidates if path.is_absolute() else candidates[:1]:
            if candidate.startswith(top.rstrip(os.sep) + os.sep):
                return root / os.path.relpath(candidate, top)
    raise DataError(
        f"{path} lies outside of {root}; if it is meant, put a link to it into that folder and name the link"
    )


def _real(path: str | Path) -> str:
    try:
        return os.path.realpath(path)
    except (OSError, ValueError):  # links that lead round in a circle, a name that none can have
        return os.path.abspath(path)
