"""One camera's way through the model: state, windows, gaps, the tail."""

from __future__ import annotations

from functools import partial
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from framestream.errors import SettingsError
from framestream.events import EventDetector, OpenEvent
from framestream.frames import Image
from framestream.preprocess import Color, fit_frame
from framestream.records import Event, Gap, Prediction
from framestream.sampling import Sample, Sampler, SamplingClock, SamplingCounts, frames_to_hold
from framestream.session import ModelSession
from framestream.spec import EventSettings

Result: TypeAlias = Prediction | Event | Gap


class Stream:
    """Predictions and events of one camera or file; made by ``Classifier.stream``. Not for use by two threads at once.

    Give it frames with ``push`` (or ready samples with ``feed``) and call ``flush`` at the end::

        stream = classifier.stream()
        for image, pts_seconds in camera:
            for result in stream.push(image, pts_seconds=pts_seconds):
                ...
        results = stream.flush()
    """

    def __init__(self, session: ModelSession, *, events: EventSettings | None = None, chunk_steps: int = 1) -> None:
        """Start a stream; ``chunk_steps`` samples are collected and run at once, which changes no result."""
        if chunk_steps < 1:
            raise SettingsError(f"chunk_steps is {chunk_steps}: give 1 for results at once, more for throughput")
        self._session = session
        self._spec = session.spec
        self._chunk_steps = chunk_steps
        self._sampler = Sampler(SamplingClock(self._spec.frame_rate))
        self._detector = EventDetector.for_model(self._spec, events)
        self._state = session.zero_state()
        self._pending: list[Sample] = []
        self._newest: Sample | None = None
        self._begin_seconds = 0.0
        self._media_seconds = 0.0
        self._rows = 0

    @property
    def current(self) -> OpenEvent | None:
        """The event that goes on, or None."""
        return self._detector.current

    @property
    def counts(self) -> SamplingCounts:
        """Frames pushed, and what became of them."""
        return self._sampler.counts

    @property
    def media_seconds(self) -> float:
        """Media time of what has ended, at a gap or a flush; without what gaps left out."""
        return self._media_seconds

    def push(self, image: Image, *, pts_seconds: float, color: Color = "bgr") -> list[Result]:
        """Take the next frame of the source, at whatever rate it has.

        Args:
            image: uint8 ``[height, width, 3]``; gray and four channels are accepted as well. It is not kept.
            pts_seconds: when it was taken, seconds on the source's clock.
            color: its channel order.

        Returns:
            results that became known, in order of time; often none.

        Raises:
            SettingsError: this is no image or no time; the stream is as if it had not been pushed.
            ModelError: the model fails.
        """
        prepare = partial(fit_frame, size_wh=self._spec.size_wh, color=color)
        results: list[Result] = []
        for item in self._sampler.take(pts_seconds, lambda: image, prepare=prepare):
            results += self.feed(item)
        return results

    def feed(self, item: Sample | Gap) -> list[Result]:
        """Take a gap, or a sample whose image already has the model's size and colour; see ``sampling``."""
        if isinstance(item, Gap):
            return [*self._end_stretch(item.pts_seconds), item]
        if self._newest is None:
            self._begin_seconds = item.pts_seconds
            self._detector.begin(item.pts_seconds)
        self._newest = item
        self._pending.append(item)
        return self.run_pending() if len(self._pending) >= self._chunk_steps else []

    def flush(self, end_seconds: float | None = None) -> list[Result]:
        """End the stream: run what waits, close the open event. Afterwards it can be used anew.

        A window model that has not yet seen a whole window holds the last frame until it has, and answers once.

        Args:
            end_seconds: when the last frame ended; by default as ``push`` saw it, or one tick after the last sample.
        """
        if end_seconds is None:
            end_seconds = self._sampler.clock.end_seconds
        if end_seconds is None and self._newest is not None:
            end_seconds = self._newest.pts_seconds + 1 / self._spec.frame_rate
        self._sampler.reset()
        return [] if end_seconds is None else self._end_stretch(end_seconds)

    def run_pending(self) -> list[Result]:
        """Run samples that still wait for their chunk to fill; results are the same, only earlier."""
        if not self._pending:
            return []
        samples, self._pending = self._pending, []
        frames = np.stack([item.image for item in samples])[np.newaxis]
        probabilities, self._state = self._session.run(frames, self._state)
        results: list[Result] = []
        for item, row in zip(samples, probabilities[0], strict=True):
            self._rows += 1
            # Rows before the first whole window look at zeros that never were frames.
            if self._rows >= self._spec.window:
                results.append(self._prediction(item.pts_seconds, row))
                results += self._detector.push(item.pts_seconds, row)
        return results

    def _end_stretch(self, end_seconds: float) -> list[Result]:
        """Bring what lies before a gap, or before the end, to its end."""
        results = self.run_pending()
        if self._newest is None:
            return results
        hold = frames_to_hold(self._rows, self._spec.window)
        self._pending = [Sample(self._newest.image, self._newest.pts_seconds, held=True)] * hold
        self._sampler.counts.held += hold
        results += self.run_pending()
        results += self._detector.flush(end_seconds)
        self._media_seconds += end_seconds - self._begin_seconds
        self._state = self._session.zero_state()
        self._newest = None
        self._rows = 0
        return results

    def _prediction(self, pts_seconds: float, row: NDArray[np.float32]) -> Prediction:
        best = int(np.argmax(row))
        return Prediction(
            pts_seconds=pts_seconds,
            label=self._spec.labels[best],
            score=float(row[best]),
            probabilities=dict(zip(self._spec.labels, map(float, row), strict=True)),
        )
