"""What sources are called in records and messages when nobody has named them: short, told apart, free of secrets."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from urllib.parse import unquote

from framestream.frames import safe_address
from framestream.sources import SourceKind, classify

# What tells the cameras of one recorder apart. Anything else of a query may be a password or a token.
_TELLING = re.compile(
    r"(?:^|[^A-Za-z0-9])(channel|chn|ch|camera|cam|subtype|stream|profile|src|input|track)=([A-Za-z0-9-]+)",
    re.IGNORECASE,
)
_HIDDEN = "\N{HORIZONTAL ELLIPSIS}"
# Letters of one case (an initial aside) or digits, without anything between.
_RUN = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|\d+")
# Words, numbers and names such as h264Preview come in runs; keys are drawn from all characters at random.
_SHORTEST_MEAN_RUN = 3.0
_LONGEST_RUN = 14
_LONGEST_WORD = 20
_LONGEST_SEGMENT = 32
# Nobody's key is as short.
_SHORT = 8


def name_sources(sources: Sequence[str]) -> list[str]:
    """Return a name for each: a path's last part, an address's host; more of it where that is not enough.

    Where nothing tells two apart, those after the first get a number.
    """
    names = [_short_name(source) for source in sources]
    named = zip(names, sources, strict=True)
    longer = [name if names.count(name) == 1 else _long_name(source) for name, source in named]
    unique: list[str] = []
    for name in longer:
        numbered, number = name, 1
        while numbered in unique:
            number += 1
            numbered = f"{name} #{number}"
        unique.append(numbered)
    return unique


def _short_name(source: str) -> str:
    kind = classify(source)
    if kind is SourceKind.URL:
        return safe_address(source)
    if kind in (SourceKind.FILE, SourceKind.IMAGES):
        return os.path.basename(source.rstrip("/")) or source
    return "stdin" if kind is SourceKind.STDIN else source


def _long_name(source: str) -> str:
    kind = classify(source)
    if kind is SourceKind.URL:
        return _address_with_path(source)
    return source if kind in (SourceKind.FILE, SourceKind.IMAGES) else _short_name(source)


def _address_with_path(address: str) -> str:
    """Return host and path of an address, and what else tells cameras apart; what may be a secret is left out."""
    host = safe_address(address)
    # A host that is not shown could not be told from a password; then nothing after it can be, either.
    if host.endswith("***"):
        return host
    _, _, rest = address.partition("://")
    path, _, query = rest.partition("#")[0].partition("?")
    segments = [_safe_segment(unquote(segment)) for segment in path.split("/")[1:] if segment]
    telling = _telling(query)
    return "/".join([host, *segments]) + (f"?{telling}" if telling else "")


def _telling(query: str) -> str:
    return "&".join(f"{key}={value}" for key, value in _TELLING.findall(query) if _safe_segment(value) == value)


def _safe_segment(segment: str) -> str:
    if "=" in segment:
        # Some recorders want everything in the path: user=admin_password=…_channel=1_stream=0.sdp
        return _telling(segment) or _HIDDEN
    is_plain = re.fullmatch(rf"[A-Za-z0-9._-]{{1,{_LONGEST_SEGMENT}}}", segment) is not None
    return segment if is_plain and all(map(_is_word, re.split(r"[._-]", segment))) else _HIDDEN


def _is_word(text: str) -> bool:
    """Say whether it looks like a word or a number and not like a key; a guess, on the safe side."""
    if len(text) <= _SHORT:
        return True
    runs = _RUN.findall(text)
    is_mixed = len(text) / len(runs) < _SHORTEST_MEAN_RUN or max(map(len, runs)) > _LONGEST_RUN
    return len(text) <= _LONGEST_WORD and not is_mixed
