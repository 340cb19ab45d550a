"""Text and values from outside, made fit for a message."""

from __future__ import annotations

import os
import re
import reprlib

CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What no name or label needs, and a terminal may take for an order: control characters (C0 and C1, among them escape
and line breaks of any kind), marks that turn the direction of writing, and halves of characters."""

_BYTE = re.compile("[\udc80-\udcff]")
# Python writes no decimal digits of whole numbers far beyond this.
_MOST_DIGITS = 40
_LARGEST = 10**_MOST_DIGITS


class _Abbreviation(reprlib.Repr):
    """A value as Python writes it, shortened where it is long or deep."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = 80

    def repr_int(self, x: int, level: int) -> str:
        del level
        return repr(x) if -_LARGEST < x < _LARGEST else f"a whole number of more than {_MOST_DIGITS} digits"


def escape(text: str) -> str:
    """Return a text for one line of a terminal: what is in `CONTROLS` is spelt out, all else stays as it is.

    So `\\x1b` stands for escape, and a question mark in a diamond for a byte that is no UTF-8, as in names of files.
    """
    return CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode(), _BYTE.sub("\ufffd", text))


def is_utf8(path: str | os.PathLike[str]) -> bool:
    """Say whether the name of a file is text; on most systems it can be any bytes."""
    try:
        os.fspath(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def abbreviate(value: object) -> str:
    """Return a value as Python writes it, in a line that is never long, however large or deep the value is."""
    return escape(_Abbreviation().repr(value))
