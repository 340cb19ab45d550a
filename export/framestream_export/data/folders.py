"""Class folders, films with a timeline beside them, and manifests, all of them wherever they lie below one folder."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from framestream.errors import DataError
from framestream_export.data.folder_roles import FolderRoles, recognise_roles, recognise_splits
from framestream_export.data.footage import VIDEO_SUFFIXES, Recording, Segment, shown_name
from framestream_export.data.manifest import MANIFEST, read_manifest
from framestream_export.data.paths import Paths, to_nfc
from framestream_export.data.problems import Problems
from framestream_export.data.timeline import is_timeline, read_timeline


def read_folders(
    root: Path, problems: Problems, *, paths: Paths, group_column: str | None = None, class_level: int | None = None
) -> tuple[list[Recording], list[str]]:
    """Every recording below `root`, and what a person should know about how its folders were understood.

    A manifest speaks for its whole folder; other clips are labelled by a timeline, or by a folder they lie in. What is
    wrong is noted.

    Args:
        root: The data set's folder.
        problems: Where to note what is wrong.
        paths: Finds files by their path.
        group_column: The column of manifests that groups recordings, if not "group".
        class_level: The level of folders that names classes, from 1; None finds out.
    """
    found: list[Recording | Path] = []  # recordings of manifests and clips, in the order in which they lie
    for here, subfolders, files in walk(root, problems):
        if MANIFEST in files:
            subfolders.clear()
            found += read_manifest(here / MANIFEST, problems, root=root, paths=paths, group_column=group_column)
            continue
        found += [here / name for name in files if is_video(name)]
    clips = [one for one in found if isinstance(one, Path)]
    listed = [one for one in found if isinstance(one, Recording)]
    timelines = {path for path in clips if _has_timeline(path, problems)}
    try:
        roles = _roles(root, clips, timelines, listed, class_level)
    except DataError as error:
        problems.add(root, error)
        return [], []
    recordings: list[Recording] = []
    for one in found:
        if isinstance(one, Recording):
            recordings.append(_placed(one, root, roles))
        else:
            recordings += _labelled(one, problems, root=root, roles=roles, has_timeline=one in timelines)
    notes = list(roles.notes) if roles else []
    return recordings, notes + (_empty_classes(root, recordings) if roles and roles.label == 0 else [])


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


def _has_timeline(path: Path, problems: Problems) -> bool:
    timeline = path.with_suffix(".csv")
    if not timeline.is_file() or is_timeline(timeline):
        return timeline.is_file()
    problems.warn(f"{timeline} is no timeline, as it has no columns start and end: left out")
    return False


def _roles(
    root: Path, clips: Sequence[Path], timelines: set[Path], listed: Sequence[Recording], class_level: int | None
) -> FolderRoles | None:
    """What the folders are: by those of clips that have no other label; without any, splits may still be told."""
    chains = {path: _folders(path, root) for path in clips}
    by_folder = [chain for path, chain in chains.items() if chain and path not in timelines]
    if by_folder:
        return recognise_roles(by_folder, class_level=class_level)
    others = [chain for chain in [*chains.values(), *(_folders(one.path, root) for one in listed)] if chain]
    return recognise_splits(others) if others else None


def _folders(path: Path, root: Path) -> tuple[str, ...]:
    return tuple(map(to_nfc, path.relative_to(root).parts[:-1]))


def _placed(recording: Recording, root: Path, roles: FolderRoles | None) -> Recording:
    """A listed recording, in the split that its folder is named after, if its list does not say."""
    if roles is None or recording.split is not None:
        return recording
    return replace(recording, split=roles.split_of(_folders(recording.path, root)))


def _labelled(
    path: Path, problems: Problems, *, root: Path, roles: FolderRoles | None, has_timeline: bool
) -> list[Recording]:
    name, folders = shown_name(path, root), _folders(path, root)
    roles = roles or FolderRoles(None)
    split, group = roles.split_of(folders), roles.group_of(folders) or name
    if has_timeline:
        timeline = read_timeline(path.with_suffix(".csv"), problems)
        return [Recording(path, name, timeline, group, split, fill_background=True)]
    if (label := roles.label_of(folders)) is not None:
        try:
            return [Recording(path, name, (Segment(0.0, math.inf, label),), group, split)]
        except DataError as error:
            problems.add(path, error)
            return []
    where = roles.pattern if folders and roles.label else "a class folder"
    problems.note(f"{path} has no label: put it into {where} or a {MANIFEST}, or give it a timeline {path.stem}.csv")
    return []


def _loops(folder: Path, root: Path) -> bool:
    """Whether a folder is, by way of a link, one of those it was reached through."""
    above = [parent for parent in folder.parents if parent == root or root in parent.parents]
    return os.path.realpath(folder) in {os.path.realpath(parent) for parent in above}


def _empty_classes(root: Path, recordings: list[Recording]) -> list[str]:
    """Folders that stand where classes do and give none: left out without a word they would be missed much later."""
    classes = {segment.label for recording in recordings for segment in recording.segments}
    used = {recording.path.relative_to(root).parts[0] for recording in recordings}
    if not classes & {to_nfc(name) for name in used}:
        return []
    return [
        f"the folder {folder.name} holds no clips, so there is no such class; add clips or delete it"
        for folder in sorted(root.iterdir())
        if folder.is_dir() and folder.name not in used and not folder.name.startswith(".")
    ]
