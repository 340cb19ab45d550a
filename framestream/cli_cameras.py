"""From the arguments of ``framestream watch`` to the cameras they mean."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from framestream.camera_file import Cameras, Changes
from framestream.errors import FrameStreamError
from framestream.frames import safe_address
from framestream.live import LiveSettings
from framestream.pipeline.settings import CameraSettings
from framestream.pipeline.watch_many import WatchMany
from framestream.sources import SourceKind, SourceOptions, classify

_log = logging.getLogger(__name__)


class SizeType(click.ParamType):  # type: ignore[type-arg]  # generic since Click 8.2, but only for checkers
    """``640x480``, as width and height in pixels."""

    name = "WxH"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """Return width and height."""
        found = re.fullmatch(r"(\d+)x(\d+)", str(value), flags=re.IGNORECASE)
        if found is None or "0" in (found[1].lstrip("0") or "0", found[2].lstrip("0") or "0"):
            self.fail(f"{value!r} is not a size; give width x height in pixels, such as 640x480", param, ctx)
        return int(found[1]), int(found[2])


def name_cameras(sources: Sequence[str], *, live: LiveSettings, options: SourceOptions) -> Cameras:
    """Give sources names: a path's last part, an address without its secrets; a number is added where two are alike."""
    names = [_short_name(source) for source in sources]
    if len(set(names)) < len(names):
        # Files of the same name in different folders.
        named = zip(names, sources, strict=True)
        names = [name if names.count(name) == 1 else _long_name(source) for name, source in named]
    cameras: Cameras = {}
    for name, source in zip(names, sources, strict=True):
        unique, number = name, 1
        while unique in cameras:
            number += 1
            unique = f"{name} #{number}"
        cameras[unique] = CameraSettings(source, live=live, options=options)
    return cameras


def _short_name(source: str) -> str:
    kind = classify(source)
    if kind is SourceKind.URL:
        return safe_address(source)
    if kind in (SourceKind.FILE, SourceKind.IMAGES):
        return os.path.basename(source.rstrip("/")) or source
    return "stdin" if kind is SourceKind.STDIN else source


def _long_name(source: str) -> str:
    return source if classify(source) in (SourceKind.FILE, SourceKind.IMAGES) else _short_name(source)


class CameraReloader:
    """Reads a file of cameras again, and lets a watch follow it."""

    def __init__(self, path: Path, read: Callable[[Path], Cameras], *, tell: Callable[[str], None]) -> None:
        """Read the file for the first time; ``tell`` is given a line about each later reading.

        Raises:
            SettingsError: it cannot be used.
        """
        self._path = path
        self._read = read
        self._tell = tell
        self.cameras = read(path)

    def reload(self, watch: WatchMany) -> None:
        """Add, remove and replace cameras as the file says now; one that cannot be used changes nothing."""
        try:
            cameras = self._read(self._path)
        except FrameStreamError as error:
            _log.warning("%s; the cameras stay as they were", error)
            return
        changes = Changes.between(self.cameras, cameras)
        try:
            for name in (*changes.removed, *changes.changed):
                watch.remove(name)
            for name in (*changes.added, *changes.changed):
                watch.add(name, cameras[name])
        except FrameStreamError as error:
            # Nothing but the end of the watch, which has come in between.
            _log.warning("%s: %s", self._path, error)
            return
        self.cameras = cameras
        self._tell(f"{self._path}: {changes}")
