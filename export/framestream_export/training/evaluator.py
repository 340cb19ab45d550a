"""A head over the features of whole recordings: predictions where serving would give them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from framestream_export.data.frame_cache import UNLABELLED, FrameCache, FrameSegment
from framestream_export.measures.labelled import LabelledPredictions
from framestream_export.measures.prediction_timelines import PredictionTimeline
from framestream_export.training.examples.frame_encoders import TracedEncoder
from framestream_export.training.examples.windows import labels_at, prediction_ends
from framestream_export.training.network.sequence_model import HeadNetwork
from framestream_export.training.settings import TrainSettings

_WINDOWS_PER_CALL = 256
_SEQUENCES_PER_CALL = 16


class Features(Protocol):
    """A source of the features of segments."""

    def of_segment(self, segment: FrameSegment) -> NDArray[np.float32]:
        """Return the features of a segment, float32 [frames, D]."""


class EncodedFrames:
    """Features straight from an encoder, whose weights may still change: nothing is kept."""

    def __init__(self, encoder: Any, cache: FrameCache, *, size: int) -> None:
        """Encode frames of a cache."""
        self._encoder, self._cache = TracedEncoder(encoder, size=size), cache

    def of_segment(self, segment: FrameSegment) -> NDArray[np.float32]:
        """Return the features of a segment, float32 [frames, D]."""
        return self._encoder.encode(self._cache.read(segment.start, segment.stop))


class Evaluator:
    """Asks a head, while or after it is trained; a recording at a time, so that none but its features is in memory."""

    def __init__(self, network: HeadNetwork, features: Features, cache: FrameCache, settings: TrainSettings) -> None:
        """Take a head whose weights may still change: later calls follow them."""
        self._features, self._cache, self._settings = features, cache, settings
        self._classify = network.classify
        self._project: Callable[[Any], Any] | None = None
        if network.projection is not None:
            self._project = tf.function(
                lambda features: network.project(features[None], training=False)[0],
                input_signature=[tf.TensorSpec((None, network.projection.input_shape[-1]), tf.float32)],
            )

    def predictions(self, segments: Sequence[FrameSegment], *, hop: int = 1) -> LabelledPredictions:
        """Predictions at every `hop`-th frame at which there is one; those without a label are left out."""
        rows, wanted, segment_numbers, next_number = [], [], [], 0
        for segment, ends, probabilities in self._all_rows(segments, hop):
            labels = labels_at(self._cache, segment, ends, self._settings).astype(np.int64)
            known = labels != UNLABELLED
            changes = np.concatenate([[0], np.cumsum(np.diff(labels) != 0)]).astype(np.int64)[: len(labels)]
            segment_numbers.append((next_number + changes)[known])
            next_number += int(changes[-1]) + 1 if len(changes) else 0
            rows.append(probabilities[known])
            wanted.append(labels[known])
        return LabelledPredictions(np.concatenate(rows), np.concatenate(wanted), np.concatenate(segment_numbers))

    def timelines(self, segments: Sequence[FrameSegment]) -> list[PredictionTimeline]:
        """Every prediction of whole recordings, in the order of the segments."""
        parts: dict[int, list[tuple[NDArray[np.float64], NDArray[np.float32], NDArray[np.int64]]]] = {}
        for segment, ends, probabilities in self._all_rows(segments, 1):
            labels = labels_at(self._cache, segment, ends, self._settings).astype(np.int64)
            own = parts.setdefault(segment.recording, [])
            own.append((self._moments(segment, ends), probabilities, labels))
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

    def _moments(self, segment: FrameSegment, ends: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the moments that predictions are about, on the model's clock; some may lie outside the segment."""
        first = float(self._cache.pts_seconds[segment.start])
        moments: NDArray[np.float64] = first + (ends - self._settings.anchor_frames) / self._settings.frame_rate
        return moments

    def _all_rows(
        self, segments: Sequence[FrameSegment], hop: int
    ) -> Iterator[tuple[FrameSegment, NDArray[np.int64], NDArray[np.float32]]]:
        """Each segment with the frames at which it gives predictions, and the predictions [len(ends), K]."""
        if self._settings.kind == "window":
            for segment in segments:
                ends = prediction_ends(segment, self._settings, hop=hop)
                yield segment, ends, self._window_rows(self._of_segment(segment), ends)
            return
        for first in range(0, len(segments), _SEQUENCES_PER_CALL):
            some = segments[first : first + _SEQUENCES_PER_CALL]
            for segment, rows in zip(some, self._frame_rows(some), strict=True):
                ends = prediction_ends(segment, self._settings, hop=hop)
                yield segment, ends, rows[ends]

    def _of_segment(self, segment: FrameSegment) -> NDArray[np.float32]:
        features = self._features.of_segment(segment)
        return features if self._project is None else np.asarray(self._project(features))

    def _window_rows(self, features: NDArray[np.float32], ends: NDArray[np.int64]) -> NDArray[np.float32]:
        # Beyond its end a segment shorter than the window holds its last frame, hence the minimum.
        windows = np.minimum(ends[:, None] + np.arange(1 - self._settings.window, 1), len(features) - 1)
        calls = range(0, len(windows), _WINDOWS_PER_CALL)
        parts = [np.asarray(self._classify(features[windows[first : first + _WINDOWS_PER_CALL]])) for first in calls]
        return np.concatenate(parts)

    def _frame_rows(self, segments: Sequence[FrameSegment]) -> NDArray[np.float32]:
        # Padding behind the end changes nothing before it, so sequences of unequal length go together.
        features = [self._of_segment(segment) for segment in segments]
        padded = np.zeros((len(features), max(map(len, features)), features[0].shape[1]), np.float32)
        for sequence, own in zip(padded, features, strict=True):
            sequence[: len(own)] = own
        return np.asarray(self._classify(padded))
