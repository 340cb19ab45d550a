"""A timeline: a CSV file beside a film, with the columns start, end and label; what it leaves out is background."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from framestream.errors import DataError
from framestream_export.data.footage import Segment, in_order
from framestream_export.data.problems import Problems
from framestream_export.data.tables import Row, read_header, read_rows

LABEL_SPELLINGS = (
    *("class", "action", "category", "tag", "class_name", "label_name", "action_name", "activity", "gesture"),
    *("behavior", "behaviour", "event", "labels", "target"),
)
TIME_SPELLINGS: Mapping[str, Sequence[str]] = {
    "start": (
        *(
            "start_seconds",
            "start_time",
            "start_sec",
            "start_s",
            "start_(s)",
            "start_(seconds)",
            "t_start",
            "time_start",
        ),
        *("begin", "begin_time", "start_timestamp", "from", "onset"),
    ),
    "end": (
        *("end_seconds", "end_time", "end_sec", "end_s", "end_(s)", "end_(seconds)", "t_end", "time_end"),
        *("stop", "stop_time", "stop_timestamp", "end_timestamp", "to", "finish"),
    ),
}
# What pandas and spreadsheets write for a cell without a value, and for one whose formula went wrong.
_NO_VALUES = frozenset({"nan", "null", "n/a", "#n/a", "#na", "#name?", "#ref!", "#value!", "#div/0!", "#num!"})
_BESIDE = (".csv", ".CSV", ".tsv", ".txt", ".srt", ".vtt", ".ass", ".json", ".xml", ".eaf", ".TextGrid")
_COLUMNS = 6
_SPELLINGS = {**TIME_SPELLINGS, "label": LABEL_SPELLINGS}


def is_timeline(path: Path) -> bool:
    """Whether a CSV file has the columns of a timeline, or nearly: other tables lie beside clips as well."""
    names = {*_SPELLINGS, *(name for names in _SPELLINGS.values() for name in names)}
    header = set(read_header(path, known=sorted(names)))
    has_times = any(header & {column, *spellings} for column, spellings in TIME_SPELLINGS.items())
    return (has_times and bool(header & {"label", *LABEL_SPELLINGS})) or {"start", "end"} <= header


def describe_beside(film: Path) -> str:
    """What lies beside a film under its name and may be meant as its timeline, but is none: part of a sentence."""
    beside = [film.with_suffix(suffix) for suffix in _BESIDE] + [Path(f"{film}{suffix}") for suffix in _BESIDE]
    found = next((path for path in beside if path.is_file()), None)
    if found is None:
        return ""
    columns = [column for column in read_header(found) if column] if found.suffix.lower() == ".csv" else []
    return f"; {found.name} is not read" + (f" (its columns are {', '.join(columns[:_COLUMNS])})" if columns else "")


def read_timeline(path: Path, problems: Problems) -> tuple[Segment, ...]:
    """The segments of a timeline; what is wrong with a row is noted and the row left out."""
    segments = []
    try:
        for row in read_rows(path, required=("start", "end", "label"), spellings=_SPELLINGS):
            with problems.about(f"{path}, row {row.number}"):
                segments.append(segment_of(row))
    except DataError as error:
        problems.note(error)
    try:
        return in_order(segments)
    except DataError as error:
        problems.add(path, error)
        return ()


def _label(row: Row) -> str:
    if row.text("label").casefold() in _NO_VALUES:
        raise DataError(
            f"the label is {row.text('label')!r}, as programs write it where there is no value; give one, or delete the"
            " row"
        )
    return row.text("label")


def segment_of(row: Row) -> Segment:
    """The segment that a row of a timeline or manifest describes; without times it is the whole film.

    Raises:
        DataError: A time is not one, the times are out of order, or the label is empty or unprintable.
    """
    start = row.seconds("start", otherwise=0.0)
    return Segment(start, row.seconds("end", otherwise=math.inf), _label(row))
