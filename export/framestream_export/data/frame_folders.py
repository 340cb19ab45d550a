"""Clips as folders of images, and opening recordings of either kind."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from framestream.errors import DataError, SettingsError, UnreadableSourceError
from framestream.frames import FrameSource, check_rate
from framestream.sources import ImageSequence, VideoFile
from framestream.sources.image_folder import IMAGE_ENDINGS
from framestream_export.data.footage import Recording

# A single image in a folder is a preview or a cover.
_LEAST_IMAGES = 2


def image_names(names: Iterable[str]) -> list[str]:
    """Those names of files that are images, sorted."""
    return sorted(name for name in names if name.lower().endswith(IMAGE_ENDINGS) and not name.startswith("."))


def are_frames(names: Iterable[str]) -> bool:
    """Whether files in a folder make a clip, by their names."""
    return len(image_names(names)) >= _LEAST_IMAGES


def kinds_of_images(names: Iterable[str]) -> list[str]:
    """The kinds of images among files, by names in which numbers do not count: img_#.jpg beside flow_x_#.jpg.

    A kind of which there is one image does not count: a cover, a preview.
    """
    kinds = Counter(re.sub(r"\d+", "#", name.lower().replace(".jpeg", ".jpg")) for name in image_names(names))
    return sorted(kind for kind, count in kinds.items() if count > 1)


def is_frame_folder(path: Path) -> bool:
    """Whether a path is a folder whose images make a clip."""
    try:
        return are_frames(entry.name for entry in os.scandir(path))
    except (OSError, ValueError):  # a file, nothing, or a name that no file can have
        return False


def with_image_rate(recordings: Iterable[Recording], image_rate: float | None) -> list[Recording]:
    """The recordings, those that are folders of images with the rate at which these were taken.

    Args:
        recordings: Recordings of either kind.
        image_rate: Images per second; None if nobody has said.

    Raises:
        DataError: There are folders of images, and no rate.
        SettingsError: The rate is none, or there are no such folders.
    """
    if image_rate is not None:
        check_rate(image_rate, name="image_rate")
    found = []
    folders = 0
    for recording in recordings:
        is_folder = os.path.isdir(recording.path)
        folders += is_folder
        if is_folder and image_rate is None:
            raise DataError(
                f"{recording.path} is a folder of images, which carry no times: say with --image-rate how many make a"
                " second (12 in Jester and Something-Something)"
            )
        if is_folder and len(kinds := kinds_of_images(os.listdir(recording.path))) > 1:
            raise DataError(
                f"{recording.path} has images of several kinds ({', '.join(kinds)}), which would be played one after"
                " the other: keep those of one"
            )
        found.append(replace(recording, image_rate=image_rate) if is_folder else recording)
    if image_rate is not None and not folders:
        raise SettingsError("--image-rate means nothing where no clip is a folder of images; leave it out")
    return found


def open_recording(recording: Recording) -> FrameSource:
    """The frames of a recording.

    Raises:
        SourceError: It cannot be read.
    """
    if recording.holds_features:
        raise UnreadableSourceError(
            f"{recording.path} holds features of a film and no pictures; give the film, or `train` on it"
        )
    if recording.image_rate is not None:
        return ImageSequence(recording.path, image_rate=recording.image_rate)
    return VideoFile(recording.path)
