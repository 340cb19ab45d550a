"""Files below a folder: which there are, and which are footage by their names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from framestream_export.data.footage import VIDEO_SUFFIXES
from framestream_export.data.problems import Problems


def walk(root: Path, problems: Problems) -> Iterator[tuple[Path, list[str], list[str]]]:
    """The folders below one, itself first, with the names of folders and files in them, sorted.

    Hidden folders are left out, links are followed unless they lead back. Folders that are taken out of the list of
    names are not looked into.
    """

    def unreadable(error: OSError) -> None:
        problems.add(error.filename, f"the folder cannot be read ({error.strerror}); check its permissions")

    for folder, subfolders, files in os.walk(root, followlinks=True, onerror=unreadable):
        here = Path(folder)
        subfolders[:] = sorted(
            name for name in subfolders if not name.startswith(".") and not _loops(here / name, root)
        )
        yield here, subfolders, sorted(files)


def is_video(name: str) -> bool:
    """Whether a file is footage, by its name."""
    return os.path.splitext(name)[1].lower() in VIDEO_SUFFIXES and not name.startswith(".")


def _loops(folder: Path, root: Path) -> bool:
    """Whether a folder is, by way of a link, one of those it was reached through."""
    above = [parent for parent in folder.parents if parent == root or root in parent.parents]
    return os.path.realpath(folder) in {os.path.realpath(parent) for parent in above}
