"""What labelled footage is: segments of time with a label, the recordings they lie in, and a data set of recordings."""

from __future__ import annotations

import math
import os
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from framestream.errors import DataError
from framestream.escapes import CONTROLS

VIDEO_SUFFIXES = frozenset(
    (
        *(".3g2", ".3gp", ".asf", ".avi", ".divx", ".f4v", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg"),
        *(".mpg", ".mts", ".mxf", ".ogv", ".ts", ".vob", ".webm", ".wmv"),
    )
)
FEATURES_SUFFIX = ".npz"
"""Of files that hold what an encoder said of a film, in place of the film; see `feature_files`."""
SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class Segment:
    """A labelled segment of a recording, half open: `start_seconds` belongs to it, `end_seconds` does not.

    The label is kept in Unicode's composed form (NFC), so that two spellings that look alike are one label.
    """

    start_seconds: float
    end_seconds: float
    label: str

    def __post_init__(self) -> None:
        """Refuse times that no segment of a recording can have, and labels that no list of labels can hold."""
        check_label(self.label)
        object.__setattr__(self, "label", unicodedata.normalize("NFC", self.label))
        if not (self.start_seconds >= 0 and not math.isinf(self.start_seconds)):
            raise DataError(f"start {self.start_seconds} is not a time in seconds")
        if not self.end_seconds > self.start_seconds:
            raise DataError(f"end {self.end_seconds} is not after start {self.start_seconds}; correct the times")


def check_label(label: str) -> None:
    """Refuse a label that could not be distinguished from others, or would break the lists it stands in.

    Raises:
        DataError: The label is empty, has a line break or another control character, or is not text.
    """
    if not label.strip():
        raise DataError("the label is empty")
    # Models keep their labels one a line, in UTF-8, and terminals show them.
    found = CONTROLS.search(label)
    if found and found[0].splitlines() == [""]:
        raise DataError(f"the label {label!r} has a line break")
    if found:
        raise DataError(f"the label {label!r} has a control character, or a byte that is not UTF-8; rename it")


@dataclass(frozen=True, slots=True)
class Recording:
    """A video file, a folder of images that are its frames, or a file of its features, with its labels.

    Attributes:
        path: The file, or the folder.
        name: How reports call it: the path relative to the data set.
        segments: Labelled segments in order of time, without overlap.
        group: Recordings of one group (a person, a place, a film) stay in one split.
        split: "train", "validation", "test", or None where the data set does not say.
        fill_background: Whether time outside all segments is the background class (as in a timeline) or unlabelled.
        manifest: The manifest that lists it, if one does.
        image_rate: Images per second, where `path` is a folder of images; None for a video file.
    """

    path: Path
    name: str
    segments: tuple[Segment, ...]
    group: str
    split: str | None = None
    fill_background: bool = False
    manifest: Path | None = None
    image_rate: float | None = None

    @property
    def holds_features(self) -> bool:
        """Whether the file holds features of a film in place of the film."""
        return self.path.suffix.lower() == FEATURES_SUFFIX


@dataclass(frozen=True, slots=True)
class Dataset:
    """Recordings, the sorted labels they use, and the label that stands for "nothing happens", if any.

    Attributes:
        root: The folder that the data set lies in.
        recordings: All recordings, in the order in which they were found.
        labels: All labels, sorted.
        background: The label that means "nothing happens", one of `labels`; None if there is none.
        warnings: What a person should know about how the data set was read: classes without clips, listed files that
            are missing.
        layout: How the data set was laid out: "folders", "manifest", or the name of one of the `layouts`.
    """

    root: Path
    recordings: tuple[Recording, ...]
    labels: tuple[str, ...]
    background: str | None
    warnings: tuple[str, ...] = ()
    layout: str = "folders"


def in_order(segments: Sequence[Segment]) -> tuple[Segment, ...]:
    """The segments of one recording by time.

    Raises:
        DataError: Two segments overlap.
    """
    ordered = sorted(segments, key=lambda segment: segment.start_seconds)
    for before, after in pairwise(ordered):
        if after.start_seconds < before.end_seconds:
            raise DataError(
                f"{after.label!r} starts at {after.start_seconds} s, before {before.label!r} ends"
                f" at {before.end_seconds} s; segments must not overlap"
            )
    return tuple(ordered)


def shown_name(path: Path, root: Path) -> str:
    """How reports call a file: its path relative to the data set, in characters that can be printed anywhere."""
    try:
        name = path.relative_to(root).as_posix()
    except ValueError:
        name = path.as_posix()
    return os.fsencode(name).decode(errors="backslashreplace")
