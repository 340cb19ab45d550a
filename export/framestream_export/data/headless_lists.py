"""Lists of clips without a header: a clip and its label in each row, as Jester and many training scripts have them.

Cells are separated by a semicolon, comma, tab or bar, or the label follows the last blank. Rows may also be paths alone
(<class>/<clip>), as lists are written that only divide class folders.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from framestream.errors import DataError
from framestream_export.data.footage import VIDEO_SUFFIXES
from framestream_export.data.listed_files import ListedFiles
from framestream_export.data.spreadsheets import read_text
from framestream_export.data.tables import Row

_SEPARATORS = ";,\t|"


def is_headless(table: Path, files: ListedFiles) -> bool:
    """Whether the first row of a list is a clip that is there, and something else."""
    try:
        _, (name, label) = next(_pairs(table))
        files.find(name)
    except (DataError, StopIteration):
        return False
    return bool(label)


def read_headless(table: Path) -> Iterator[Row]:
    """The rows of a list without a header, with the columns path and label.

    Raises:
        DataError: The file cannot be read, or a row is not a clip and a label.
    """
    for number, (name, label) in _pairs(table):
        yield Row(number, {"path": name, "label": label})


def _pairs(table: Path) -> Iterator[tuple[int, tuple[str, str]]]:
    lines = [(number, line.strip()) for number, line in enumerate(read_text(table).splitlines(), start=1)]
    lines = [(number, line) for number, line in lines if line]
    separator = next((one for one in _SEPARATORS if lines and one in lines[0][1]), " ")
    for number, line in lines:
        cells = _cells(line, separator)
        if len(cells) != 2:
            raise DataError(f"{table}, row {number}: {line!r} is not a clip and a label")
        yield number, (cells[0].strip(), cells[1].strip())


def _cells(line: str, separator: str) -> list[str]:
    if separator == " ":  # labels of such lists are numbers, and paths may have blanks
        place = PurePosixPath(line.replace("\\", "/"))
        if place.suffix.lower() in VIDEO_SUFFIXES or " " not in line:  # no label: that of the class folder
            return [line, place.parent.name]
        name, _, label = line.rpartition(" ")
        return [name, label]
    try:
        return next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        return []
