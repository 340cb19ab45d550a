"""Films and addresses through PyAV (the extra `av`), which tells what OpenCV leaves out."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.codec.context import Flags
from av.video.reformatter import Interpolation, VideoReformatter

from framestream.cores import usable_cores
from framestream.errors import UnreadableSourceError
from framestream.frames import Image
from framestream.sources.av_skipping import FrameSkipper, SkippedFrame
from framestream.sources.av_streams import choose_stream, describe_choice, frame_count
from framestream.sources.decoders import SMALL_PIXELS, Grab, StreamFacts
from framestream.sources.orientation import Orientation, read_matrix

_MICROSECONDS = 1e6
_MAX_PLAUSIBLE_FPS = 1000.0
# FFmpeg draws any text file with one of some names (.txt, .nfo, .asc, .diz, …) as a film of a terminal.
_DRAWN_TEXT = "ansi"
_DISPLAY_MATRIX = "DISPLAYMATRIX"
# AVFMT_NOTIMESTAMPS of FFmpeg. The formats that are pictures in a row (jpeg_pipe) have no timestamps either.
_NO_TIMESTAMPS = 0x80
_PICTURES_IN_A_ROW = "_pipe"
_PLAYLISTS = ("hls", "dash")
# From 17 on PyAV converts a picture in as many threads as there are cores: a third more processor time for a small one.
_ONE_THREAD = {"threads": 1} if int(av.__version__.partition(".")[0]) >= 17 else {}
# So many packets in a row that cannot be read are no damage but the end.
_MOST_READ_ERRORS = 100


class AvDecoder:
    """One video stream of a file or an address; a `Decoder`. Its pictures are the bytes that OpenCV makes of them."""

    def __init__(
        self, container: Any, *, name: str, threads: int | None = None, video_stream: int | None = None
    ) -> None:
        """Choose the stream of an open container, which is closed if it has none; see `open_film`."""
        self._container = container
        streams = container.streams.video
        duration = container.duration
        film_seconds = duration / _MICROSECONDS if duration else 0.0
        try:
            if not streams or streams[0].codec_context is None or streams[0].codec_context.name == _DRAWN_TEXT:
                raise UnreadableSourceError(_refusal(name))
            chosen = choose_stream(name, streams, video_stream, film_seconds=film_seconds)
        except Exception:
            container.close()
            raise
        self._stream: Any = streams[chosen]
        self._notes = (describe_choice(streams, chosen),) if len(streams) > 1 and video_stream is None else ()
        context = self._stream.codec_context
        context.thread_type = "AUTO"
        if threads is None:
            threads = 0 if context.width * context.height > SMALL_PIXELS else max(1, usable_cores() - 1)
        is_small = context.width * context.height <= SMALL_PIXELS
        self._conversion = _ONE_THREAD if threads == 1 or is_small else {}
        # FFmpeg's own choice would be one more than there are cores, and hold back as many frames.
        context.thread_count = threads or usable_cores()
        formats = self._container.format.name.split(",")
        self._is_avi = "avi" in formats
        self._has_clock = not (
            int(self._container.format.flags) & _NO_TIMESTAMPS or formats[0].endswith(_PICTURES_IN_A_ROW)
        )
        # Elsewhere a duration that is shorter than the frames say comes from the size of a file that is cut off.
        self._has_edits = "mp4" in formats
        self._start = self._stream.start_time or 0
        base = self._stream.time_base or Fraction(1)
        self._base = (base.numerator, base.denominator)
        self._timestamps = BestTimestamps(by_decoding=self._is_avi)
        self._frame: Any = None
        # One for all frames: making its tables anew for each takes longer than using them.
        self._reformatter = VideoReformatter()
        self._orientation = Orientation()
        self._size_wh = (context.width, context.height)
        self._pts_seconds: float | None = None
        self._skipper = FrameSkipper(context, container=self._container.format.name)
        self._grabs = self._decode()
        self._facts = self._read_facts(chosen, len(streams), film_seconds)

    @property
    def facts(self) -> StreamFacts:
        """What is known of the stream; its size is final with the first frame."""
        return self._facts

    @property
    def threads(self) -> int:
        """Number of threads that decode."""
        return int(self._stream.codec_context.thread_count) or usable_cores()

    @property
    def pts_seconds(self) -> float | None:
        """Timestamp of the frame grabbed last, from the beginning of the stream, or None."""
        return self._pts_seconds

    def grab(self) -> Grab:
        """Decode the next frame."""
        found = next(self._grabs, None)
        if found is None:
            return Grab.END
        if isinstance(found, Lost):
            return Grab.LOST
        is_first = self._frame is None and not isinstance(found, SkippedFrame)
        self._frame = found
        if is_first:
            self._meet(found)
        ticks = self._timestamps.choose(found.pts, found.dts)
        self._pts_seconds = None if ticks is None else self._seconds(ticks)
        return Grab.FRAME

    def retrieve(self) -> Image | None:
        """Return the frame grabbed last."""
        width, height = self._size_wh
        if self._frame is None or isinstance(self._frame, SkippedFrame):
            return None
        try:
            # As OpenCV does, and a later frame of another size comes in the first size.
            scaled = self._reformatter.reformat(
                self._frame,
                width=width,
                height=height,
                format="bgr24",
                interpolation=Interpolation.BICUBIC,
                **self._conversion,
            )
        except MemoryError:
            raise
        except (av.error.FFmpegError, ValueError):
            return None
        return self._orientation.apply(np.asarray(scaled.to_ndarray(), dtype=np.uint8))

    def skip_until(self, pts_seconds: float) -> None:
        """Take note that no frame before this timestamp, and after the one grabbed last, will be retrieved."""
        base = self._stream.time_base
        if base:
            self._skipper.skip_until(pts_seconds / float(base) + self._start)

    def close(self) -> None:
        """Release the file."""
        self._grabs = iter(())
        self._container.close()

    def _decode(self) -> Iterator[Any]:
        """Yield frames, and `Lost` for each packet that gives none because it is damaged."""
        errors = 0
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
            except (EOFError, av.error.ExitError):
                # At its end, or nothing came in time.
                break
            except MemoryError:
                raise
            except av.error.FFmpegError:
                # What was read so far stands; the demuxer may find its way again.
                errors += 1
                if errors == _MOST_READ_ERRORS:
                    break
                packets = self._container.demux(self._stream)
                continue
            if packet is None:
                yield from self._skipper.rest()
                return
            errors = 0
            self._skipper.before(packet)
            try:
                frames = packet.decode()
            except EOFError:
                return
            except MemoryError:
                raise
            except av.error.FFmpegError:
                self._skipper.failed(packet)
                yield Lost()
                continue
            for frame in frames:
                yield from self._skipper.in_order(frame)
        yield from self._held_back()

    def _held_back(self) -> Iterator[Any]:
        """Yield what the decoder still has; only at an end that is none of its own does PyAV leave that to us."""
        try:
            frames = self._stream.codec_context.decode(None)
        except MemoryError:
            raise
        except (EOFError, av.error.FFmpegError):
            frames = []
        for frame in frames:
            yield from self._skipper.in_order(frame)
        yield from self._skipper.rest()

    def _seconds(self, ticks: int) -> float:
        # As exact as a fraction, which takes ten times as long.
        numerator, denominator = self._base
        return (ticks - self._start) * numerator / denominator

    def _meet(self, frame: Any) -> None:
        """Learn from the first frame how pictures are displayed."""
        self._size_wh = (frame.width, frame.height)
        matrix = frame.side_data.get(_DISPLAY_MATRIX)
        if matrix is not None:
            self._orientation = read_matrix(struct.unpack("=9i", bytes(matrix)[:36]))
        self._facts = self._read_facts(self._facts.stream, self._facts.streams, 0.0, before=self._facts)

    def _read_facts(
        self, chosen: int, streams: int, film_seconds: float, *, before: StreamFacts | None = None
    ) -> StreamFacts:
        width, height = self._size_wh
        fps = float(self._stream.average_rate or self._stream.guessed_rate or 0)
        duration, base = self._stream.duration, self._stream.time_base
        film_start = self._container.start_time
        start = float(self._start * base) if base else 0.0
        has_lead = film_start is not None and self._stream.start_time is not None
        lead = max(0.0, start - film_start / _MICROSECONDS) if has_lead else 0.0
        declared = before.declared_frames if before else frame_count(self._stream, film_seconds, lead) or None
        return StreamFacts(
            decoder="av",
            codec=self._stream.codec_context.codec.canonical_name,
            size_wh=(height, width) if self._orientation.swaps_sides else (width, height),
            declared_fps=fps if math.isfinite(fps) and 0 < fps <= _MAX_PLAUSIBLE_FPS else None,
            declared_frames=declared,
            shown_frames=round(float(duration * base) * fps) if self._has_edits and duration and base and fps else None,
            start_seconds=start,
            lead_seconds=lead,
            is_avi=self._is_avi,
            has_clock=self._has_clock,
            is_playlist=self._container.format.name in _PLAYLISTS,
            stream=chosen,
            streams=streams,
            notes=self._notes,
        )


class Lost:
    """Stands for a packet that could not be decoded."""


class BestTimestamps:
    """FFmpeg's guess at a frame's presentation timestamp (`best_effort_timestamp`), which PyAV leaves out.

    Of the timestamps of presentation and of decoding, the ones that rise more steadily.
    """

    def __init__(self, *, by_decoding: bool) -> None:
        """Start before the first frame; with `by_decoding` only that timestamp is taken where there is one."""
        self._by_decoding = by_decoding
        self._last_pts = self._last_dts = -math.inf
        self._faulty_pts = self._faulty_dts = 0

    def choose(self, pts: int | None, dts: int | None) -> int | None:
        """Return the next frame's timestamp."""
        if self._by_decoding:
            return dts
        if dts is not None:
            self._faulty_dts += dts <= self._last_dts
            self._last_dts = dts
        elif pts is not None:
            self._last_dts = pts
        if pts is not None:
            self._faulty_pts += pts <= self._last_pts
            self._last_pts = pts
        elif dts is not None:
            self._last_pts = dts
        return pts if pts is not None and (dts is None or self._faulty_pts <= self._faulty_dts) else dts


def open_film(path: Path, *, threads: int | None = None, video_stream: int | None = None) -> AvDecoder:
    """Open a file; see `framestream.sources.video_file.VideoFile`.

    Raises:
        UnreadableSourceError: It cannot be opened, or has no video.
        SettingsError: There is no such stream.
    """
    # FFmpeg's messages would go to standard error, beside ours that say the same.
    av.logging.set_level(av.logging.PANIC)
    try:
        # An absolute path keeps FFmpeg from reading "name:rest.mp4" as a protocol.
        container = av.open(str(path.absolute()), metadata_errors="replace")
    except av.error.FFmpegError as error:
        raise UnreadableSourceError(_refusal(str(path))) from error
    for stream in container.streams.video:
        if stream.codec_context is not None:
            # A picture with a flaw in it is better than none, and ffprobe counts it.
            stream.codec_context.flags |= Flags.output_corrupt
    return AvDecoder(container, name=str(path), threads=threads, video_stream=video_stream)


def _refusal(name: str) -> str:
    return f"{name} is not a video that can be decoded; check that it is complete and has a video track"
