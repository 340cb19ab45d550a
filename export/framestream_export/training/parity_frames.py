"""The frames on which Keras and ONNX are compared: real ones where there are films."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from framestream_export.data.frame_cache import FrameCache, FrameSegment
from framestream_export.training.examples.joint_figures import draw_figures
from framestream_export.training.examples.synthetic_frames import drawn_frames
from framestream_export.training.examples.windows import gather, labels_at
from framestream_export.training.settings import TrainSettings
from framestream_export.training.training_data import TrainingData

_SEQUENCES = 8
_ROWS = 16


def parity_frames(data: TrainingData, settings: TrainSettings) -> NDArray[np.uint8]:
    """Frames of the test split, every label in turn: uint8 [sequences, frames, height, width, 3].

    Real ones, of other films where all of that split are files of features. Where there are no films at all, people are
    drawn by their joints, and what other features say cannot be drawn: then it is something that moves.
    """
    length = settings.window + _ROWS
    cache, tested = data.cache, data.segments("test")
    pictured = [segment for segment in cache.segments if cache.has_pictures(segment)]
    if not pictured and (cache.features is None or not cache.features.maker.keypoints):
        return drawn_frames(settings.size_wh, window=settings.window)
    chosen = list(filter(cache.has_pictures, tested)) or pictured or tested
    starts_by_label = _starts_by_label(data, chosen, settings)
    queues = [list(reversed(found)) for found in starts_by_label if found]
    sequences: list[NDArray[np.uint8]] = []
    while len(sequences) < max(_SEQUENCES, data.classes):
        if not any(queues):  # a tiny data set: take them again
            queues = [list(reversed(found)) for found in starts_by_label if found]
        for queue in queues:
            if queue:
                segment, start = queue.pop()
                sequences.append(_pictures(cache, segment, start, length))
    return np.stack(sequences)


def _pictures(cache: FrameCache, segment: FrameSegment, start: int, count: int) -> NDArray[np.uint8]:
    """Frames [start, start + count) of a segment, drawn by their joints where there are no pictures."""
    if cache.has_pictures(segment):
        return gather(cache, segment, start, count)
    size = cache.frames.shape[1]
    stop = min(start + count, len(segment))
    joints = cache.read_features(segment.start + start, segment.start + stop)
    return draw_figures(joints[np.minimum(np.arange(count), len(joints) - 1)], size=size)


def _starts_by_label(
    data: TrainingData, segments: Sequence[FrameSegment], settings: TrainSettings
) -> list[list[tuple[FrameSegment, int]]]:
    """Return for each label its segments, each with the first of the frames to take around the segment's middle."""
    length = settings.window + _ROWS
    starts: list[list[tuple[FrameSegment, int]]] = [[] for _ in range(data.classes)]
    for segment in segments:
        labels = labels_at(data.cache, segment, np.arange(len(segment)) + settings.anchor_frames, settings)
        for label in np.unique(labels[labels >= 0]):
            held = np.flatnonzero(labels == label)
            start = int(held[len(held) // 2]) - length // 2
            starts[int(label)].append((segment, max(0, min(start, len(segment) - length))))
    return starts
