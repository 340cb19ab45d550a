"""Writing recordings as a manifest."""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Sequence
from pathlib import Path

from framestream.errors import DataError, SettingsError
from framestream_export.data.footage import Recording, shown_name
from framestream_export.data.problems import Problems
from framestream_export.files import write_atomically

COLUMNS = ("path", "label", "start", "end", "split", "group", "gaps")


def write_manifest(path: Path, recordings: Sequence[Recording]) -> int:
    """Write recordings as a manifest, which reads back as the same; returns the number of rows.

    Raises:
        DataError: A recording lies outside of the manifest's folder, or its name cannot be written.
        SettingsError: The manifest is not a .csv file, or cannot be written.
    """
    if path.suffix.lower() != ".csv":
        raise SettingsError(f"{path}: a manifest is a .csv file; give a name that ends so")
    problems = Problems()
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    rows = 0
    for recording in recordings:
        with problems.about("the manifest cannot name a file"):
            for row in _rows_of(recording, path.parent):
                writer.writerow(row)
                rows += 1
    problems.check(path)
    content = text.getvalue().encode()
    write_atomically(path, lambda stream: stream.write(content))
    return rows


def _rows_of(recording: Recording, folder: Path) -> list[tuple[str, ...]]:
    top = Path(os.path.abspath(folder))
    try:
        relative = Path(os.path.abspath(recording.path)).relative_to(top).as_posix()
    except ValueError:
        raise DataError(
            f"{recording.path} lies outside of {folder}; write the manifest into a folder above all clips"
        ) from None
    try:
        relative.encode()
    except UnicodeEncodeError:
        raise DataError(f"{shown_name(recording.path, top)} is not UTF-8; rename it") from None
    if relative != relative.strip() or "\n" in relative or "\r" in relative:
        raise DataError(f"{relative!r} begins or ends with a space, or has a line break; rename it")
    what = (recording.split or "", recording.group, "background" if recording.fill_background else "")
    if not recording.segments:
        return [(relative, "", "", "", *what)]
    return [
        (relative, segment.label, _written(segment.start_seconds), _written(segment.end_seconds), *what)
        for segment in recording.segments
    ]


def _written(seconds: float) -> str:
    return "" if math.isinf(seconds) or seconds == 0 else repr(float(seconds))
