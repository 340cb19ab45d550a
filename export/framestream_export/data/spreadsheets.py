"""The text of a table as spreadsheets write it: in which encoding, and what stands between two cells.

Where commas are decimal, spreadsheets separate cells by semicolons ("CSV") or tabs ("Unicode text", which is UTF-16);
some put a first line `sep=;`. See RFC 4180 for the rest.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from framestream.errors import DataError

_SEPARATORS = ",;\t|"
_SEPARATOR_LINE = re.compile(r'[ \t]*"?sep=(?P<separator>[^\r\n"])"?[ \t]*(?=\r|\n|$)', re.IGNORECASE)
_ENCODINGS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_REMEDY = 'save it as "CSV UTF-8"'


@dataclass(frozen=True, slots=True)
class Sheet:
    """The text of a table.

    Attributes:
        text: All lines; a line that only names the separator is blank.
        separator: What stands between two cells.
    """

    text: str
    separator: str

    @property
    def may_have_decimal_commas(self) -> bool:
        """Whether a comma in a number is a decimal comma for sure."""
        return self.separator != ","


def read_sheet(path: Path, *, known: Collection[str] = (), damaged: bool = False) -> Sheet:
    """Read a table's text.

    Args:
        path: Path of the table.
        known: Names of columns, in lower case: the separator that finds most of them is meant.
        damaged: Whether to put a sign in place of bytes that are no text, for a look at the header.

    Raises:
        DataError: The file cannot be read, or is not text in an encoding that is sure.
    """
    text = read_text(path, damaged=damaged)
    if found := _SEPARATOR_LINE.match(text):
        return Sheet(text[found.end() :], found["separator"])
    return Sheet(text, _separator(text, known))


def read_text(path: Path, *, damaged: bool = False) -> str:
    """The text of a file in UTF-8, or in UTF-16 or UTF-32 with a byte order mark, which is taken off.

    Raises:
        DataError: The file cannot be read, or is not text in one of these.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    encoding = next((name for mark, name in _ENCODINGS if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding, errors="replace" if damaged else "strict")
    except UnicodeDecodeError as error:
        row = content.count(b"\n", 0, error.start) + 1
        raise DataError(f"{path}, row {row}: not {encoding.removesuffix('-sig').upper()} text; {_REMEDY}") from error
    if damaged:
        return text.replace("\0", "").removeprefix("\ufeff")
    if "\0" in text:
        raise DataError(f"{path} has zero bytes, so it is no text, or UTF-16 without a mark; {_REMEDY}")
    return text.removeprefix("\ufeff")


def _separator(text: str, known: Collection[str]) -> str:
    """What separates the cells of the header: what finds most known columns, then what gives most columns."""
    lines = (line for line in text.splitlines() if line.strip(' "' + _SEPARATORS))
    header = next(lines, "")

    def merit(separator: str) -> tuple[int, int]:
        try:
            cells = next(csv.reader([header], delimiter=separator), [])
        except csv.Error:
            return 0, 0
        return sum(cell.strip().casefold() in known for cell in cells), len(cells)

    return max(_SEPARATORS, key=merit)  # the first of the best
