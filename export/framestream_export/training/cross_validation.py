"""How good training is on clips like these: several models, each tested on recordings the others are trained on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from framestream_export.data.folds import fold_recordings
from framestream_export.measures.prediction_timelines import PredictionTimeline, load_timelines
from framestream_export.report.extras import ReportExtras
from framestream_export.report.summary import print_warnings
from framestream_export.run_folder import RunFolder
from framestream_export.training.finishing import Pictures, timing_of, write_data_report
from framestream_export.training.settings import TrainSettings
from framestream_export.training.training_data import TrainingData, checked, labelled_frames

REPORT_FOLDER = "cross_validation"


@dataclass(frozen=True, slots=True)
class Fold:
    """A division of the data, and the folder of the run that trains on it."""

    number: int
    folder: RunFolder
    data: TrainingData


def make_folds(data: TrainingData, run: Path, settings: TrainSettings, folds: int) -> list[Fold]:
    """Divide the recordings of a data set, by group, once for each fold.

    Raises:
        DataError: There are fewer groups than folds, or a fold leaves nothing to train on for a label.
    """
    divisions = fold_recordings(
        data.cache.recordings,
        labelled_frames(data.dataset, data.cache),
        data.dataset.labels,
        folds=folds,
        seed=settings.seed,
    )
    return [
        Fold(number, RunFolder(run / "folds" / str(number)), checked(replace(data, splits=splits), settings))
        for number, splits in enumerate(divisions, start=1)
    ]


def cross_validate(
    folds: list[Fold],
    settings: TrainSettings,
    report: Path,
    train_fold: Callable[[Fold], dict[str, Any]],
    *,
    said: set[str],
    console: Console,
) -> dict[str, Any]:
    """Train a model a fold, and report on all their test clips together.

    Args:
        folds: The folds that `make_folds` returned.
        settings: Settings of the training, the same for every fold.
        report: Folder of the report.
        train_fold: Trains a fold, or finds it finished; returns the content of its run.json.
        said: Warnings that have been shown already; those that are shown here are added.
        console: Console that progress is shown on.

    Returns:
        What run.json keeps: the number of folds, their accuracies, and those of all folds together.
    """
    timelines: list[PredictionTimeline] = []
    baselines: list[PredictionTimeline] = []
    linear: list[PredictionTimeline] = []
    records = []
    for fold in folds:
        groups = sorted({fold.data.cache.recordings[index].group for index in fold.data.splits.test})
        console.print(
            f"fold {fold.number} of {len(folds)}: tested on {_named(groups)}", highlight=False, soft_wrap=True
        )
        records.append(train_fold(fold))
        recordings = fold.data.cache.recordings
        timelines += load_timelines(fold.folder.test_timelines, recordings)
        if fold.folder.baseline_timelines.is_file():
            baselines += load_timelines(fold.folder.baseline_timelines, recordings)
        if fold.folder.linear_timelines.is_file():
            linear += load_timelines(fold.folder.linear_timelines, recordings)
    extras = ReportExtras(
        timing=timing_of(settings),
        title=f"How good training is: {len(folds)} models, each tested on recordings it never saw",
        split="cross-validation",
        held_out=True,
        baseline=baselines,
        linear=linear,
        frames_of=Pictures(folds[0].data),
        warnings=list(dict.fromkeys(warning for record in records for warning in record["warnings"])),
    )
    console.print(f"all {len(folds)} folds together:", highlight=False)
    measured = write_data_report(timelines, folds[0].data, report, extras, console=console)
    print_warnings(measured["warnings"], console, said=said)
    of_folds = [record["test"]["accuracy"] for record in records]
    segments = [record["test"]["segment_accuracy"] for record in records]
    return {
        "folds": len(folds),
        "accuracies": of_folds,
        "segment_accuracies": segments,
        "mean_accuracy": float(np.mean(of_folds)),
        "mean_segment_accuracy": float(np.mean(segments)),
        "accuracy": measured["accuracy"],
        "segment_accuracy": measured["segment_accuracy"],
    }


def _named(groups: list[str]) -> str:
    shown = ", ".join(groups[:4])
    return shown if len(groups) <= 4 else f"{shown} and {len(groups) - 4} others"
