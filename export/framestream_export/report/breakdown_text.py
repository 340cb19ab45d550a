"""What a report says by camera, person or class, and of films in which nothing happens, on a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.markup import escape
from rich.table import Table

from framestream.sinks.text import format_time
from framestream_export.report.plain_text import count

_MOST_EVENTS = 20
_OVERLAP = "0.5"


def breakdown_tables(report: dict[str, Any]) -> Iterator[Table]:
    """A table for each thing that the figures are broken down by."""
    for by, parts in report["by"].items():
        table = Table()
        untrimmed = any(figures["events"] for figures in parts.values())
        columns = ["windows", "right", "segments", "right"]
        columns += ["event F1", "false/h"] if untrimmed else []
        table.add_column(escape(by), overflow="fold")
        for column in ("files", *columns):
            table.add_column(column, justify="right")
        for value, figures in parts.items():
            cells = [
                str(figures["files"]),
                str(figures["windows"]),
                share(figures["accuracy"]),
                str(figures["segments"]),
                share(figures["segment_accuracy"]),
            ]
            if untrimmed:
                events, alarms = figures["events"], figures["false_alarms_per_hour"]
                cells.append(share(events[_OVERLAP]["f1"] if events else None))
                cells.append("-" if alarms is None else f"{alarms:.1f}")
            table.add_row(escape(value or "(none)"), *cells)
        yield table


def eventless_lines(report: dict[str, Any]) -> Iterator[str]:
    """How many events were reported in films in which nothing happens, and which."""
    found = report["negatives"]
    if found is None:
        return
    alarms, per_class = found["false_alarms_per_hour"], found["per_class"]
    named = f" ({', '.join(f'{label} {number}' for label, number in per_class.items())})" if per_class else ""
    yield (
        f"where nothing happens, {count(found['files'], 'film')} of {found['video_seconds'] / 60:.1f} min:"
        f" {count(found['false_alarms'], 'false event')}, {'-' if alarms is None else format(alarms, '.1f')} an hour"
        f"{named}"
    )
    for event in found["events"][:_MOST_EVENTS]:
        times = f"{format_time(event['start_seconds'])} \N{EN DASH} {format_time(event['end_seconds'])}"
        yield f"  {event['name']}  {times}  {event['label']}  {event['score']:.2f}"
    if (more := len(found["events"]) - _MOST_EVENTS) > 0:
        yield f"  and {more} more; --format json has all"


def share(value: float | None) -> str:
    """A share from 0 to 1, or a dash where there is none."""
    return "-" if value is None else f"{value:.3f}"
