"""Rich's console, through which nothing from outside gives orders to the terminal."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from framestream.escapes import escape


class EscapingConsole(Console):
    """A console that spells out control characters in whatever it shows: labels, names of files, words of servers.

    Its own colours and bars are no part of the text, so they stay.
    """

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yield the parts of something to be shown, their text made fit for a terminal."""
        for segment in super().render(renderable, options):
            if segment.control or segment.text.isprintable():
                yield segment
            else:
                lines = segment.text.split("\n")
                yield Segment("\n".join(map(escape, lines)), segment.style)
