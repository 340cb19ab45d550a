"""What a film or a camera needs of a library that decodes it; OpenCV and PyAV each stand behind this."""

from __future__ import annotations

import enum
import importlib.util
from dataclasses import dataclass, field
from typing import Literal, Protocol, get_args

from framestream.errors import SettingsError
from framestream.frames import Image

DecoderChoice = Literal["auto", "opencv", "av"]
"""Which library decodes files and addresses: `auto` takes PyAV where it is installed."""

DECODER_CHOICES: tuple[str, ...] = get_args(DecoderChoice)

SMALL_PIXELS = 500_000
"""Up to this size FFmpeg's threads cost a tenth to a half more processor time than one alone, and decoding takes little
longer than what scaling and the model take, so they get a core. Large pictures get all cores."""

FALLBACK_FPS = 25.0
"""The rate where a header gives none that can be used (raw H.264 without timing); FFmpeg assumes it as well."""

# Encoders of sound, and multiplexers, put the picture behind the sound by less than this, and players show no pause.
_SMALLEST_LEAD_SECONDS = 0.1


class Grab(enum.Enum):
    """The ways in which the attempt to decode one more frame ends."""

    FRAME = enum.auto()
    """There is a frame."""
    LOST = enum.auto()
    """A frame was there and could not be decoded; more may follow."""
    END = enum.auto()
    """There are no more frames."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamFacts:
    """What is known of a video stream before its second frame.

    Attributes:
        decoder: Name of the library that decodes.
        codec: Short name of the codec, for messages.
        size_wh: Width and height as displayed, pixels.
        declared_fps: Frame rate according to the header, or None.
        declared_frames: Number of frames according to the header, or None.
        shown_frames: How many of them are meant to be shown, where an edit list hides the others.
        start_seconds: Where the container's clock stands at the stream's beginning.
        lead_seconds: How much later the picture starts than the film, where `Decoder.pts_seconds` leaves that out.
        is_avi: Whether the container is AVI, which numbers packets and has no presentation timestamps.
        has_clock: False where nothing in the stream says when a frame is to be shown, as in Motion JPEG or H.264
            without a container: FFmpeg counts such frames as if there were 25 a second, or gives them no timestamps.
        is_playlist: Whether it is known to be a list of parts, which are fetched one after the other.
        stream: Index of the stream among the file's video streams.
        streams: Number of video streams in the file, as far as the library tells.
        notes: What a user should know of how the stream is read, in words.
    """

    decoder: Literal["opencv", "av"]
    codec: str
    size_wh: tuple[int, int]
    declared_fps: float | None = None
    declared_frames: int | None = None
    shown_frames: int | None = None
    start_seconds: float = 0.0
    lead_seconds: float = 0.0
    is_avi: bool = False
    has_clock: bool = True
    is_playlist: bool = False
    stream: int = 0
    streams: int = 1
    notes: tuple[str, ...] = field(default=())

    @property
    def shown_lead_seconds(self) -> float:
        """How much later than the film a player begins to show the picture."""
        return self.lead_seconds if self.lead_seconds >= _SMALLEST_LEAD_SECONDS else 0.0


class Decoder(Protocol):
    """One video stream of a file or an address, decoded from its beginning."""

    @property
    def facts(self) -> StreamFacts:
        """What is known of the stream; final once the first frame was grabbed."""
        ...

    @property
    def threads(self) -> int:
        """Number of threads that decode."""
        ...

    @property
    def pts_seconds(self) -> float | None:
        """Presentation timestamp of the frame grabbed last, as the container has it; None where it has none."""
        ...

    def grab(self) -> Grab:
        """Decode the next frame."""
        ...

    def retrieve(self) -> Image | None:
        """Return the frame grabbed last as it is displayed, BGR; None if it cannot be converted."""
        ...

    def skip_until(self, pts_seconds: float) -> None:
        """Take note that no frame before this timestamp, and after the one grabbed last, will be retrieved."""
        ...

    def close(self) -> None:
        """Release it; may be called twice."""
        ...


def choose_decoder(decoder: DecoderChoice) -> Literal["opencv", "av"]:
    """Return the library that decodes films and addresses.

    Raises:
        SettingsError: No decoder has this name, or it is not installed.
    """
    check_decoder(decoder)
    if decoder == "av" and not is_av_installed():
        raise SettingsError("decoder is av, and PyAV is not installed; run: pip install av")
    return "av" if decoder != "opencv" and is_av_installed() else "opencv"


def check_decoder(decoder: str) -> None:
    """Raise SettingsError for a name that no decoder has."""
    if decoder not in DECODER_CHOICES:
        raise SettingsError(f"decoder is {decoder!r}; give one of {', '.join(DECODER_CHOICES)}")


def is_av_installed() -> bool:
    """Say whether PyAV can be imported."""
    return importlib.util.find_spec("av") is not None
