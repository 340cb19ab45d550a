"""Class folders, films with a timeline beside them, and manifests, all of them wherever they lie below one folder."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from framestream.errors import DataError
from framestream_export.data.clip_names import group_in_name
from framestream_export.data.folder_names import in_words
from framestream_export.data.folder_roles import FolderRoles, folders_of_frames, recognise_roles, recognise_splits
from framestream_export.data.footage import Recording, Segment, shown_name
from framestream_export.data.footage_files import is_other_footage, is_set_aside, is_video, walk
from framestream_export.data.frame_folders import are_frames
from framestream_export.data.manifest import KNOWN_COLUMNS, MANIFEST, is_manifest, lists_clips, read_manifest
from framestream_export.data.paths import Paths, to_nfc
from framestream_export.data.problems import Problems
from framestream_export.data.tables import read_header
from framestream_export.data.timeline import describe_beside, is_timeline, read_timeline

_LEAST_GROUPS = 3  # fewer cannot be divided into three splits
_METADATA = "metadata.csv"  # as Hugging Face's folders of videos have it


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
    frames: list[Path] = []
    passed_over: list[Path] = []
    for here, subfolders, files in walk(root, problems):
        if listing := next((name for name in files if is_manifest(name)), None) or _metadata(here, files):
            subfolders.clear()
            found += read_manifest(here / listing, problems, root=root, paths=paths, group_column=group_column)
            continue
        videos = [here / name for name in files if is_video(name)]
        found += videos
        if not videos and here != root and are_frames(files):
            frames.append(here)
        passed_over += [here / name for name in files if is_other_footage(name) and here != root]
    if passed_over:
        kinds = Counter(path.suffix.lower() for path in passed_over)
        some = ", ".join(f"{count} {suffix}" for suffix, count in kinds.most_common())
        problems.warn(
            f"{len(passed_over)} files such as {passed_over[0]} are of kinds that are not read ({some}), and left out;"
            " unpack or convert them"
        )
    if found and frames:  # previews, most likely: folders of images are clips where there is nothing else
        problems.warn(f"{len(frames)} folders of images, such as {frames[0]}, are left out, as there are videos")
    elif frames:
        found += frames
    clips = [one for one in found if isinstance(one, Path)]
    listed = [one for one in found if isinstance(one, Recording)]
    timelines = {path for path in clips if _has_timeline(path, problems)}
    folders = {path: _folders(path, root) for path in clips}
    holding_images = {path: _folders(path / "image", root) for path in frames} if clips == frames else {}
    if holding_images:
        folders = folders_of_frames(holding_images)
    try:
        roles = _roles(
            [chain for path, chain in folders.items() if path not in timelines],
            [*folders.values(), *(_folders(one.manifest or one.path, root) for one in listed)],
            class_level,
        )
        _refuse_single_images(holding_images, roles)
    except DataError as error:
        problems.add(root, error)
        return [], []
    recordings: list[Recording] = []
    for one in found:
        if isinstance(one, Recording):
            recordings.append(_placed(one, root, roles))
        elif one in timelines:
            recordings.append(_with_timeline(one, problems, root=root, folders=folders[one], roles=roles))
        else:
            recordings += _labelled(one, problems, root=root, folders=folders[one], roles=roles)
    notes = list(roles.notes)
    if roles.label is not None and roles.group is None:
        recordings, said = _grouped_by_name(recordings)
        notes += said
    return recordings, notes + (_empty_classes(root, recordings) if roles.label == 0 else [])


def _metadata(folder: Path, files: Sequence[str]) -> str | None:
    """The name of a metadata file in a folder that lists clips; others have such files as well."""
    lists = _METADATA in files and lists_clips(read_header(folder / _METADATA, known=KNOWN_COLUMNS))
    return _METADATA if lists else None


def _has_timeline(path: Path, problems: Problems) -> bool:
    timeline = path.with_suffix(".csv")
    if not timeline.is_file() or is_timeline(timeline):
        return timeline.is_file()
    problems.warn(f"{timeline} is no timeline, as it has not the columns start, end and label: left out")
    return False


def _roles(
    labelling: Sequence[tuple[str, ...]], others: Sequence[tuple[str, ...]], class_level: int | None
) -> FolderRoles:
    """What the folders are: by those of clips that have no other label; without any, splits may still be told."""
    if any(labelling):
        return recognise_roles(filter(None, labelling), class_level=class_level)
    return recognise_splits(filter(None, others)) if any(others) else FolderRoles(None)


def _refuse_single_images(holding_images: Mapping[Path, tuple[str, ...]], roles: FolderRoles) -> None:
    """Refuse class folders of images that no folder of a clip lies between.

    Raises:
        DataError: Classes hold images themselves, as data sets for classifying single images do.
    """
    without_clips = [path for path, chain in holding_images.items() if roles.label == len(chain) - 1]
    if without_clips and roles.group is None:
        raise DataError(
            f"{len(without_clips)} class folders hold images themselves, such as {without_clips[0]}; give each clip a"
            " folder of its own: <class>/<clip>/00001.jpg"
        )


def _folders(path: Path, root: Path) -> tuple[str, ...]:
    return tuple(to_nfc(name).strip() for name in path.relative_to(root).parts[:-1])


def _placed(recording: Recording, root: Path, roles: FolderRoles) -> Recording:
    """A listed recording, in the split that its list's folder is named after, if the list does not say."""
    if recording.split is not None:
        return recording
    return replace(recording, split=roles.split_of(_folders(recording.manifest or recording.path, root)))


