"""The Keras model over whole recordings, every frame encoded once, answers where serving would give them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from framestream_export.data.frame_cache import UNLABELLED, FrameCache, Stretch
from framestream_export.measures.labelled import Answers
from framestream_export.measures.tracks import Track
from framestream_export.training.model import SequenceModel
from framestream_export.training.settings import TrainSettings
from framestream_export.training.windows import answer_ends, labels_at

_FRAMES_PER_CALL = 256
_WINDOWS_PER_CALL = 1024
_SEQUENCES_PER_CALL = 32


class Evaluator:
    """Runs a model, while or after it is trained, over cached recordings."""

    def __init__(self, model: SequenceModel, cache: FrameCache, settings: TrainSettings) -> None:
        """Trace the two models once; later calls follow their weights."""
        self._model, self._cache, self._settings = model, cache, settings
        size, dim = settings.size, model.encoder.output_shape[-1]
        steps = settings.window if settings.kind == "window" else None
        self._encode: Callable[[Any], Any] = tf.function(
            lambda frames: model.encoder(tf.cast(frames, tf.float32), training=False),
            input_signature=[tf.TensorSpec((None, size, size, 3), tf.uint8)],
        )
        self._classify: Callable[[Any], Any] = tf.function(
            lambda features: model.head(features, training=False),
            input_signature=[tf.TensorSpec((None, steps, dim), tf.float32)],
        )

    def answers(self, stretches: Sequence[Stretch], *, hop: int = 1) -> Answers:
        """Answers at every `hop`-th place, those without a label left out."""
        ends = [answer_ends(stretch, self._settings, hop=hop) for stretch in stretches]
        labels = [
            labels_at(self._cache, stretch, at, self._settings) for stretch, at in zip(stretches, ends, strict=True)
        ]
        rows = list(self._rows(stretches, ends))
        pieces, next_piece = [], 0
        for of_stretch in labels:
            changes = np.concatenate([[0], np.cumsum(np.diff(of_stretch) != 0)]) if len(of_stretch) else of_stretch
            pieces.append(next_piece + changes.astype(np.int64))
            next_piece += int(changes[-1]) + 1 if len(of_stretch) else 0
        wanted = np.concatenate(labels).astype(np.int64)
        known = wanted != UNLABELLED
        return Answers(np.concatenate(rows)[known], wanted[known], np.concatenate(pieces)[known])

    def tracks(self, stretches: Sequence[Stretch]) -> list[Track]:
        """Every answer, recording by recording; moments are counted from a recording's first frame."""
        ends = [answer_ends(stretch, self._settings) for stretch in stretches]
        rows = list(self._rows(stretches, ends))
        parts: dict[int, list[int]] = {}
        for index, stretch in enumerate(stretches):
            parts.setdefault(stretch.recording, []).append(index)
        return [self._track(recording, members, stretches, ends, rows) for recording, members in parts.items()]

    def _track(
        self,
        recording: int,
        members: Sequence[int],
        stretches: Sequence[Stretch],
        ends: Sequence[NDArray[np.int64]],
        rows: Sequence[NDArray[np.float32]],
    ) -> Track:
        labels = [labels_at(self._cache, stretches[index], ends[index], self._settings) for index in members]
        first = stretches[members[0]].start
        moments = []
        for index in members:
            anchors = np.minimum(ends[index] - self._settings.anchor_frames, len(stretches[index]) - 1)
            moments.append((stretches[index].start - first + anchors) / self._settings.frame_rate)
        return Track(
            recording=self._cache.recordings[recording],
            pts_seconds=np.concatenate(moments),
            probabilities=np.concatenate([rows[index] for index in members]),
            labels=np.concatenate(labels).astype(np.int64),
            breaks=np.cumsum([len(one) for one in labels])[:-1].astype(np.int64),
        )

    def _rows(self, stretches: Sequence[Stretch], ends: Sequence[NDArray[np.int64]]) -> Iterator[NDArray[np.float32]]:
        features = list(self._features(stretches))
        if self._settings.kind == "window":
            yield from self._window_rows(features, ends)
        else:
            yield from self._frame_rows(features, ends)

    def _features(self, stretches: Sequence[Stretch]) -> Iterator[NDArray[np.float32]]:
        """Features [n, D] of each stretch, encoded in calls of a fixed size across the borders between stretches."""
        indices = np.concatenate([np.arange(stretch.start, stretch.stop) for stretch in stretches])
        features = np.empty((len(indices), self._model.encoder.output_shape[-1]), np.float32)
        for first in range(0, len(indices), _FRAMES_PER_CALL):
            chunk = slice(first, first + _FRAMES_PER_CALL)
            features[chunk] = self._encode(self._cache.frames[indices[chunk]])
        first = 0
        for stretch in stretches:
            yield features[first : first + len(stretch)]
            first += len(stretch)

    def _window_rows(
        self, features: Sequence[NDArray[np.float32]], ends: Sequence[NDArray[np.int64]]
    ) -> Iterator[NDArray[np.float32]]:
        back = np.arange(1 - self._settings.window, 1)
        # Beyond its end a stretch shorter than the window holds its last frame, hence the minimum.
        indices = [np.minimum(at[:, None] + back, len(own) - 1) for own, at in zip(features, ends, strict=True)]
        for own, windows in zip(features, indices, strict=True):
            parts = [
                np.asarray(self._classify(own[windows[first : first + _WINDOWS_PER_CALL]]))
                for first in range(0, len(windows), _WINDOWS_PER_CALL)
            ]
            yield np.concatenate(parts)

    def _frame_rows(
        self, features: Sequence[NDArray[np.float32]], ends: Sequence[NDArray[np.int64]]
    ) -> Iterator[NDArray[np.float32]]:
        # Padding behind the end changes nothing before it, so sequences of unequal length go together.
        for first in range(0, len(features), _SEQUENCES_PER_CALL):
            some = features[first : first + _SEQUENCES_PER_CALL]
            padded = np.zeros((len(some), max(map(len, some)), some[0].shape[1]), np.float32)
            for sequence, own in zip(padded, some, strict=True):
                sequence[: len(own)] = own
            rows = np.asarray(self._classify(padded))
            for sequence, at in zip(rows, ends[first : first + _SEQUENCES_PER_CALL], strict=True):
                yield sequence[at]
