"""A head over the features of whole recordings: answers where serving would give them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from framestream_export.data.frame_cache import UNLABELLED, FrameCache, Stretch
from framestream_export.measures.labelled import LabelledPredictions
from framestream_export.measures.prediction_timelines import PredictionTimeline
from framestream_export.training.examples.frame_encoders import TracedEncoder
from framestream_export.training.examples.windows import answer_ends, labels_at
from framestream_export.training.network.sequence_model import HeadNetwork
from framestream_export.training.settings import TrainSettings

_WINDOWS_PER_CALL = 256
_SEQUENCES_PER_CALL = 16


class Features(Protocol):
    """Where features of a stretch come from."""

    def of_stretch(self, stretch: Stretch) -> NDArray[np.float32]:
        """Float32 [frames, D]."""


class EncodedFrames:
    """Features straight from an encoder, whose weights may still change: nothing is kept."""

    def __init__(self, encoder: Any, cache: FrameCache, *, size: int) -> None:
        """Encode frames of a cache."""
        self._encoder, self._cache = TracedEncoder(encoder, size=size), cache

    def of_stretch(self, stretch: Stretch) -> NDArray[np.float32]:
        """Float32 [frames, D]."""
        return self._encoder.encode(self._cache.read(stretch.start, stretch.stop))


class Evaluator:
    """Asks a head, while or after it is trained; a recording at a time, so that none but its features is in memory."""

    def __init__(self, network: HeadNetwork, features: Features, cache: FrameCache, settings: TrainSettings) -> None:
        """Trace the head once; later calls follow its weights."""
        self._features, self._cache, self._settings = features, cache, settings
        dim = network.head.input_shape[-1]
        steps = settings.window if settings.kind == "window" else None
        self._project: Callable[[Any], Any] | None = None
        if network.projection is not None:
            self._project = tf.function(
                lambda features: network.project(features[None], training=False)[0],
                input_signature=[tf.TensorSpec((None, network.projection.input_shape[-1]), tf.float32)],
            )
        self._classify: Callable[[Any], Any] = tf.function(
            lambda rows: network.head(rows, training=False),
            input_signature=[tf.TensorSpec((None, steps, dim), tf.float32)],
        )

    def answers(self, stretches: Sequence[Stretch], *, hop: int = 1) -> LabelledPredictions:
        """Labelled predictions at every `hop`-th place, those without a label left out."""
        rows, wanted, pieces, next_piece = [], [], [], 0
        for stretch, ends, probabilities in self._all_rows(stretches, hop):
            labels = labels_at(self._cache, stretch, ends, self._settings).astype(np.int64)
            known = labels != UNLABELLED
            changes = np.concatenate([[0], np.cumsum(np.diff(labels) != 0)]).astype(np.int64)[: len(labels)]
            pieces.append((next_piece + changes)[known])
            next_piece += int(changes[-1]) + 1 if len(changes) else 0
            rows.append(probabilities[known])
            wanted.append(labels[known])
        return LabelledPredictions(np.concatenate(rows), np.concatenate(wanted), np.concatenate(pieces))

    def timelines(self, stretches: Sequence[Stretch]) -> list[PredictionTimeline]:
        """Every answer of whole recordings, in the order of the stretches."""
        parts: dict[int, list[tuple[NDArray[np.float64], NDArray[np.float32], NDArray[np.int64]]]] = {}
        for stretch, ends, probabilities in self._all_rows(stretches, 1):
            labels = labels_at(self._cache, stretch, ends, self._settings).astype(np.int64)
            own = parts.setdefault(stretch.recording, [])
            own.append((self._moments(stretch, ends), probabilities, labels))
        timelines = []
        for recording, found in parts.items():
            moments, rows, labels_of = zip(*found, strict=True)
            breaks = np.cumsum([len(times) for times in moments])[:-1].astype(np.int64)
            timelines.append(
                PredictionTimeline(
                    self._cache.recordings[recording],
                    np.concatenate(moments),
                    np.concatenate(rows),
                    np.concatenate(labels_of),
                    breaks,
                )
            )
        return timelines

    def _moments(self, stretch: Stretch, ends: NDArray[np.int64]) -> NDArray[np.float64]:
        """When the moments are that answers are about; on the model's clock, also beyond the stretch's ends."""
        first = float(self._cache.pts_seconds[stretch.start])
        moments: NDArray[np.float64] = first + (ends - self._settings.anchor_frames) / self._settings.frame_rate
        return moments

    def _all_rows(
        self, stretches: Sequence[Stretch], hop: int
    ) -> Iterator[tuple[Stretch, NDArray[np.int64], NDArray[np.float32]]]:
        """Each stretch with the frames at which it gives answers, and the answers [len(ends), K]."""
        if self._settings.kind == "window":
            for stretch in stretches:
                ends = answer_ends(stretch, self._settings, hop=hop)
                yield stretch, ends, self._window_rows(self._of_stretch(stretch), ends)
            return
        for first in range(0, len(stretches), _SEQUENCES_PER_CALL):
            some = stretches[first : first + _SEQUENCES_PER_CALL]
            for stretch, rows in zip(some, self._frame_rows(some), strict=True):
                ends = answer_ends(stretch, self._settings, hop=hop)
                yield stretch, ends, rows[ends]

    def _of_stretch(self, stretch: Stretch) -> NDArray[np.float32]:
        features = self._features.of_stretch(stretch)
        return features if self._project is None else np.asarray(self._project(features))

    def _window_rows(self, features: NDArray[np.float32], ends: NDArray[np.int64]) -> NDArray[np.float32]:
        # Beyond its end a stretch shorter than the window holds its last frame, hence the minimum.
        windows = np.minimum(ends[:, None] + np.arange(1 - self._settings.window, 1), len(features) - 1)
        calls = range(0, len(windows), _WINDOWS_PER_CALL)
        parts = [np.asarray(self._classify(features[windows[first : first + _WINDOWS_PER_CALL]])) for first in calls]
        return np.concatenate(parts)

    def _frame_rows(self, stretches: Sequence[Stretch]) -> NDArray[np.float32]:
        # Padding behind the end changes nothing before it, so sequences of unequal length go together.
        features = [self._of_stretch(stretch) for stretch in stretches]
        padded = np.zeros((len(features), max(map(len, features)), features[0].shape[1]), np.float32)
        for sequence, own in zip(padded, features, strict=True):
            sequence[: len(own)] = own
        return np.asarray(self._classify(padded))
