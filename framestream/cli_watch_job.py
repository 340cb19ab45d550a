"""What one command line of ``framestream watch`` asks for, and doing it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import click

from framestream.camera_file import read_cameras
from framestream.classifier import Classifier
from framestream.cli_cameras import CameraReloader, name_cameras
from framestream.cli_signals import call_on_hangup, stop_on_interrupt
from framestream.errors import SourceError
from framestream.live import LiveSettings
from framestream.pipeline.live_watch import LiveWatch
from framestream.pipeline.watch_many import WatchMany
from framestream.records import End, Status
from framestream.sinks import Sink
from framestream.sources import SourceOptions, is_live
from framestream.spec import EventSettings
from framestream.watch import Watch


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchJob:
    """Which sources to watch, and how.

    Attributes:
        sources: what was named; none if there is a file of cameras.
        config: the file of cameras, or None.
        live: for live sources.
        options: for recordings.
        max_lag_seconds: for live sources.
        predictions: whether the sink is to see them.
    """

    sources: tuple[str, ...]
    config: Path | None
    live: LiveSettings
    options: SourceOptions
    max_lag_seconds: float
    predictions: bool

    @property
    def is_recording(self) -> bool:
        """Whether it is about a single recording, whose end can be foreseen."""
        return len(self.sources) == 1 and not is_live(self.sources[0])

    def run(self, classifier: Classifier, events: EventSettings, sink: Sink) -> int:
        """Write all records to a sink; return the exit code, 0 unless a signal has ended it.

        Raises:
            SourceError: the source failed, or some of many did, after what the others had to say.
        """
        if len(self.sources) == 1:
            watch = classifier.watch(
                self.sources[0],
                events=events,
                predictions=self.predictions,
                options=self.options,
                live=self.live,
                max_lag_seconds=self.max_lag_seconds,
            )
            return _write_records(watch, sink)
        with self._watch_many(classifier, events) as many:
            return _write_records(many, sink)

    @contextmanager
    def _watch_many(self, classifier: Classifier, events: EventSettings) -> Iterator[WatchMany]:
        """Watch many cameras, and follow the file if there is one."""
        watch_many = partial(
            classifier.watch_many, events=events, predictions=self.predictions, max_lag_seconds=self.max_lag_seconds
        )
        if self.config is None:
            yield watch_many(name_cameras(self.sources, live=self.live, options=self.options))
            return
        read = partial(read_cameras, events=events, live=self.live, options=self.options)
        reloader = CameraReloader(self.config, read, tell=partial(click.echo, err=True))
        many = watch_many(reloader.cameras)
        with call_on_hangup(partial(reloader.reload, many)):
            yield many


def _write_records(watch: Watch | LiveWatch | WatchMany, sink: Sink) -> int:
    """Write a whole watch to a sink; return the exit code."""
    failures: list[str] = []
    ended = 0
    with watch as records, stop_on_interrupt(watch) as interruption:
        for record in records:
            sink.write(record)
            ended += isinstance(record, End)
            if isinstance(record, Status) and record.state == "failed":
                failures.append(record.reason or "")
    if failures and not interruption:
        raise SourceError(f"{len(failures)} of {ended} sources failed; the first: {failures[0]}")
    return interruption.exit_code
