"""The command train. Thin: it parses, calls and prints; heavy imports wait until it runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from framestream.cli.options import POSITIVE
from framestream.cli.signals import interruptible
from framestream.escapes import escape
from framestream_export.cli.setting_options import FRAMES_OPTIONS, WEIGHTS_OPTIONS, is_given, setting_option
from framestream_export.data.folds import LEAVE_ONE_OUT
from framestream_export.training.presets import (
    AUTO_PRESET,
    CHOICES,
    DEFAULT_PRESET,
    PRESETS,
    describe_presets,
    preset_named,
)
from framestream_export.training.settings import ALL_BLOCKS, KINDS, TrainSettings


def _number_or_all(all_of_them: int, *, least: int) -> Callable[[click.Context, click.Parameter, str], int]:
    """What reads an option that takes a number or "all"."""

    def read(ctx: click.Context, param: click.Parameter, value: str) -> int:
        if value == "all":
            return all_of_them
        if not value.isdigit() or int(value) < least:
            raise click.BadParameter(f"{value!r} is neither a number from {least} nor 'all'", ctx, param)
        return int(value)

    return read


_SETTING_OPTIONS = (
    setting_option("--kind", type=click.Choice(KINDS), help="One prediction per window of frames, or one per frame."),
    click.option("--no-lstm", is_flag=True, help="Use the mean of a window's features, which knows no order."),
    click.option("--bidirectional", is_flag=True, help="Read each window backwards as well."),
    setting_option(
        "--predict-ahead",
        "SECONDS",
        name="predict_ahead_seconds",
        help="Predict the label that will hold that much later.",
    ),
    *WEIGHTS_OPTIONS,
    click.option(
        "--fine-tune",
        default="0",
        metavar="N|all",
        callback=_number_or_all(ALL_BLOCKS, least=0),
        help="Train the last N blocks of a pretrained encoder, too, after the head; or all of it from the start.",
    ),
    setting_option("--fine-tune-epochs", "N", help="Train the last blocks at most N epochs."),
    setting_option(
        "--looks",
        "N",
        name="augmentations",
        help="Augmented copies (mirrored, other light) of clips for a frozen encoder; joints are changed each time.",
    ),
    *FRAMES_OPTIONS,
    setting_option("--window", "FRAMES", help="Frames per prediction."),
    setting_option("--lstm-units", "N", help="Width of the LSTM."),
    setting_option("--feature-dim", "N", help="Features per frame of the small encoder."),
    setting_option("--dropout", "SHARE", help="Share of the features dropped in training."),
    setting_option("--epochs", "N", help="Train at most N epochs."),
    setting_option("--batch-size", "RUNS", help="Runs per step; a run is two windows of frames."),
    setting_option("--learning-rate", "R", help="Peak of the cosine schedule."),
    setting_option("--patience", "EPOCHS", help="Stop after so many epochs without a better validation loss."),
    setting_option("--seed", "N", help="Fixes the division of the clips and all that is random."),
    setting_option("--background", "LABEL", help='The label that means "nothing happens"; else idle or background.'),
    click.option("--no-flip", is_flag=True, help="Do not mirror clips: left and right are different classes."),
    setting_option(
        "--time-limit",
        "MINUTES",
        name="time_limit_minutes",
        type=float,
        help="End after so many, all included: with a model of the epochs so far, at least one, or with an error while"
        " clips are still read or encoded. --resume goes on.",
    ),
)


def _with_setting_options(command: Any) -> Any:
    for option in reversed(_SETTING_OPTIONS):
        command = option(command)
    return command


@click.command(epilog="\b\nPresets:\n" + "\n".join(describe_presets()))
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--output", required=True, type=click.Path(path_type=Path), metavar="RUN", help="The run's folder.")
@click.option(
    "--preset",
    type=click.Choice([AUTO_PRESET, *(preset.name for preset in PRESETS)]),
    default=AUTO_PRESET,
    show_default=f"{AUTO_PRESET}; {DEFAULT_PRESET} with --weights, --size or --fine-tune",
    help="Which encoder; see below.",
)
@_with_setting_options
@click.option("--negatives", type=click.Path(path_type=Path), metavar="DIR", help="Films in which nothing happens.")
@click.option(
    "--folds",
    default="0",
    metavar="N|all",
    callback=_number_or_all(LEAVE_ONE_OUT, least=0),
    help="Cross-validate first: N models, tested on other groups.",
)
@click.option(
    "--image-rate", type=POSITIVE, metavar="FPS", help="Images per second, for clips that are folders of them."
)
@click.option("--by", metavar="COLUMN", show_default="group", help="The manifest's column that groups clips.")
@click.option(
    "--devices",
    default="auto",
    metavar="auto|cpu|N",
    show_default=True,
    help="What to train on: all GPUs, else the CPU; the CPU; N GPUs.",
)
@click.option(
    "--resume", is_flag=True, help="Carry on with the run in RUN, as it was begun, after its last complete epoch."
)
@click.option(
    "--cache",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where decoded frames and features go; else RUN/cache, or as before.",
)
@click.pass_context
@interruptible
def train(
    ctx: click.Context,
    /,
    data: Path,
    output: Path,
    preset: str,
    negatives: Path | None,
    folds: int,
    by: str | None,
    image_rate: float | None,
    devices: str,
    resume: bool,
    cache: Path | None,
    **options: Any,
) -> None:
    """Train a model on the labelled clips in DATA.

    DATA is a directory of class folders, a manifest (path,label[,start,end,split,group]), a directory with manifests
    and films that have a timeline NAME.csv (start,end,label) beside them, folders of splits or people, or a data set as
    UCF101, HMDB51, Kinetics, ActivityNet, EPIC-KITCHENS, Jester, Something-Something, Label Studio, VIA, CVAT or ELAN
    lay it out. A manifest may list what `framestream embed` made of films: encoder, size and rate follow from that.
    """
    from framestream_export.cli.toolkit import TRAINING, require

    begun_seconds = time.monotonic()
    require(TRAINING)
    from framestream.console import EscapingConsole
    from framestream_export.time_limit import TimeLimit
    from framestream_export.training.embedded_recordings import EmbeddedRecordings
    from framestream_export.training.resumption import has_begun, resumed_settings
    from framestream_export.training.training_data import DataPath
    from framestream_export.training.training_run import train as run_training

    console, changes = EscapingConsole(stderr=True), _changes(ctx, options)
    begun = resume and has_begun(output)
    choices: tuple[str, ...] = ()
    data_path = DataPath(data, negatives=negatives, group_column=by, cache=cache, image_rate=image_rate)
    embedded = None if begun else EmbeddedRecordings.listed_in(data_path, changes.get("background"))
    if embedded is not None:
        if is_given(ctx, "preset") and preset != AUTO_PRESET:
            changes = preset_named(preset).to_settings() | changes
        elif is_given(ctx, "preset"):
            choices = CHOICES
        changes = embedded.with_options(changes)
    elif "encoder" not in changes and (not begun or is_given(ctx, "preset")):
        named, choices = _settled_preset(ctx, preset, changes, begun=begun)
        changes = ({} if named is None else preset_named(named).to_settings()) | changes
    settings = resumed_settings(output, changes) if begun else TrainSettings(**changes)
    if resume and not begun:
        notice = f"{output} holds nothing to resume: it starts from the beginning, with the options given now"
        console.print(notice, highlight=False, markup=False, soft_wrap=True)
    try:
        record = run_training(
            data_path,
            output,
            settings,
            choices=choices,
            resume=resume,
            folds=folds,
            devices=devices,
            time_limit=TimeLimit(settings.time_limit_minutes, begun_seconds=begun_seconds),
            console=console,
        )
    except KeyboardInterrupt:
        with suppress(OSError):  # the terminal may be closed
            console.print("the same command with --resume carries on after the last complete epoch", soft_wrap=True)
        raise
    for line in _result_lines(output, record):
        click.echo(escape(line))


def _settled_preset(
    ctx: click.Context, preset: str, changes: dict[str, Any], *, begun: bool
) -> tuple[str | None, tuple[str, ...]]:
    """The preset to take the settings from, and those to choose from; a run that has begun has chosen."""
    if preset != AUTO_PRESET:
        return preset, ()
    said = [f"--{name.replace('_', '-')}" for name in ("weights", "size", "fine_tune") if name in changes]
    if said and is_given(ctx, "preset"):
        raise click.UsageError(f"--preset {AUTO_PRESET} leaves the encoder open and excludes {', '.join(said)}")
    if said:
        return DEFAULT_PRESET, ()
    return (None, ()) if begun else (CHOICES[0], CHOICES)


def _changes(ctx: click.Context, options: dict[str, Any]) -> dict[str, Any]:
    """The settings that were asked for, by their names."""
    changes = {name: value for name, value in options.items() if is_given(ctx, name)}
    if changes.pop("no_flip", False):
        changes["flip"] = False
    heads = [name for name in ("no_lstm", "bidirectional") if changes.pop(name, False)]
    if len(heads) > 1:
        raise click.UsageError("--no-lstm and --bidirectional exclude each other")
    if "encoder" in changes and is_given(ctx, "preset"):
        raise click.UsageError("--preset and --encoder exclude each other")
    if heads:
        changes["head"] = "mean" if heads == ["no_lstm"] else "bidirectional"
    return changes


def _result_lines(output: Path, record: dict[str, Any]) -> Iterator[str]:
    validated = record.get("cross_validation")
    if validated is not None:
        yield (
            f"{output}: cross-validated accuracy {validated['mean_accuracy']:.3f} of windows,"
            f" {validated['mean_segment_accuracy']:.3f} of labelled segments, mean of {validated['folds']} folds"
        )
    yield f"{output}: test accuracy {record['test']['accuracy']:.3f} ({record['stopped']})"
