"""Numbers and names as the page writes them."""

from __future__ import annotations

import html
from collections.abc import Sequence


def escaped(text: object) -> str:
    """Text that is nothing but text, inside an element or an attribute."""
    return html.escape(str(text), quote=True)


def percent(share: float | None) -> str:
    """A share, to whole per cents where nothing is lost."""
    if share is None:
        return "&ndash;"
    rounded = f"{100 * share:.1f}"
    return f"{rounded.removesuffix('.0')}\N{NO-BREAK SPACE}%"


def points(difference: float) -> str:
    """A difference of two shares, in percentage points, without its sign."""
    return f"{abs(100 * difference):.1f}".removesuffix(".0") + " points"


def seconds(value: float | None) -> str:
    """A duration."""
    return "&ndash;" if value is None else f"{value:.2f} s"


def clock(value: float) -> str:
    """A moment of a video, to a tenth of a second."""
    sign, tenths = ("-" if value < 0 else ""), round(abs(value) * 10)
    minutes, rest = divmod(tenths, 600)
    return f"{sign}{minutes}:{rest // 10:02}.{rest % 10}"


def count(number: int, noun: str) -> str:
    """A number of things."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def interval(bounds: Sequence[float] | None) -> str:
    """A confidence interval of a share."""
    return "&ndash;" if bounds is None else f"{percent(bounds[0])} to {percent(bounds[1])}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose cells are HTML already; columns after the first hold numbers."""
    head = "".join(f"<th>{cell}</th>" for cell in header)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
