"""Text and values from outside, made fit for a message."""

from __future__ import annotations

import reprlib

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


def abbreviate(value: object) -> str:
    """Return a value as Python writes it, in a line that is never long, however large or deep the value is."""
    return _Abbreviation().repr(value)
