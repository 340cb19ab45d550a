"""Opening the source that a user names."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

from framestream.errors import SettingsError, UnreadableSourceError
from framestream.frames import FrameSource, check_rate, check_size, safe_address
from framestream.quantities import read_count
from framestream.sources.decoders import DecoderChoice, check_decoder
from framestream.sources.image_folder import ImageSequence
from framestream.sources.kinds import AnySource, SourceKind, classify
from framestream.sources.raw_video import PixelFormat, RawVideo
from framestream.sources.video_file import VideoFile


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceOptions:
    """Facts that some sources cannot state themselves; other sources need none of them.

    Attributes:
        image_rate: Images per second, for a folder or pattern.
        raw_size_wh: Width and height of raw frames, pixels, for standard input.
        raw_rate: Raw frames per second, for standard input.
        raw_pixel_format: How their pixels lie in memory.
        decoder: Library that decodes video files and addresses; `auto` takes PyAV where it is installed.
        video_stream: Number of the video stream to read, of a file that has several; by default the film.
    """

    image_rate: float | None = None
    raw_size_wh: tuple[int, int] | None = None
    raw_rate: float | None = None
    raw_pixel_format: PixelFormat = "bgr24"
    decoder: DecoderChoice = "auto"
    video_stream: int | None = None

    def __post_init__(self) -> None:
        """Raise SettingsError for what is no rate, no size, no decoder or no stream."""
        check_decoder(self.decoder)
        if self.video_stream is not None:
            read_count(self.video_stream, name="video_stream", wanted="a video stream's number, from 0", least=0)
        for name in ("image_rate", "raw_rate"):
            rate = getattr(self, name)
            if rate is not None:
                check_rate(rate, name=name)
        if self.raw_size_wh is not None:
            check_size(self.raw_size_wh, name="raw_size_wh")


def open_source(source: AnySource, *, options: SourceOptions | None = None) -> FrameSource:
    """Return a source to read from: a path is opened, a `FrameSource` is passed on; see `classify`.

    Raises:
        SourceNotFoundError: The file does not exist.
        UnreadableSourceError: No frame can be decoded, or it is a camera, which this function does not open.
        SettingsError: What was named is no source, or an option that the source needs is missing.
    """
    if isinstance(source, FrameSource):
        return source
    kind = classify(source)
    options = options or SourceOptions()
    if kind.is_live or isinstance(source, int):
        shown = safe_address(source) if isinstance(source, str) and kind is SourceKind.URL else source
        raise UnreadableSourceError(f"{shown}: a camera cannot be read as a recording; give a file")
    if kind is SourceKind.STDIN:
        return _open_stdin(options)
    if kind is SourceKind.IMAGES:
        return _open_images(source, options)
    return VideoFile(source, decoder=options.decoder, video_stream=options.video_stream)


def _open_images(source: str | os.PathLike[str], options: SourceOptions) -> ImageSequence:
    if options.image_rate is None:
        raise SettingsError(
            f"{os.fspath(source)}: images carry no times; say how many make a second with --image-rate (image_rate), "
            "or give one video file"
        )
    return ImageSequence(source, image_rate=options.image_rate)


def _open_stdin(options: SourceOptions) -> RawVideo:
    if options.raw_size_wh is None or options.raw_rate is None:
        raise SettingsError(
            "standard input: raw frames say nothing about themselves; "
            "give --size WIDTHxHEIGHT (raw_size_wh) and --rate (raw_rate)"
        )
    if sys.stdin is None or sys.stdin.isatty():
        raise UnreadableSourceError(
            "standard input: nothing is piped into it; "
            "write raw frames to it, as with: ffmpeg -i FILE -f rawvideo -pix_fmt bgr24 - | framestream watch -"
        )
    return RawVideo(
        sys.stdin.buffer,
        size_wh=options.raw_size_wh,
        rate=options.raw_rate,
        pixel_format=options.raw_pixel_format,
    )
