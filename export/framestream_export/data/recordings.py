"""Reading labelled footage, however it is laid out: class folders, manifests, timelines, or a layout others made up.

Nothing is decoded here, unless labels count frames. The result says which file carries which label from when to when.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from framestream.errors import DataError
from framestream_export.data.folder_names import in_words
from framestream_export.data.folders import read_folders
from framestream_export.data.footage import SPLITS, VIDEO_SUFFIXES, Dataset, Recording, Segment
from framestream_export.data.frame_folders import with_image_rate
from framestream_export.data.layouts import DataSetLayout, Reading, layout_named, recognise
from framestream_export.data.manifest import MANIFEST, is_manifest, read_manifest
from framestream_export.data.negatives import read_negatives
from framestream_export.data.paths import Paths, to_nfc
from framestream_export.data.problems import Problems
from framestream_export.data.tables import TABLE_SUFFIXES
from framestream_export.data.unread_lists import check_unread_lists, describe_unread_lists

__all__ = ["MANIFEST", "SPLITS", "VIDEO_SUFFIXES", "Dataset", "Recording", "Segment", "read_dataset"]

_BACKGROUND_NAMES = ("idle", "background")
_NEW_BACKGROUND = "background"


def read_dataset(
    data: Path,
    *,
    background: str | None = None,
    negatives: Path | None = None,
    layout: str | None = None,
    split_number: int = 1,
    frame_rate: float | None = None,
    group_column: str | None = None,
    class_level: int | None = None,
    image_rate: float | None = None,
) -> Dataset:
    """Read a data set of labelled videos.

    Args:
        data: A manifest, a directory of class folders, manifests and films with a timeline beside them, or what one of
            the `layouts` reads.
        background: The label that means "nothing happens", in any case. None takes "idle" or "background" if a segment
            has it.
        negatives: A directory of films in which nothing happens; they get the background label, "background" where the
            data set has none.
        layout: The name of a layout; None recognises it.
        split_number: Which of a layout's official divisions to take.
        frame_rate: Frames per second that labels of a layout count in, where neither it nor the film is to be believed.
        group_column: The column of manifests that groups recordings; None is "group".
        class_level: The level of folders that names classes, 1 right below `data`; None finds out.
        image_rate: Images per second of clips that are folders of images; None if there are none.

    Raises:
        DataError: There is nothing to train on, or rows cannot be true; the message names files and rows.
        SettingsError: No layout has that name, or the split number is none of 1, 2, 3.
    """
    problems, paths = Problems(), Paths()
    reading = Reading(
        split_number=split_number,
        frame_rate=frame_rate,
        group_column=group_column,
        class_level=class_level,
        problems=problems,
    )
    name, recordings, warnings = _read(data, reading, paths, layout=layout_named(layout) if layout else None)
    used = {segment.label for recording in recordings for segment in recording.segments}
    background = None if background is None else to_nfc(background)
    background = _as_spelled(_BACKGROUND_NAMES if background is None else (background,), used) or background
    if negatives is not None:
        background = background or _NEW_BACKGROUND
        recordings += read_negatives(negatives, problems, background=background)
        used.add(background)
    _refuse_files_listed_twice(recordings, problems, paths)
    if name == "folders" and recordings and not len(problems):
        check_unread_lists(data, recordings, problems, paths)
    hint = describe_unread_lists(data) if name == "folders" and not recordings else ""
    problems.check(data, hint=hint)
    if not recordings:
        raise DataError(_nothing(data, name, (*warnings, *problems.warnings)) + hint)
    recordings = with_image_rate(recordings, image_rate)
    if background not in (None, *used) and not any(recording.fill_background for recording in recordings):
        raise DataError(
            f"{data}: background label {background!r} is on no clip; the labels are {', '.join(sorted(used))}"
        )
    labels = tuple(sorted(used | ({background} if background else set())))
    if not labels:
        raise DataError(f"{data}: no clip has a label; label some, or name with --background what unlabelled time is")
    if len(labels) < 2:
        raise DataError(f"{data} has one class only ({', '.join(labels)}); {_other_classes(data, labels, name)}")
    root = data if data.is_dir() else data.parent
    return Dataset(root, tuple(recordings), labels, background, (*warnings, *problems.warnings), name)


def _nothing(data: Path, layout: str, warnings: Sequence[str]) -> str:
    """What is missed where there is no recording at all."""
    if data.is_file():
        return f"{data} lists no clips; add a row for each"
    if layout == "folders":
        return (
            f"{data} holds no clips; expected <class>/<clip>.mp4, a {MANIFEST}, or films with a timeline"
            " NAME.csv beside them"
        )
    return ": ".join([f"{data} is laid out as {layout}, and no labelled clip is left of it", *warnings])


def _other_classes(data: Path, labels: Sequence[str], layout: str) -> str:
    """What to do about a single class: it may be a folder that holds the classes."""
    if layout != "folders":
        return "add clips of at least one other"
    paths = Paths()
    # The label is compared with names: a list may call it anything, also what no folder can be called.
    only = next((path for path in paths.folders_in(data) if to_nfc(path.name) in labels), None)
    inner = [path.name for path in paths.folders_in(only)] if only else []
    if only is None or len(inner) < 2:
        return (
            "add clips of at least one other, or, if that is the folder of all clips, list them with their labels in a"
            f" {MANIFEST}{describe_unread_lists(data)}"
        )
    return f"if the folders in it are the classes ({in_words(inner)}), give {only} as DATA"


def _read(
    data: Path, reading: Reading, paths: Paths, *, layout: DataSetLayout | None
) -> tuple[str, list[Recording], list[str]]:
    """Return the name of the data's layout, its recordings, and warnings."""
    if not data.exists():
        raise DataError(f"{data} does not exist; give a directory of clips or a .csv manifest")
    if layout is None and not _has_manifest(data):  # our own manifest goes before what else lies there
        layout = recognise(data)
    if layout is not None:
        reading.check(layout.takes, layout=layout.name)
        try:
            laid_out = layout.read(data, reading)
        except DataError as error:
            reading.problems.note(error if str(data) in str(error) else f"{data}: {error}")
            return layout.name, [], []
        return layout.name, list(laid_out.recordings), list(laid_out.warnings)
    name = "folders" if data.is_dir() else "manifest"
    reading.check(frozenset({"class_level"} if data.is_dir() else ()), layout=name)
    if data.is_dir():
        found, warnings = read_folders(
            data,
            reading.problems,
            paths=paths,
            group_column=reading.group_column,
            class_level=reading.class_level,
        )
        if found and not any(recording.manifest for recording in found):
            reading.check_groups("has no manifest")
        return name, found, warnings
    if data.suffix.lower() in TABLE_SUFFIXES:
        listed = read_manifest(data, reading.problems, root=data.parent, paths=paths, group_column=reading.group_column)
        return name, listed, []
    raise DataError(f"{data} is neither a directory of clips nor a .csv manifest; save a spreadsheet as CSV UTF-8")


def _has_manifest(data: Path) -> bool:
    return data.is_dir() and any(is_manifest(path.name) and path.is_file() for path in data.iterdir())


def _refuse_files_listed_twice(recordings: Sequence[Recording], problems: Problems, paths: Paths) -> None:
    """Note files that are listed twice: such a file could be trained on and tested on, or carry two labels at once."""
    seen: dict[str, Recording] = {}
    for recording in recordings:
        real_path = paths.find(recording.path) or paths.find_folder(recording.path)
        if real_path is None:  # a link into nowhere, which is for decoding to name
            continue
        first = seen.setdefault(real_path, recording)
        if first is not recording:
            by = f"{first.manifest or first.path} and by {recording.manifest or recording.path}"
            problems.note(f"the file {recording.path} comes in twice, by {by}; name it once")


def _as_spelled(names: Sequence[str], used: set[str]) -> str | None:
    """The first of `names` that is a label, as the labels spell it; the exact spelling before one in another case."""
    for name in names:
        if name in used:
            return name
        alike = sorted(label for label in used if label.casefold() == name.casefold())
        if alike:
            return alike[0]
    return None
