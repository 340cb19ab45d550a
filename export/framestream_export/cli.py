"""The command export. Thin: it parses, calls and prints."""

from __future__ import annotations

from pathlib import Path

import click
from click.core import ParameterSource

from framestream_export.cli_handoff import hand_over, handoff_options, wanted_variants
from framestream_export.cli_triton import check_served, serve
from framestream_export.cli_variants import chosen_variant, told, variant_options


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--output", type=click.Path(path_type=Path), metavar="MODEL.onnx", help="The file to write.")
@click.option(
    "--triton", type=click.Path(path_type=Path), metavar="DIR", help="A model repository for NVIDIA Triton to write to."
)
@handoff_options
@variant_options
@click.option("--enter", type=float, metavar="P", help="Default probability at which an event starts; else the run's.")
@click.option("--leave", type=float, metavar="P", help="Default probability below which it ends.")
@click.option("--smoothing-seconds", type=float, metavar="S", help="Default length of the moving average.")
@click.option("--min-seconds", type=float, metavar="S", help="Default least length of an event.")
@click.pass_context
def export(
    ctx: click.Context,
    /,
    run: Path,
    output: Path | None,
    triton: Path | None,
    handoff: Path | None,
    variants: str,
    drawn_vectors: bool,
    variant: str,
    no_lstm_op: bool,
    max_drop: float,
    data: Path | None,
    **events: float | None,
) -> None:
    """Write a training RUN's model as one ONNX file.

    The file says all about itself in its metadata; the same facts go into a .json beside it. With --triton, DIR/RUN
    becomes a model that a Triton server can load; see export/README.md. With --handoff, DIR becomes everything somebody
    needs who runs the model without FrameStream.
    """
    if output is None and triton is None and handoff is None:
        raise click.UsageError("nothing to write: give --output MODEL.onnx, --handoff DIR or --triton DIR")
    _refuse_idle_options(ctx, one_file=output is not None or triton is not None, handoff=handoff is not None)
    variant = chosen_variant(variant, no_lstm_op=no_lstm_op)
    if triton is not None:
        check_served(variant)
    from framestream_export.toolkit import EXPORT, require

    require(EXPORT)
    from framestream_export.convert import Exporter, check_output
    from framestream_export.variants.gate import Gate

    settings = {name: value for name, value in events.items() if value is not None}
    names = wanted_variants(variants)
    if output is not None:
        check_output(output, variant)
    exporter = Exporter(run, events=settings, gate=Gate(max_drop=max_drop / 100), data=data)
    if triton is not None:
        check_served(variant, exporter.finished.settings.kind)
    if output is not None:
        for line in told(exporter.write(output, variant)):
            click.echo(line)
    if handoff is not None:
        for line in hand_over(exporter, run, handoff, variants=names, drawn=drawn_vectors):
            click.echo(line)
    if triton is not None:
        for line in serve(exporter, run, triton, variant=variant, made=output):
            click.echo(line)


def _refuse_idle_options(ctx: click.Context, *, one_file: bool, handoff: bool) -> None:
    """An option that would do nothing is a mistake of whoever gives it."""
    given = {name for name in ctx.params if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE}
    if not one_file and given & {"variant", "no_lstm_op"}:
        raise click.UsageError("--variant is for --output and --triton; choose what --handoff holds with --variants")
    if not handoff and given & {"variants", "drawn_vectors"}:
        raise click.UsageError("--variants and --drawn-vectors are for --handoff; give --variant for one file")
