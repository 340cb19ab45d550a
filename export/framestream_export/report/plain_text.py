"""Numbers as the page writes them, which are filters of its templates; a dash stands for what does not exist."""

from __future__ import annotations

from collections.abc import Sequence

_NONE = "\N{EN DASH}"


def percent(share: float | None) -> str:
    """Write a share from 0 to 1 in per cent, with a decimal place unless it is 0."""
    if share is None:
        return _NONE
    return f"{100 * share:.1f}".removesuffix(".0") + "\N{NO-BREAK SPACE}%"


def points(difference: float) -> str:
    """Write a difference of two shares in percentage points, without its sign."""
    return f"{abs(100 * difference):.1f}".removesuffix(".0") + " points"


def interval(bounds: Sequence[float] | None) -> str:
    """Write the confidence interval [low, high] of a share."""
    return _NONE if bounds is None else f"{percent(bounds[0])} to {percent(bounds[1])}"


def decimal(value: float | None, unit: str = "") -> str:
    """Write a number with two decimal places, and its unit behind it."""
    return _NONE if value is None else f"{value:.2f} {unit}".rstrip()


def clock(seconds: float) -> str:
    """Write a moment of a video as minutes, seconds and tenths: 1:05.3."""
    sign, tenths = ("-" if seconds < 0 else ""), round(abs(seconds) * 10)
    minutes, rest = divmod(tenths, 600)
    return f"{sign}{minutes}:{rest // 10:02}.{rest % 10}"


def count(number: int, noun: str) -> str:
    """Write a number of things: 1 clip, 2 clips."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
