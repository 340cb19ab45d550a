"""The commands data check and data import. Thin: they parse, call and print; heavy imports wait until they run."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from framestream.cli.options import POSITIVE
from framestream.escapes import escape
from framestream_export.data.layouts import LAYOUTS

if TYPE_CHECKING:
    from framestream_export.data.check.probing import Probe

_LAYOUT_OPTIONS = (
    click.option(
        "--layout",
        type=click.Choice([layout.name for layout in LAYOUTS]),
        help="How DATA is laid out; else it is recognised.",
    ),
    click.option(
        "--split-number",
        type=click.IntRange(1, 3),
        default=1,
        show_default=True,
        help="Which official division of ucf101 or hmdb51 to take.",
    ),
    click.option(
        "--class-level",
        type=click.IntRange(1),
        metavar="N",
        help="Which level of folders names the classes, 1 right below DATA; else it is recognised.",
    ),
    click.option(
        "--image-rate", type=POSITIVE, metavar="FPS", help="Images per second, for clips that are folders of them."
    ),
    click.option(
        "--frame-rate", type=float, metavar="FPS", help="Frames per second that Label Studio or CVAT counted."
    ),
)


def _with_layout_options(command: Any) -> Any:
    for option in reversed(_LAYOUT_OPTIONS):
        command = option(command)
    return command


@click.group()
def data() -> None:
    """Examine labelled clips before training on them."""


@data.command()
@click.argument("data", type=click.Path(path_type=Path))
@click.option(
    "--format", "format_name", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Output."
)
@click.option(
    "--sheets", type=click.Path(path_type=Path), metavar="DIR", help="Draw a contact sheet of every label into DIR."
)
@click.option(
    "--negatives", type=click.Path(path_type=Path), metavar="DIR", help="Films in which nothing happens, below DIR."
)
@click.option("--background", metavar="LABEL", help='The label that means "nothing happens"; else idle or background.')
@_with_layout_options
@click.pass_context
def check(ctx: click.Context, /, data: Path, format_name: str, sheets: Path | None, **reading: Any) -> None:
    """Read every file of DATA once and say what is there and what is wrong with it.

    DATA is what `train` takes. Exit code 1 if it cannot be trained on.
    """

    from framestream.console import EscapingConsole
    from framestream.errors import DataError
    from framestream_export.data.check.check_text import print_examination
    from framestream_export.data.check.examination import Examination, Plan
    from framestream_export.data.check.examining import examine
    from framestream_export.data.recordings import read_dataset
    from framestream_export.training.settings import TrainSettings

    wanted = TrainSettings()
    try:
        dataset = read_dataset(data, **reading)
        found = examine(
            dataset,
            plan=Plan(frame_rate=wanted.frame_rate, window=wanted.window),
            sheets=sheets,
            data=data,
            progress=_with_progress,
        )
    except DataError as error:
        if format_name != "json":
            raise
        found = Examination(data=str(data), background=None, reasons=(str(error),))
    if format_name == "json":
        click.echo(json.dumps(found.to_dict(), indent=2, allow_nan=False))
    else:
        print_examination(found, EscapingConsole())
    if not found.usable:
        ctx.exit(1)


@data.command("import")
@click.argument("data", type=click.Path(path_type=Path))
@click.option(
    "--output", required=True, type=click.Path(path_type=Path), metavar="MANIFEST.csv", help="The manifest to write."
)
@click.option("--background", metavar="LABEL", help='The label that means "nothing happens"; else idle or background.')
@_with_layout_options
def import_(data: Path, output: Path, **reading: Any) -> None:
    """Write a manifest of DATA, which `train` reads as it would read DATA.

    For what others have laid out (UCF101, Kinetics, Label Studio, CVAT and others): to examine or correct it.
    The manifest must lie in a folder above all clips.
    """
    from framestream.errors import SettingsError
    from framestream_export.data.manifest import write_manifest
    from framestream_export.data.recordings import read_dataset

    if output.exists():
        # It may have been corrected by hand since.
        raise SettingsError(f"{output} exists; give another --output, or remove it first")
    dataset = read_dataset(data, **reading)
    rows = write_manifest(output, dataset.recordings)
    for warning in dataset.warnings:
        click.echo(escape(f"warning: {warning}"), err=True)
    counts = f"{rows} rows, {len(dataset.recordings)} recordings, {len(dataset.labels)} labels"
    click.echo(escape(f"{output}: {counts}"))


def _with_progress(probes: Iterable[Probe], count: int) -> Iterable[Probe]:
    from rich.progress import track

    from framestream.console import EscapingConsole

    console = EscapingConsole(stderr=True)
    return track(
        probes,
        description="reading clips",
        total=count,
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
