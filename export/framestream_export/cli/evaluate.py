"""The command evaluate. Thin: it parses, calls and prints; heavy imports wait until it runs."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from framestream.cli.options import POSITIVE, PROBABILITY, FiniteRange, running_options
from framestream.escapes import escape

if TYPE_CHECKING:
    from framestream.model.session import Device


def _renamings(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    pairs = [value.partition("=") for value in values]
    for old, _, new in pairs:
        if not (old and new):
            raise click.BadParameter("give OLD=NEW", ctx, param)
    return {old: new for old, _, new in pairs}


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("data", type=click.Path(path_type=Path))
@click.option(
    "--split",
    type=click.Choice(["train", "validation", "test", "all"]),
    help="Which recordings; by default the test split, where DATA names one, else all.",
)
@click.option(
    "--rename",
    callback=_renamings,
    multiple=True,
    metavar="OLD=NEW",
    help="What the model calls a label of DATA; may be given again.",
)
@click.option(
    "--format",
    "format_name",
    type=click.Choice(["text", "json", "html"]),
    default="text",
    show_default=True,
    help="A summary, all figures, or a page with pictures.",
)
@click.option("--output", type=click.Path(path_type=Path), metavar="FILE", help="The file to write; by default stdout.")
@click.option(
    "--image-rate", type=POSITIVE, metavar="FPS", help="Images per second, for clips that are folders of them."
)
@click.option(
    "--by",
    multiple=True,
    metavar="COLUMN|class|group|split",
    help="Figures also by this column of the manifest (camera, person …), or by these; may be given again.",
)
@click.option(
    "--negatives",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="DIR|FILE",
    help="Films in which nothing happens: what is reported there is counted and listed; may be given again.",
)
@click.option("--enter", type=PROBABILITY, help="Probability that opens an event; by default the model's.")
@click.option("--leave", type=PROBABILITY, help="Probability below which it ends; by default the model's.")
@click.option("--min-seconds", type=FiniteRange(min=0), help="Shortest event; by default the model's.")
@running_options
def evaluate(
    model: Path,
    data: Path,
    *,
    split: str | None,
    rename: dict[str, str],
    format_name: str,
    output: Path | None,
    image_rate: float | None,
    by: tuple[str, ...],
    negatives: tuple[Path, ...],
    enter: float | None,
    leave: float | None,
    min_seconds: float | None,
    device: Device,
    threads: int | None,
) -> None:
    """Measure how good an exported MODEL is on the labelled recordings in DATA.

    DATA is what `framestream train` takes: a directory of class folders, a manifest, films with a timeline beside them.
    They go through the runtime that serves, so the figures are those of `framestream watch`. Recordings that cannot be
    read are named and left out, and so is time with a label that the model does not have.
    """
    from framestream_export.cli.toolkit import EVALUATE, PAGE, require

    require(EVALUATE + PAGE if format_name == "html" else EVALUATE)
    from framestream.classifier import Classifier
    from framestream.console import EscapingConsole
    from framestream.model.spec import adapt_events
    from framestream_export.files import write_atomically
    from framestream_export.report.evaluation import evaluate_model
    from framestream_export.report.measuring import measure
    from framestream_export.report.summary import print_summary, report_text

    classifier = Classifier.load(model, device=device, threads=threads)
    given = {"enter": enter, "leave": leave, "min_seconds": min_seconds}
    evaluation = evaluate_model(
        classifier,
        data,
        split=split,
        rename=rename,
        image_rate=image_rate,
        by=by,
        negatives=negatives,
        events=adapt_events(classifier.spec.events, given),
        console=EscapingConsole(stderr=True),
    )
    timelines, extras = evaluation.timelines, evaluation.extras
    measured = measure(timelines, labels=evaluation.labels, background=evaluation.background, extras=extras)
    if format_name == "text":
        if output is None:
            print_summary(measured.report, EscapingConsole())
            return
        lines = io.StringIO()
        print_summary(measured.report, EscapingConsole(file=lines, width=100))
        text = lines.getvalue()
    elif format_name == "json":
        text = report_text(measured.report)
    else:
        from framestream_export.report.page import render_page

        text = render_page(measured, timelines, extras)
    if output is None:
        sys.stdout.write(text)
        return
    write_atomically(output, lambda stream: stream.write(text.encode()))
    click.echo(escape(f"{output}: accuracy {measured.report['accuracy']:.3f}"), err=True)
