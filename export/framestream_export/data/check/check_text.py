"""An examination as text for people."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from framestream.console import EscapingConsole
from framestream_export.data.check.examination import OPEN, Examination, ValueRange
from framestream_export.data.footage import SPLITS

_WIDTH_OF_A_PIPE = 120
_MOST_SHOWN = 20


def print_examination(found: Examination, console: Console) -> None:
    """Print what was found: figures, tables, and the verdict last."""
    if not console.is_terminal:  # what goes to a file should not depend on a guess
        console = EscapingConsole(file=console.file, width=_WIDTH_OF_A_PIPE)
    _print_figures(found, console)
    console.print(_labels_table(found))
    _print_list(console, "cannot be used", [f"{clip.name}: {clip.reason}" for clip in found.clips if clip.reason])
    _print_list(
        console,
        "the same footage",
        [
            f"{copy.first} = {copy.second} ({copy.kind}, {copy.likeness:.2f}"
            + (f", in different {copy.apart}" if copy.apart else "")
            + ")"
            for copy in found.copies
        ],
    )
    for remark in found.warnings:
        console.print(Text("warning ", style="yellow").append(remark.text, style="default"), soft_wrap=True)
    for sheet in found.sheets:
        console.print(Text(f"drawn {sheet}"), soft_wrap=True)
    for reason in found.reasons:
        console.print(Text("cannot be trained on: ", style="red").append(reason, style="default"), soft_wrap=True)
    if found.usable:
        console.print(Text("can be trained on", style="green"))


def _print_figures(found: Examination, console: Console) -> None:
    readable = found.readable
    lengths = ValueRange.of([clip.duration_seconds for clip in readable])
    rates = ValueRange.of([clip.frame_rate for clip in readable])
    variable = sum(clip.variable_rate for clip in readable)
    sizes = [f"{width}x{height} ({count})" for width, height, count in found.sizes]
    groups = len({clip.group for clip in found.clips})
    lines = (
        f"{found.data} ({found.layout}): {len(found.clips)} recordings in {groups} groups,"
        f" {len(found.labels)} labels, background {found.background or 'none'}",
        f"length {lengths.least:.1f} to {lengths.greatest:.1f} s, half of them below {lengths.median:.1f} s,"
        f" {sum(clip.duration_seconds for clip in readable) / 60:.1f} minutes in all",
        f"frame rate {rates.least:.2f} to {rates.greatest:.2f} per second, variable in {variable}",
        f"size {', '.join(sizes[:_MOST_SHOWN]) or 'none'}",
    )
    for line in lines:
        console.print(Text(line), soft_wrap=True)


def _labels_table(found: Examination) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("label", overflow="fold")
    splits = [name for name in (*SPLITS, OPEN) if any(clip.split == name for clip in found.clips)]
    for title in ("recordings", "groups", "segments", "seconds", "share", "shortest", *splits):
        table.add_column(title, justify="right")
    for label in found.labels:
        table.add_row(
            Text(label.label),
            str(label.recordings),
            str(label.groups),
            str(label.segments),
            f"{label.seconds:.1f}",
            f"{100 * label.share:.0f} %",
            f"{label.shortest_seconds:.1f}",
            *(str(label.recordings_by_split[name]) for name in splits),
        )
    return table


def _print_list(console: Console, title: str, lines: list[str]) -> None:
    if not lines:
        return
    console.print(Text(f"{title}: {len(lines)}", style="bold"))
    for line in lines[:_MOST_SHOWN]:
        console.print(Text(f"  {line}"), soft_wrap=True)
    if len(lines) > _MOST_SHOWN:
        console.print(Text(f"  and {len(lines) - _MOST_SHOWN} more; --format json has all"), soft_wrap=True)