def _with_timeline(
    path: Path, problems: Problems, *, root: Path, folders: tuple[str, ...], roles: FolderRoles
) -> Recording:
    name = shown_name(path, root)
    segments = read_timeline(path.with_suffix(".csv"), problems)
    group, split = roles.group_of(folders) or name, roles.split_of(folders)
    return Recording(path, name, segments, group, split, fill_background=True)


def _labelled(
    path: Path, problems: Problems, *, root: Path, folders: tuple[str, ...], roles: FolderRoles
) -> list[Recording]:
    name, label = shown_name(path, root), roles.label_of(folders)
    if label is None:
        where = roles.pattern if folders and roles.label else "a class folder"
        remedy = (
            "; clips of images lie as <class>/<clip>/00001.jpg"
            if path.is_dir()
            else f", or give it a timeline {path.stem}.csv (start,end,label){describe_beside(path)}"
        )
        problems.note(f"{path} has no label: put it into {where} or a {MANIFEST}{remedy}")
        return []
    try:
        segment = Segment(0.0, math.inf, label)
    except DataError as error:
        problems.add(path, error)
        return []
    return [Recording(path, name, (segment,), roles.group_of(folders) or name, roles.split_of(folders))]


def _grouped_by_name(recordings: list[Recording]) -> tuple[list[Recording], list[str]]:
    """The recordings in the groups that their names give them, where all that folders label have such names."""
    open_ones = [one for one in recordings if one.manifest is None and one.group == one.name]
    names = {one.path: group_in_name(one.path.stem) for one in open_ones}
    groups = {group for group in names.values() if group}
    if not all(names.values()) or not _LEAST_GROUPS <= len(groups) < len(names):
        return recordings, []
    grouped = [replace(one, group=names.get(one.path) or one.group) for one in recordings]
    return grouped, [f"the names of files give groups, kept in one split each: {in_words(groups)}"]


def _empty_classes(root: Path, recordings: list[Recording]) -> list[str]:
    """Folders that stand where classes do and give none: left out without a word they would be missed much later."""
    classes = {segment.label for recording in recordings for segment in recording.segments}
    used = {recording.path.relative_to(root).parts[0] for recording in recordings}
    if not classes & {to_nfc(name) for name in used}:
        return []
    return [
        f"the folder {folder.name} holds no clips, so there is no such class; add clips or delete it"
        for folder in sorted(root.iterdir())
        if folder.is_dir() and folder.name not in used and not is_set_aside(folder.name)
    ]
