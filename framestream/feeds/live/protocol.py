"""What a reader process is asked to do, what it tells the process that started it, and how both travel through pipes.

The job is one line of JSON on its standard input. What it tells are messages on its standard output: a header (magic,
length of the description, length of the image), a description in JSON and, for samples that show something new, the
bytes of the image. Nothing else is ever written to that pipe, so whatever does not fit is an error and not guessed at.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np

from framestream.errors import SourceError
from framestream.frames import Image, SourceInfo
from framestream.records import Gap
from framestream.sampling.sampler import Sample, SamplingCounts
from framestream.sampling.zones import Zone
from framestream.sources.decoders import DecoderChoice

_MAGIC = b"FSR1"
_HEADER = struct.Struct("<4sII")
_MAX_DESCRIPTION_BYTES = 1 << 20
_MAX_IMAGE_BYTES = 1 << 28
_HTTP = re.compile(r"https?://", re.IGNORECASE)
_PLAYLIST = re.compile(r"https?://[^?#]*\.(m3u8|mpd)([?#]|$)", re.IGNORECASE)

EndReason = Literal["ended", "not opened", "not trusted", "too large", "no memory", "behind", "failed", "died"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderJob:
    """What a reader process is to read: one line of JSON on its standard input, since arguments show credentials.

    Attributes:
        address: URL with its credentials, path of a device or its index.
        name: The camera's name in what people read; free of credentials.
        open_seconds: How long connecting may take.
        read_seconds: How long one read may take.
        frame_rate: Frames per second that the model wants.
        size_wh: Width and height of the samples, pixels.
        zones: Parts of the picture; none means the whole.
        memory_bytes: How much memory the process may take.
        most_pixels: How many pixels a picture may have.
        insecure: Whether its certificate is taken as it is.
        decoder: Library that decodes what is behind an address; devices are OpenCV's.
    """

    address: str | int = field(repr=False)
    name: str
    open_seconds: float
    read_seconds: float
    frame_rate: float
    size_wh: tuple[int, int]
    zones: tuple[Zone, ...] = ()
    memory_bytes: int = 1_000_000_000
    most_pixels: int = 64_000_000
    insecure: bool = False
    decoder: DecoderChoice = "auto"

    @property
    def is_address(self) -> bool:
        """Whether it is a URL and not a device."""
        return "://" in str(self.address)

    @property
    def is_http(self) -> bool:
        """Whether it is fetched, as recordings may be."""
        return _HTTP.match(str(self.address)) is not None

    @property
    def names_playlist(self) -> bool:
        """Whether its name is that of a list of parts, as those of most are."""
        return _PLAYLIST.match(str(self.address)) is not None

    def to_line(self) -> bytes:
        """Return the job as a line."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> ReaderJob:
        """Read a job from its line."""
        values = json.loads(line)
        values["size_wh"] = tuple(values["size_wh"])
        values["zones"] = tuple(Zone(**zone) for zone in values["zones"])
        return cls(**values)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a connection has come; all times start with its first frame.

    Attributes:
        counts: Counts of frames so far.
        pts_seconds: Media time of the newest frame.
        end_seconds: Media time at which the newest frame ends.
        arrived_seconds: When the newest frame arrived, by `time.monotonic()`, which is one clock for all processes of a
            machine.
    """

    counts: SamplingCounts = field(default_factory=SamplingCounts)
    pts_seconds: float = 0.0
    end_seconds: float = 0.0
    arrived_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Ready:
    """The reader has loaded its libraries, and connects once it knows its job."""


@dataclass(frozen=True, slots=True)
class Started:
    """The first frame is there; times of this connection count from it."""

    info: SourceInfo


@dataclass(frozen=True, slots=True)
class Item:
    """A sample or a gap."""

    item: Sample | Gap
    progress: Progress


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Frames arrive, though none was needed."""

    progress: Progress


@dataclass(frozen=True, slots=True)
class Finished:
    """The message with which a reader process says that it ends.

    Attributes:
        reason: `ended` (the stream did), `not opened`, `not trusted` (its certificate is not, see `detail`),
            `too large` (its pictures are, see `detail`), `no memory` (it would take more than it may), `behind`
            (reading is slower than the camera), `failed` (see `detail`), `died` (said by nobody: the pipe closed).
        detail: What happened, in one line that is free of credentials.
        progress: Counts and times at the end; None if no frame came.
    """

    reason: EndReason
    detail: str = ""
    progress: Progress | None = None


