"""Watching one source from its first frame to its last."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Generator, Iterator
from functools import partial
from types import TracebackType

from framestream.capture import open_source
from framestream.frames import FrameSource, SourceInfo
from framestream.preprocess import fit_frame
from framestream.readahead import ReadAhead
from framestream.records import End, Event, Gap, Prediction, Record, Start
from framestream.sampling import Sample, Sampler, SamplingClock, SamplingCounts, sample
from framestream.session import ModelSession
from framestream.spec import EventSettings
from framestream.stream import Stream

# Samples that are run at once. More would gain little (the encoder dominates) and delay the first result.
_CHUNK_STEPS = 16


class Watch:
    """Everything a source shows, as records: ``Start``, then predictions, events and gaps as they come, then ``End``.

    An iterator, to be used once; made by ``Classifier.watch``. Decoding runs ahead on its own thread. As a context
    manager, or with ``close``, the file is released at once; without, when the watch is exhausted, fails or is
    forgotten::

        with classifier.watch("film.mp4") as watch:
            for record in watch:
                ...
    """

    def __init__(
        self,
        session: ModelSession,
        source: str | os.PathLike[str] | FrameSource,
        *,
        events: EventSettings | None = None,
        predictions: bool = True,
    ) -> None:
        """Open the source; a path is closed with the watch, a ``FrameSource`` is left to its owner."""
        self._session = session
        self._stream = Stream(session, events=events, chunk_steps=_CHUNK_STEPS)
        self._with_predictions = predictions
        self._source = open_source(source)
        self._owns_source = self._source is not source
        spec = session.spec
        self._sampler = Sampler(SamplingClock(spec.frame_rate), prepare=partial(fit_frame, size_wh=spec.size_wh))
        self._reader: ReadAhead[Sample | Gap] = ReadAhead(sample(self._source, self._sampler), chunk=_CHUNK_STEPS)
        self._stop_asked = threading.Event()
        self._totals = {Prediction: 0, Event: 0, Gap: 0}
        self._records = self._run()

    @property
    def info(self) -> SourceInfo:
        """What the source says about itself."""
        return self._source.info

    @property
    def counts(self) -> SamplingCounts:
        """Frames read so far, which is a little ahead of the records."""
        return self._sampler.counts

    def __iter__(self) -> Iterator[Record]:
        """Return the watch itself."""
        return self

    def __next__(self) -> Record:
        """Return the next record.

        Raises:
            UnreadableSourceError: a frame cannot be used.
            StopIteration: after ``End``, or after ``close``.
        """
        return next(self._records)

    def __enter__(self) -> Watch:
        """Return the watch itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the watch."""
        self.close()

    def stop(self) -> None:
        """Ask the iteration to finish: it closes the open event and yields ``End``. Safe in a signal handler."""
        self._stop_asked.set()
        self._reader.stop()

    def close(self) -> None:
        """End the iteration without further records, join the thread and release the source; may be called twice."""
        self._records.close()
        self._release()

    def _release(self) -> None:
        self._reader.close()
        if self._owns_source:
            self._source.close()

    def _run(self) -> Generator[Record, None, None]:
        started = time.perf_counter()
        try:
            yield self._start()
            while (items := self._reader.next_chunk()) and not self._stop_asked.is_set():
                for item in items:
                    yield from self._count(self._stream.feed(item))
                # Should reading fail next, nothing that came before is lost.
                yield from self._count(self._stream.run_pending())
            interrupted = self._stop_asked.is_set()
            # The clock has run ahead of what was fed if the watch was stopped; then the last sample is the end.
            yield from self._count(self._stream.flush(None if interrupted else self._sampler.clock.end_seconds))
            yield self._end(time.perf_counter() - started, interrupted)
        finally:
            self._release()

    def _count(self, results: list[Prediction | Event | Gap]) -> Iterator[Record]:
        for result in results:
            self._totals[type(result)] += 1
            if self._with_predictions or not isinstance(result, Prediction):
                yield result

    def _start(self) -> Start:
        info, spec = self._source.info, self._session.spec
        return Start(
            source=info.name,
            size_wh=info.size_wh,
            declared_fps=info.declared_fps,
            declared_frames=info.declared_frames,
            model=str(self._session.path),
            provider=self._session.provider,
            threads=self._session.threads,
            labels=spec.labels,
            background=spec.background,
            frame_rate=spec.frame_rate,
            model_window_seconds=spec.window_seconds,
        )

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
            media_seconds=self._sampler.clock.media_seconds,
            wall_seconds=wall_seconds,
            interrupted=interrupted,
        )
