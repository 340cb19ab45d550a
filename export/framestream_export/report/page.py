"""The report as one HTML page: no script, nothing from elsewhere, light and dark, for any screen and paper."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import cv2
import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from numpy.typing import NDArray

from framestream_export.measures.labelled import LabelledSegment
from framestream_export.measures.prediction_timelines import PredictionTimeline
from framestream_export.report import plain_text as text
from framestream_export.report.charts import confusion_chart, learning_curves, reliability_chart
from framestream_export.report.event_timeline import label_colors, timelines_of
from framestream_export.report.extras import ReportExtras
from framestream_export.report.measuring import MeasuredReport

_STRIP_FRAMES = 8
_STRIP_HEIGHT = 96
_JPEG_QUALITY = 75


def render_page(measured: MeasuredReport, timelines: Sequence[PredictionTimeline], extras: ReportExtras) -> str:
    """Return the report as one HTML page.

    Args:
        measured: The result of `measuring.measure` for the same timelines and extras.
        timelines: Timelines of the model's predictions.
        extras: What the report shows beside the figures.
    """
    environment = Environment(
        loader=PackageLoader("framestream_export.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    filters = (text.percent, text.points, text.interval, text.decimal, text.clock, text.count)
    environment.filters.update({one.__name__: one for one in filters})
    report = measured.report
    drawn = timelines_of(measured.streaming, timelines, extras.timing)
    pairs = list(zip(report["worst"], measured.worst, strict=True))
    mistakes = [pair for pair in pairs if not pair[0]["right"]]
    return environment.get_template("page.html").render(
        report=report,
        extras=extras,
        mistakes=mistakes,
        worst=[(clip, _pictures(timelines[segment.timeline], segment, extras)) for clip, segment in mistakes or pairs],
        timelines=drawn,
        timeline_colors=label_colors(measured.streaming, report["labels"]),
        confusion=confusion_chart(np.array(report["segment_confusion"]), report["labels"]),
        reliability=reliability_chart(report["calibration"]),
        curves=list(learning_curves(extras.history, extras.best_epoch)),
    )


def _pictures(timeline: PredictionTimeline, segment: LabelledSegment, extras: ReportExtras) -> list[str]:
    """Frames of a segment as addresses of images; where it is shorter than a window, all of that window."""
    if extras.frames_of is None:
        return []
    timing = extras.timing
    first, last = float(timeline.pts_seconds[segment.start]), float(timeline.pts_seconds[segment.stop - 1])
    missing = max(timing.window / timing.frame_rate - (last - first), 0.0)
    # There are no frames before the start of a video or behind its end: `frames_of` gives those that there are.
    frames = extras.frames_of(timeline, first - missing / 2, last + missing / 2 + timing.period_seconds)
    if not len(frames):
        return []
    chosen = np.unique(np.linspace(0, len(frames) - 1, _STRIP_FRAMES).round().astype(int))
    return [f"data:image/jpeg;base64,{_jpeg(frames[index])}" for index in chosen]


def _jpeg(frame: NDArray[np.uint8]) -> str:
    """A frame uint8 [height, width, 3], RGB, as base64 of a JPEG file at most `_STRIP_HEIGHT` pixels high."""
    height, width = frame.shape[:2]
    if height > _STRIP_HEIGHT:
        size_wh = (max(1, round(width * _STRIP_HEIGHT / height)), _STRIP_HEIGHT)
        frame = np.asarray(cv2.resize(frame, size_wh, interpolation=cv2.INTER_AREA), np.uint8)
    done, data = cv2.imencode(".jpg", cv2.cvtColor(frame, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    assert done  # eight bits and three channels can always be written
    return base64.b64encode(data.tobytes()).decode()
