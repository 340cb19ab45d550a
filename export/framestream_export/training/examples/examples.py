"""What a training step is fed: runs read from the frames, or from the features of a frozen encoder."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from rich.console import Console

from framestream_export.data.frame_cache import FrameCache, Stretch
from framestream_export.training.examples.augmentation import Look
from framestream_export.training.examples.features import FeatureStore, Wanted
from framestream_export.training.examples.runs import Run, RunPlan
from framestream_export.training.settings import TrainSettings

Batch: TypeAlias = tuple[NDArray[Any], NDArray[np.int32], NDArray[np.float32]]
"""Inputs [B, L, …], labels [B, R] and weights [B, R]."""

_MIXED_SHARE = 0.25


class Examples(Protocol):
    """Batches of inputs [B, L, …], labels int32 [B, R] and weights float32 [B, R], the same for the same epoch."""

    @property
    def steps(self) -> int:
        """Batches per epoch."""

    @property
    def row_ends(self) -> NDArray[np.int32]:
        """Int32 [R], the frames of an input at which there is a label."""

    @property
    def input_spec(self) -> Any:
        """The tf.TensorSpec of the inputs."""

    def batches(self, epoch: int) -> Iterator[Batch]:
        """One epoch."""


class FrameExamples:
    """Frames, each example in a look of its own."""

    def __init__(self, plan: RunPlan, cache: FrameCache, settings: TrainSettings, stills: NDArray[np.int64]) -> None:
        """Read runs of a plan; `stills` are frames of the cache that show the background, to mix in."""
        self._plan, self._cache, self._settings, self._stills = plan, cache, settings, stills

    @property
    def steps(self) -> int:
        """Batches per epoch."""
        return self._plan.steps

    @property
    def row_ends(self) -> NDArray[np.int32]:
        """Frames of a run at which there is a label."""
        return self._plan.row_ends

    @property
    def input_spec(self) -> Any:
        """Frames uint8 [B, L, H, W, 3]."""
        size = self._settings.size
        return tf.TensorSpec((None, self._settings.run_frames, size, size, 3), tf.uint8)

    def batches(self, epoch: int) -> Iterator[Batch]:
        """One epoch."""
        for rng, runs in self._plan.batches(epoch):
            frames = [self._look(rng).apply(np.asarray(self._cache.frames[run.indices])) for run in runs]
            yield np.stack(frames), *labels_and_weights(runs)

    def _look(self, rng: np.random.Generator) -> Look:
        mirrored = bool(rng.random() < 0.5) and self._settings.flip
        still = None
        if len(self._stills) and rng.random() < _MIXED_SHARE:
            still = np.asarray(self._cache.frames[self._stills[rng.integers(len(self._stills))]])
        return Look.draw(rng, size_wh=self._settings.size_wh, mirrored=mirrored, still=still)


class FeatureExamples:
    """Features, each example in one of the few looks that were encoded."""

    def __init__(
        self,
        plan: RunPlan,
        store: FeatureStore,
        settings: TrainSettings,
        looks: dict[int, tuple[Wanted, ...]],
    ) -> None:
        """Read runs of a plan from the `looks` of each recording, as from `looks_of`."""
        self._plan, self._store, self._settings, self._looks = plan, store, settings, looks

    @property
    def steps(self) -> int:
        """Batches per epoch."""
        return self._plan.steps

    @property
    def row_ends(self) -> NDArray[np.int32]:
        """Frames of a run at which there is a label."""
        return self._plan.row_ends

    @property
    def input_spec(self) -> Any:
        """Features float32 [B, L, D]."""
        return tf.TensorSpec((None, self._settings.run_frames, self._store.feature_dim), tf.float32)

    def batches(self, epoch: int) -> Iterator[Batch]:
        """One epoch."""
        for rng, runs in self._plan.batches(epoch):
            features = []
            for run in runs:
                looks = self._looks[run.stretch.recording]
                features.append(self._store.read(looks[rng.integers(len(looks))], run.indices))
            yield np.stack(features), *labels_and_weights(runs)


def labels_and_weights(runs: Sequence[Run]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Those of a batch: int32 and float32 [B, R]."""
    return np.stack([run.labels for run in runs]), np.stack([run.weights for run in runs])


def looks_of(
    cache: FrameCache, stretches: Sequence[Stretch], settings: TrainSettings, stills: NDArray[np.int64]
) -> dict[int, tuple[Wanted, ...]]:
    """The looks of each recording to encode: as it is, and `settings.looks` others.

    The first other look is mirrored, the second not, and so on, unless `settings.flip` is off. Every second pair has a
    picture of the background mixed in, where there is one in another recording. Which one depends on the contents of
    the recordings alone, so that other folds of the same data mostly choose the same.
    """
    places = _stills_by_recording(cache, stills)
    looks = {}
    for recording in sorted({stretch.recording for stretch in stretches}):
        others = []
        for number in range(1, settings.looks + 1):
            mixed = (number - 1) // 2 % 2 == 1
            still = _still_for(cache, recording, number, places) if mixed else None
            others.append(Wanted(recording, number, settings.flip and number % 2 == 1, still))
        looks[recording] = (Wanted(recording, 0), *others)
    return looks


def fill_looks(store: FeatureStore, looks: dict[int, tuple[Wanted, ...]], *, console: Console) -> int:
    """Encode all looks that are not there yet; returns the number of frames encoded."""
    return store.fill([look for of_recording in looks.values() for look in of_recording], console=console)


def _stills_by_recording(cache: FrameCache, stills: NDArray[np.int64]) -> dict[int, NDArray[np.int64]]:
    starts = np.array([stretch.start for stretch in cache.stretches])
    owners = np.array([stretch.recording for stretch in cache.stretches])
    of_still = owners[np.searchsorted(starts, stills, side="right") - 1]
    return {int(recording): stills[of_still == recording] for recording in np.unique(of_still)}


def _still_for(cache: FrameCache, recording: int, number: int, places: dict[int, NDArray[np.int64]]) -> int | None:
    others = [other for other in places if other != recording]
    if not others:
        return None
    own = cache.digests[recording]

    def rank(other: int) -> str:
        return hashlib.sha256(f"{own} {number} {cache.digests[other]}".encode()).hexdigest()

    chosen = min(others, key=rank)
    frames = places[chosen]
    return int(frames[int(rank(chosen)[:8], 16) % len(frames)])
