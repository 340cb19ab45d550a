"""Training examples: runs of frames, longer than a window, with one labelled row per place a window can end.

A run of L frames holds L - window + 1 windows; all are cut from features of the same L frames, so training, like the
exported model, encodes a frame once. Everything random follows from (seed, epoch).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from framestream.sampling import frames_to_hold
from framestream_export.data.frame_cache import UNLABELLED, FrameCache, Stretch
from framestream_export.training.settings import TrainSettings

ROW_HOP = 2  # neighbouring answers say much the same: training and validation ask for every second one
_BRIGHTNESS = 40.0
_CONTRAST = 0.35
_TINT = 0.15
_ZOOM = 0.18
_SHIFT = 0.08
_TILT_DEGREES = 5.0
_LARGEST_CLASS_WEIGHT = 10.0


@dataclass(frozen=True, slots=True)
class Batch:
    """One training step's examples.

    Attributes:
        frames: uint8 [B, L, height, width, 3].
        labels: int32 [B, R], 0 where the weight is 0.
        weights: float32 [B, R], the class weight, 0 for rows without a label.
    """

    frames: NDArray[np.uint8]
    labels: NDArray[np.int32]
    weights: NDArray[np.float32]


def row_ends(settings: TrainSettings) -> NDArray[np.int32]:
    """Int32 [R]: the frames of a run at which an answer is asked for."""
    if settings.kind == "stateful":
        return np.arange(settings.run_frames, dtype=np.int32)
    return np.arange(settings.window - 1, settings.run_frames, ROW_HOP, dtype=np.int32)


def answer_ends(stretch: Stretch, settings: TrainSettings, *, hop: int = 1) -> NDArray[np.int64]:
    """The frames, counted from the stretch's first, at which serving it gives an answer.

    A stretch shorter than the window has one, after its last frame has been held (`frames_to_hold`).
    """
    if settings.kind == "stateful":
        return np.arange(0, len(stretch), hop)
    return np.arange(settings.window - 1, len(stretch) + frames_to_hold(len(stretch), settings.window), hop)


def labels_at(
    cache: FrameCache, stretch: Stretch, ends: NDArray[np.int64], settings: TrainSettings
) -> NDArray[np.int16]:
    """The label each answer should give: the one that holds at its anchor.

    Nobody knows what comes after a stretch: answers about that have no label.
    """
    anchors = ends - settings.anchor_frames
    labels: NDArray[np.int16] = cache.labels[stretch.start + np.minimum(anchors, len(stretch) - 1)]
    if settings.anchor_frames < 0:
        labels = np.where(anchors < len(stretch), labels, UNLABELLED).astype(np.int16)
    return labels


def class_weights(cache: FrameCache, stretches: Sequence[Stretch], classes: int) -> NDArray[np.float32]:
    """Float32 [classes]: as much weight in all for rare classes as for common ones, within reason; 1 on average."""
    counts = label_counts(cache, stretches, classes)
    weights = np.minimum(counts.sum() / (classes * np.maximum(counts, 1)), _LARGEST_CLASS_WEIGHT)
    return np.asarray(weights * counts.sum() / max((weights * counts).sum(), 1), dtype=np.float32)


def label_counts(cache: FrameCache, stretches: Sequence[Stretch], classes: int) -> NDArray[np.int64]:
    """Int64 [classes]: labelled frames."""
    counts = np.zeros(classes, np.int64)
    for stretch in stretches:
        labels = cache.labels[stretch.start : stretch.stop]
        counts += np.bincount(labels[labels != UNLABELLED], minlength=classes)
    return counts


def answer_counts(
    cache: FrameCache, stretches: Sequence[Stretch], settings: TrainSettings, classes: int, *, hop: int
) -> NDArray[np.int64]:
    """Int64 [classes]: labelled answers. A label near a clip's ends can have frames and no answer that refers to it."""
    counts = np.zeros(classes, np.int64)
    for stretch in stretches:
        labels = labels_at(cache, stretch, answer_ends(stretch, settings, hop=hop), settings)
        counts += np.bincount(labels[labels != UNLABELLED], minlength=classes)
    return counts


