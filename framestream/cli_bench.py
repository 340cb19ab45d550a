"""``framestream bench``."""

from __future__ import annotations

import json
import sys

import click

from framestream.session import Device

# A paused camera shows what it costs sooner than others.
_IDLE_SECONDS = 3.0


@click.command()
@click.argument("model", required=False)
@click.option("--source", metavar="FILE", help="Video to read; by default a short film is made.")
@click.option(
    "--cameras", type=click.IntRange(min=0), default=8, show_default=True, help="Cameras to try; 0 leaves them out."
)
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=10.0,
    show_default=True,
    help="How long cameras run.",
)
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Where to run; auto takes CUDA if it works.",
)
@click.option("--threads", type=click.IntRange(min=1), help="CPU threads for the model; by default up to 4.")
@click.option(
    "--format", "format_name", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Output."
)
def bench(
    model: str | None,
    *,
    source: str | None,
    cameras: int,
    seconds: float,
    device: Device,
    threads: int | None,
    format_name: str,
) -> None:
    """Measure what a MODEL costs on this machine: by stage, against the naive way, and with many cameras.

    Without MODEL, the one that comes with FrameStream. Everything is measured in turns, so ratios hold on a machine
    that does other work as well; times do not. A ratio that misses its target is no error: the report says by how
    much and, where it is known, why.
    """
    from framestream.bench import BenchSettings, run_bench

    settings = BenchSettings(cameras=cameras, camera_seconds=seconds, idle_seconds=min(seconds, _IDLE_SECONDS))
    report = run_bench(model, source=source, settings=settings, device=device, threads=threads, progress=_tell)
    if format_name == "json":
        click.echo(json.dumps(report.to_dict(), indent=2, allow_nan=False))
        return
    from framestream.bench.table import print_report

    print_report(report)


def _tell(stage: str) -> None:
    # Only where somebody waits for it.
    if sys.stderr is not None and sys.stderr.isatty():
        click.echo(f"measuring: {stage}", err=True)
