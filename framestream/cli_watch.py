"""``framestream watch``."""

from __future__ import annotations

import dataclasses
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from types import FrameType

import click

from framestream.classifier import Classifier
from framestream.errors import SettingsError
from framestream.records import End
from framestream.session import Device
from framestream.sinks import Sink
from framestream.sinks.jsonl import JsonLinesSink
from framestream.sinks.text import TextSink
from framestream.spec import EventSettings
from framestream.watch import Watch

_PROBABILITY = click.FloatRange(0, 1, min_open=True)


@click.command()
@click.argument("source")
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
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Where to run; auto takes CUDA if it works.",
)
@click.option("--threads", type=click.IntRange(min=1), help="CPU threads for the model; by default up to 4.")
@click.option(
    "--enter",
    type=_PROBABILITY,
    help="Probability that opens an event; by default the model's. Alone, it lowers --leave if need be.",
)
@click.option("--leave", type=_PROBABILITY, help="Probability below which it ends; by default the model's.")
@click.option("--min-seconds", type=click.FloatRange(min=0), help="Shortest event to report; by default the model's.")
@click.pass_context
def watch(
    ctx: click.Context,
    source: str,
    *,
    model: str | None,
    format_name: str,
    predictions: bool,
    device: Device,
    threads: int | None,
    enter: float | None,
    leave: float | None,
    min_seconds: float | None,
) -> None:
    """Print what happens in the video file SOURCE.

    Events go to stdout, progress and messages to stderr. With --format jsonl each line is a JSON object whose "type"
    is start, prediction (only with --predictions), event, gap or end; the fields are described in
    framestream/records.py. Ctrl-C ends the watch; what was found is still printed.
    """
    with closing(_make_sink(format_name, predictions)) as sink:
        classifier = Classifier.load(model, device=device, threads=threads)
        events = _event_settings(classifier.spec.events, enter=enter, leave=leave, min_seconds=min_seconds)
        interrupted = _print_records(classifier, source, events, sink, predictions or format_name == "text")
    if interrupted:
        ctx.exit(130)


def _event_settings(settings: EventSettings, **given: float | None) -> EventSettings:
    """Put what was given on the command line in the place of the model's own."""
    values = {name: value for name, value in given.items() if value is not None}
    if "enter" in values and "leave" not in values:
        values["leave"] = min(settings.leave, values["enter"])
    return dataclasses.replace(settings, **values)


def _make_sink(format_name: str, predictions: bool) -> Sink:
    # Python has None for a stream that was closed before it started, as the shell's >&- does.
    if sys.stdout is None:
        raise SettingsError("stdout is closed, so the results have nowhere to go; redirect it to a file or a pipe")
    if format_name == "jsonl":
        return JsonLinesSink(sys.stdout)
    somebody_looks_on = sys.stdout.isatty() and sys.stderr is not None and sys.stderr.isatty()
    return TextSink(sys.stdout, sys.stderr, predictions=predictions, progress=somebody_looks_on)


def _print_records(classifier: Classifier, source: str, events: EventSettings, sink: Sink, predictions: bool) -> bool:
    """Write a whole watch to a sink; return whether it was interrupted."""
    interrupted = False
    with classifier.watch(source, events=events, predictions=predictions) as records, _stop_on_interrupt(records):
        for record in records:
            sink.write(record)
            if isinstance(record, End):
                interrupted = record.interrupted
    return interrupted


@contextmanager
def _stop_on_interrupt(watch: Watch) -> Iterator[None]:
    """Let Ctrl-C stop the watch in good order; a second one ends the process at once."""
    if threading.current_thread() is not threading.main_thread():
        # Python allows signal handlers in the main thread only, and Ctrl-C arrives there.
        yield
        return
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # Whoever started this (nohup, a shell's background job) wants it to go on.
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        watch.stop()

    previous = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
