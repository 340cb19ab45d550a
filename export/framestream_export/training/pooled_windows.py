"""Windows as a linear model sees them: mean, deviation and change of each feature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framestream.errors import DataError
from framestream_export.data.frame_cache import UNLABELLED, FrameSegment
from framestream_export.training.examples.features import FeatureStore
from framestream_export.training.examples.windows import labels_at, prediction_ends
from framestream_export.training.network.projection import describe_bodies
from framestream_export.training.settings import TrainSettings
from framestream_export.training.training_data import TrainingData

_MOST_WINDOWS = 2000


@dataclass(frozen=True, slots=True)
class LabelledWindows:
    """Windows of a segment.

    Attributes:
        segment: Segment that they are cut from.
        ends: int64 [R], the frame that each ends at, counted from the segment's first.
        labels: int64 [R].
    """

    segment: FrameSegment
    ends: NDArray[np.int64]
    labels: NDArray[np.int64]


def labelled_windows(data: TrainingData, settings: TrainSettings, *, splits: Sequence[str]) -> list[LabelledWindows]:
    """Labelled windows of some splits, evenly chosen: about `_MOST_WINDOWS` at most, but one of each segment.

    Raises:
        DataError: No window has a label.
    """
    found = []
    for segment in (segment for split in splits for segment in data.segments(split)):
        ends = prediction_ends(segment, settings)
        labels = labels_at(data.cache, segment, ends, settings)
        known = labels != UNLABELLED
        found.append(LabelledWindows(segment, ends[known], labels[known].astype(np.int64)))
    total = sum(len(windows.ends) for windows in found)
    if not total:
        raise DataError(f"no window of {settings.window} frames in the {' and '.join(splits)} split has a label")
    hop = max(settings.window // 4, -(-total // _MOST_WINDOWS))
    return [
        LabelledWindows(windows.segment, windows.ends[::hop], windows.labels[::hop])
        for windows in found
        if len(windows.ends)
    ]


def pool(
    windows: Sequence[LabelledWindows], store: FeatureStore, settings: TrainSettings
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Windows as `pool_windows` describes them by the features of an encoder, float32 [R, 3 D], and labels int64 [R].

    Joints are described as bodies first. The features must be in the store.
    """
    rows = []
    for of_segment in windows:
        features = store.of_segment(of_segment.segment)
        seen = describe_bodies(features) if store.keypoints else features
        rows.append(pool_windows(seen, of_segment.ends, window=settings.window))
    return np.concatenate(rows), np.concatenate([of_segment.labels for of_segment in windows])


def pool_windows(features: NDArray[np.float32], ends: NDArray[np.int64], *, window: int) -> NDArray[np.float32]:
    """Describe windows by mean, deviation and last-minus-first of each feature.

    Args:
        features: float32 [frames, D] of a segment; past its end it holds its last frame.
        ends: int64 [R], the frame each window ends at.
        window: Frames in a window.

    Returns:
        float32 [R, 3 D].
    """
    pooled = np.empty((len(ends), 3 * features.shape[1]), np.float32)
    for row, end in zip(pooled, ends, strict=True):
        frames = features[np.clip(np.arange(end - window + 1, end + 1), 0, len(features) - 1)]
        row[:] = np.concatenate([frames.mean(axis=0), frames.std(axis=0), frames[-1] - frames[0]])
    return pooled
