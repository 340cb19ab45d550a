"""Numbers that a program gives: checked before they lead to an error somewhere else."""

from __future__ import annotations

import math
import operator
from typing import Any

from framestream.errors import SettingsError
from framestream.escapes import abbreviate


def read_number(value: Any, *, name: str, wanted: str) -> float:
    """Return a number as a float: Python's own kinds, NumPy's, and whatever else can be one, but no text and no truth.

    Args:
        value: What was given.
        name: What it was given as, for the message.
        wanted: What should be given, for the message.

    Raises:
        SettingsError: It is no number, or none that is finite.
    """
    number = value if type(value) is float else _as_float(value)
    if number is None or not math.isfinite(number):
        raise SettingsError(f"{name} is {abbreviate(value)}: give {wanted}")
    return number


def _as_float(value: Any) -> float | None:
    # Text that reads as a number is a slip all the same.
    if not hasattr(value, "__float__") or "bool" in type(value).__name__:
        return None
    try:
        return float(value)
    except (TypeError, ValueError, ArithmeticError, RuntimeError):  # many numbers, or one that is too large
        return None


def read_count(value: Any, *, name: str, wanted: str, least: int = 1) -> int:
    """Return a whole number of some size.

    Args:
        value: What was given.
        name: What it was given as, for the message.
        wanted: What should be given, for the message.
        least: The smallest number that can be used.

    Raises:
        SettingsError: It is no whole number, or too small.
    """
    try:
        count = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        count = None
    if count is None or count < least:
        raise SettingsError(f"{name} is {abbreviate(value)}: give {wanted}")
    return count
