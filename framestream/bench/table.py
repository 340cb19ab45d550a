"""A bench report for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from framestream.bench.bench_report import BenchReport, Facts, Ratio
from framestream.bench.camera_table import camera_table, how_measured
from framestream.bench.comparison import Comparison
from framestream.bench.table_parts import make_table, verdict_cells
from framestream.console import EscapingConsole
from framestream.cores import threads_text

_WIDTH_OF_A_PIPE = 120
_MOST_OPERATORS = 5


def print_report(report: BenchReport) -> None:
    """Print a report on stdout."""
    _print(_parts(report))


def print_comparison(comparison: Comparison) -> None:
    """Print a comparison of models on stdout."""
    _print(_compared(comparison))


def _print(parts: Iterator[RenderableType]) -> None:
    console = EscapingConsole()
    if not console.is_terminal:
        console = EscapingConsole(width=_WIDTH_OF_A_PIPE)
    console.print(Group(*parts))


def _parts(report: BenchReport) -> Iterator[RenderableType]:
    yield _machine(report)
    yield Text()
    yield _stages(report)
    yield Text()
    yield _throughput(report)
    yield Text()
    yield _ratios(report.ratios)
    if report.cameras is not None or report.idle is not None:
        yield Text()
        yield camera_table(report)
        yield Text("\n".join(how_measured(report)))
    for remark in _remarks(report):
        yield Text(remark, style="yellow")


def _compared(comparison: Comparison) -> Iterator[RenderableType]:
    yield Text("\n".join(_machine_lines("models", comparison.machine)))
    yield Text()
    table = make_table("model", "MB", "frames/s, 1 a run", "16 a run", "ms by operator, 16 a run", numbers_from=1)
    table.columns[-1].justify = "left"
    for one in comparison.contenders:
        operators = list(one.operators.items())[:_MOST_OPERATORS]
        table.add_row(
            f"{one.path} ({one.variant})",
            f"{one.file_bytes / 1e6:.2f}",
            *(f"{value:,.0f}" for value in one.frames_per_second.values()),
            ", ".join(f"{name} {value:.2f}" for name, value in operators),
        )
    yield table
    yield Text()
    yield _ratios(comparison.ratios)
    for ratio in comparison.ratios:
        if ratio.reason:
            yield Text(f"{ratio.name.replace('_', ' ')}: {ratio.reason}", style="yellow")


def _machine_lines(what: str, machine: Facts) -> list[str]:
    load = machine["load_average_before"]
    return [
        f"{what} on {machine['provider']}, {threads_text(machine['threads'])}, ONNX Runtime {machine['onnxruntime']}",
        f"{machine['processor']}, {machine['cores']} cores" + ("" if load is None else f", load {load:.1f} before"),
    ]


def _machine(report: BenchReport) -> Text:
    source, lines = report.source, _machine_lines(report.model["path"], report.machine)
    made = " (made for the bench)" if source["made_for_the_bench"] else ""
    size = "x".join(map(str, source["size_wh"]))
    lines.append(f"{source['name']}{made}: {size}, {source['frames']} frames, {source['frames_sampled']} for the model")
    if report.memory is not None:
        before, peak = (report.memory[name] / 2**20 for name in ("before_bytes", "peak_bytes"))
        lines.append(f"peak memory of watching it {peak:.0f} MiB, {before:.0f} MiB of them before a model is loaded")
    return Text("\n".join(lines))


def _stages(report: BenchReport) -> Table:
    table = make_table("ms per frame", "p50", "p95", "p99", "mean", "count", numbers_from=1)
    for name, times in report.stages.items():
        figures = (f"{value:.3f}" for value in (times.p50_ms, times.p95_ms, times.p99_ms, times.mean_ms))
        table.add_row(name, *figures, str(times.count))
    return table


def _throughput(report: BenchReport) -> Table:
    table = make_table("throughput", "per second", numbers_from=1)
    for name, value in report.throughput.items():
        table.add_row(name.replace("_", " "), f"{value:,.0f}")
    return table


def _ratios(ratios: Sequence[Ratio]) -> Table:
    table = make_table("ratio", "value", "quartiles", "target", "", "meaning")
    for ratio in ratios:
        spread = ratio.spread
        table.add_row(
            ratio.name.replace("_", " "),
            f"{spread.median:.2f}",
            f"{spread.low:.2f} … {spread.high:.2f}",
            *verdict_cells(spread.median, ratio.target),
            ratio.meaning,
        )
    return table


def _remarks(report: BenchReport) -> Iterator[str]:
    for ratio in report.ratios:
        if ratio.reason:
            yield f"{ratio.name.replace('_', ' ')}: {ratio.reason}"
    for name, figures in (("cameras", report.cameras), ("pictures in memory", report.pictures_in_memory)):
        if figures is not None and figures.reason:
            yield f"{name}: {figures.reason}"
    yield from report.notes
