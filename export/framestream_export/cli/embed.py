"""The command embed. Thin: it parses, calls and prints; heavy imports wait until it runs."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click

from framestream.cli.options import POSITIVE
from framestream.escapes import escape
from framestream_export.cli.setting_options import FRAMES_OPTIONS, WEIGHTS_OPTIONS, is_given
from framestream_export.training.presets import CHOICES, PRESETS, preset_named
from framestream_export.training.settings import TrainSettings


def _with_encoder_options(command: Any) -> Any:
    for option in reversed((*WEIGHTS_OPTIONS, *FRAMES_OPTIONS)):
        command = option(command)
    return command


@click.command()
@click.argument("data", type=click.Path(path_type=Path))
@click.option(
    "--output", required=True, type=click.Path(path_type=Path), metavar="DIR", help="Folder for features and manifest."
)
@click.option(
    "--preset",
    type=click.Choice([preset.name for preset in PRESETS]),
    default=CHOICES[0],
    show_default=True,
    help="Which encoder; see `framestream train --help`.",
)
@_with_encoder_options
@click.option("--background", metavar="LABEL", help='The label that means "nothing happens"; else idle or background.')
@click.option("--negatives", type=click.Path(path_type=Path), metavar="DIR", help="Films in which nothing happens.")
@click.option(
    "--image-rate", type=POSITIVE, metavar="FPS", help="Images per second, for clips that are folders of them."
)
@click.option("--by", metavar="COLUMN", show_default="group", help="The manifest's column that groups clips.")
@click.pass_context
def embed(
    ctx: click.Context,
    /,
    data: Path,
    output: Path,
    preset: str,
    background: str | None,
    negatives: Path | None,
    image_rate: float | None,
    by: str | None,
    **options: Any,
) -> None:
    """Encode the labelled clips in DATA once, to train on many times.

    DATA is what `train` takes. DIR becomes a file of features for each clip and a manifest with their labels, splits
    and groups, on which `framestream train DIR` gives what it would give on the clips. The same command again encodes
    only what is not there yet.
    """
    from framestream_export.cli.toolkit import EMBED, require

    require(EMBED)
    from rich import markup

    from framestream.console import EscapingConsole
    from framestream_export.training.embedding import embed as run_embedding
    from framestream_export.training.training_data import DataPath

    changes = {name: value for name, value in options.items() if is_given(ctx, name)}
    if "encoder" in changes and is_given(ctx, "preset"):
        raise click.UsageError("--preset and --encoder exclude each other")
    if "encoder" not in changes:
        changes = preset_named(preset).to_settings() | changes
    settings = TrainSettings(**changes)
    console = EscapingConsole(stderr=True)
    dataset = DataPath(data, negatives=negatives, group_column=by, image_rate=image_rate).read(background)
    made = run_embedding(dataset, output, settings, console=console)
    for said in (*dataset.warnings, *(f"{one.name}: {one.reason}; left out" for one in made.skipped)):
        console.print(f"[yellow]warning[/] {markup.escape(said)}", highlight=False, soft_wrap=True)
    kept = made.recordings - made.encoded
    made_of = f"{made.recordings} recordings as features of {made.maker}"
    click.echo(escape(f"{made.manifest}: {made_of}, {kept} of them kept"))
    said = f"framestream train {shlex.quote(str(output))}"
    if dataset.background not in (None, "idle", "background"):
        said += f" --background {shlex.quote(str(dataset.background))}"
    click.echo(escape(f"train on it with: {said} --output RUN"))
