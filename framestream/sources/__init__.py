"""Where frames come from, all behind `framestream.frames.FrameSource`: recordings, and frames from elsewhere.

Each name is imported when it is first asked for, since a process that reads a camera needs few of them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from framestream.sources.image_folder import ImageSequence
    from framestream.sources.kinds import AnySource, SourceKind, classify, is_live
    from framestream.sources.opening import SourceOptions, open_source
    from framestream.sources.pushed import PushedFrames
    from framestream.sources.raw_video import PixelFormat, RawVideo
    from framestream.sources.video_file import VideoFile

__all__ = [
    "AnySource",
    "ImageSequence",
    "PixelFormat",
    "PushedFrames",
    "RawVideo",
    "SourceKind",
    "SourceOptions",
    "VideoFile",
    "classify",
    "is_live",
    "open_source",
]

_NAMES_BY_MODULE = {
    "image_folder": "ImageSequence",
    "kinds": "AnySource SourceKind classify is_live",
    "opening": "SourceOptions open_source",
    "pushed": "PushedFrames",
    "raw_video": "PixelFormat RawVideo",
    "video_file": "VideoFile",
}
_MODULE_OF = {name: module for module, names in _NAMES_BY_MODULE.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    return value
