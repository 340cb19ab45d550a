"""The command train. Thin: it parses, calls and prints; heavy imports wait until it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from framestream_export.training.settings import KINDS, TrainSettings

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

    from framestream_export.training.train import resumed_settings
    from framestream_export.training.train import train as run_training

    changes = {name: value for name, value in options.items() if _is_given(ctx, name)}
    if changes.pop("no_flip", False):
        changes["flip"] = False
    settings = resumed_settings(output, changes, _DEFAULTS) if resume else TrainSettings(**changes)
    console = Console(stderr=True)
    record = run_training(data, output, settings, resume=resume, cache_folder=cache, console=console)
    click.echo(f"{output}: test accuracy {record['test']['accuracy']:.3f} ({record['stopped']})")


def _is_given(ctx: click.Context, name: str) -> bool:
    return ctx.get_parameter_source(name) not in (ParameterSource.DEFAULT, None)
