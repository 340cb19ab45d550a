"""Everything a report says, as plain numbers, from what a model predicted about recordings it was not trained on.

`measure` makes the dictionary that report.json holds. Its keys, which stay as they are within a `report_version`:

`report_version`
    2.
`title`, `split`, `labels`, `background`
    What was measured, on which part of the data.
`files`, `groups`
    Recordings measured, and how many groups (people, places, films) they are of.
`windows`, `accuracy`, `accuracy_interval`
    Single predictions; the share that is right; [low, high] of its 95 % confidence interval by group; null with one
    group.
`segments`, `segments_right`, `segment_accuracy`, `segment_accuracy_interval`
    The same for labelled segments (a clip, or the part of a film throughout which one label holds), whose probabilities
    are averaged.
`macro_f1`, `per_class`, `confusion`
    Of single predictions: the mean F1 of the labels that occur; by label `precision`, `recall`, `f1` (null where
    there is nothing to divide by) and `support`; counts, a row for each true label, a column for each prediction.
`segment_macro_f1`, `segment_per_class`, `segment_confusion`
    The same of labelled segments.
`calibration`
    `temperature` (null: none) and, with it `after` and without it `before` (null where there is no temperature):
    `log_loss` in nats, `calibration_error` from 0 to 1, `bins` of predictions by their score.
`baseline`
    Null, or another model on the same recordings, that does not look at the order of frames: its `accuracy`; on the
    `segments` that both predict something about its `segment_accuracy`, `segment_gain` (the model's less the
    baseline's) and `segment_gain_interval`; `verdict`: "helps", "hurts" or "unclear", by whether that interval
    excludes 0.
`linear`
    Null, or the same about a linear model of mean, deviation and last-minus-first of each window's features.
`encoder_choice`
    Null, or how the encoder was chosen: `preset`, `accuracies` by preset, `windows`, `groups`, `folds`, `reason`.
`events`
    `settings` that `streaming` was measured with; `suggested`: null, or `settings`, `origin` ("untrimmed",
    "clips", "default"), `reason` and `f1`.
`streaming`
    Null, or figures on untrimmed recordings, see `StreamingFigures`: `files`, `video_seconds`,
    `background_seconds`, `events` and `events_per_class` by least overlap ("0.1", "0.25", "0.5"),
    `delay_seconds` (from an event's true start until it was certain to be reported), `start_error_seconds` and
    `end_error_seconds` (reported less true), `false_alarms`, `false_alarms_per_hour` (of background),
    `switches_per_minute` of `predictions`, `events` and `truth`.
`by`
    What the figures are broken down by, each an object by value ("" where a recording has none): `files`, `windows`,
    `accuracy`, `segments`, `segments_right`, `segment_accuracy`, `segment_accuracy_interval`, `segment_macro_f1`; null
    without untrimmed recordings, `events` by least overlap, `false_alarms`, `false_alarms_per_hour`. By `class` the
    accuracies are shares of what is truly of it, and there are no false alarms.
`negatives`
    Null, or what was reported in films in which nothing happens: `files`, `video_seconds`, `false_alarms`,
    `false_alarms_per_hour`, `per_class` (how many by label), `per_file` (`video_seconds`, `false_alarms`,
    `false_alarms_per_hour`), `events` (`name`, `label`, `start_seconds`, `end_seconds`, `score`).
`worst`
    Labelled segments that went most wrong: `name`, `start_seconds`, `end_seconds`, `truth`, `prediction`,
    `score`, `true_score`, `right`.
`warnings`
    What a person should know, as sentences.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from framestream.errors import DataError
from framestream_export.data.frame_cache import UNLABELLED
from framestream_export.measures.baseline_comparison import compare_with_baseline
from framestream_export.measures.calibration import calibration_error, log_loss, reliability, tempered_timelines
from framestream_export.measures.confidence_intervals import ConfidenceInterval, share_interval
from framestream_export.measures.eventless import EventlessFigures, measure_eventless
from framestream_export.measures.labelled import (
    LabelledPredictions,
    LabelledSegment,
    accuracy,
    confusion_matrix,
    labelled_predictions_of,
    macro_f1,
    per_class,
    segments_of,
)
from framestream_export.measures.prediction_timelines import PredictionTimeline
from framestream_export.measures.untrimmed import StreamingFigures, measure_streaming
from framestream_export.report.breakdown import break_down, break_down_by_class
from framestream_export.report.extras import ReportExtras

REPORT_VERSION = 2
_WORST = 8
_FEW_GROUPS = 5
_FEW_SEGMENTS = 5
_FEW_MINUTES = 10


@dataclass(frozen=True, slots=True)
class MeasuredReport:
    """The figures of a report, and what is needed to draw it.

    Attributes:
        report: The dictionary that report.json holds.
        worst: The labelled segments in the report's `worst`.
        streaming: The figures behind the report's `streaming`, with the events themselves.
    """

    report: dict[str, Any]
    worst: tuple[LabelledSegment, ...]
    streaming: StreamingFigures | None


def measure(
    timelines: Sequence[PredictionTimeline], *, labels: Sequence[str], background: str | None, extras: ReportExtras
) -> MeasuredReport:
    """Measure all there is to measure.

    Args:
        timelines: Timelines of the model's predictions, its temperature included.
        labels: All labels, in the order of the probabilities.
        background: The one that is never an event, or None.
        extras: What the report shows beside the figures.

    Raises:
        DataError: No prediction is about a labelled time.
    """
    predictions, segments = labelled_predictions_of(timelines), segments_of(timelines)
    if not segments:
        raise DataError("no prediction of the model is about a labelled time: there is nothing to measure")
    groups = [timelines[segment.timeline].recording.group for segment in segments]
    truth, said = (
        np.array([getattr(segment, name) for segment in segments], np.int64) for name in ("label", "prediction")
    )
    confusion = confusion_matrix(predictions.labels, predictions.probabilities.argmax(axis=1), len(labels))
    segment_confusion = confusion_matrix(truth, said, len(labels))
    figures, segment_figures = per_class(confusion, labels), per_class(segment_confusion, labels)
    streaming = measure_streaming(
        timelines, labels, background=background, settings=extras.events, timing=extras.timing
    )
    eventless = _eventless(labels, background, extras)
    worst = _worst(segments)
    report: dict[str, Any] = {
        "report_version": REPORT_VERSION,
        "title": extras.title,
        "split": extras.split,
        "labels": list(labels),
        "background": background,
        "files": len({segment.timeline for segment in segments}),
        "groups": len(set(groups)),
        "windows": len(predictions.labels),
        "accuracy": accuracy(predictions),
        "accuracy_interval": _interval(_prediction_interval(predictions, groups)),
        "segments": len(segments),
        "segments_right": int((truth == said).sum()),
        "segment_accuracy": float((truth == said).mean()),
        "segment_accuracy_interval": _interval(share_interval(truth == said, groups, most_independent=len(segments))),
        "macro_f1": macro_f1(figures),
        "per_class": figures,
        "confusion": confusion.tolist(),
        "segment_macro_f1": macro_f1(segment_figures),
        "segment_per_class": segment_figures,
        "segment_confusion": segment_confusion.tolist(),
        "calibration": _calibration(timelines, predictions, extras.temperature),
        "baseline": compare_with_baseline(timelines, extras.baseline) if extras.baseline else None,
        "linear": compare_with_baseline(timelines, extras.linear) if extras.linear else None,
        "encoder_choice": None if extras.encoder_choice is None else dict(extras.encoder_choice),
        "events": {
            "settings": asdict(extras.events),
            "suggested": None if extras.suggested is None else asdict(extras.suggested),
        },
        "streaming": None if streaming is None else streaming.to_json(),
        "by": {
            name: break_down_by_class(timelines, labels, streaming)
            if values is None
            else break_down(timelines, values, labels=labels, background=background, extras=extras)
            for name, values in extras.by.items()
        },
        "negatives": None if eventless is None else eventless.to_json(),
        "worst": [_described(segment, timelines[segment.timeline], labels) for segment in worst],
        "warnings": [
            *extras.warnings,
            *_warnings(timelines, segment_figures, groups),
            *_few_minutes(streaming, eventless),
        ],
    }
    return MeasuredReport(report, tuple(worst), streaming)


def _eventless(labels: Sequence[str], background: str | None, extras: ReportExtras) -> EventlessFigures | None:
    if extras.negatives is None:
        return None
    settings, timing = extras.events, extras.timing
    return measure_eventless(extras.negatives, labels, background=background, settings=settings, timing=timing)


def _few_minutes(streaming: StreamingFigures | None, eventless: EventlessFigures | None) -> list[str]:
    found = []
    if streaming is not None and streaming.background_seconds < 60 * _FEW_MINUTES:
        found.append(f"in the films measured, nothing happens for {streaming.background_seconds / 60:.1f} minutes only")
    if eventless is not None and eventless.video_seconds < 60 * _FEW_MINUTES:
        found.append(f"the films in which nothing happens last {eventless.video_seconds / 60:.1f} minutes only")
    return [f"{what}: that says little about false alarms per hour" for what in found]


def _prediction_interval(
    predictions: LabelledPredictions, groups_of_segments: Sequence[str]
) -> ConfidenceInterval | None:
    right = predictions.probabilities.argmax(axis=1) == predictions.labels
    groups = [groups_of_segments[segment] for segment in predictions.segments]
    return share_interval(right, groups, most_independent=len(groups_of_segments))


def _interval(interval: ConfidenceInterval | None) -> list[float] | None:
    return None if interval is None else interval.to_json()


def _calibration(
    timelines: Sequence[PredictionTimeline], predictions: LabelledPredictions, temperature: float | None
) -> dict[str, Any]:
    before = None if temperature is None else labelled_predictions_of(tempered_timelines(timelines, 1 / temperature))
    return {
        "temperature": temperature,
        "after": _reliable(predictions),
        "before": None if before is None else _reliable(before),
    }


def _reliable(predictions: LabelledPredictions) -> dict[str, Any]:
    bins = reliability(predictions)
    return {
        "log_loss": log_loss(predictions),
        "calibration_error": calibration_error(bins),
        "bins": [asdict(one) for one in bins],
    }


def _worst(segments: Sequence[LabelledSegment]) -> list[LabelledSegment]:
    """Return the segments that went most wrong, the surest first; where few did, also those right by the least."""

    def margin(segment: LabelledSegment) -> float:
        others = np.delete(segment.probabilities, segment.label)
        return float(segment.probabilities[segment.label] - others.max())

    return sorted(segments, key=margin)[:_WORST]


def _described(segment: LabelledSegment, timeline: PredictionTimeline, labels: Sequence[str]) -> dict[str, Any]:
    return {
        "name": timeline.recording.name,
        "start_seconds": float(timeline.pts_seconds[segment.start]),
        "end_seconds": float(timeline.pts_seconds[segment.stop - 1]),
        "truth": labels[segment.label],
        "prediction": labels[segment.prediction],
        "score": float(segment.probabilities[segment.prediction]),
        "true_score": float(segment.probabilities[segment.label]),
        "right": segment.right,
    }


def _warnings(timelines: Sequence[PredictionTimeline], figures: Any, groups: Sequence[str]) -> list[str]:
    found = []
    names = sorted(set(groups))
    if len(names) == 1:
        found.append(
            f"everything measured here is of one group ({names[0]}): how the model does with others is unknown, and"
            " there is no confidence interval"
        )
    elif len(names) < _FEW_GROUPS:
        found.append(f"only {len(names)} groups were measured: the interval is wide, and even it says little")
    own = [timeline.recording.group for timeline in timelines if timeline.recording.group == timeline.recording.name]
    if len(names) > 1 and len(own) == len(timelines):
        found.append(
            "no groups are named, so each file counts as one: if several files are of one person or place, the interval"
            " is too narrow, and clips alike may have been trained on; name groups in the manifest's group column"
        )
    silent = [timeline.recording.name for timeline in timelines if (timeline.labels == UNLABELLED).all()]
    if silent:
        found.append(
            f"{len(silent)} of {len(timelines)} recordings have no prediction about a labelled time and count nowhere,"
            f" {silent[0]} first"
        )
    missing = [label for label, values in figures.items() if not values["support"]]
    if missing:
        found.append(f"nothing was measured for {', '.join(missing)}: no prediction is about a time with that label")
    few = [
        f"{label} ({values['support']})" for label, values in figures.items() if 0 < values["support"] < _FEW_SEGMENTS
    ]
    if few:
        found.append(f"hardly measured, with fewer than {_FEW_SEGMENTS} labelled segments: {', '.join(few)}")
    return found
