"""The model beside one that does not look at the order of frames: is time worth anything on these data?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from framestream.errors import DataError
from framestream_export.measures.intervals import difference_interval
from framestream_export.measures.labelled import LabelledSegment, accuracy, labelled_predictions_of, segments_of
from framestream_export.measures.prediction_timelines import PredictionTimeline


def compare_with_baseline(
    timelines: Sequence[PredictionTimeline], baseline: Sequence[PredictionTimeline]
) -> dict[str, Any]:
    """The baseline's accuracy, and what the model gains over it, piece by piece on the same pieces.

    A baseline of another kind may begin to answer a little later than the model, and have no answer at all about a
    piece that is very short: pieces are compared where both have one.

    Raises:
        DataError: The timelines are not of the same recordings, or share no piece.
    """
    if [timeline.recording.name for timeline in timelines] != [timeline.recording.name for timeline in baseline]:
        raise DataError("the baseline was not measured on the same recordings as the model")
    pairs = list(_pairs(timelines, baseline))
    if not pairs:
        raise DataError("the baseline has no answer about any labelled piece that the model answers about")
    gains = np.array([float(one.right) - float(other.right) for one, other in pairs])
    interval = difference_interval(gains, [timelines[piece.timeline].recording.group for piece, _ in pairs])
    verdict = "unclear"
    if interval is not None and interval.low > 0:
        verdict = "helps"
    elif interval is not None and interval.high < 0:
        verdict = "hurts"
    return {
        "accuracy": accuracy(labelled_predictions_of(baseline)),
        "segments": len(pairs),
        "segment_accuracy": float(np.mean([piece.right for _, piece in pairs])),
        "segment_gain": float(gains.mean()),
        "segment_gain_interval": None if interval is None else interval.to_json(),
        "verdict": verdict,
    }


def _pairs(
    timelines: Sequence[PredictionTimeline], baseline: Sequence[PredictionTimeline]
) -> Iterator[tuple[LabelledSegment, LabelledSegment]]:
    """Pieces of both that share time and label, each taken once."""
    theirs: dict[int, list[LabelledSegment]] = {}
    for piece in segments_of(baseline):
        theirs.setdefault(piece.timeline, []).append(piece)
    for piece in segments_of(timelines):
        start, stop = _times(piece, timelines)
        for other in theirs.get(piece.timeline, []):
            first, last = _times(other, baseline)
            if other.label == piece.label and first <= stop and start <= last:
                theirs[piece.timeline].remove(other)
                yield piece, other
                break


def _times(piece: LabelledSegment, timelines: Sequence[PredictionTimeline]) -> tuple[float, float]:
    pts_seconds = timelines[piece.timeline].pts_seconds
    return float(pts_seconds[piece.start]), float(pts_seconds[piece.stop - 1])
