"""What sources are called in records and messages when nobody has named them: short, told apart, free of secrets."""

from __future__ import annotations

import os
from collections.abc import Sequence

from framestream.escapes import escape
from framestream.frames import safe_address
from framestream.sources import SourceKind, classify


def name_sources(sources: Sequence[str]) -> list[str]:
    """Return a name for each: an address's host, a path's last part, or the whole path where that is not enough.

    What else an address has may be a password or a token, and nobody can tell which part is: cameras of one host are
    numbered, as is anything else that comes again.
    """
    names = [_short_name(source) for source in sources]
    unique: list[str] = []
    for source, short in zip(sources, names, strict=True):
        alike = {other for other, name in zip(sources, names, strict=True) if name == short}
        name = escape(source) if len(alike) > 1 and classify(source, looks=False).is_path else short
        numbered, number = name, 1
        while numbered in unique:
            number += 1
            numbered = f"{name}#{number}"
        unique.append(numbered)
    return unique


def _short_name(source: str) -> str:
    if classify(source, looks=False) is SourceKind.URL:
        shown = safe_address(source)
        return escape(shown.partition("://")[2] or shown)
    if classify(source, looks=False).is_path:
        return escape(os.path.basename(source.rstrip("/")) or source)
    return "stdin" if classify(source, looks=False) is SourceKind.STDIN else source
