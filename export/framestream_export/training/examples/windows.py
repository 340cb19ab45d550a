"""Where a model predicts, and what it should say there: windows over segments of frames, and their labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from framestream.sampling.clock import frames_to_hold
from framestream_export.data.frame_cache import UNLABELLED, FrameCache, FrameSegment
from framestream_export.training.settings import TrainSettings

ROW_HOP = 2  # neighbouring predictions say much the same: training and validation ask for every second one
FEATURE_ROW_HOP = 4  # on features windows are most of the work, and each clip comes again in every augmentation
_LARGEST_CLASS_WEIGHT = 10.0


def row_ends(settings: TrainSettings, *, hop: int = ROW_HOP) -> NDArray[np.int32]:
    """Int32 [R]: the frames of a run at which a prediction is asked for, those of a stateful model at every frame."""
    if settings.kind == "stateful":
        return np.arange(settings.run_frames, dtype=np.int32)
    return np.arange(settings.window - 1, settings.run_frames, hop, dtype=np.int32)


def prediction_ends(segment: FrameSegment, settings: TrainSettings, *, hop: int = 1) -> NDArray[np.int64]:
    """The frames, counted from the segment's first, at which serving it gives a prediction.

    A segment shorter than the window has one, after its last frame has been held (`frames_to_hold`).
    """
    if settings.kind == "stateful":
        return np.arange(0, len(segment), hop)
    return np.arange(settings.window - 1, len(segment) + frames_to_hold(len(segment), settings.window), hop)


def labels_at(
    cache: FrameCache, segment: FrameSegment, ends: NDArray[np.int64], settings: TrainSettings
) -> NDArray[np.int16]:
    """The label each prediction should give: the one that holds at its anchor.

    Nobody knows what comes after a segment: predictions about that have no label.
    """
    anchors = ends - settings.anchor_frames
    labels: NDArray[np.int16] = cache.labels[segment.start + np.minimum(anchors, len(segment) - 1)]
    if settings.anchor_frames < 0:
        labels = np.where(anchors < len(segment), labels, UNLABELLED).astype(np.int16)
    return labels


def class_weights(cache: FrameCache, segments: Sequence[FrameSegment], classes: int) -> NDArray[np.float32]:
    """Float32 [classes]: as much weight in all for rare classes as for common ones, within reason; 1 on average."""
    counts = label_counts(cache, segments, classes)
    weights = np.minimum(counts.sum() / (classes * np.maximum(counts, 1)), _LARGEST_CLASS_WEIGHT)
    return np.asarray(weights * counts.sum() / max((weights * counts).sum(), 1), dtype=np.float32)


def label_counts(cache: FrameCache, segments: Sequence[FrameSegment], classes: int) -> NDArray[np.int64]:
    """Int64 [classes]: labelled frames."""
    counts = np.zeros(classes, np.int64)
    for segment in segments:
        labels = cache.labels[segment.start : segment.stop]
        counts += np.bincount(labels[labels != UNLABELLED], minlength=classes)
    return counts


def prediction_counts(
    cache: FrameCache, segments: Sequence[FrameSegment], settings: TrainSettings, classes: int, *, hop: int
) -> NDArray[np.int64]:
    """Int64 [classes]: labelled predictions.

    A label near a clip's ends can have frames and no prediction that refers to it.
    """
    counts = np.zeros(classes, np.int64)
    for segment in segments:
        labels = labels_at(cache, segment, prediction_ends(segment, settings, hop=hop), settings)
        counts += np.bincount(labels[labels != UNLABELLED], minlength=classes)
    return counts


def gather(cache: FrameCache, segment: FrameSegment, start: int, count: int) -> NDArray[np.uint8]:
    """Copy frames [start, start + count) of a segment; past its end the last frame is held."""
    stop = min(start + count, len(segment))
    frames = np.asarray(cache.frames[segment.start + start : segment.start + stop])
    missing = count - len(frames)
    return np.concatenate([frames, np.repeat(frames[-1:], missing, axis=0)]) if missing else frames
