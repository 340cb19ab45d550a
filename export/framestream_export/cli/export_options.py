"""The options of export that choose a variant and say what it may lose, and the lines that report what was measured."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from framestream.cores import threads_text
from framestream_export.exporting.figures import VARIANTS

if TYPE_CHECKING:
    from framestream_export.exporting.exporter import ExportedModel
    from framestream_export.exporting.speed import Speed

_OPTIONS = (
    click.option(
        "--variant",
        type=click.Choice(list(VARIANTS)),
        default="float32",
        show_default=True,
        help="What to write; those but float32 are measured on the clips kept out of training.",
    ),
    click.option("--no-lstm-op", is_flag=True, help="The same as --variant no-lstm-op."),
    click.option(
        "--max-drop",
        type=click.FloatRange(0, 100),
        default=1.0,
        show_default=True,
        metavar="POINTS",
        help="Refuse a variant that loses more accuracy than so many points of 100.",
    ),
    click.option(
        "--data", type=click.Path(path_type=Path), metavar="DIR", help="The run's data set, if it is not where it was."
    ),
)


def variant_options(command: Any) -> Any:
    """Give a command --variant, --no-lstm-op, --max-drop and --data."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def chosen_variant(variant: str, *, no_lstm_op: bool) -> str:
    """The variant that two options ask for."""
    if no_lstm_op and variant not in ("float32", "no-lstm-op"):
        raise click.UsageError(f"--no-lstm-op is a variant of its own; leave it out, or --variant {variant}")
    return "no-lstm-op" if no_lstm_op else variant


def export_lines(exported: ExportedModel) -> Iterator[str]:
    """Yield the lines that report a file that was written."""
    yield (
        f"{exported.path}: {exported.path.stat().st_size / 1e6:.2f} MB, {exported.nodes} nodes, differs from Keras by"
        f" at most {exported.spec.parity:.1e} on {exported.rows} predictions; facts in {exported.sidecar}"
    )
    yield from measured_lines(exported)


def measured_lines(exported: ExportedModel) -> Iterator[str]:
    """Yield the lines that report what was measured on a variant, kernels and speed included."""
    figures = exported.figures
    if figures.accuracy is not None and figures.drop is not None and figures.flips is not None:
        yield (
            f"{figures.variant}: accuracy {figures.accuracy:.4f} of {figures.predictions} held-out predictions"
            f" ({0 - 100 * figures.drop:+.2f} points against float32), {100 * figures.flips:.2f} % of decisions differ"
        )
    yield f"{figures.variant}: {exported.kernels}"
    if exported.kernels.nodes is None:
        yield f"check it where it will run: framestream verify HANDOFF_DIR --provider {exported.kernels.provider}"
    if exported.speed is not None:
        yield _speed_line(figures.variant, exported.speed)


def _speed_line(variant: str, speed: Speed) -> str:
    verdict = f"{variant} is {speed.ratio:.2f} times as fast as float32 here"
    if speed.ratio < 1.05:
        verdict = f"{variant} is not faster than float32 here ({speed.ratio:.2f} times its speed)"
    return (
        f"{verdict}: {speed.variant_fps:.0f} and {speed.float32_fps:.0f} frames per second,"
        f" {speed.steps} at a time, {threads_text(speed.threads)}, {speed.machine}"
    )
