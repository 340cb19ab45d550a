"""Comparison of a model with a baseline that does not use the order of frames: does time help on these data?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from framestream.errors import DataError
from framestream_export.measures.confidence_intervals import difference_interval
from framestream_export.measures.labelled import LabelledSegment, accuracy, labelled_predictions_of, segments_of
from framestream_export.measures.prediction_timelines import PredictionTimeline


def compare_with_baseline(
    timelines: Sequence[PredictionTimeline], baseline: Sequence[PredictionTimeline]
) -> dict[str, Any]:
    """Measure the baseline's accuracy, and what the model gains over it on the same labelled segments.

    A baseline of another kind may begin to predict a little later than the model, and make no prediction at all about a
    segment that is very short: segments are compared where both have a prediction.

    Raises:
        DataError: The timelines are not of the same recordings, or share no segment.
    """
    if [timeline.recording.name for timeline in timelines] != [timeline.recording.name for timeline in baseline]:
        raise DataError("the baseline was not measured on the same recordings as the model")
    pairs = list(_pairs(timelines, baseline))
    if not pairs:
        raise DataError("the baseline has no prediction about any labelled segment that the model predicts")
    gains = np.array([float(one.right) - float(other.right) for one, other in pairs])
    interval = difference_interval(gains, [timelines[segment.timeline].recording.group for segment, _ in pairs])
    verdict = "unclear"
    if interval is not None and interval.low > 0:
        verdict = "helps"
    elif interval is not None and interval.high < 0:
        verdict = "hurts"
    return {
        "accuracy": accuracy(labelled_predictions_of(baseline)),
        "segments": len(pairs),
        "segment_accuracy": float(np.mean([segment.right for _, segment in pairs])),
        "segment_gain": float(gains.mean()),
        "segment_gain_interval": None if interval is None else interval.to_json(),
        "verdict": verdict,
    }


def _pairs(
    timelines: Sequence[PredictionTimeline], baseline: Sequence[PredictionTimeline]
) -> Iterator[tuple[LabelledSegment, LabelledSegment]]:
    """Yield the segments of both that share time and label, each taken once."""
    theirs: dict[int, list[LabelledSegment]] = {}
    for segment in segments_of(baseline):
        theirs.setdefault(segment.timeline, []).append(segment)
    for segment in segments_of(timelines):
        start, stop = _times(segment, timelines)
        for other in theirs.get(segment.timeline, []):
            first, last = _times(other, baseline)
            if other.label == segment.label and first <= stop and start <= last:
                theirs[segment.timeline].remove(other)
                yield segment, other
                break


def _times(segment: LabelledSegment, timelines: Sequence[PredictionTimeline]) -> tuple[float, float]:
    pts_seconds = timelines[segment.timeline].pts_seconds
    return float(pts_seconds[segment.start]), float(pts_seconds[segment.stop - 1])
