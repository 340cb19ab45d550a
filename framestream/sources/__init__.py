"""Where frames come from, all behind `framestream.frames.FrameSource`: recordings, and frames from elsewhere."""

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
