"""Training examples before anything of them is read: runs of frames, longer than a window, with labelled rows.

A run of L frames holds L - window + 1 windows; all are cut from features of the same L frames, so training, like the
exported model, encodes a frame once. Everything random follows from (seed, epoch).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framestream.sampling.clock import frames_to_hold
from framestream_export.data.frame_cache import UNLABELLED, FrameCache, FrameSegment
from framestream_export.training.examples.windows import ROW_HOP, class_weights, row_ends
from framestream_export.training.settings import TrainSettings

FASTEST = 1.25
"""Half of the examples run at another speed, up to so much faster or slower."""


@dataclass(frozen=True, slots=True)
class Run:
    """One training example: consecutive frames of a segment, with labels for some of them.

    Attributes:
        segment: Segment that the frames come from.
        indices: int64 [L], the run's frames, counted from the cache's first.
        labels: int32 [R], 0 where the weight is 0.
        weights: float32 [R], the class weight, 0 for rows without a label.
    """

    segment: FrameSegment
    indices: NDArray[np.int64]
    labels: NDArray[np.int32]
    weights: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Paced:
    """A segment played at another speed: position p of it shows frame `positions[p]` of the segment."""

    segment: FrameSegment
    positions: NDArray[np.int64]

    @classmethod
    def of(cls, segment: FrameSegment, pace: float) -> Paced:
        """Play a segment `pace` times as fast, frames left out or shown twice."""
        count = math.floor((len(segment) - 1) / pace) + 1
        return cls(segment, np.minimum(np.rint(np.arange(count) * pace).astype(np.int64), len(segment) - 1))

    def __len__(self) -> int:
        """Number of positions in the segment at this pace."""
        return len(self.positions)

    def frames_at(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Frames of the cache; past its end the segment holds its last one."""
        return self.segment.start + self.positions[np.minimum(positions, len(self) - 1)]


class RunPlan:
    """The runs of each epoch over some segments.

    Attributes:
        row_ends: int32 [R], the frames of a run at which a prediction is asked for, every `hop`-th.
    """

    def __init__(
        self,
        cache: FrameCache,
        segments: Sequence[FrameSegment],
        settings: TrainSettings,
        classes: int,
        *,
        draws: int = 1,
        hop: int = ROW_HOP,
    ) -> None:
        """Plan over the segments that have a labelled frame, each gone through `draws` times in an epoch."""
        self._cache, self._settings = cache, settings
        self.row_ends = row_ends(settings, hop=hop)
        self._class_weights = class_weights(cache, segments, classes)
        self._plan: list[tuple[FrameSegment, NDArray[np.int64], int]] = []
        for segment in segments:
            labelled = np.flatnonzero(cache.labels[segment.start : segment.stop] != UNLABELLED)
            if len(labelled):
                count = draws * max(1, round(len(labelled) / settings.run_frames))
                self._plan.append((segment, labelled, count))

    @property
    def steps(self) -> int:
        """Batches per epoch, the same for every epoch."""
        return -(-sum(runs for _, _, runs in self._plan) // self._settings.batch_size)

    def batches(self, epoch: int) -> Iterator[tuple[np.random.Generator, list[Run]]]:
        """The epoch's batches, and a source of chance to go on with, as (seed, epoch) fixes them."""
        rng = np.random.default_rng((self._settings.seed, epoch))
        runs = [run for segment, labelled, count in self._plan for run in self._runs(rng, segment, labelled, count)]
        order = rng.permutation(len(runs))
        for first in range(0, len(order), self._settings.batch_size):
            yield rng, [runs[index] for index in order[first : first + self._settings.batch_size]]

    def _runs(
        self, rng: np.random.Generator, segment: FrameSegment, labelled: NDArray[np.int64], count: int
    ) -> Iterator[Run]:
        """Runs through one labelled frame in each of `count` equal parts, at any row and at some speed."""
        for number in range(count):
            first, last = number * len(labelled) // count, (number + 1) * len(labelled) // count
            part = labelled[first : max(last, first + 1)]
            pace = FASTEST ** rng.uniform(-1, 1) if rng.random() < 0.5 else 1.0
            paced = Paced.of(segment, pace)
            anchor = round(int(part[rng.integers(len(part))]) / pace)
            row = int(self.row_ends[rng.integers(len(self.row_ends))])
            start = anchor + self._settings.anchor_frames - row
            yield self._run(paced, int(np.clip(start, 0, max(len(paced) - self._settings.run_frames, 0))))

    def _run(self, paced: Paced, start: int) -> Run:
        settings, ends = self._settings, start + self.row_ends.astype(np.int64)
        anchors = ends - settings.anchor_frames
        labels = self._cache.labels[paced.frames_at(anchors)].astype(np.int32)
        held = frames_to_hold(len(paced), settings.window) if settings.kind == "window" else 0
        valid = (labels != UNLABELLED) & (ends <= len(paced) - 1 + held)
        if settings.anchor_frames < 0:  # nobody knows what comes after a segment
            valid &= anchors < len(paced)
        return Run(
            paced.segment,
            paced.frames_at(np.arange(start, start + settings.run_frames)),
            np.where(valid, labels, 0).astype(np.int32),
            np.where(valid, self._class_weights[np.maximum(labels, 0)], 0).astype(np.float32),
        )
