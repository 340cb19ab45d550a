"""The part of the command export that writes a hand-off folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from framestream_export.cli_variants import measured
from framestream_export.variants.figures import VARIANTS, find_variant

if TYPE_CHECKING:
    from framestream_export.convert import Exported, Exporter
    from framestream_export.handoff.writing import HandedOver

_OPTIONS = (
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
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def wanted_variants(text: str) -> list[str]:
    """The names in `--variants`; raises SettingsError for one that there is none of."""
    names = list(VARIANTS) if text == "all" else [name.strip() for name in text.split(",")]
    return [find_variant(name).name for name in names]


def hand_over(exporter: Exporter, run: Path, output: Path, *, variants: Sequence[str], drawn: bool) -> Iterator[str]:
    """Write the folder; yields lines that say what was measured, and what is in it."""
    from framestream_export.handoff.writing import write_handoff

    made: list[Exported] = []
    done: HandedOver = write_handoff(
        run,
        output,
        variants=variants,
        export_variant=lambda name, path: made.append(exporter.write(path, name)),
        drawn=drawn,
    )
    for one in made:
        yield from measured(one)
    yield f"{done.path}: {', '.join(done.variants)}; {done.file_bytes / 1e6:.1f} MB"
    for reason in done.refused.values():
        yield f"left out: {reason}"
    if done.vector_frames:
        yield (
            f"its golden vectors hold {done.vector_frames} pictures of the run's recordings;"
            " --drawn-vectors makes them without"
        )
