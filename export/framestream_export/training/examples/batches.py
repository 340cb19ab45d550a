"""Batches for the steps of training: runs read from the frames, or from the features of a frozen encoder."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from rich.console import Console

from framestream_export.data.frame_cache import FrameCache, FrameSegment
from framestream_export.training.examples.augmentation import Augmentation
from framestream_export.training.examples.features import FeatureRequest, FeatureStore
from framestream_export.training.examples.joint_augmentation import augment_joints
from framestream_export.training.examples.runs import Run, RunPlan
from framestream_export.training.settings import TrainSettings

Batch: TypeAlias = tuple[NDArray[Any], NDArray[np.int32], NDArray[np.float32]]
"""Inputs [B, L, …], labels [B, R] and weights [B, R]."""

_MIXED_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class Examples:
    """Batches of inputs, labels and weights, the same for the same epoch.

    Attributes:
        plan: The runs of each epoch.
        input_spec: The tf.TensorSpec of a batch of inputs [B, L, …].
        read: Gives the inputs [L, …] of a run; whatever it draws comes from the generator it is given.
    """

    plan: RunPlan
    input_spec: Any
    read: Callable[[Run, np.random.Generator], NDArray[Any]]

    @property
    def steps(self) -> int:
        """Batches per epoch."""
        return self.plan.steps

    @property
    def row_ends(self) -> NDArray[np.int32]:
        """Int32 [R], the frames of an input at which there is a label."""
        return self.plan.row_ends

    def batches(self, epoch: int) -> Iterator[Batch]:
        """The batches of one epoch."""
        for rng, runs in self.plan.batches(epoch):
            inputs = np.stack([self.read(run, rng) for run in runs])
            yield inputs, np.stack([run.labels for run in runs]), np.stack([run.weights for run in runs])


def frame_examples(
    plan: RunPlan, cache: FrameCache, settings: TrainSettings, background_frames: NDArray[np.int64]
) -> Examples:
    """Examples of frames uint8 [B, L, H, W, 3], each augmented in a way of its own.

    Args:
        plan: The runs of each epoch.
        cache: The decoded frames of the data set.
        settings: Settings of the training.
        background_frames: int64 [n], frames of the cache that show the background, to mix in.
    """

    def read(run: Run, rng: np.random.Generator) -> NDArray[np.uint8]:
        mirrored = bool(rng.random() < 0.5) and settings.flip
        background = None
        if len(background_frames) and rng.random() < _MIXED_SHARE:
            background = np.asarray(cache.frames[background_frames[rng.integers(len(background_frames))]])
        augmentation = Augmentation.draw(rng, size_wh=settings.size_wh, mirrored=mirrored, background=background)
        return augmentation.apply(np.asarray(cache.frames[run.indices]))

    return Examples(plan, tf.TensorSpec((None, settings.run_frames, settings.size, settings.size, 3), tf.uint8), read)


def feature_examples(
    plan: RunPlan, store: FeatureStore, settings: TrainSettings, requests: dict[int, tuple[FeatureRequest, ...]]
) -> Examples:
    """Examples of features float32 [B, L, D], each of a recording as it is or in one of its augmentations.

    Joints are augmented as they are read, each time otherwise; of other features, what was encoded is all there is.

    Args:
        plan: The runs of each epoch.
        store: The features of the data set.
        settings: Settings of the training.
        requests: The augmentations encoded for each recording, as `augmentations_of` returns them.
    """

    def read(run: Run, rng: np.random.Generator) -> NDArray[np.float32]:
        of_recording = requests[run.segment.recording]
        features = store.read(of_recording[rng.integers(len(of_recording))], run.indices)
        return augment_joints(features, rng, flip=settings.flip) if store.keypoints else features

    return Examples(plan, tf.TensorSpec((None, settings.run_frames, store.feature_dim), tf.float32), read)


def augmentations_of(
    cache: FrameCache,
    segments: Sequence[FrameSegment],
    settings: TrainSettings,
    background_frames: NDArray[np.int64],
    *,
    count: int,
) -> dict[int, tuple[FeatureRequest, ...]]:
    """List what to encode of each recording: the recording as it is, and `count` augmentations; of features only that.

    The first one is mirrored, the second not, and so on, unless `settings.flip` is off. Every second pair has a
    picture of the background mixed in, where there is one in another recording. Which one depends on the contents of
    the recordings alone, so that other folds of the same data mostly choose the same.
    """
    by_recording = _background_frames_by_recording(cache, background_frames)
    requests = {}
    films = {segment.recording for segment in segments if cache.has_pictures(segment)}
    for recording in sorted({segment.recording for segment in segments}):
        others = []
        for number in range(1, count + 1 if recording in films else 1):
            mixed = (number - 1) // 2 % 2 == 1
            background = _background_frame_for(cache, recording, number, by_recording) if mixed else None
            others.append(FeatureRequest(recording, number, settings.flip and number % 2 == 1, background))
        requests[recording] = (FeatureRequest(recording, 0), *others)
    return requests


def fill_augmentations(
    store: FeatureStore, requests: dict[int, tuple[FeatureRequest, ...]], *, console: Console
) -> int:
    """Encode what the store does not have yet; returns the number of frames encoded."""
    return store.fill([request for of_recording in requests.values() for request in of_recording], console=console)


def _background_frames_by_recording(
    cache: FrameCache, background_frames: NDArray[np.int64]
) -> dict[int, NDArray[np.int64]]:
    starts = np.array([segment.start for segment in cache.segments])
    owners = np.array([segment.recording for segment in cache.segments])
    owner_of_frame = owners[np.searchsorted(starts, background_frames, side="right") - 1]
    return {int(recording): background_frames[owner_of_frame == recording] for recording in np.unique(owner_of_frame)}


def _background_frame_for(
    cache: FrameCache, recording: int, number: int, by_recording: dict[int, NDArray[np.int64]]
) -> int | None:
    """The background frame of another recording to mix into an augmentation, or None if no other has any."""
    others = [other for other in by_recording if other != recording]
    if not others:
        return None
    own = cache.digests[recording]

    def rank(other: int) -> str:
        return hashlib.sha256(f"{own} {number} {cache.digests[other]}".encode()).hexdigest()

    chosen = min(others, key=rank)
    frames = by_recording[chosen]
    return int(frames[int(rank(chosen)[:8], 16) % len(frames)])
