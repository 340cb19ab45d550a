"""Figures broken down by what recordings have in common, as a camera or a person, or by what is true."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from framestream_export.data.frame_cache import UNLABELLED
from framestream_export.measures.confidence_intervals import share_interval
from framestream_export.measures.labelled import (
    confusion_matrix,
    labelled_predictions_of,
    macro_f1,
    per_class,
    segments_of,
)
from framestream_export.measures.prediction_timelines import PredictionTimeline
from framestream_export.measures.untrimmed import EventCounts, StreamingFigures, measure_streaming
from framestream_export.report.extras import ReportExtras


def break_down(
    timelines: Sequence[PredictionTimeline],
    values: Sequence[str],
    *,
    labels: Sequence[str],
    background: str | None,
    extras: ReportExtras,
) -> dict[str, Any]:
    """Figures by value, sorted.

    Args:
        timelines: Timelines of the model's predictions.
        values: What each of their recordings is counted under; "" where nothing is known.
        labels: All labels, in the order of the probabilities.
        background: The one that is never an event, or None.
        extras: How events are found.
    """
    found = {}
    for value in sorted(set(values)):
        own = [timeline for timeline, its in zip(timelines, values, strict=True) if its == value]
        streaming = measure_streaming(own, labels, background=background, settings=extras.events, timing=extras.timing)
        counts = None if streaming is None else {least: of[None] for least, of in streaming.events.items()}
        found[value] = _figures(own, labels, counts, streaming)
    return found


def break_down_by_class(
    timelines: Sequence[PredictionTimeline], labels: Sequence[str], streaming: StreamingFigures | None
) -> dict[str, Any]:
    """Figures by true label, in the labels' order; accuracy is then the share of the label that is recognised."""
    found = {}
    for index, label in enumerate(labels):
        own = [replace(one, labels=np.where(one.labels == index, index, UNLABELLED)) for one in timelines]
        own = [one for one in own if (one.labels == index).any()]
        counts = None
        if streaming is not None and label in streaming.events[next(iter(streaming.events))]:
            counts = {least: of[label] for least, of in streaming.events.items()}
        found[label] = _figures(own, labels, counts, None)
    return found


def _figures(
    timelines: Sequence[PredictionTimeline],
    labels: Sequence[str],
    events: Mapping[float, EventCounts] | None,
    streaming: StreamingFigures | None,
) -> dict[str, Any]:
    predictions, segments = labelled_predictions_of(timelines), segments_of(timelines)
    groups = [timelines[segment.timeline].recording.group for segment in segments]
    right = np.array([segment.right for segment in segments], np.bool_)
    interval = share_interval(right, groups, most_independent=len(segments))
    truth, said = (
        np.array([getattr(segment, name) for segment in segments], np.int64) for name in ("label", "prediction")
    )
    named_rightly = predictions.probabilities.argmax(axis=1) == predictions.labels if segments else np.zeros(0)
    return {
        "files": len(timelines),
        "windows": len(predictions.labels),
        "accuracy": float(named_rightly.mean()) if segments else None,
        "segments": len(segments),
        "segments_right": int(right.sum()),
        "segment_accuracy": float(right.mean()) if segments else None,
        "segment_accuracy_interval": None if interval is None else interval.to_json(),
        "segment_macro_f1": macro_f1(per_class(confusion_matrix(truth, said, len(labels)), labels)),
        "events": None if events is None else {f"{least:g}": counts.to_json() for least, counts in events.items()},
        "false_alarms": None if streaming is None else streaming.false_alarms,
        "false_alarms_per_hour": None if streaming is None else streaming.false_alarms_per_hour,
    }
