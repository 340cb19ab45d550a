"""A file that names cameras, in TOML, and what has changed when it is read again.

    [[camera]]
    name = "door"
    url = "rtsp://user:password@192.168.1.20/stream1"
    enter = 0.7                 # these three as the options of `framestream watch`
    leave = 0.5
    min_seconds = 1.0
    reader_memory_gb = 1.0      # most memory that reading it may take, and its largest picture, as the options
    picture_megapixels = 64.0
    insecure = true             # takes any certificate: for a camera that signs for itself, on a network of yours
    zones = [
        { name = "mat", box = [0.2, 0.5, 0.8, 1.0] },             # left, top, right, bottom
        { name = "bench", polygon = [[0.0, 0.4], [0.3, 0.4], [0.2, 0.9]] },
    ]

`url` is whatever `framestream watch` takes: an address, a device index, a path (from the file's own folder on).
Zones are in shares of the picture's width and height. All but `name` and `url` may be left out.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from framestream.cli.toml_file import load_toml
from framestream.errors import SettingsError
from framestream.escapes import CONTROLS, abbreviate
from framestream.feeds.live.live_settings import LiveSettings
from framestream.model.spec import EventSettings, adapt_events
from framestream.sampling.zones import Zone
from framestream.sources import SourceOptions, classify
from framestream.watch.camera_settings import CameraSettings, check_name, check_standard_input

_EVENT_KEYS = ("enter", "leave", "min_seconds")
_KEYS = ("name", "url", *_EVENT_KEYS, "zones", "insecure", "reader_memory_gb", "picture_megapixels")
_ZONE_KEYS = ("name", "box", "polygon")
_LONGEST_KEY = 80

Cameras = dict[str, CameraSettings]


@dataclass(frozen=True, slots=True)
class Changes:
    """How one reading of the file differs from the one before, by the cameras' names."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]

    @classmethod
    def between(cls, before: Mapping[str, CameraSettings], after: Mapping[str, CameraSettings]) -> Changes:
        """Compare two readings of the file."""
        return cls(
            added=tuple(name for name in after if name not in before),
            removed=tuple(name for name in before if name not in after),
            changed=tuple(name for name in after if name in before and after[name] != before[name]),
        )

    def __str__(self) -> str:
        """Return how many there are of each, in words."""
        return f"{len(self.added)} added, {len(self.removed)} removed, {len(self.changed)} changed"


def read_cameras(
    path: Path, *, events: EventSettings, live: LiveSettings, options: SourceOptions, waits: bool = True
) -> Cameras:
    """Read a file of cameras.

    Args:
        path: Path of the file.
        events: Event settings for what a camera does not set itself.
        live: Settings of live sources, the same for all cameras.
        options: Options of recordings, the same for all cameras.
        waits: Whether the file may be a pipe, whose end may never come.

    Raises:
        SettingsError: The file cannot be read or used; the message names camera and key, and shows no address.
    """
    content = load_toml(path, waits=waits)
    tables = content.pop("camera", None)
    if content:
        raise SettingsError(f"{path}: {_key(next(iter(content)))} is not known; cameras are [[camera]] tables")
    if not isinstance(tables, list) or not tables:
        raise SettingsError(f"{path} names no camera; add a [[camera]] with name and url")
    cameras: Cameras = {}
    for number, table in enumerate(tables, start=1):
        where = f"{path}: camera {number}"
        if not isinstance(table, dict):
            raise SettingsError(f"{where} is no table; write [[camera]] above its keys")
        name, settings = _read_camera(table, where, path.parent, events)
        if name in cameras:
            raise SettingsError(f"{where}: name {name} occurs twice; give each camera a name of its own")
        try:
            cameras[name] = dataclasses.replace(settings, live=_read_live(table, live), options=options)
        except SettingsError as error:
            raise SettingsError(f"{where} ({name}): {error}") from error
    try:
        check_standard_input(cameras)
    except SettingsError as error:
        raise SettingsError(f"{path}: {error}") from error
    return cameras


def _read_camera(table: dict[str, Any], where: str, folder: Path, events: EventSettings) -> tuple[str, CameraSettings]:
    _check_keys(table, _KEYS, where)
    if "name" not in table or "url" not in table:
        missing = "name" if "name" not in table else "url"
        raise SettingsError(f"{where} has no {missing}; each camera needs name and url")
    try:
        name = check_name(table["name"])
        where = f"{where} ({name})"
        given = {key: _number(table[key], key) for key in _EVENT_KEYS if key in table}
        zones = table.get("zones", [])
        if not isinstance(zones, list):
            raise SettingsError("zones is no list; give one of tables with name and box")
        return name, CameraSettings(
            _source(table["url"], folder),
            events=adapt_events(events, given),
            zones=tuple(_read_zone(zone) for zone in zones),
        )
    except SettingsError as error:
        raise SettingsError(f"{where}: {error}") from error


def _read_live(table: Mapping[str, Any], live: LiveSettings) -> LiveSettings:
    """Return the settings of live sources with what a camera sets itself."""
    insecure = table.get("insecure", live.insecure)
    if not isinstance(insecure, bool):
        raise SettingsError(f"insecure is {abbreviate(insecure)}; give true or false")
    return dataclasses.replace(
        live,
        insecure=insecure,
        reader_memory_gb=_number(table.get("reader_memory_gb", live.reader_memory_gb), "reader_memory_gb"),
        picture_megapixels=_number(table.get("picture_megapixels", live.picture_megapixels), "picture_megapixels"),
    )


def _source(url: object, folder: Path) -> int | str:
    if isinstance(url, int) and not isinstance(url, bool):
        return url
    if not isinstance(url, str) or not url:
        raise SettingsError("url is no text; give an address, a device index or a path")
    # A path is meant from the file's folder on; joining leaves an absolute one as it is.
    return str(folder / url) if classify(url, looks=False).is_path else url


def _read_zone(table: object) -> Zone:
    if not isinstance(table, dict):
        raise SettingsError("a zone is no table; give { name = …, box = [left, top, right, bottom] }")
    _check_keys(table, _ZONE_KEYS, "a zone")
    name = check_name(table.get("name", ""))
    if ("box" in table) == ("polygon" in table):
        raise SettingsError(f"zone {name}: give either box or polygon")
    if "polygon" in table:
        return Zone.around(name, [_numbers(point, "polygon") for point in _list(table["polygon"], "polygon")])
    sides = _numbers(table["box"], "box")
    if len(sides) != 4:
        raise SettingsError(f"zone {name}: box is {abbreviate(sides)}; give [left, top, right, bottom]")
    return Zone(name, *sides)


def _check_keys(table: Mapping[str, object], known: Iterable[str], where: str) -> None:
    for key in table:
        if key not in known:
            raise SettingsError(f"{where}: {_key(key)} is not known; there is {', '.join(known)}")


def _numbers(value: object, key: str) -> list[float]:
    return [_number(item, key) for item in _list(value, key)]


def _list(value: object, key: str) -> list[Any]:
    if not isinstance(value, list):
        raise SettingsError(f"{key} is {abbreviate(value)}; give a list")
    return value


def _number(value: object, key: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise SettingsError(f"{key} is {abbreviate(value)}; give a number")
    try:
        return float(value)
    except OverflowError as error:
        raise SettingsError(f"{key} is {abbreviate(value)}; give one that is not so large") from error


def _key(key: str) -> str:
    """Return a key as it stands in the file; one that is long or has odd characters in short."""
    return key if not CONTROLS.search(key) and len(key) <= _LONGEST_KEY else abbreviate(key)
