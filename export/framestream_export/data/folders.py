"""Class folders, films with a timeline beside them, and manifests, all of them wherever they lie below one folder."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

from framestream_export.data.footage import VIDEO_SUFFIXES, Recording, Segment, shown_name
from framestream_export.data.manifest import MANIFEST, read_manifest, read_timeline
from framestream_export.data.paths import Paths
from framestream_export.data.problems import Problems


def read_folders(
    root: Path, problems: Problems, *, paths: Paths, group_column: str | None = None
) -> tuple[list[Recording], list[str]]:
    """Every recording below `root`, and warnings about class folders that hold none.

    A manifest speaks for its whole folder; class names are the folders right under root. What is wrong is noted.
    """
    recordings: list[Recording] = []
    for here, subfolders, files in walk(root, problems):
        if MANIFEST in files:
            subfolders.clear()
            recordings += read_manifest(here / MANIFEST, problems, root=root, paths=paths, group_column=group_column)
            continue
        for name in files:
            path = here / name
            if is_video(name):
                with problems.about(path):
                    recordings += _labelled(path, problems, root=root)
    return recordings, _empty_classes(root, recordings)


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


def _labelled(path: Path, problems: Problems, *, root: Path) -> list[Recording]:
    name, timeline = shown_name(path, root), path.with_suffix(".csv")
    folders = path.relative_to(root).parts[:-1]
    if timeline.is_file():
        return [Recording(path, name, read_timeline(timeline, problems), name, fill_background=True)]
    if folders:
        return [Recording(path, name, (Segment(0.0, math.inf, folders[0]),), name)]
    problems.note(
        f"{path} has no label: put it into a class folder or a {MANIFEST}, or give it a timeline {timeline.name}"
    )
    return []


def _loops(folder: Path, root: Path) -> bool:
    """Whether a folder is, by way of a link, one of those it was reached through."""
    above = [parent for parent in folder.parents if parent == root or root in parent.parents]
    return os.path.realpath(folder) in {os.path.realpath(parent) for parent in above}


def _empty_classes(root: Path, recordings: list[Recording]) -> list[str]:
    """Folders that stand where classes do and give none: left out without a word they would be missed much later."""
    classes = {segment.label for recording in recordings for segment in recording.segments}
    used = {recording.path.relative_to(root).parts[0] for recording in recordings}
    if not classes & used:
        return []
    return [
        f"the folder {folder.name} holds no clips, so there is no such class; add clips or delete it"
        for folder in sorted(root.iterdir())
        if folder.is_dir() and folder.name not in used and not folder.name.startswith(".")
    ]
