"""Which of a film's video streams is the film."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from framestream.errors import SettingsError


def choose_stream(name: str, streams: Sequence[Any], wanted: int | None, *, film_seconds: float) -> int:
    """Return the index of the stream to watch, among a film's video streams.

    No attached picture (a cover) if there is anything else; the one marked as default; of several that are, or none,
    the one with most pixels times frames.

    Args:
        name: Name of the film, for messages.
        streams: Its video streams, as PyAV has them.
        wanted: Index that the user has asked for, or None.
        film_seconds: Duration of the film, for streams that do not tell their own.

    Raises:
        SettingsError: There is no such stream.
    """
    if wanted is not None:
        if not 0 <= wanted < len(streams):
            raise SettingsError(f"{name}: there is no video stream {wanted}; give 0 to {len(streams) - 1}")
        return wanted
    candidates = [index for index, stream in enumerate(streams) if not _is(stream, "attached_pic")]
    candidates = candidates or list(range(len(streams)))
    marked = [index for index in candidates if _is(streams[index], "default")]
    return max(marked or candidates, key=lambda index: _pixels(streams[index]) * _frames(streams[index], film_seconds))


def describe_choice(streams: Sequence[Any], chosen: int) -> str:
    """Return a sentence about the choice."""
    width, height = streams[chosen].codec_context.width, streams[chosen].codec_context.height
    return (
        f"has {len(streams)} video streams; number {chosen} ({width}x{height}) is watched, "
        "choose another with --video-stream"
    )


def frame_count(stream: Any, film_seconds: float = 0.0, lead_seconds: float = 0.0) -> int:
    """Return how many frames a stream declares, or those of its duration; 0 if neither is known.

    Args:
        stream: A video stream, as PyAV has it.
        film_seconds: Duration of the film, for a stream that does not tell its own.
        lead_seconds: How much later than the film the stream begins.
    """
    seconds = _seconds(stream, film_seconds)
    if stream.duration is None:
        # The film's duration, and Matroska's tag, which is the time of the stream's end.
        seconds = max(0.0, seconds - lead_seconds)
    return int(stream.frames) or round(seconds * float(stream.average_rate or stream.guessed_rate or 0))


def _frames(stream: Any, film_seconds: float) -> int:
    return max(1, frame_count(stream, film_seconds))


def _seconds(stream: Any, film_seconds: float) -> float:
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    # Matroska keeps the duration of each stream in a tag, as hours:minutes:seconds.
    parts = stream.metadata.get("DURATION", "").split(":")
    try:
        hours, minutes, seconds = (float(part) for part in parts)
    except ValueError:
        return film_seconds
    return 3600 * hours + 60 * minutes + seconds


def _pixels(stream: Any) -> int:
    return int(stream.codec_context.width * stream.codec_context.height)


def _is(stream: Any, disposition: str) -> bool:
    return disposition in {flag.name for flag in type(stream.disposition) if flag in stream.disposition}
