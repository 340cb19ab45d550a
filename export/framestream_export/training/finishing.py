"""What a training run leaves when it is done: the model, its report, and all that `export` needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from framestream_export.files import write_atomically, writing
from framestream_export.measures.event_settings import SuggestedEvents, suggest_event_settings
from framestream_export.measures.prediction_timelines import PredictionTimeline, save_timelines
from framestream_export.measures.prediction_timing import PredictionTiming
from framestream_export.report.extras import ReportExtras
from framestream_export.report.report_files import write_report
from framestream_export.run_folder import ENCODER_FILE, HEAD_FILE, RunFolder
from framestream_export.training.parity_frames import parity_frames
from framestream_export.training.settings import TrainSettings
from framestream_export.training.stages import Outcome
from framestream_export.training.training_data import TrainingData


@dataclass(frozen=True, slots=True)
class Pictures:
    """Pictures for a report's film strips, from the decoded frames."""

    data: TrainingData

    def __call__(self, timeline: PredictionTimeline, start_seconds: float, stop_seconds: float) -> NDArray[np.uint8]:
        """Frames uint8 [N, height, width, 3] of a recording between two moments, at least one; of features none."""
        cache = self.data.cache
        segments = cache.segments_of(cache.recordings.index(timeline.recording))
        if not cache.has_pictures(segments[0]):
            return cache.frames[:0]
        pts_seconds = cache.pts_seconds[segments[0].start : segments[-1].stop]
        first, last = np.searchsorted(pts_seconds, (start_seconds, stop_seconds))
        first = min(int(first), len(pts_seconds) - 1)
        return np.asarray(cache.frames[segments[0].start + first : segments[0].start + max(int(last), first + 1)])


def finish(
    outcome: Outcome, data: TrainingData, folder: RunFolder, record: Mapping[str, Any], *, console: Console
) -> dict[str, Any]:
    """Write model, report and what goes with them; returns what run.json says of it.

    Raises:
        SettingsError: A file cannot be written.
    """
    settings = TrainSettings.from_json(record["settings"])
    for name, model in ((ENCODER_FILE, outcome.model.encoder), (HEAD_FILE, outcome.model.head)):
        partial = folder.path / f"part.{name}"
        with writing(folder.path / name):
            model.save(partial)
            partial.replace(folder.path / name)
    frames = parity_frames(data, settings)
    write_atomically(folder.parity_frames, lambda stream: np.save(stream, frames))
    save_timelines(folder.test_timelines, outcome.test)
    if outcome.baseline is not None:
        save_timelines(folder.baseline_timelines, outcome.baseline)
    if outcome.linear is not None:
        save_timelines(folder.linear_timelines, outcome.linear)
    events = suggest_events(outcome.validation, data, settings)
    main = record["stages"][outcome.stage]
    extras = ReportExtras(
        timing=timing_of(settings),
        title=f"{folder.path.resolve().name}: how good it is",
        held_out=True,
        events=events.settings,
        suggested=events,
        temperature=outcome.temperature,
        baseline=outcome.baseline or (),
        linear=outcome.linear or (),
        encoder_choice=record.get("encoder_choice"),
        history=main["history"],
        best_epoch=main["best_epoch"],
        frames_of=Pictures(data),
        warnings=record["warnings"],
    )
    test = write_data_report(outcome.test, data, folder.report, extras, console=console)
    return {
        "state": "finished",
        "stopped": outcome.stopped,
        "temperature": outcome.temperature,
        "events": asdict(events.settings),
        "test": test,
    }


def write_data_report(
    timelines: Sequence[PredictionTimeline], data: TrainingData, folder: Path, extras: ReportExtras, *, console: Console
) -> dict[str, Any]:
    """Write a report on recordings of a data set; returns what report.json holds."""
    return write_report(
        timelines,
        labels=data.dataset.labels,
        background=data.dataset.background,
        folder=folder,
        extras=extras,
        console=console,
    )


def suggest_events(
    validation: Sequence[PredictionTimeline], data: TrainingData, settings: TrainSettings
) -> SuggestedEvents:
    """Event settings that are good on the validation clips."""
    dataset = data.dataset
    return suggest_event_settings(validation, dataset.labels, background=dataset.background, timing=timing_of(settings))


def timing_of(settings: TrainSettings) -> PredictionTiming:
    """When a run's model predicts, and about what."""
    window = settings.window if settings.kind == "window" else 1
    return PredictionTiming(settings.frame_rate, window, settings.anchor_frames)
