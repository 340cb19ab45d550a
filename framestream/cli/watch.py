"""`framestream watch`: report what happens in videos and before cameras."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import click

from framestream.classifier import DEFAULT_MAX_LAG_SECONDS, Classifier
from framestream.cli.blocked_output import WatchedOutput
from framestream.cli.camera_file import read_cameras
from framestream.cli.cameras import CameraReloader, SizeType, name_cameras
from framestream.cli.options import POSITIVE, PROBABILITY, FiniteRange, running_options
from framestream.cli.signals import call_on_hangup, hangup_ignored, stop_on_interrupt
from framestream.errors import SettingsError, SourceError
from framestream.feeds.live.live_settings import LiveSettings
from framestream.model.session import Device
from framestream.model.spec import EventSettings, adapt_events
from framestream.records import End, Status
from framestream.sinks import Sink
from framestream.sinks.jsonl import JsonLinesSink
from framestream.sinks.text import TextSink
from framestream.sources import SourceOptions, is_live
from framestream.sources.decoders import DECODER_CHOICES, DecoderChoice
from framestream.watch.watch import Watch


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchJob:
    """The sources to watch, and how to watch them.

    Attributes:
        sources: Sources named on the command line; none if there is a file of cameras.
        config: The file of cameras, or None.
        live: Settings for live sources.
        options: Options for recordings.
        max_lag_seconds: How long samples of live sources may wait before they are dropped.
        predictions: Whether the sink is given predictions.
        keypoints: Whether predictions say where the joints are.
    """

    sources: tuple[str, ...]
    config: Path | None
    live: LiveSettings
    options: SourceOptions
    max_lag_seconds: float
    predictions: bool
    keypoints: bool

    @property
    def is_recording(self) -> bool:
        """Whether it is about a single recording, whose end can be foreseen."""
        return len(self.sources) == 1 and not is_live(self.sources[0])

    def run(self, classifier: Classifier, events: EventSettings, sink: Sink) -> int:
        """Write all records to a sink; return the exit code, 0 unless a signal has ended it.

        Raises:
            SourceError: The source failed, or some of many did, after what the others had to say.
        """
        if len(self.sources) == 1:
            watch = classifier.watch(
                self.sources[0],
                events=events,
                predictions=self.predictions,
                keypoints=self.keypoints,
                options=self.options,
                live=self.live,
                max_lag_seconds=self.max_lag_seconds,
            )
            return _write_records(watch, sink)
        with self._watch_many(classifier, events) as many:
            return _write_records(many, sink)

    @contextmanager
    def _watch_many(self, classifier: Classifier, events: EventSettings) -> Iterator[Watch]:
        """Watch many cameras, and follow the file if there is one."""
        watch_many = partial(
            classifier.watch_many,
            events=events,
            predictions=self.predictions,
            keypoints=self.keypoints,
            max_lag_seconds=self.max_lag_seconds,
        )
        if self.config is None:
            yield watch_many(name_cameras(self.sources, live=self.live, options=self.options))
            return
        read = partial(read_cameras, events=events, live=self.live, options=self.options)
        reloader = CameraReloader(self.config, read, report=partial(click.echo, err=True))
        many = watch_many(reloader.cameras)
        with call_on_hangup(partial(reloader.reload, many)):
            yield many


def _write_records(watch: Watch, sink: Sink) -> int:
    """Write a whole watch to a sink; return the exit code."""
    failures: list[str] = []
    ended = 0
    output = WatchedOutput(sink)
    with watch as records, output.watched(), stop_on_interrupt(watch, also=output.end_soon) as interruption:
        for record in records:
            output.write(record)
            ended += isinstance(record, End)
            if isinstance(record, Status) and record.state == "failed":
                failures.append(record.reason or "")
    if failures and not interruption:
        raise SourceError(f"{len(failures)} of {ended} sources failed; the first: {failures[0]}")
    return interruption.exit_code


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
@click.option("--keypoints", is_flag=True, help="With predictions as jsonl: also where the joints are.")
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
@click.option(
    "--insecure",
    is_flag=True,
    help="Live: take any certificate; for a camera that signs for itself, on a network of yours.",
)
@click.option(
    "--reader-memory-gb",
    type=POSITIVE,
    default=LiveSettings().reader_memory_gb,
    show_default=True,
    help="Live: most memory that reading a camera may take, in 10^9 bytes (Linux).",
)
@click.option(
    "--picture-megapixels",
    type=POSITIVE,
    default=LiveSettings().picture_megapixels,
    show_default=True,
    help="Live: largest picture that is taken from a camera.",
)
@click.option("--image-rate", type=POSITIVE, help="Images per second, for a folder or a pattern.")
@click.option("--size", type=SizeType(), help="Size of raw frames, for standard input.")
@click.option(
    "--decoder",
    type=click.Choice(DECODER_CHOICES),
    default="auto",
    show_default=True,
    help="Library that decodes files and addresses; auto takes PyAV if it is installed (pip install av), else OpenCV.",
)
@click.option(
    "--video-stream",
    type=click.IntRange(0),
    metavar="N",
    help="Which video stream of a file that has several, from 0; by default the film, not its cover.",
)
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
    keypoints: bool,
    device: Device,
    threads: int | None,
    enter: float | None,
    leave: float | None,
    min_seconds: float | None,
    max_lag: float,
    stall_seconds: float,
    no_reconnect: bool,
    insecure: bool,
    reader_memory_gb: float,
    picture_megapixels: float,
    image_rate: float | None,
    size: tuple[int, int] | None,
    decoder: DecoderChoice,
    video_stream: int | None,
    rate: float | None,
) -> None:
    """Print what happens in each SOURCE.

    A SOURCE is a video file, a folder of images or a pattern in quotes, an address (rtsp, http, hls, udp and others), a
    device (0, /dev/video0), or - for raw BGR frames on standard input. Several are watched together, as are the
    cameras of --config, whose form is described in framestream/cli/camera_file.py. Cameras are called by their host
    and port, those that share them HOST, HOST#2, HOST#3; give them names of their own with --config.

    Events go to stdout, progress and messages to stderr. With --format jsonl each line is a JSON object whose "type"
    is start, status, prediction (only with --predictions), event, gap or end; the fields are described in
    framestream/records.py. Ctrl-C or SIGTERM ends the watch; what was found is still printed.
    """
    if keypoints and not (predictions and format_name == "jsonl"):
        raise click.UsageError("--keypoints goes with --predictions and --format jsonl", ctx)
    if bool(sources) == (config is not None):
        raise click.UsageError("give one SOURCE or more, or --config", ctx)
    job = WatchJob(
        sources=sources,
        config=config,
        live=LiveSettings(
            stall_seconds=stall_seconds,
            reconnect=not no_reconnect,
            insecure=insecure,
            reader_memory_gb=reader_memory_gb,
            picture_megapixels=picture_megapixels,
        ),
        options=SourceOptions(
            image_rate=image_rate, raw_size_wh=size, raw_rate=rate, decoder=decoder, video_stream=video_stream
        ),
        max_lag_seconds=max_lag,
        predictions=predictions or format_name == "text",
        keypoints=keypoints,
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
