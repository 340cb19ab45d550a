"""Whether a recording's file is still what it was, told by its place, size and time of change."""

from __future__ import annotations

import os
from typing import Any

from framestream_export.data.footage import Recording


def state_of(recording: Recording) -> list[list[Any]]:
    """Where a recording's file is, its size and time of change; of a folder of images, those of each of them."""
    place = os.path.realpath(recording.path)
    facts: list[list[Any]] = []
    try:
        status = os.stat(place)
    except OSError as error:  # who reads the file finds the same, and names it
        facts.append([place, error.strerror])
    else:
        facts.append([place, status.st_size, status.st_mtime_ns])
    if recording.image_rate is not None:
        facts.append([recording.image_rate, *_images(place)])
    return facts


def _images(folder: str) -> list[list[Any]]:
    """Names, sizes and times of change of a folder's images: the folder's own time does not change with them."""
    try:
        with os.scandir(folder) as entries:
            found = [(entry.name, entry.stat()) for entry in entries]
    except OSError as error:
        return [[folder, error.strerror]]
    return sorted([name, status.st_size, status.st_mtime_ns] for name, status in found)
