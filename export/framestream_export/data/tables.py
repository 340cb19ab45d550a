"""CSV files and plain lists, row by row."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from framestream.errors import DataError


def read_rows(path: Path, *, required: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a CSV file that are not blank, with their line numbers: cells stripped, by column in lower case.

    Raises:
        DataError: The file cannot be read, is no CSV in UTF-8, or lacks a required column.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.reader(stream)
            columns = _header(reader)
            missing = [column for column in required if column not in columns]
            if missing:
                raise DataError(
                    f"{path}: the header lacks {', '.join(missing)}; columns found: {', '.join(columns) or 'none'}"
                )
            for row in reader:
                cells = [cell.strip() for cell in row]
                if any(cells):
                    yield reader.line_num, dict.fromkeys(columns, "") | dict(zip(columns, cells, strict=False))
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
