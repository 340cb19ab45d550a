"""How good a model is on recordings it never saw: numbers as JSON, a page to read, a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from framestream_export.files import write_atomically
from framestream_export.measures.prediction_timelines import PredictionTimeline
from framestream_export.report.charts import draw_confusion, save_png
from framestream_export.report.extras import ReportExtras
from framestream_export.report.measuring import measure
from framestream_export.report.page import render_page
from framestream_export.report.summary import print_figures, report_text

REPORT_FILE, PAGE_FILE, PICTURE_FILE = "report.json", "report.html", "confusion_matrix.png"


def write_report(
    timelines: Sequence[PredictionTimeline],
    *,
    labels: Sequence[str],
    background: str | None,
    folder: Path,
    extras: ReportExtras,
    console: Console,
) -> dict[str, Any]:
    """Measure, write report.json, report.html and confusion_matrix.png, print the figures.

    Args:
        timelines: Timelines of the model's predictions, its temperature included.
        labels: All labels, in the order of the probabilities.
        background: The one that is never an event, or None.
        folder: Folder that the files are written to.
        extras: What the report shows beside the figures.
        console: Console that the figures are shown on; the report's warnings are the caller's to show.

    Returns:
        What report.json holds; `measuring` describes it.

    Raises:
        DataError: No prediction is about a labelled time.
        SettingsError: A file cannot be written.
    """
    measured = measure(timelines, labels=labels, background=background, extras=extras)
    report = measured.report
    write_atomically(folder / REPORT_FILE, lambda stream: stream.write(report_text(report).encode()))
    page = render_page(measured, timelines, extras)
    write_atomically(folder / PAGE_FILE, lambda stream: stream.write(page.encode()))
    title = f"{report['split']} split: {report['accuracy']:.1%} of {report['windows']} windows"
    figure = draw_confusion(np.array(report["confusion"]), labels)
    write_atomically(folder / PICTURE_FILE, lambda stream: save_png(figure, stream, title=title))
    print_figures(report, console)
    return report
