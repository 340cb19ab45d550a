"""``framestream watch``."""

from __future__ import annotations

import sys
from contextlib import closing, nullcontext
from pathlib import Path

import click

from framestream.camera_file import adapt_events
from framestream.classifier import DEFAULT_MAX_LAG_SECONDS, Classifier
from framestream.cli_cameras import SizeType
from framestream.cli_options import POSITIVE, PROBABILITY, FiniteRange, running_options
from framestream.cli_signals import hangup_ignored
from framestream.cli_watch_job import WatchJob
from framestream.errors import SettingsError
from framestream.live import LiveSettings
from framestream.session import Device
from framestream.sinks import Sink
from framestream.sinks.jsonl import JsonLinesSink
from framestream.sinks.text import TextSink
from framestream.sources import SourceOptions


@click.command()
@click.argument("sources", metavar="[SOURCE]...", nargs=-1)
@click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Watch the cameras this TOML file names; after SIGHUP it is read again, and what has failed is tried again.",
)
@click.option("--model", metavar="FILE", help="ONNX model; by default the one that comes with FrameStream.")
@click.option(
    "--format",
    "format_name",
    type=click.Choice(["text", "jsonl"]),
    default="text",
    show_default=True,
    help="text: one line per event; jsonl: JSON Lines, see above.",
)
@click.option("--predictions", is_flag=True, help="Also print each prediction.")
@running_options
@click.option(
    "--enter",
    type=PROBABILITY,
    help="Probability that opens an event; by default the model's. Alone, it lowers --leave if need be.",
)
@click.option("--leave", type=PROBABILITY, help="Probability below which it ends; by default the model's.")
@click.option("--min-seconds", type=FiniteRange(min=0), help="Shortest event to report; by default the model's.")
@click.option(
    "--max-lag",
    type=POSITIVE,
    default=DEFAULT_MAX_LAG_SECONDS,
    show_default=True,
    help="Live: frames that would be older than this, in seconds, are dropped; the newest win.",
)
@click.option(
    "--stall-seconds",
    type=POSITIVE,
    default=LiveSettings().stall_seconds,
    show_default=True,
    help="Live: without a frame for this long, connect again.",
)
@click.option("--no-reconnect", is_flag=True, help="Live: end when the connection does.")
@click.option("--image-rate", type=POSITIVE, help="Images per second, for a folder or a pattern.")
@click.option("--size", type=SizeType(), help="Size of raw frames, for standard input.")
@click.option("--rate", type=POSITIVE, help="Raw frames per second, for standard input.")
@click.pass_context
def watch(
    ctx: click.Context,
    sources: tuple[str, ...],
    *,
    config: Path | None,
    model: str | None,
    format_name: str,
    predictions: bool,
    device: Device,
    threads: int | None,
    enter: float | None,
    leave: float | None,
    min_seconds: float | None,
    max_lag: float,
    stall_seconds: float,
    no_reconnect: bool,
    image_rate: float | None,
    size: tuple[int, int] | None,
    rate: float | None,
) -> None:
    """Print what happens in each SOURCE.

    A SOURCE is a video file, a folder of images or a pattern in quotes, an address (rtsp, http, hls, udp and others), a
    device (0, /dev/video0), or - for raw BGR frames on standard input. Several are watched together, as are the
    cameras of --config, whose form is described in framestream/camera_file.py.

    Events go to stdout, progress and messages to stderr. With --format jsonl each line is a JSON object whose "type"
    is start, status, prediction (only with --predictions), event, gap or end; the fields are described in
    framestream/records.py. Ctrl-C or SIGTERM ends the watch; what was found is still printed.
    """
    if bool(sources) == (config is not None):
        raise click.UsageError("give one SOURCE or more, or --config", ctx)
    job = WatchJob(
        sources=sources,
        config=config,
        live=LiveSettings(stall_seconds=stall_seconds, reconnect=not no_reconnect),
        options=SourceOptions(image_rate=image_rate, raw_size_wh=size, raw_rate=rate),
        max_lag_seconds=max_lag,
        predictions=predictions or format_name == "text",
    )
    # A service manager may ask for the file to be read again while the model is still being loaded.
    quiet = nullcontext() if config is None else hangup_ignored()
    with closing(_make_sink(format_name, predictions, bar=job.is_recording)) as sink, quiet:
        classifier = Classifier.load(model, device=device, threads=threads)
        given = {"enter": enter, "leave": leave, "min_seconds": min_seconds}
        exit_code = job.run(classifier, adapt_events(classifier.spec.events, given), sink)
    ctx.exit(exit_code)


def _make_sink(format_name: str, predictions: bool, *, bar: bool) -> Sink:
    # Python has None for a stream that was closed before it started, as the shell's >&- does.
    if sys.stdout is None:
        raise SettingsError("stdout is closed, so the results have nowhere to go; redirect it to a file or a pipe")
    if format_name == "jsonl":
        return JsonLinesSink(sys.stdout)
    somebody_looks_on = sys.stdout.isatty() and sys.stderr is not None and sys.stderr.isatty()
    return TextSink(sys.stdout, sys.stderr, predictions=predictions, progress=somebody_looks_on, bar=bar)
