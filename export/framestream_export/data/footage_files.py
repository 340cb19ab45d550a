"""Files below a folder: which there are, and which are footage by their names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from framestream_export.data.footage import VIDEO_SUFFIXES
from framestream_export.data.problems import Problems

# What systems and storage boxes put beside files; some of it has the files' own names.
_NOT_FOOTAGE = frozenset({"__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information", "lost+found"})
# Footage and archives of it that are not read as they are.
_OTHER_FOOTAGE = frozenset(
    (
        *(".264", ".265", ".dav", ".gif", ".h264", ".h265", ".hevc", ".m2v", ".mjpeg", ".mjpg", ".mod", ".ogm", ".rm"),
        *(".rmvb", ".swf", ".tod", ".y4m", ".yuv", ".7z", ".gz", ".npy", ".npz", ".rar", ".tar", ".tgz", ".zip"),
    )
)


def walk(root: Path, problems: Problems) -> Iterator[tuple[Path, list[str], list[str]]]:
    """The folders below one, itself first, with the names of folders and files in them, sorted.

    Hidden folders and those of systems are left out, links are followed unless they lead back. Folders that are taken
    out of the list of names are not looked into.
    """

    def unreadable(error: OSError) -> None:
        problems.add(error.filename, f"the folder cannot be read ({error.strerror}); check its permissions")

    for folder, subfolders, files in os.walk(root, followlinks=True, onerror=unreadable):
        here = Path(folder)
        subfolders[:] = sorted(name for name in subfolders if not is_set_aside(name) and not _loops(here / name, root))
        yield here, subfolders, sorted(files)


def is_set_aside(name: str) -> bool:
    """Whether a folder is hidden, or what systems put beside files, by its name."""
    return name.startswith(".") or name in _NOT_FOOTAGE


def is_video(name: str) -> bool:
    """Whether a file is footage, by its name."""
    return os.path.splitext(name)[1].lower() in VIDEO_SUFFIXES and not name.startswith(".")


def is_other_footage(name: str) -> bool:
    """Whether a file is footage of a kind that is not read, by its name."""
    return os.path.splitext(name)[1].lower() in _OTHER_FOOTAGE and not name.startswith(".")


def _loops(folder: Path, root: Path) -> bool:
    """Whether a folder is, by way of a link, one of those it was reached through."""
    above = [parent for parent in folder.parents if parent == root or root in parent.parents]
    return os.path.realpath(folder) in {os.path.realpath(parent) for parent in above}
