"""What happens in a film from when to when: NAME.csv beside it, with the columns start, end, label."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from framestream.errors import DataError
from framestream_export.data.complaints import Complaints
from framestream_export.data.footage import Segment, in_order
from framestream_export.data.tables import read_rows


def read_timeline(path: Path, complaints: Complaints) -> tuple[Segment, ...]:
    """The segments of a timeline; what is wrong with a row is noted and the row left out."""
    segments = []
    try:
        for number, row in read_rows(path, required=("start", "end", "label")):
            with complaints.about(f"{path}, row {number}"):
                segments.append(segment_of(row))
    except DataError as error:
        complaints.note(error)
    try:
        return in_order(segments)
    except DataError as error:
        complaints.add(path, error)
        return ()


def segment_of(row: Mapping[str, str]) -> Segment:
    """The segment that a row of a timeline or manifest describes; without times it is the whole film.

    Raises:
        DataError: Times that are none, or a label that cannot be one.
    """
    start = _seconds(row.get("start", ""), otherwise=0.0)
    return Segment(start, _seconds(row.get("end", ""), otherwise=math.inf), row["label"])


def _seconds(text: str, *, otherwise: float) -> float:
    if not text:
        return otherwise
    try:
        return float(text)
    except ValueError:
        raise DataError(f"{text!r} is not a time in seconds") from None
