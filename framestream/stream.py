"""Streams: how one camera's samples go through the model, with its state, windows, gaps and the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from framestream.errors import SettingsError
from framestream.events import EventDetector, OpenEvent
from framestream.frames import Color, Image
from framestream.model.session import WINDOW_STATE, ModelSession, State
from framestream.model.spec import KEYPOINTS, EventSettings
from framestream.quantities import read_count, read_number
from framestream.records import Event, Gap, Keypoints, Prediction
from framestream.sampling.clock import MAX_HOLD_SECONDS, SamplingClock, frames_to_hold
from framestream.sampling.resize import fit_frame
from framestream.sampling.sampler import Sample, Sampler, SamplingCounts

Result: TypeAlias = Prediction | Event | Gap


class Stream:
    """Predictions and events of one camera or file; made by `Classifier.stream`. Not for use by two threads at once.

    Give it frames with `push` (or ready samples with `feed`) and call `flush` at the end::

        stream = classifier.stream()
        for image, pts_seconds in camera:
            for result in stream.push(image, pts_seconds=pts_seconds):
                ...
        results = stream.flush()
    """

    def __init__(
        self,
        session: ModelSession,
        *,
        events: EventSettings | None = None,
        chunk_steps: int = 1,
        keypoints: bool = False,
    ) -> None:
        """Start a stream.

        Args:
            session: The model.
            events: How predictions become events; by default as the model says.
            chunk_steps: Samples that are collected and run at once, which changes no result.
            keypoints: Whether predictions say where the joints are.

        Raises:
            SettingsError: `chunk_steps` is no whole number from 1 on, or the model finds no joints.
        """
        wanted = "1 for results at once, a larger whole number for throughput"
        self._chunk_steps = read_count(chunk_steps, name="chunk_steps", wanted=wanted)
        if keypoints and KEYPOINTS not in (session.spec.outputs or ()):
            raise SettingsError(f"{session.path} gives no keypoints; take a model trained with --preset people")
        self.keypoints = keypoints
        self._session = session
        self._spec = session.spec
        self._sampler = Sampler(SamplingClock(self._spec.frame_rate))
        self._detector = EventDetector.for_model(self._spec, events)
        self._state: State = session.zero_state()
        self._pending: list[Sample] = []
        self._newest: Sample | None = None
        self._newest_row: list[float] | None = None
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
            image: uint8 `[height, width, 3]`; gray and four channels are accepted as well. It is not kept.
            pts_seconds: When the image was taken, seconds on the source's clock.
            color: Channel order of the image.

        Returns:
            Results that became known, in order of time; often none.

        Raises:
            SettingsError: The array is no image or the timestamp no time; the stream is as if it had not been pushed.
            ModelError: The model fails.
        """
        prepare = partial(fit_frame, size_wh=self._spec.size_wh, color=color)
        results: list[Result] = []
        for item in self._sampler.take(pts_seconds, lambda: image, prepare=prepare):
            results += self.feed(item)
        return results

    def feed(self, item: Sample | Gap) -> list[Result]:
        """Take a gap, or a sample whose image already has the model's size and colour; see `sampling`."""
        if isinstance(item, Gap):
            return [*self._end_segment(item.pts_seconds), item]
        self.add(item)
        return self.run_pending() if len(self._pending) >= self._chunk_steps else []

    def add(self, sample: Sample) -> None:
        """Take a sample without running anything, for somebody who runs several streams at once: `run_together`."""
        if self._newest is None:
            self._begin_seconds = sample.pts_seconds
            self._detector.begin(sample.pts_seconds)
        self._newest = sample
        self._pending.append(sample)

    def miss(self, first_seconds: float, ticks: int) -> list[Result]:
        """Take notice that samples were dropped because there was no time to run them.

        A window model holds the newest frame's features in their place, so that its window keeps its length in time;
        there is no prediction for these ticks, and an event that goes on goes on. A model whose state cannot be held
        so, or a longer pause than a picture may stand still, makes a gap.

        Args:
            first_seconds: The tick of the first.
            ticks: How many, one after the other.
        """
        results = self.run_pending()
        if self._newest is None:
            return results
        period = 1 / self._spec.frame_rate
        if not self._can_hold or ticks * period > MAX_HOLD_SECONDS:
            gap = Gap(
                pts_seconds=first_seconds,
                reason="machine too slow",
                resume_seconds=first_seconds + ticks * period,
                frames_lost=ticks,
            )
            return [*results, *self.feed(gap)]
        self._newest = Sample(self._newest.image, first_seconds + (ticks - 1) * period, held=True)
        self._state = {name: _hold_newest(array, ticks) for name, array in self._state.items()}
        self._rows += ticks
        if self._newest_row is not None:
            for tick in range(ticks):
                results += self._detector.push(first_seconds + tick * period, self._newest_row)
        return results

    def flush(self, end_seconds: float | None = None) -> list[Result]:
        """End the stream: run what waits, close the open event. Afterwards it can be used anew.

        A window model that has not yet seen a whole window holds the last frame until it has, and gives one prediction.

        Args:
            end_seconds: When the last frame ended; by default as `push` saw it, or one tick after the last sample.

        Raises:
            SettingsError: `end_seconds` is no time; the stream is as it was.
        """
        if end_seconds is not None:
            wanted = "the end of the last frame in seconds, or leave it out"
            end_seconds = read_number(end_seconds, name="end_seconds", wanted=wanted)
        else:
            end_seconds = self._sampler.clock.end_seconds
        if end_seconds is None and self._newest is not None:
            end_seconds = self._newest.pts_seconds + 1 / self._spec.frame_rate
        self._sampler.reset()
        return [] if end_seconds is None else self._end_segment(end_seconds)

    def run_pending(self) -> list[Result]:
        """Run samples that still wait for their chunk to fill; results are the same, only earlier."""
        return [result for _, results in run_together(self._session, [self]) for result in results]

    @property
    def pending_steps(self) -> int:
        """Samples that wait to be run."""
        return len(self._pending)

    @property
    def _can_hold(self) -> bool:
        """Whether the state is nothing but the features of the frames before."""
        return self._spec.kind == "window" and set(self._state) <= {WINDOW_STATE}

    def _take_pending(self) -> list[Sample]:
        samples, self._pending = self._pending, []
        return samples

    def _take_rows(
        self,
        samples: list[Sample],
        rows: NDArray[np.float32],
        state: State,
        keypoints: NDArray[np.float32] | None = None,
    ) -> list[Result]:
        """Go on with what the model made of samples.

        Args:
            samples: Those that were run.
            rows: float32 `[steps, classes]`, probabilities.
            state: After them.
            keypoints: float32 `[steps, 17, 3]`, or None if nobody asked for them.
        """
        self._state = state
        results: list[Result] = []
        joints = [None] * len(samples) if keypoints is None else [_as_tuples(one) for one in keypoints]
        for item, row, of_frame in zip(samples, rows.tolist(), joints, strict=True):
            self._rows += 1
            # Rows before the first whole window look at zeros that never were frames.
            if self._rows >= self._spec.window:
                self._newest_row = row
                results.append(self._prediction(item.pts_seconds, row, of_frame))
                results += self._detector.push(item.pts_seconds, row)
        return results

    def _end_segment(self, end_seconds: float) -> list[Result]:
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
        self._newest = self._newest_row = None
        self._rows = 0
        return results

    def _anchor_seconds(self) -> float:
        """The moment that the newest prediction is about."""
        assert self._newest is not None
        anchor = self._begin_seconds + (self._rows - 1 - self._spec.anchor_frames) / self._spec.frame_rate
        # A clip shorter than the window holds its last frame: what lies behind its end shows that frame.
        return anchor if self._spec.anchor_frames < 0 else min(anchor, self._newest.pts_seconds)

    def _prediction(self, pts_seconds: float, row: list[float], keypoints: Keypoints | None) -> Prediction:
        score = max(row)
        return Prediction(
            pts_seconds=pts_seconds,
            anchor_seconds=self._anchor_seconds(),
            label=self._spec.labels[row.index(score)],
            score=score,
            probabilities=dict(zip(self._spec.labels, row, strict=True)),
            keypoints=keypoints,
        )


