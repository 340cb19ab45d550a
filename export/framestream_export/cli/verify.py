"""`framestream verify`: check an exported model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from framestream_export.verification.checks import Check


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "--run", type=click.Path(path_type=Path), help="The run it was exported from: adds the parity with Keras."
)
@click.option(
    "--provider",
    metavar="NAME",
    default="CPUExecutionProvider",
    show_default=True,
    help="Execution provider of ONNX Runtime that replays the golden vectors.",
)
@click.option(
    "--against", type=click.Path(path_type=Path), metavar="OTHER", help="Compare with another variant, on --video."
)
@click.option("--video", type=click.Path(path_type=Path), metavar="FILE", help="What --against watches.")
@click.pass_context
def verify(
    ctx: click.Context, /, model: Path, run: Path | None, provider: str, against: Path | None, video: Path | None
) -> None:
    """Check that an exported MODEL, or all of a hand-off folder, is intact and predicts what it should.

    Unchanged since it was exported, graph, metadata, the same predictions in portions of any size and for any number of
    cameras; golden vectors beside it are replayed in order, on any --provider. With --run, also the predictions of the
    Keras model it was made from. A model that has learnt too little for its probabilities to vary fails with --run:
    its agreement proves nothing. Exit code 1 if a check fails.
    """
    if (against is None) != (video is None):
        raise click.UsageError("--against and --video go together")
    if against is not None and (run is not None or model.is_dir()):
        raise click.UsageError("--against compares two model files, without --run")
    from framestream_export.cli.toolkit import EXPORT, VERIFY, require

    require(VERIFY if run is None else EXPORT)
    from framestream.console import EscapingConsole
    from framestream_export.handoff.inspection import inspect_handoff
    from framestream_export.verification.checks import table
    from framestream_export.verification.verifier import verify as run_checks
    from framestream_export.verification.video_comparison import compare_on_video

    if against is not None and video is not None:
        parts: dict[str | None, Sequence[Check]] = {None: compare_on_video(model, against, video)}
    elif model.is_dir():
        parts = dict(inspect_handoff(model, run=run, provider=provider))
    else:
        parts = {None: run_checks(model, run=run, provider=provider)}
    console = EscapingConsole()
    for title, checks in parts.items():
        console.print(table(checks, title=title))
    if not all(check.passed for checks in parts.values() for check in checks):
        ctx.exit(1)
