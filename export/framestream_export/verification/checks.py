"""The outcome of a check, and a table of many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.markup import escape
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Check:
    """The outcome of one check: what was measured, against which limit, and whether it passed."""

    name: str
    measured: str
    limit: str
    passed: bool


def table(checks: Sequence[Check], *, title: str | None = None) -> Table:
    """Return the checks as a table for the terminal."""
    result = Table(title=title, title_justify="left")
    for column in ("check", "measured", "limit", ""):
        result.add_column(column, overflow="fold")
    for check in checks:
        verdict = "[green]pass[/]" if check.passed else "[bold red]FAIL[/]"
        result.add_row(escape(check.name), escape(check.measured), escape(check.limit), verdict)
    return result
