"""CSV files and plain lists, row by row."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from framestream.errors import DataError
from framestream_export.data.paths import to_nfc
from framestream_export.data.spreadsheets import read_sheet, read_text
from framestream_export.data.times import seconds_in

TABLE_SUFFIXES = frozenset({".csv", ".tsv", ".txt"})
"""Of files that may be tables, in small letters."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table.

    Attributes:
        number: Its line in the file, from 1.
        cells: What its cells say, stripped, by the column's name.
        surplus: Cells that no column is for.
        comma_is_decimal: Whether a comma in a number can only be a decimal comma.
    """

    number: int
    cells: Mapping[str, str]
    surplus: tuple[str, ...] = ()
    comma_is_decimal: bool = False

    def text(self, column: str) -> str:
        """What the row says in a column; empty where there is no such column."""
        return self.cells.get(column, "")

    def seconds(self, column: str, *, otherwise: float) -> float:
        """The time in a column, in seconds; `otherwise` where it is empty.

        Raises:
            DataError: It is not a time, or a decimal comma may have cut it, as the row has more cells than columns.
        """
        if column in self.cells and any(self.surplus):
            raise DataError(
                f"the row has more cells than the header has columns, from {next(filter(None, self.surplus))!r} on: if"
                " its times have decimal commas, separate cells by semicolons, or put the times into quotes"
            )
        text = self.text(column)
        return seconds_in(text, comma_is_decimal=self.comma_is_decimal) if text else otherwise


def read_rows(
    path: Path, *, required: Sequence[str], spellings: Mapping[str, Sequence[str]] | None = None
) -> Iterator[Row]:
    """The rows of a CSV file that are not blank, by column: in lower case, with underscores for blanks and dashes.

    Args:
        path: Path of the table.
        required: Columns that the table must have.
        spellings: Other names a column may have; the first that is there is taken where the column itself is not.

    Raises:
        DataError: The file cannot be read, is no CSV, lacks a required column, or has one of those asked for twice.
    """
    spellings = spellings or {}
    known = {*required, *spellings, *(name for names in spellings.values() for name in names)}
    sheet = read_sheet(path, known=known)
    reader = csv.reader(io.StringIO(sheet.text, newline=""), delimiter=sheet.separator)
    try:
        columns = _header(reader)
        meant = _as_meant(columns, spellings)
        missing = [column for column in required if column not in columns and column not in meant]
        if missing:
            raise DataError(
                f"{path}: the header lacks {', '.join(missing)}; columns found: {', '.join(columns) or 'none'};"
                " name the columns so in the first row"
            )
        used = {*required, *(meant.get(column, column) for column in spellings)}
        twice = sorted(column for column in used if columns.count(column) > 1)
        if twice:
            raise DataError(f"{path}: the header has {', '.join(twice)} twice; rename or delete one")
        for row in reader:
            cells = [cell.strip() for cell in row]
            if any(cells):
                named = dict.fromkeys(columns, "") | dict(zip(columns, cells, strict=False))
                named |= {column: named[found] for column, found in meant.items()}
                surplus = tuple(cells[len(columns) :])
                yield Row(reader.line_num, named, surplus, sheet.may_have_decimal_commas)
    except csv.Error as error:
        raise DataError(f"{path}, row {reader.line_num}: not CSV ({error})") from error


def read_header(path: Path, *, known: Sequence[str] = ()) -> list[str]:
    """The column names of a CSV file, as `read_rows` gives them; none where it is not one.

    Args:
        path: Path of the table.
        known: Columns by which to tell what separates cells.
    """
    try:
        sheet = read_sheet(path, known=known, damaged=True)
        return _header(csv.reader(io.StringIO(sheet.text, newline=""), delimiter=sheet.separator))
    except (DataError, csv.Error):
        return []


def columns_passed_over(path: Path, *, asked: Sequence[str], spellings: Mapping[str, Sequence[str]]) -> list[str]:
    """The columns of a CSV file that `read_rows` makes nothing of; none where the header has no column asked for.

    Args:
        path: Path of the table.
        asked: Columns that are read by their own name.
        spellings: Columns that may have other names, and those names.
    """
    known = {*asked, *spellings, *(name for names in spellings.values() for name in names)}
    columns = read_header(path, known=sorted(known))
    used = {*asked, *spellings, *_as_meant(columns, spellings).values()}
    return [column for column in columns if column and column not in used] if used & set(columns) else []


def _as_meant(columns: list[str], spellings: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Which column stands for one that is not there; it keeps its own name as well."""
    found = {
        column: next((other for other in others if other in columns), None)
        for column, others in spellings.items()
        if column not in columns
    }
    return {column: other for column, other in found.items() if other is not None}


def _header(reader: Iterator[list[str]]) -> list[str]:
    header = next((row for row in reader if any(cell.strip() for cell in row)), [])
    return [column_name(column) for column in header]


def column_name(text: str) -> str:
    """A column's name in one spelling: `File Name`, `file-name` and `FILE_NAME` are file_name."""
    return re.sub(r"[\s-]+", "_", text.strip().lower())


def read_lines(path: Path) -> list[tuple[int, str]]:
    """The lines of a text file that are not blank, stripped and in NFC, with their numbers.

    Raises:
        DataError: The file cannot be read, or is not text.
    """
    lines = to_nfc(read_text(path)).splitlines()
    return [(number, line.strip()) for number, line in enumerate(lines, start=1) if line.strip()]
