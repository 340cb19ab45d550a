"""The command export. Thin: it parses, calls and prints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from framestream.escapes import escape
from framestream_export.cli.export_options import chosen_variant, export_lines, measured_lines, variant_options
from framestream_export.exporting.figures import VARIANTS, find_variant

if TYPE_CHECKING:
    from framestream_export.exporting.exporter import ExportedModel, Exporter
    from framestream_export.handoff.writing import HandoffFolder
_NOT_SERVED = {
    "static": "it takes one camera and one frame, and Triton batches cameras",
    "ort": "Triton's ONNX Runtime backend reads .onnx files",
}
_HANDOFF_OPTIONS = (
    click.option(
        "--handoff",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="A folder to write with variants, golden vectors, model card and README, for somebody else.",
    ),
    click.option(
        "--variants",
        metavar="NAME,…",
        default="all",
        show_default=True,
        help="What --handoff holds besides float32.",
    ),
    click.option(
        "--drawn-vectors",
        is_flag=True,
        help="Make the golden vectors of --handoff without pictures from the run's recordings.",
    ),
)


def handoff_options(command: Any) -> Any:
    """Add the options of the hand-off folder to a command."""
    for option in reversed(_HANDOFF_OPTIONS):
        command = option(command)
    return command


def wanted_variants(text: str) -> list[str]:
    """Return the names in `--variants`; raises SettingsError for a name that no variant has."""
    names = list(VARIANTS) if text == "all" else [name.strip() for name in text.split(",")]
    return [find_variant(name).name for name in names]


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

    The file describes itself in its metadata; the same facts go into a .json beside it. With --triton, DIR/RUN
    becomes a model that a Triton server can load; see export/README.md. With --handoff, DIR becomes everything somebody
    needs who runs the model without FrameStream.
    """
    if output is None and triton is None and handoff is None:
        raise click.UsageError("nothing to write: give --output MODEL.onnx, --handoff DIR or --triton DIR")
    _refuse_options_without_effect(ctx, one_file=output is not None or triton is not None, handoff=handoff is not None)
    variant = chosen_variant(variant, no_lstm_op=no_lstm_op)
    if triton is not None:
        check_served(variant)
    from framestream_export.cli.toolkit import EXPORT, require

    require(EXPORT)
    from framestream_export.exporting.exporter import Exporter, check_output
    from framestream_export.exporting.gate import Gate

    settings = {name: value for name, value in events.items() if value is not None}
    names = wanted_variants(variants)
    if output is not None:
        check_output(output, variant)
    exporter = Exporter(run, events=settings, gate=Gate(max_drop=max_drop / 100), data=data)
    if triton is not None:
        check_served(variant, exporter.finished.settings.kind)
    if output is not None:
        for line in export_lines(exporter.write(output, variant)):
            click.echo(escape(line))
    if handoff is not None:
        for line in hand_over(exporter, run, handoff, variants=names, drawn=drawn_vectors):
            click.echo(escape(line))
    if triton is not None:
        for line in serve(exporter, run, triton, variant=variant, made=output):
            click.echo(escape(line))


def check_served(variant: str, kind: str | None = None) -> None:
    """Refuse a variant that Triton cannot serve.

    Args:
        variant: Name of the variant.
        kind: "window" or "stateful"; None where the run was not read yet.
    """
    reason = _NOT_SERVED.get(variant)
    if variant == "no-lstm-op" and kind == "stateful":
        reason = "a stateful model without the LSTM operator takes one frame a run, and a request has any number"
    if reason is not None:
        raise click.UsageError(f"--triton with --variant {variant}: {reason}; choose another variant")


def serve(exporter: Exporter, run: Path, repository: Path, *, variant: str, made: Path | None) -> Iterator[str]:
    """Write the Triton repository and yield lines that report what was measured, and how to serve it.

    Args:
        exporter: The exporter of the run.
        run: The run's folder, after which the model is called.
        repository: The folder of the Triton repository.
        variant: Name of the variant to serve.
        made: The model file, if it was written already.
    """
    from framestream_export.triton.repository import copied, write_repository

    exported: list[ExportedModel] = []
    make_model = copied(made) if made is not None else lambda path: exported.append(exporter.write(path, variant))
    done = write_repository(repository, run.resolve().name, make_model)
    for one in exported:
        yield from measured_lines(one)
    yield str(done)


def hand_over(exporter: Exporter, run: Path, output: Path, *, variants: Sequence[str], drawn: bool) -> Iterator[str]:
    """Write the hand-off folder and yield lines that report what was measured, and what is in it."""
    from framestream_export.handoff.writing import write_handoff

    made: list[ExportedModel] = []
    done: HandoffFolder = write_handoff(
        run,
        output,
        variants=variants,
        export_variant=lambda name, path: made.append(exporter.write(path, name)),
        drawn=drawn,
    )
    for one in made:
        yield from measured_lines(one)
    yield f"{done.path}: {', '.join(done.variants)}; {done.file_bytes / 1e6:.1f} MB"
    for reason in done.refused.values():
        yield f"left out: {reason}"
    if done.vector_frames:
        yield (
            f"its golden vectors hold {done.vector_frames} pictures of the run's recordings;"
            " --drawn-vectors makes them without"
        )


def _refuse_options_without_effect(ctx: click.Context, *, one_file: bool, handoff: bool) -> None:
    """Refuse options that would have no effect on what is to be written."""
    given = {name for name in ctx.params if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE}
    if not one_file and given & {"variant", "no_lstm_op"}:
        raise click.UsageError("--variant is for --output and --triton; choose what --handoff holds with --variants")
    if not handoff and given & {"variants", "drawn_vectors"}:
        raise click.UsageError("--variants and --drawn-vectors are for --handoff; give --variant for one file")
