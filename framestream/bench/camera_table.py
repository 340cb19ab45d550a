"""The part of a bench report that is about cameras, for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.table import Table

from framestream.bench.bench_report import BenchReport, Target
from framestream.bench.table_parts import make_table, verdict_cells


def camera_table(report: BenchReport) -> Table:
    """Return the table of cameras, of pictures in memory and of a paused camera."""
    table = make_table("in real time", "value", "target", "")
    cameras, pictures, idle = report.cameras, report.pictures_in_memory, report.idle
    if cameras is not None:
        facts = cameras.facts
        size = "x".join(map(str, facts["size_wh"]))
        what = f"{cameras.cameras} cameras, {facts['codec']} over {facts['transport']}, {size}, {facts['rate']:g} fps"
        table.add_row(what, f"{facts['seconds']:.0f} s, {facts['predictions']} predictions", "", "")
        dropped = cameras.frames_dropped
        table.add_row("frames dropped", _counts(facts["dropped"]), *verdict_cells(dropped, Target("at most", 0)))
        table.add_row("dropped before, while they connected", _counts(facts["dropped_while_connecting"]), "", "")
        late, limit = cameras.staleness, Target("at most", cameras.staleness_target_ms)
        table.add_row("staleness p95, ms", f"{late.p95_ms:.1f}", *verdict_cells(late.p95_ms, limit))
        table.add_row("staleness p50 and p99, ms", f"{late.p50_ms:.1f}, {late.p99_ms:.1f}", "", "")
        table.add_row("cores used in all", _cores(facts["cores_used"]), "", "")
        table.add_row("  by the processes that read and decode", _cores(facts["cores_of_readers"]), "", "")
        table.add_row("  by the one that runs the model", _cores(facts["cores_of_this_process"]), "", "")
        table.add_row("    of these by the model alone", _cores(facts["cores_of_the_model"]), "", "")
    if pictures is not None:
        what = f"{pictures.cameras} streams of pictures in memory, cores used"
        table.add_row(what, _cores(pictures.facts["cores_used"]), "", "")
    if idle is not None:
        verdict = verdict_cells(idle.cpu_share, idle.target)
        table.add_row("one paused camera, share of a core", f"{idle.cpu_share:.4f}", *verdict)
    return table


def _counts(dropped: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in dropped.items()) or "0"


def _cores(cores: float | None) -> str:
    return "not known" if cores is None else f"{cores:.2f}"


def how_measured(report: BenchReport) -> Iterator[str]:
    """Say how the figures of cameras came about."""
    if report.cameras is not None:
        facts = report.cameras.facts
        played = facts["cores_that_play_the_cameras"]
        yield (
            "cameras: played by this machine, each read, decoded and scaled by a process of its own, as `watch` reads"
            f" cameras in a network; playing them took {_cores(played)} cores more, which are not counted"
        )
    if report.pictures_in_memory is not None:
        yield (
            "pictures in memory: of the same size and rate, pushed by a program that has them already; they are scaled"
            " and go through the model, but nothing is read or decoded"
        )