Message: TypeAlias = Ready | Started | Item | Heartbeat | Finished


class ProtocolError(SourceError):
    """Something in the pipe is no message."""


def encode(message: Message) -> bytes:
    """Return a message as bytes."""
    image = b""
    described: dict[str, Any] = {"message": type(message).__name__}
    if isinstance(message, Item):
        described |= {"progress": _to_numbers(message.progress), "item": type(message.item).__name__}
        if isinstance(message.item, Sample):
            sample = message.item
            described |= {"pts_seconds": sample.pts_seconds, "held": sample.held, "shape": sample.image.shape}
            # A held sample shows the image of the one before.
            image = b"" if sample.held else sample.image.tobytes()
        else:
            described["gap"] = asdict(message.item)
    else:
        described |= asdict(message)
        if isinstance(message, (Heartbeat, Finished)):
            described["progress"] = message.progress and _to_numbers(message.progress)
    description = json.dumps(described).encode()
    return _HEADER.pack(_MAGIC, len(description), len(image)) + description + image


def _to_numbers(progress: Progress) -> list[float]:
    """Return a progress as numbers alone: it is sent with every sample."""
    counts = progress.counts
    counted = [counts.read, counts.sampled, counts.held, counts.skipped, counts.undecodable]
    return [*counted, progress.pts_seconds, progress.end_seconds, progress.arrived_seconds]


class Decoder:
    """Turns the bytes of a pipe, cut anywhere, back into messages."""

    def __init__(self) -> None:
        """Make a decoder that has read no bytes."""
        self._bytes = bytearray()
        self._image: Image | None = None

    def feed(self, chunk: bytes) -> Iterator[Message]:
        """Take the next bytes; yield the messages they complete.

        Raises:
            ProtocolError: The bytes are no message.
        """
        self._bytes += chunk
        while (message := self._next()) is not None:
            yield message

    def _next(self) -> Message | None:
        if len(self._bytes) < _HEADER.size:
            return None
        magic, description_bytes, image_bytes = _HEADER.unpack_from(self._bytes)
        if magic != _MAGIC or description_bytes > _MAX_DESCRIPTION_BYTES or image_bytes > _MAX_IMAGE_BYTES:
            raise ProtocolError("the reader process sent something that is no message")
        image_at = _HEADER.size + description_bytes
        end = image_at + image_bytes
        if len(self._bytes) < end:
            return None
        described = bytes(self._bytes[_HEADER.size : image_at])
        image = bytes(self._bytes[image_at:end])
        del self._bytes[:end]
        try:
            return self._message(json.loads(described), image)
        except (ValueError, KeyError, TypeError) as error:
            raise ProtocolError(f"the reader process sent a message that cannot be read ({error!r})") from error

    def _message(self, described: dict[str, Any], image: bytes) -> Message:
        kind = described.pop("message")
        if kind == "Ready":
            return Ready()
        if kind == "Started":
            info = described["info"]
            return Started(SourceInfo(**{**info, "size_wh": tuple(info["size_wh"])}))
        if kind == "Heartbeat":
            return Heartbeat(_progress(described["progress"]))
        if kind == "Finished":
            progress = described["progress"]
            return Finished(described["reason"], described["detail"], progress and _progress(progress))
        if kind == "Item":
            return Item(self._item(described, image), _progress(described["progress"]))
        raise ValueError(kind)

    def _item(self, described: dict[str, Any], image: bytes) -> Sample | Gap:
        if described["item"] == "Gap":
            return Gap(**described["gap"])
        if not described["held"]:
            self._image = np.frombuffer(image, np.uint8).reshape(described["shape"])
        if self._image is None:
            raise ValueError("nothing to hold")
        return Sample(self._image, described["pts_seconds"], held=described["held"])


def _progress(numbers: list[Any]) -> Progress:
    read, sampled, held, skipped, undecodable, *times = numbers
    return Progress(SamplingCounts(read, sampled, held, skipped, undecodable), *times)
