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
from framestream_export.data.footage import VIDEO_SUFFIXES


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
        self._folders_in: dict[str, list[Path]] = {}
        self._stems: dict[str, dict[str, list[str]]] = {}
        self._composed: dict[str, dict[str, list[str]]] = {}

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

    def folders_in(self, folder: Path) -> list[Path]:
        """The folders right below a folder that are not hidden, sorted."""
        where = os.fspath(folder)
        if where not in self._folders_in:
            here = self._listing(where)
            inner = (folder / name for name in sorted(here.names - here.plain_files) if not name.startswith("."))
            self._folders_in[where] = [path for path in inner if os.path.isdir(path)]
        return self._folders_in[where]

    def holds(self, folder: Path, name: str) -> bool:
        """Whether something in a folder has that name, in whichever Unicode form."""
        return self._spelled_on_disk(folder, name) in self._listing(os.fspath(folder)).names

    def of_stem(self, folder: Path, stem: str) -> list[str]:
        """The names of videos in a folder that are called so but for their suffix, in whichever Unicode form.

        Where none is, those that differ in capitals as well: not every system tells them apart.
        """
        where = os.fspath(folder)
        if where not in self._stems:
            stems = self._stems[where] = {}
            for name in sorted(self._listing(where).names):
                own, suffix = os.path.splitext(name)
                if suffix.lower() in VIDEO_SUFFIXES:
                    stems.setdefault(to_nfc(own).casefold(), []).append(name)
        alike = self._stems[where].get(to_nfc(stem).casefold(), [])
        return [name for name in alike if to_nfc(os.path.splitext(name)[0]) == to_nfc(stem)] or alike

    def as_on_disk(self, path: Path) -> Path:
        """The path with the names that the disk has, where they differ in their Unicode form only.

        "é" is one code point or a letter and a mark. Macs write the latter, and copies keep it.
        """
        if os.path.lexists(path):
            return path
        here = Path(path.anchor)
        for name in path.parts[1:] if path.anchor else path.parts:
            here /= self._spelled_on_disk(here, name)
        return here

    def _spelled_on_disk(self, folder: Path, name: str) -> str:
        where = os.fspath(folder)
        if name.isascii() or name in self._listing(where).names:
            return name
        if where not in self._composed:
            composed = self._composed[where] = {}
            for other in self._listing(where).names:
                composed.setdefault(to_nfc(other), []).append(other)
        alike = self._composed[where].get(to_nfc(name), [])
        return alike[0] if len(alike) == 1 else name

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
    absolute, top = os.path.abspath(path), os.path.abspath(root)
    inside = _inside(top, absolute)
    if inside is None and path.is_absolute():
        really = os.path.join(_real(os.path.dirname(absolute)), os.path.basename(absolute))
        tops = (top, _real(root))
        inside = next((found for one in tops for to in (absolute, really) if (found := _inside(one, to))), None)
    if inside is not None:
        return root / inside
    raise DataError(
        f"{path} lies outside of {root}: write paths relative to the folder of the list, as {path.name}; if a file"
        " elsewhere is meant, put a link to it into that folder and name the link"
    )


def _inside(top: str, path: str) -> str | None:
    """What follows `top` in a path that begins with it; None if it does not."""
    start = top.rstrip(os.sep) + os.sep
    return path[len(start) :] if path.startswith(start) and len(path) > len(start) else None


def _real(path: str | Path) -> str:
    try:
        return os.path.realpath(path)
    except (OSError, ValueError):  # links that lead round in a circle, a name that none can have
        return os.path.abspath(path)
