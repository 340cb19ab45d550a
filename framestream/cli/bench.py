"""`framestream bench`: measure what a model costs on this machine."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

import click
from click.core import ParameterSource

from framestream.cli.options import POSITIVE, running_options
from framestream.model.session import Device

# A paused camera shows what it costs sooner than others.
_IDLE_SECONDS = 3.0


@click.command()
@click.argument("model", required=False)
@click.option("--source", metavar="FILE", help="Video to read; by default a short film is made.")
@click.option(
    "--cameras",
    type=click.IntRange(min=0),
    default=8,
    show_default=True,
    help="Cameras to start and watch; 0 leaves them out.",
)
@click.option(
    "--seconds",
    type=POSITIVE,
    default=10.0,
    show_default=True,
    help="How long cameras are measured.",
)
@click.option(
    "--against",
    multiple=True,
    metavar="OTHER",
    help="Only compare MODEL with another variant of it; may be given again.",
)
@running_options
@click.option(
    "--format", "format_name", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Output."
)
@click.pass_context
def bench(
    ctx: click.Context,
    /,
    model: str | None,
    *,
    source: str | None,
    cameras: int,
    seconds: float,
    against: tuple[str, ...],
    device: Device,
    threads: int | None,
    format_name: str,
) -> None:
    """Measure what a MODEL costs on this machine: by stage, against the naive way, and with many cameras.

    Without MODEL, the one that comes with FrameStream. Everything is measured in turns, so ratios hold on a machine
    that does other work as well; times do not. A ratio that misses its target is no error: the report says by how
    much and, where it is known, why. With --against, models are timed side by side and nothing else is.
    """
    if against:
        for name in ("source", "cameras", "seconds"):
            if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE:
                raise click.UsageError(f"--against compares models, without --{name}")
        _compare(model, against, device=device, threads=threads, format_name=format_name)
        return
    from framestream.bench import BenchSettings, run_bench

    settings = BenchSettings(cameras=cameras, camera_seconds=seconds, idle_seconds=min(seconds, _IDLE_SECONDS))
    report = run_bench(model, source=source, settings=settings, device=device, threads=threads, progress=_show_progress)
    if format_name == "json":
        click.echo(json.dumps(report.to_dict(), indent=2, allow_nan=False))
        return
    from framestream.bench.table import print_report

    print_report(report)


def _compare(
    model: str | None, others: Sequence[str], *, device: Device, threads: int | None, format_name: str
) -> None:
    from framestream.bench import compare_models

    _show_progress("models in turns")
    comparison = compare_models(model, others, device=device, threads=threads)
    if format_name == "json":
        click.echo(json.dumps(comparison.to_dict(), indent=2, allow_nan=False))
        return
    from framestream.bench.table import print_comparison

    print_comparison(comparison)


def _show_progress(stage: str) -> None:
    # Only where somebody waits for it.
    if sys.stderr is not None and sys.stderr.isatty():
        click.echo(f"measuring: {stage}", err=True)
