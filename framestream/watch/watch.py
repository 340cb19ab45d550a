"""Watching one source from its first frame to its last."""

from __future__ import annotations

import threading
import time
from collections import deque
from functools import partial

from framestream.feeds.readahead import ReadAhead, StopFlag
from framestream.frames import Interruptible, SourceInfo
from framestream.kept_error import KeptError
from framestream.model.session import ModelSession
from framestream.model.spec import EventSettings
from framestream.records import End, Event, Gap, Prediction, Record, Start
from framestream.sampling.clock import SamplingClock
from framestream.sampling.resize import fit_frame
from framestream.sampling.sampler import Sample, SamplePreparation, Sampler, SamplingCounts, sample
from framestream.sources import AnySource, SourceOptions, open_source
from framestream.stream import Stream
from framestream.watch.record_iterator import RecordIterator

# Samples that are run at once at most. More would gain little (the encoder dominates) and delay the first result.
_CHUNK_STEPS = 16


class Watch(RecordIterator):
    """Everything a source shows, as records: ``Start``, then predictions, events and gaps as they come, then ``End``.

    An iterator, to be used once; made by ``Classifier.watch``. Decoding runs ahead on a thread; scaling is done there
    or by whoever iterates, as either has time. The file is released when the watch is exhausted or fails; as a
    context manager, or with ``close``, at the latest there; and when a watch is forgotten, as soon as the thread has
    noticed::

        with classifier.watch("film.mp4") as watch:
            for record in watch:
                ...
    """

    def __init__(
        self,
        session: ModelSession,
        source: AnySource,
        *,
        events: EventSettings | None = None,
        predictions: bool = True,
        options: SourceOptions | None = None,
    ) -> None:
        """Open the source; a path is closed with the watch, a ``FrameSource`` is left to its owner."""
        self._stop = StopFlag()
        self._session = session
        self._stream = Stream(session, events=events, chunk_steps=_CHUNK_STEPS)
        self._with_predictions = predictions
        self._source = open_source(source, options=options)
        self._owns_source = self._source is not source
        self._interrupt = self._source.interrupt if isinstance(self._source, Interruptible) else _do_nothing
        spec = session.spec
        self._sampler = Sampler(SamplingClock(spec.frame_rate))
        self._preparation = SamplePreparation(partial(fit_frame, size_wh=spec.size_wh))
        # Nothing that the reader holds leads back to this watch, so a forgotten one goes at once.
        self._reader: ReadAhead[Sample | Gap] = ReadAhead(
            sample(self._source, self._sampler, stopped=self._stop.is_set),
            chunk=_CHUNK_STEPS,
            stop=self._stop,
            prepare=self._preparation.prepare,
        )
        self._totals = {Prediction: 0, Event: 0, Gap: 0}
        self._started: float | None = None
        self._ready: deque[Record] = deque()
        self._failure = KeptError()
        self._finished = False
        self._closed = False
        self._advancing = threading.Lock()

    @property
    def info(self) -> SourceInfo:
        """What the source says about itself."""
        return self._source.info

    @property
    def counts(self) -> SamplingCounts:
        """Frames read so far, which is a little ahead of the records."""
        return self._sampler.counts

    def __del__(self) -> None:
        """Let the thread of a forgotten watch end after the frame it is at."""
        self._stop.set()
        # There is none where the source could not be opened.
        getattr(self, "_interrupt", _do_nothing)()

    def stop(self) -> None:
        """Ask the iteration to finish: it closes the open event and yields ``End``. Safe in a signal handler.

        It takes effect after the frame that is being read. A source whose ``grab`` waits for others is told, if it is
        ``Interruptible``; any other that blocks holds it up.
        """
        self._stop.set()
        self._interrupt()

    def close(self) -> None:
        """End the iteration without further records, join the thread and release the source.

        May be called twice, and by another thread than the one that iterates. In a signal handler use ``stop``.
        """
        self._closed = True
        self._release()

    def _release(self) -> None:
        self._stop.set()
        self._interrupt()
        self._reader.close()
        if self._owns_source:
            self._source.close()

    def _has_next(self) -> bool:
        return bool(self._ready) or self._finished or self._closed

    def _take(self) -> Record | None:
        if self._closed:
            return None
        if self._ready:
            return self._ready.popleft()
        self._failure.raise_once()
        return None

    def _advance(self) -> None:
        with self._advancing:
            # Another may have done it meanwhile.
            if not self._has_next():
                self._make_ready()

    def _make_ready(self) -> None:
        """Get the next records ready; what fails is kept, to be raised after them."""
        if self._started is None:
            self._started = time.perf_counter()
            self._ready.append(start_record(self._source.info, self._session))
            return
        try:
            items = self._next_items()
            for item in items:
                self._collect(self._stream.feed(item))
            # Should reading fail next, nothing that came before is lost.
            self._collect(self._stream.run_pending())
            if not items:
                self._finish(time.perf_counter() - self._started)
        except Exception as error:  # raised by __next__
            self._failure.keep(error)
        if self._failure or self._finished:
            self._finished = True
            self._release()

    def _next_items(self) -> list[Sample | Gap]:
        """Return what to feed next; nothing if the source has ended, was stopped or has failed."""
        try:
            items = self._preparation.complete(self._reader.next_chunk())
        except Exception as error:  # raised by __next__
            self._failure.keep(error)
            return []
        return [] if self._stop.is_set() else items

    def _finish(self, wall_seconds: float) -> None:
        interrupted = self._stop.is_set()
        # The clock has run ahead of what was fed if the watch was stopped; then the last sample is the end.
        self._collect(self._stream.flush(None if interrupted else self._sampler.clock.end_seconds))
        if not self._failure:
            self._ready.append(self._end(wall_seconds, interrupted))
        self._finished = True

    def _collect(self, results: list[Prediction | Event | Gap]) -> None:
        for result in results:
            self._totals[type(result)] += 1
            if self._with_predictions or not isinstance(result, Prediction):
                self._ready.append(result)

    def _end(self, wall_seconds: float, interrupted: bool) -> End:
        counts = self._sampler.counts
        return End(
            frames_read=counts.read,
            frames_sampled=counts.sampled,
            # Held to keep the clock, and held to fill the window of a clip that is too short.
            frames_held=counts.held + self._stream.counts.held,
            frames_skipped=counts.skipped,
            frames_dropped=0,
            predictions=self._totals[Prediction],
            events=self._totals[Event],
            gaps=self._totals[Gap],
            media_seconds=self._stream.media_seconds,
            wall_seconds=wall_seconds,
            interrupted=interrupted,
        )


def start_record(info: SourceInfo, session: ModelSession) -> Start:
    """Return what is known before the first frame."""
    spec = session.spec
    return Start(
        source=info.name,
        size_wh=info.size_wh,
        declared_fps=info.declared_fps,
        declared_frames=info.declared_frames,
        model=str(session.path),
        provider=session.provider,
        threads=session.threads,
        labels=spec.labels,
        background=spec.background,
        frame_rate=spec.frame_rate,
        model_window_seconds=spec.window_seconds,
        slower_than_model=info.is_slower_than(spec.frame_rate),
        predict_ahead_seconds=spec.ahead_seconds or None,
    )


def _do_nothing() -> None:
    pass
