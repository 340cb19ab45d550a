"""Columns of a list that say when a label holds, in words or units that are not read: they must not be passed over."""

from __future__ import annotations

import re
from functools import lru_cache

from framestream.errors import DataError
from framestream_export.data.tables import Row
from framestream_export.data.times import seconds_in

_UNIT = "frames?|frm|f|index|idx|no|num|ms|msec|millis|milliseconds|times?|timestamps?|timecode|s|secs?|seconds"
_BESIDE = rf"{_UNIT}|t|action|activity|annotation|clip|cut|event|film|gesture|label|segment|shot|trim|video"
_OTHER_UNIT = re.compile(
    "(?:^|_|start|end|first|last|begin)(?:frames?|frm|f|ms|msec|millis|milliseconds)(?:_|$|start|end)"
)


def _said_by(words: str) -> re.Pattern[str]:
    return re.compile(rf"(?:(?:{_BESIDE})_?)*(?:{words})(?:_?(?:{_BESIDE}))*")


_WORDS = {
    "start": _said_by("starts?|starting|begins?|beginning|beginn|onset|first|from|in|debut|inicio|anfang"),
    "end": _said_by("ends?|ending|ende|stops?|finish|offset|last|until|to|out|fin|bis"),
    "length": _said_by("durations?|length|len|dur|dauer|duree"),
}
_LONGEST = 40


def check_times_read(row: Row) -> None:
    """Refuse a row that gives times in columns which are not read, so that its label would hold for the whole film.

    Raises:
        DataError: Such a column has a number or a time.
    """
    lost = {meaning for meaning in ("start", "end") if meaning not in row.cells}
    if row.text("start") and "end" in lost:  # of a whole film the length says nothing
        lost.add("length")
    for column in row.cells if lost else ():
        if _meaning(column) not in lost or not _is_time(row.text(column)):
            continue
        other = _OTHER_UNIT.search(_plain(column))
        what = "is not in seconds" if other else "seems to say when the label holds, and is not read"
        raise DataError(
            f"the column {column} {what}; give start and end in seconds, or mm:ss, or, if it says something else, call"
            " it something else"
        )


@lru_cache
def _meaning(column: str) -> str | None:
    """What a column says, by its name: start, end or length; None for all others."""
    name = _plain(column)
    if len(name) > _LONGEST:
        return None
    return next((meaning for meaning, words in _WORDS.items() if words.fullmatch(name)), None)


def _plain(column: str) -> str:
    return "_".join(re.findall(r"[^\W\d_]+", column))


def _is_time(text: str) -> bool:
    try:
        seconds_in(text, comma_is_decimal=True)
    except DataError:
        return False
    return True
