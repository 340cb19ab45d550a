"""CSV files and plain lists, row by row."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from framestream.errors import DataError


def read_rows(
    path: Path, *, required: tuple[str, ...], spellings: Mapping[str, Sequence[str]] | None = None
) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a CSV file that are not blank, with their line numbers: cells stripped, by column in lower case.

    Args:
        path: Path of the table.
        required: Columns that the table must have.
        spellings: Other names a column may have; the first that is there is taken where the column itself is not.

    Raises:
        DataError: The file cannot be read, is no CSV in UTF-8, or lacks a required column.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.reader(stream)
            columns = _header(reader)
            meant = _as_meant(columns, spellings or {})
            missing = [column for column in required if column not in columns and column not in meant]
            if missing:
                raise DataError(
                    f"{path}: the header lacks {', '.join(missing)}; columns found: {', '.join(columns) or 'none'}"
                )
            for row in reader:
                cells = [cell.strip() for cell in row]
                if any(cells):
                    named = dict.fromkeys(columns, "") | dict(zip(columns, cells, strict=False))
                    yield reader.line_num, named | {column: named[found] for column, found in meant.items()}
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is not a UTF-8 CSV file: {error}") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error


def read_header(path: Path) -> list[str]:
    """The column names of a CSV file, as `read_rows` gives them; none where it is not one."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            return _header(csv.reader(stream))
    except (UnicodeDecodeError, csv.Error, OSError):
        return []


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
    return [column.strip().lower() for column in header]


def read_lines(path: Path) -> list[tuple[int, str]]:
    """The lines of a text file that are not blank, stripped, with their numbers.

    Raises:
        DataError: The file cannot be read, or is not UTF-8.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text: {error}") from error
    return [(number, line.strip()) for number, line in enumerate(lines, start=1) if line.strip()]
