"""The command export. Thin: it parses, calls and prints."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from framestream_export.cli_handoff import hand_over, handoff_options, wanted_variants
from framestream_export.cli_variants import chosen_variant, lines, variant_options


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--output", type=click.Path(path_type=Path), metavar="MODEL.onnx", help="The file to write.")
@click.option(
    "--triton", type=click.Path(path_type=Path), metavar="DIR", help="A model repository for NVIDIA Triton to write to."
)
@handoff_options
@variant_options
@click.option("--enter", type=float, metavar="P", help="Default probability at which an event starts.")
@click.option("--leave", type=float, metavar="P", help="Default probability below which it ends.")
@click.option("--smoothing-seconds", type=float, metavar="S", help="Default length of the moving average.")
@click.option("--min-seconds", type=float, metavar="S", help="Default least length of an event.")
def export(
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
    variant = chosen_variant(variant, no_lstm_op=no_lstm_op)
    from framestream_export.toolkit import EXPORT, require

    require(EXPORT)
    from framestream.spec import EventSettings
    from framestream_export.convert import export as run_export
    from framestream_export.variants.gate import Gate

    settings = EventSettings(**{name: value for name, value in events.items() if value is not None})
    if output is not None:
        gate = Gate(max_drop=max_drop / 100)
        exported = run_export(run, output, events=settings, variant=variant, gate=gate, data=data)
        for line in lines(exported):
            click.echo(line)
    if handoff is not None:
        from framestream_export.convert import Exporter

        names = wanted_variants(variants)
        exporter = Exporter(run, events=settings, gate=Gate(max_drop=max_drop / 100), data=data)
        for line in hand_over(exporter, run, handoff, variants=names, drawn=drawn_vectors):
            click.echo(line)
    if triton is not None:
        from framestream_export.triton.repository import copied, write_repository

        make_model = partial(run_export, run, events=settings) if output is None else copied(output)
        click.echo(write_repository(triton, run.resolve().name, make_model))
