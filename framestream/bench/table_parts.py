"""What the tables of a bench report are made of."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from framestream.bench.bench_report import Target


def make_table(*titles: str, numbers_from: int | None = None) -> Table:
    """Return an empty table; columns from `numbers_from` on are set to the right."""
    table = Table(box=None, pad_edge=False)
    for index, title in enumerate(titles):
        right = numbers_from is not None and index >= numbers_from
        table.add_column(title, justify="right" if right else "left", overflow="fold")
    return table


def verdict_cells(value: float, target: Target | None) -> Sequence[RenderableType]:
    """Return the last two cells of a row: the target of a figure, and whether it is met."""
    if target is None:
        return "", ""
    if target.holds(value):
        return str(target), Text("met", style="green")
    missed = f"missed by {target.shortfall(value):.0%}" if target.value else "missed"
    return str(target), Text(missed, style="red")
