"""The commands train, export and verify. Thin: they parse, call and print; heavy imports wait until a command runs."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from framestream_export.cli_handoff import hand_over, handoff_options, wanted_variants
from framestream_export.cli_variants import chosen_variant, lines, variant_options
from framestream_export.cli_verify import verify as verify
from framestream_export.settings import KINDS, TrainSettings

_DEFAULTS = TrainSettings()


def _setting(flag: str, metavar: str | None = None, *, name: str | None = None, **options: Any) -> Any:
    """An option of `train` whose type and default are those of the field of TrainSettings."""
    name = name or flag.removeprefix("--").replace("-", "_")
    default = getattr(_DEFAULTS, name)
    options.setdefault("type", str if default is None else type(default))
    return click.option(flag, name, metavar=metavar, default=default, show_default=True, **options)


_SETTING_OPTIONS = (
    _setting("--kind", type=click.Choice(KINDS), help="One answer per window of frames, or one per frame."),
    _setting("--encoder", "NAME", help="small, or a keras.applications backbone, e.g. MobileNetV2@0.35."),
    _setting(
        "--weights", "none|people|imagenet|FILE|RUN", help="What the encoder starts from; a RUN gives its head, too."
    ),
    click.option("--freeze-encoder", is_flag=True, help="Keep the encoder as its weights are."),
    _setting("--size", "PIXELS", help="Height and width of the model's frames."),
    _setting("--rate", "FPS", name="frame_rate", help="Frames the model sees per second."),
    _setting("--window", "FRAMES", help="Frames per answer."),
    _setting("--lstm-units", "N", help="Width of the LSTM."),
    _setting("--feature-dim", "N", help="Features per frame of the small encoder."),
    _setting("--dropout", "SHARE", help="Share of the features dropped in training."),
    _setting("--epochs", "N", help="Train at most so many."),
    _setting("--batch-size", "RUNS", help="Runs per step; a run is two windows of frames."),
    _setting("--learning-rate", "R", help="Peak of the cosine schedule."),
    _setting("--patience", "EPOCHS", help="Stop after so many without a better validation loss."),
    _setting("--seed", "N", help="Fixes the division of the clips and all that is random."),
    _setting("--background", "LABEL", help='The label that means "nothing happens"; else idle or background.'),
    click.option("--no-flip", is_flag=True, help="Do not mirror clips: left and right are different classes."),
    _setting(
        "--time-limit", "MINUTES", name="time_limit_minutes", type=float, help="Stop after the epoch that passes it."
    ),
)


def _with_setting_options(command: Any) -> Any:
    for option in reversed(_SETTING_OPTIONS):
        command = option(command)
    return command


@click.command()
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--output", required=True, type=click.Path(path_type=Path), metavar="RUN", help="The run's folder.")
@_with_setting_options
@click.option("--resume", is_flag=True, help="Carry on with the run in RUN after its last complete epoch.")
@click.option(
    "--cache",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where decoded frames go; else RUN/cache, or as before.",
)
@click.pass_context
def train(ctx: click.Context, /, data: Path, output: Path, resume: bool, cache: Path | None, **options: Any) -> None:
    """Train a model on the labelled clips in DATA.

    DATA is a directory of class folders, a manifest (path,label[,start,end,split,group]) or a directory with
    manifests and films that have a timeline NAME.csv (start,end,label) beside them.
    """
    from framestream_export.toolkit import TRAINING, require

    require(TRAINING)
    from rich.console import Console

    from framestream_export.train import resumed_settings
    from framestream_export.train import train as run_training

    changes = {name: value for name, value in options.items() if _is_given(ctx, name)}
    if changes.pop("no_flip", False):
        changes["flip"] = False
    settings = resumed_settings(output, changes, _DEFAULTS) if resume else TrainSettings(**changes)
    console = Console(stderr=True)
    record = run_training(data, output, settings, resume=resume, cache_folder=cache, console=console)
    click.echo(f"{output}: test accuracy {record['test']['accuracy']:.3f} ({record['stopped']})")


def _is_given(ctx: click.Context, name: str) -> bool:
    return ctx.get_parameter_source(name) not in (ParameterSource.DEFAULT, None)


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