def run_together(session: ModelSession, streams: Sequence[Stream]) -> Iterator[tuple[Stream, list[Result]]]:
    """Run what waits in several streams of one model, as few times as can be.

    Streams in which the same number of samples waits are one batch, on the model's `cameras` axis. Who shares a
    batch with whom changes no result.

    Yields:
        Each stream in which something waited, with its results.

    Raises:
        ModelError: The model fails; the samples of that batch are gone.
    """
    groups: dict[tuple[int, bool], list[Stream]] = {}
    for stream in streams:
        if stream.pending_steps:
            groups.setdefault((stream.pending_steps, stream.keypoints), []).append(stream)
    for (_, with_keypoints), group in groups.items():
        samples = [stream._take_pending() for stream in group]
        outputs = (KEYPOINTS,) if with_keypoints else ()
        rows, states, others = session.run_with(_batch(samples), _joined([stream._state for stream in group]), outputs)
        for index, stream in enumerate(group):
            state = {name: array[index : index + 1] for name, array in states.items()}
            yield stream, stream._take_rows(samples[index], rows[index], state, *(other[index] for other in others))


def _batch(samples: Sequence[Sequence[Sample]]) -> NDArray[np.uint8]:
    """Put samples by camera, the same number each, into frames `[cameras, steps, height, width, 3]`."""
    images = [item.image for of_one in samples for item in of_one]
    if len(images) == 1:
        # The usual case of one camera, which should not pay for copying.
        return images[0][np.newaxis, np.newaxis]
    return np.stack(images).reshape(len(samples), len(samples[0]), *images[0].shape)


def _joined(states: Sequence[State]) -> State:
    """Put states side by side on the cameras axis."""
    if len(states) == 1:
        return states[0]
    return {name: np.concatenate([state[name] for state in states]) for name in states[0]}


def _as_tuples(keypoints: NDArray[np.float32]) -> Keypoints:
    """Joints `[17, 3]` as a record has them."""
    return tuple((x, y, score) for x, y, score in keypoints.tolist())


def _hold_newest(features: NDArray[np.float32], ticks: int) -> NDArray[np.float32]:
    """Shift features `[1, frames, …]` by some ticks, in which the newest frame stands still."""
    repeated = np.repeat(features[:, -1:], min(ticks, features.shape[1]), axis=1)
    return np.concatenate([features[:, ticks:], repeated], axis=1)
