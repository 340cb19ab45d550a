"""The report in a few lines on a terminal, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from framestream_export.report.breakdown_text import breakdown_tables, eventless_lines, share


def print_summary(report: dict[str, Any], console: Console) -> None:
    """Print the figures, then the warnings."""
    print_figures(report, console)
    print_warnings(report["warnings"], console, said=set())


def print_figures(report: dict[str, Any], console: Console) -> None:
    """Print accuracy, what stands beside it, a table of labels."""
    for line in _lines(report):
        console.print(line, highlight=False, soft_wrap=True)
    console.print(_table(report))
    for table in breakdown_tables(report):
        console.print(table)
    for line in eventless_lines(report):
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def print_warnings(warnings: Iterable[str], console: Console, *, said: set[str]) -> None:
    """Print what has not been said before, and note that it has."""
    for warning in warnings:
        if warning not in said:
            console.print(f"[yellow]warning[/] {escape(warning)}", highlight=False, soft_wrap=True)
            said.add(warning)


def report_text(report: dict[str, Any]) -> str:
    """A report as JSON."""
    return json.dumps(report, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _lines(report: dict[str, Any]) -> Iterator[str]:
    where = "all recordings" if report["split"] == "all" else f"{report['split']} split"
    yield (
        f"{where}: accuracy {report['accuracy']:.3f} of {report['windows']} windows,"
        f" {report['segment_accuracy']:.3f} of {report['segments']} labelled segments{_interval(report)}"
    )
    baseline = report["baseline"]
    if baseline is not None:
        verdict = {"helps": "time helps", "hurts": "time does harm", "unclear": "no clear difference"}
        yield (
            f"without the order of frames: {baseline['accuracy']:.3f} of windows,"
            f" {baseline['segment_accuracy']:.3f} of labelled segments: {verdict[baseline['verdict']]}"
        )
    linear = report["linear"]
    if linear is not None:
        verdict = {
            "helps": "the model is better",
            "hurts": "the linear model is better",
            "unclear": "no clear difference",
        }
        yield (
            f"a linear model of mean, deviation and change: {linear['accuracy']:.3f} of windows,"
            f" {linear['segment_accuracy']:.3f} of labelled segments: {verdict[linear['verdict']]}"
        )
    streaming = report["streaming"]
    if streaming is not None:
        scores = ", ".join(f"{share(one['f1'])} at {least}" for least, one in streaming["events"].items())
        alarms, delay = streaming["false_alarms_per_hour"], streaming["delay_seconds"]
        yield (
            f"events in {streaming['video_seconds'] / 60:.1f} min of untrimmed video: F1 {scores} overlap; reported"
            f" {'-' if delay is None else format(delay['median'], '.2f')} s after their start;"
            f" {'-' if alarms is None else format(alarms, '.1f')} false alarms an hour"
        )


def _interval(report: dict[str, Any]) -> str:
    bounds = report["segment_accuracy_interval"]
    if bounds is None:
        return ""
    return f" (95 % confidence {bounds[0]:.3f} to {bounds[1]:.3f}, by {report['groups']} groups)"


def _table(report: dict[str, Any]) -> Table:
    table = Table()
    for column in ("label", "precision", "recall", "windows", "segments"):
        table.add_column(column, justify="left" if column == "label" else "right")
    for label, values in report["per_class"].items():
        shares = [share(values[name]) for name in ("precision", "recall")]
        segments = report["segment_per_class"][label]["support"]
        table.add_row(escape(label), *shares, str(values["support"]), str(segments))
    return table
