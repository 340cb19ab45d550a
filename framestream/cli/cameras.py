"""The cameras that the arguments of `framestream watch` mean."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from framestream.cli.camera_file import Cameras, Changes
from framestream.errors import FrameStreamError
from framestream.feeds.live import LiveSettings
from framestream.sources import SourceOptions, is_live
from framestream.sources.names import name_sources
from framestream.watch.camera_settings import CameraSettings
from framestream.watch.watch import Watch

_log = logging.getLogger(__name__)


class SizeType(click.ParamType):  # type: ignore[type-arg]  # generic since Click 8.2, but only for checkers
    """`640x480`, as width and height in pixels."""

    name = "WxH"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """Return width and height."""
        found = re.fullmatch(r"(\d+)x(\d+)", str(value), flags=re.IGNORECASE)
        if found is None or "0" in (found[1].lstrip("0") or "0", found[2].lstrip("0") or "0"):
            self.fail(f"{value!r} is not a size; give width x height in pixels, such as 640x480", param, ctx)
        return int(found[1]), int(found[2])


def name_cameras(sources: Sequence[str], *, live: LiveSettings, options: SourceOptions) -> Cameras:
    """Give sources names; see `name_sources`."""
    return {
        name: CameraSettings(source, live=live, options=options)
        for name, source in zip(name_sources(sources), sources, strict=True)
    }


class CameraReloader:
    """Reads a file of cameras again, and lets a watch follow it."""

    def __init__(self, path: Path, read: Callable[[Path], Cameras], *, report: Callable[[str], None]) -> None:
        """Read the file for the first time; `report` is called with a line about each later reading.

        Raises:
            SettingsError: The file cannot be used.
        """
        self._path = path
        self._read = read
        self._report = report
        self.cameras = read(path)

    def reload(self, watch: Watch) -> None:
        """Add, replace and remove cameras as the file says now; one that cannot be used changes nothing.

        Those that have failed, or whose connection has ended for good, are tried again.
        """
        try:
            cameras = self._read(self._path)
        except FrameStreamError as error:
            _log.warning("%s; the cameras stay as they were", error)
            return
        changes = Changes.between(self.cameras, cameras)
        again = [name for name in _ended(watch, cameras) if name not in (*changes.added, *changes.changed)]
        try:
            # In this order there is always one, so the watch does not end in between.
            for name in changes.added:
                watch.add(name, cameras[name])
            for name in (*changes.changed, *again):
                watch.replace(name, cameras[name])
            for name in changes.removed:
                watch.remove(name)
        except FrameStreamError as error:
            # Nothing but the end of the watch, which has come in between.
            _log.warning("%s: %s", self._path, error)
            return
        self.cameras = cameras
        self._report(f"{self._path}: {changes}" + (f", {len(again)} tried again" if again else ""))


def _ended(watch: Watch, cameras: Cameras) -> list[str]:
    """Return those that have come to an end, though there may be more to see; a film that is over is none."""
    states = {name: status.state for name, status in watch.statuses.items()}
    return [
        name
        for name, settings in cameras.items()
        if states.get(name) == "failed" or (states.get(name) == "ended" and is_live(settings.source))
    ]