class TrainingRuns:
    """The runs of each epoch over the training recordings."""

    def __init__(self, cache: FrameCache, stretches: Sequence[Stretch], settings: TrainSettings, classes: int) -> None:
        """Plan over the stretches that have a labelled frame."""
        self._cache, self._settings = cache, settings
        self._row_ends = row_ends(settings)
        self._class_weights = class_weights(cache, stretches, classes)
        self._plan: list[tuple[Stretch, NDArray[np.int64], int]] = []
        for stretch in stretches:
            labelled = np.flatnonzero(cache.labels[stretch.start : stretch.stop] != UNLABELLED)
            if len(labelled):
                self._plan.append((stretch, labelled, max(1, round(len(labelled) / settings.run_frames))))

    @property
    def steps(self) -> int:
        """Batches per epoch, the same for every epoch."""
        return -(-sum(runs for _, _, runs in self._plan) // self._settings.batch_size)

    def dataset(self, epoch: int) -> Any:
        """The epoch's batches as a tf.data.Dataset of (frames, labels, weights), read ahead by one thread."""
        size, rows = self._settings.size, len(self._row_ends)
        signature = (
            tf.TensorSpec((None, self._settings.run_frames, size, size, 3), tf.uint8),
            tf.TensorSpec((None, rows), tf.int32),
            tf.TensorSpec((None, rows), tf.float32),
        )

        def batches() -> Iterator[tuple[Any, ...]]:
            for batch in self.batches(epoch):
                yield batch.frames, batch.labels, batch.weights

        options = tf.data.Options()
        options.threading.private_threadpool_size = 1
        options.autotune.enabled = False
        return tf.data.Dataset.from_generator(batches, output_signature=signature).prefetch(2).with_options(options)

    def batches(self, epoch: int) -> Iterator[Batch]:
        """The epoch's batches, in an order and with offsets and augmentation that (seed, epoch) fixes."""
        rng = np.random.default_rng((self._settings.seed, epoch))
        runs = [run for stretch, labelled, count in self._plan for run in self._starts(rng, stretch, labelled, count)]
        order = rng.permutation(len(runs))
        for first in range(0, len(order), self._settings.batch_size):
            examples = [self._example(rng, *runs[index]) for index in order[first : first + self._settings.batch_size]]
            frames, labels, weights = zip(*examples, strict=True)
            yield Batch(np.stack(frames), np.stack(labels), np.stack(weights))

    def _starts(
        self, rng: np.random.Generator, stretch: Stretch, labelled: NDArray[np.int64], count: int
    ) -> Iterator[tuple[Stretch, int]]:
        """Places for `count` runs: one labelled frame in each of as many equal parts, at any row of its run."""
        length = self._settings.run_frames
        for part in np.array_split(labelled, count):
            anchor = int(part[rng.integers(len(part))])
            row = int(self._row_ends[rng.integers(len(self._row_ends))])
            start = anchor + self._settings.anchor_frames - row
            yield stretch, int(np.clip(start, 0, max(len(stretch) - length, 0)))

    def _example(
        self, rng: np.random.Generator, stretch: Stretch, start: int
    ) -> tuple[NDArray[np.uint8], NDArray[np.int32], NDArray[np.float32]]:
        frames = gather(self._cache, stretch, start, self._settings.run_frames)
        ends = start + self._row_ends.astype(np.int64)
        labels = labels_at(self._cache, stretch, ends, self._settings).astype(np.int32)
        last = (
            len(stretch)
            - 1
            + (frames_to_hold(len(stretch), self._settings.window) if self._settings.kind == "window" else 0)
        )
        valid = (labels != UNLABELLED) & (ends <= last)
        weights = np.where(valid, self._class_weights[np.maximum(labels, 0)], 0).astype(np.float32)
        return _augment(rng, frames, flip=self._settings.flip), np.maximum(labels, 0), weights


def gather(cache: FrameCache, stretch: Stretch, start: int, count: int) -> NDArray[np.uint8]:
    """Copy frames [start, start + count) of a stretch; past its end the last frame is held."""
    stop = min(start + count, len(stretch))
    frames = np.asarray(cache.frames[stretch.start + start : stretch.start + stop])
    missing = count - len(frames)
    return np.concatenate([frames, np.repeat(frames[-1:], missing, axis=0)]) if missing else frames


def _augment(rng: np.random.Generator, frames: NDArray[np.uint8], *, flip: bool) -> NDArray[np.uint8]:
    """One mirror decision, one light and one framing for a whole run, so that nothing flickers or jumps."""
    mirrored = rng.random() < 0.5
    contrast = 1 + _CONTRAST * rng.uniform(-1, 1)
    brightness = _BRIGHTNESS * rng.uniform(-1, 1)
    gains = contrast * (1 + _TINT * rng.uniform(-1, 1, 3))
    levels = np.arange(256)[:, None]
    table = np.clip((levels - 127.5) * gains + 127.5 + brightness, 0, 255).astype(np.uint8)[None]
    framing = _draw_framing(rng, size_wh=(frames.shape[2], frames.shape[1]))
    if flip and mirrored:
        frames = frames[:, :, ::-1]
    lit = cv2.LUT(np.ascontiguousarray(frames).reshape(-1, frames.shape[2], 3), table).reshape(frames.shape)
    moved = [cv2.warpAffine(frame, framing, frame.shape[1::-1], borderMode=cv2.BORDER_REPLICATE) for frame in lit]
    return np.stack(moved).astype(np.uint8, copy=False)


def _draw_framing(rng: np.random.Generator, *, size_wh: tuple[int, int]) -> NDArray[np.float64]:
    """A camera a little nearer or farther, aside, and tilted: an affine map [2, 3] about the picture's middle."""
    width, height = size_wh
    matrix = cv2.getRotationMatrix2D(
        (width / 2, height / 2), _TILT_DEGREES * rng.uniform(-1, 1), 1 + _ZOOM * rng.uniform(-1, 1)
    )
    across, down = _SHIFT * rng.uniform(-1, 1, 2)
    return np.asarray(matrix + np.array([[0, 0, across * width], [0, 0, down * height]]), np.float64)
