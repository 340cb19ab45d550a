"""What a source is, told from its name alone; nothing is opened."""

from __future__ import annotations

import enum
import os
import re
from typing import TypeAlias

from framestream.errors import SettingsError
from framestream.escapes import abbreviate
from framestream.frames import FrameSource, safe_address

AnySource: TypeAlias = int | str | os.PathLike[str] | FrameSource
"""Everything a user may name or hand over as a source."""

URL_SCHEMES = ("rtsp", "rtsps", "rtmp", "rtmps", "http", "https", "hls", "udp", "tcp", "rtp", "srt")
"""Addresses that can be watched; what is behind one of them counts as live."""

_STDIN = "-"
_DEVICE_PATH = re.compile(r"/dev/(video\d+|v4l/.+)")
# "rtsp:/user:password@host", "user:password@host", " rtsp://…": an address to whoever wrote it. A path is not meant by
# it, or it exists; one that starts with a dot or a slash always is one.
_ADDRESS_WITH_A_SLIP = re.compile(r"(?![./])[^@]*:[^@]*@")
_GLOB_CHARACTERS = frozenset("*?[")
# Beyond, no system has a device.
_LARGEST_INDEX = 2**31 - 1
_DIGITS = len(str(_LARGEST_INDEX))


class SourceKind(enum.Enum):
    """The kinds of source; see `classify`."""

    FILE = "file"
    IMAGES = "images"
    DEVICE = "device"
    URL = "url"
    STDIN = "stdin"
    FRAMES = "frames"

    @property
    def is_live(self) -> bool:
        """Whether it goes on while nobody reads: it cannot wait, and has no end of its own.

        For `FRAMES` only the object knows; see `is_live`.
        """
        return self in (SourceKind.DEVICE, SourceKind.URL)

    @property
    def is_path(self) -> bool:
        """Whether sources of this kind are named by a path, which may be relative."""
        return self in (SourceKind.FILE, SourceKind.IMAGES)


def classify(source: AnySource, *, looks: bool = True) -> SourceKind:
    """Say what a source is.

    ==================================  ========
    an integer, `"0"`, `"/dev/video0"`  `DEVICE`
    `"rtsp://…"`, `"http://…"`, …       `URL`
    `"-"`                               `STDIN`: raw frames
    a folder, `"frames/*.png"`          `IMAGES`
    any other path                      `FILE`, whether it exists or not
    an object with `grab`               `FRAMES`
    ==================================  ========

    A file whose name is a number or a dash is given as `./0`, or as a `pathlib.Path`.

    Args:
        source: The source.
        looks: Whether the file system is asked for folders. Without, they are told from files no more, and a disk that
            does not answer is not waited for.

    Raises:
        SettingsError: The source is none of these, or an address whose scheme cannot be read.
    """
    if isinstance(source, FrameSource):
        return SourceKind.FRAMES
    if isinstance(source, int) and not isinstance(source, bool):
        _check_index(source)
        return SourceKind.DEVICE
    if not isinstance(source, (str, os.PathLike)) or not isinstance(os.fspath(source), str):
        raise SettingsError(
            f"source is {abbreviate(source)}: give a path, an address, a device index, "
            "or an object with info, grab, retrieve and close"
        )
    if not os.fspath(source):
        raise SettingsError("source is empty: give a path, an address or a device index")
    if isinstance(source, str):
        kind = _kind_of_text(source)
        if kind is not None:
            return kind
    return _kind_of_path(os.fspath(source), looks=looks)


def is_live(source: AnySource) -> bool:
    """Say whether a source goes on while nobody reads; a recording waits.

    Raises:
        SettingsError: The source is none of the kinds that `classify` knows.
    """
    return source.info.live if isinstance(source, FrameSource) else classify(source, looks=False).is_live


def _check_index(index: int) -> None:
    if not 0 <= index <= _LARGEST_INDEX:
        raise SettingsError(f"source is {abbreviate(index)}: device indices start at 0; give one such as 0 or 1")


def _kind_of_text(source: str) -> SourceKind | None:
    if source == _STDIN:
        return SourceKind.STDIN
    if source.isascii() and source.isdigit():
        # Python makes no number of thousands of digits.
        _check_index(int(source.lstrip("0")[: _DIGITS + 1] or "0"))
        return SourceKind.DEVICE
    scheme, separator, _ = source.partition("://")
    if not separator or not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*", scheme):
        if _ADDRESS_WITH_A_SLIP.match(source) and not os.path.lexists(source):
            raise SettingsError(
                "the source is no file, and no address either (not shown, as it may hold a password); "
                "write rtsp://user:password@host/path, or ./ in front of a path"
            )
        return None
    if scheme.lower() not in URL_SCHEMES:
        raise SettingsError(
            f"{safe_address(source)}: addresses of this scheme cannot be watched; "
            f"give a path, or an address that starts with one of {', '.join(URL_SCHEMES)}"
        )
    return SourceKind.URL


def _kind_of_path(path: str, *, looks: bool) -> SourceKind:
    if _DEVICE_PATH.fullmatch(path):
        return SourceKind.DEVICE
    if not looks:
        return SourceKind.FILE
    if os.path.isdir(path):
        return SourceKind.IMAGES
    # Cameras and people use brackets in names, too.
    is_pattern = bool(_GLOB_CHARACTERS & set(path)) and not os.path.lexists(path)
    return SourceKind.IMAGES if is_pattern else SourceKind.FILE
