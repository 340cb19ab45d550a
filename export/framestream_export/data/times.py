"""Times of a film as people and programs write them: seconds, or minutes and hours with colons."""

from __future__ import annotations

import re

from framestream.errors import DataError

_CLOCK = re.compile(r"(?:(?P<hours>\d+):)?(?P<minutes>\d+):(?P<seconds>\d{1,2}(?:\.\d*)?)", re.ASCII)
_DECIMAL_COMMA = re.compile(r"(?P<whole>[\d:+-]+),(?P<part>\d+)", re.ASCII)
_THOUSANDS = re.compile(r"[+-]?\d{1,3},\d{3}", re.ASCII)


def seconds_in(text: str, *, comma_is_decimal: bool = False) -> float:
    """Seconds that a text says: 90, 90.5, 90,5, 1:30, 0:01:30.500 or 00:01:30,500.

    Args:
        text: The time, not empty.
        comma_is_decimal: Whether a comma cannot separate thousands, so that 1,500 is one and a half.

    Raises:
        DataError: It is not a time, or might be two different ones.
    """
    found = _DECIMAL_COMMA.fullmatch(text)
    if found and not comma_is_decimal and _THOUSANDS.fullmatch(text):
        either, other = (f"{found['whole']}{point}{found['part']}" for point in ("", "."))
        raise DataError(f"{text!r} might be {either} or {other} seconds; write it without a comma")
    number = f"{found['whole']}.{found['part']}" if found else text
    if clock := _CLOCK.fullmatch(number):
        minutes, seconds = float(clock["minutes"]), float(clock["seconds"])
        if seconds < 60 and (minutes < 60 or clock["hours"] is None):
            return float(clock["hours"] or 0) * 3600 + minutes * 60 + seconds
    try:
        return float(number)
    except ValueError:
        raise DataError(f"{text!r} is not a time in seconds, mm:ss or hh:mm:ss") from None
