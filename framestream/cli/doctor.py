"""`framestream doctor`: find out what is wrong with an installation."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from framestream.doctor import Finding

_COLOURS = {"ok": "green", "note": "cyan", "warning": "yellow", "broken": "red"}
_WIDTH_OF_A_PIPE = 120


@click.command()
@click.option(
    "--format", "format_name", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Output."
)
@click.pass_context
def doctor(ctx: click.Context, format_name: str) -> None:
    """Look for what is missing or broken on this machine, and say what to do about it.

    Examines versions, packages that overwrite each other, ONNX Runtime's providers, video codecs, cameras and the
    model that comes with FrameStream. Exit code 1 only if something is broken that FrameStream cannot do without.
    """
    from framestream.doctor import examine

    findings = examine()
    broken = any(finding.state == "broken" for finding in findings)
    if format_name == "json":
        report = {"broken": broken, "findings": [finding.to_dict() for finding in findings]}
        click.echo(json.dumps(report, indent=2, allow_nan=False))
    else:
        _print_table(findings)
    if broken:
        ctx.exit(1)


def _print_table(findings: Sequence[Finding]) -> None:
    from rich.table import Table
    from rich.text import Text

    from framestream.console import EscapingConsole

    console = EscapingConsole()
    if not console.is_terminal:
        # What goes to a file should not depend on a guess.
        console = EscapingConsole(width=_WIDTH_OF_A_PIPE)
    table = Table(box=None, pad_edge=False)
    for title in ("area", "what", "state", "found"):
        table.add_column(title, overflow="fold")
    for finding in findings:
        found = Text(finding.detail)
        if finding.remedy:
            found.append(f"\n→ {finding.remedy}", style="bold")
        table.add_row(finding.area, finding.name, Text(finding.state, style=_COLOURS[finding.state]), found)
    console.print(table)
