"""The cameras that the arguments of `framestream watch` mean."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click

from framestream.cli.camera_file import Cameras, Changes
from framestream.errors import FrameStreamError
from framestream.escapes import abbreviate, escape
from framestream.feeds.live.live_settings import LiveSettings
from framestream.sources import SourceOptions, is_live
from framestream.sources.names import name_sources
from framestream.watch.camera_settings import CameraSettings
from framestream.watch.watch import Watch

_log = logging.getLogger(__name__)

# Of a side of a picture, in pixels.
_MOST_DIGITS = 9


class SizeType(click.ParamType):  # type: ignore[type-arg]  # generic since Click 8.2, but only for checkers
    """`640x480`, as width and height in pixels."""

    name = "WxH"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """Return width and height."""
        found = re.fullmatch(r"(\d+)x(\d+)", str(value), flags=re.IGNORECASE)
        if found is None or not all(1 <= len(side.lstrip("0")) <= _MOST_DIGITS for side in found.groups()):
            self.fail(f"{abbreviate(value)} is not a size; give width x height in pixels, such as 640x480", param, ctx)
        return int(found[1]), int(found[2])


def name_cameras(sources: Sequence[str], *, live: LiveSettings, options: SourceOptions) -> Cameras:
    """Give sources names; see `name_sources`."""
    return {
        name: CameraSettings(source, live=live, options=options)
        for name, source in zip(name_sources(sources), sources, strict=True)
    }


class CameraReloader:
    """Reads a file of cameras again, and lets a watch follow it."""

    def __init__(self, path: Path, read: Callable[..., Cameras], *, report: Callable[[str], None]) -> None:
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
            cameras = self._read(self._path, waits=False)
        except Exception as error:  # whatever is wrong with a file, those who are watched go on
            _log.warning("%s; the cameras stay as they were", self._described(error))
            return
        changes = Changes.between(self.cameras, cameras)
        again = [name for name in _ended(watch, cameras) if name not in (*changes.added, *changes.changed)]
        # In this order there is always one, so the watch does not end in between.
        steps = [partial(self._add, watch, name, cameras[name]) for name in changes.added]
        steps += [partial(self._replace, watch, name, cameras[name]) for name in (*changes.changed, *again)]
        steps += [partial(self._remove, watch, name) for name in changes.removed]
        refused = [reason for step in steps if (reason := self._try(step)) is not None]
        for reason in dict.fromkeys(refused):
            _log.warning("%s", reason)
        if len(refused) < len(steps) or not steps:
            self._report(escape(f"{self._path}: {changes}") + (f", {len(again)} tried again" if again else ""))

    def _try(self, step: Callable[[], None]) -> str | None:
        """Take a step; return why it was refused. What one camera cannot do does not keep the others from it."""
        try:
            step()
        except Exception as error:  # told by the caller; the next reading tries again
            return self._described(error)
        return None

    # What was done is noted at once, so that the next reading starts from what really is.

    def _add(self, watch: Watch, name: str, settings: CameraSettings) -> None:
        watch.add(name, settings)
        self.cameras[name] = settings

    def _replace(self, watch: Watch, name: str, settings: CameraSettings) -> None:
        watch.replace(name, settings)
        self.cameras[name] = settings

    def _remove(self, watch: Watch, name: str) -> None:
        del self.cameras[name]
        watch.remove(name)

    def _described(self, error: Exception) -> str:
        if not isinstance(error, FrameStreamError):
            return f"{self._path} cannot be used ({type(error).__name__}); check what was changed in it"
        return str(error) if str(self._path) in str(error) else f"{self._path}: {error}"


def _ended(watch: Watch, cameras: Cameras) -> list[str]:
    """Return those that have come to an end, though there may be more to see; a film that is over is none."""
    states = {name: status.state for name, status in watch.statuses.items()}
    return [
        name
        for name, settings in cameras.items()
        if states.get(name) == "failed" or (states.get(name) == "ended" and is_live(settings.source))
    ]
