"""Training: from a folder of clips to a run folder with a measured model."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any

import tensorflow
from rich.console import Console
from rich.markup import escape

from framestream_export.data.recordings import SPLITS
from framestream_export.files import make_writable, write_atomically
from framestream_export.folder_lock import locked
from framestream_export.report.summary import print_warnings
from framestream_export.run_folder import ENCODER_FILE, HEAD_FILE, RunFolder
from framestream_export.time_limit import TimeLimit
from framestream_export.training.base_run import BaseRun
from framestream_export.training.context import FEATURES, TIME_LIMIT, TrainContext
from framestream_export.training.cross_validation import REPORT_FOLDER, Fold, cross_validate, make_folds
from framestream_export.training.devices import AUTO, Devices, choose_devices
from framestream_export.training.embedded_recordings import EmbeddedRecordings
from framestream_export.training.encoder_choice import choose_preset
from framestream_export.training.finishing import finish
from framestream_export.training.network.sequence_model import first_encoder
from framestream_export.training.presets import preset_named
from framestream_export.training.resumption import (
    KEPT_ON_RESUME,
    check_output,
    check_same_data,
    check_same_folds,
    is_complete,
)
from framestream_export.training.settings import TrainSettings
from framestream_export.training.stages import follow
from framestream_export.training.trainer import History
from framestream_export.training.training_data import DataPath, TrainingData, load_training_data


def train(
    data_path: DataPath,
    output: Path,
    settings: TrainSettings,
    *,
    choices: Sequence[str] = (),
    resume: bool = False,
    folds: int = 0,
    devices: str = AUTO,
    time_limit: TimeLimit | None = None,
    console: Console,
) -> dict[str, Any]:
    """Train on a data set and write a run folder.

    Args:
        data_path: Where the footage of the run lies.
        output: The run folder; must not hold a run with a complete epoch unless `resume`.
        settings: Settings of the training.
        choices: Names of presets to choose from by the clips, see `encoder_choice`, for a run that has not begun; none
            takes the settings as they are.
        resume: Carry on after the last complete epoch; the outcome is that of an unbroken run.
        folds: Cross-validate first, with so many models or `folds.LEAVE_ONE_OUT`; 0 does not.
        devices: Name of the devices to train on, see `choose_devices`; a run may be resumed on others.
        time_limit: How long all of it may take; None takes the settings' and begins now.
        console: Console that progress is shown on.

    Returns:
        The content of run.json.

    Raises:
        DataError: Data that cannot be trained on, or a run folder that cannot be resumed.
        SettingsError: `output` exists, is in use or cannot be written, or `resume` with other settings than the run's,
            or the devices are not there.
        TimeLimitError: The time is up before there is a model, or before all folds are trained.
    """
    time_limit = time_limit or TimeLimit(settings.time_limit_minutes)
    with locked(output, remedy="give another --output"):
        return _train(
            data_path,
            output,
            settings,
            choices=choices,
            resume=resume,
            folds=folds,
            devices=devices,
            time_limit=time_limit,
            console=console,
        )


def _train(
    data_path: DataPath,
    output: Path,
    settings: TrainSettings,
    *,
    choices: Sequence[str],
    resume: bool,
    folds: int,
    devices: str,
    time_limit: TimeLimit,
    console: Console,
) -> dict[str, Any]:
    folder = RunFolder(output)
    stored = check_output(folder, settings, resume=resume)
    chosen = choose_devices(devices)  # before anything of TensorFlow's starts
    encoder = None
    if not folder.started:
        # For their errors, before anything is decoded or written.
        for possible in [preset_named(name).to_settings() for name in choices] or [{}]:
            encoder = first_encoder(replace(settings, **possible))
    if "encoder_choice" in stored:
        choices = tuple(stored["encoder_choice"]["accuracies"])
    data_path = data_path.as_before(stored)
    cache = data_path.cache or output / "cache"
    make_writable(output)
    make_writable(cache)
    if not resume:  # left by a run that did not get to its first epoch, perhaps with other weights
        for name in (ENCODER_FILE, HEAD_FILE):
            (folder.checkpoints / name).unlink(missing_ok=True)
    dataset = data_path.read(settings.background)
    embedded = EmbeddedRecordings.of(dataset)
    if embedded is not None:
        embedded.check(settings, choices=choices, encoder=encoder)
        console.print(escape(embedded.describe(settings)), highlight=False, soft_wrap=True)
    found = load_training_data(data_path, cache, settings, dataset=dataset, time_limit=time_limit, console=console)
    run = _TrainingRun(settings, tuple(choices), cache, chosen, time_limit, console, set(found.splits.warnings))
    choice: dict[str, Any] = {}
    if not stored:
        settings, choice = run.settle(found)
    record = _record(found, data_path, settings) | choice
    if stored:
        check_same_data(folder, stored, record)
        groups = {recording.group for recording in found.cache.recordings}
        check_same_folds(folder, stored, folds, groups=len(groups))
        if is_complete(folder, stored):
            console.print(f"{output} is finished: nothing left to do", highlight=False, soft_wrap=True)
            return stored
        record |= {name: stored[name] for name in KEPT_ON_RESUME if name in stored}
    console.print(f"trains on {escape(str(chosen))}", highlight=False, soft_wrap=True)
    if folds and "cross_validation" not in record:
        folder.write_record(record)
        divided = make_folds(found, output, settings, folds)
        report = output / REPORT_FOLDER
        validated = cross_validate(
            divided, settings, report, partial(run.fold, data_path=data_path), said=run.said, console=console
        )
        record["cross_validation"] = validated
        folder.write_record(record)
        time_limit.check(f"all {validated['folds']} folds are trained, and reported on in {report}")
        console.print("the model itself:", highlight=False)
    return run.train(found, folder, settings, record)


@dataclass(frozen=True, slots=True)
class _TrainingRun:
    """What a run and its folds share; `said` are the warnings that have been shown, each once."""

    settings: TrainSettings
    choices: tuple[str, ...]
    cache: Path
    devices: Devices
    time_limit: TimeLimit
    console: Console
    said: set[str]

    def fold(self, fold: Fold, *, data_path: DataPath) -> dict[str, Any]:
        """Train a fold, or carry on with it, or find it finished.

        Raises:
            TimeLimitError: The time is up: half a cross-validation says nothing.
        """
        settings, choice = self.settle(fold.data, fold.folder)
        record = _record(fold.data, replace(data_path, cache=self.cache), settings) | choice
        stored = check_output(fold.folder, settings, resume=True)
        if stored:
            check_same_data(fold.folder, stored, record)
            if is_complete(fold.folder, stored):
                return stored
            record |= {name: stored[name] for name in KEPT_ON_RESUME if name in stored}
        self.time_limit.check(f"{fold.number - 1} folds are trained, and kept in {fold.folder.path.parent}")
        make_writable(fold.folder.path)
        return self.train(fold.data, fold.folder, settings, record, fold=fold)

    def settle(self, data: TrainingData, folder: RunFolder | None = None) -> tuple[TrainSettings, dict[str, Any]]:
        """The settings with an encoder chosen by the clips, and what run.json keeps of that.

        A choice that was left open is made for each division of the data, by what that trains on; a run in `folder`
        that has begun has made it.
        """
        if not self.choices:
            return self.settings, {}
        if folder is not None and folder.record.is_file():
            kept = folder.read_record()["encoder_choice"]
        else:
            presets = [preset_named(name) for name in self.choices]
            choice = choose_preset(
                presets,
                data,
                self.settings,
                self.cache / FEATURES,
                time_limit=self.time_limit,
                console=self.console,
            )
            self.console.print(choice.reason, highlight=False, soft_wrap=True)
            kept = choice.to_json()
        return replace(self.settings, **preset_named(kept["preset"]).to_settings()), {"encoder_choice": kept}

    def train(
        self,
        data: TrainingData,
        folder: RunFolder,
        settings: TrainSettings,
        record: dict[str, Any],
        *,
        fold: Fold | None = None,
    ) -> dict[str, Any]:
        """Train on data that are read and divided, from where the run was left; returns the content of run.json."""
        base = None if folder.started else BaseRun.of(settings.weights)
        if base is not None:
            # All recordings of a cross-validation are tested on.
            tested = data.names("test") if fold is None else [one.name for one in data.cache.recordings]
            record |= self._start_from(base, data, tested)
            if (first := base.first_head(settings, data.dataset.labels)) is not None:
                content = first.read_bytes()
                write_atomically(folder.checkpoints / HEAD_FILE, lambda stream: stream.write(content))
        record["devices"] = self.devices.to_json()
        folder.write_record(record)

        def on_epoch(histories: dict[str, History]) -> None:
            stages = {
                name: {"history": history.epochs, "best_epoch": history.best_epoch}
                for name, history in histories.items()
            }
            folder.write_record(record | {"stages": stages})
            record["stages"] = stages

        outcome = follow(
            TrainContext(
                data=data,
                settings=settings,
                folder=folder,
                features=self.cache / FEATURES,
                devices=self.devices,
                console=self.console,
                time_limit=self.time_limit,
                on_epoch=on_epoch,
            ),
        )
        if fold is not None and outcome.stopped == TIME_LIMIT:
            self.time_limit.check(f"fold {fold.number} has begun, and is kept in {folder.path}")
        record |= finish(outcome, data, folder, record, console=self.console)
        if fold is None:  # of a fold's few clips much is unsure; that of all folds together is said for all of them
            print_warnings(record["test"]["warnings"], self.console, said=self.said)
        record["finished"] = datetime.now(timezone.utc).isoformat(timespec="seconds")
        folder.write_record(record)
        return record

    def _start_from(self, base: BaseRun, data: TrainingData, tested: Sequence[str]) -> dict[str, Any]:
        """Say what comes from another run; returns what run.json keeps of it."""
        head = base.gives_head_to(self.settings, data.dataset.labels)
        what = "its encoder and head" if head else "its encoder; the head is new, for other labels or of another shape"
        self.console.print(f"starts from {escape(str(base.path))}: {what}", highlight=False, soft_wrap=True)
        warnings = list(data.splits.warnings)
        if leak := base.leak(tested):
            print_warnings([leak], self.console, said=self.said)
            warnings.append(leak)
        return {"base": base.to_json(head=head), "warnings": warnings}


def _record(data: TrainingData, data_path: DataPath, settings: TrainSettings) -> dict[str, Any]:
    return {
        "state": "training",
        "settings": settings.to_json(),
        "data": str(data_path.data.resolve()),
        "group_column": data_path.group_column,
        "image_rate": data_path.image_rate,
        "negatives": None if data_path.negatives is None else str(data_path.negatives.resolve()),
        "cache": None if data_path.cache is None else str(data_path.cache.resolve()),  # null: in the run's folder
        "labels": list(data.dataset.labels),
        "background": data.dataset.background,
        "fingerprint": data.cache.fingerprint,
        "splits": {split: data.names(split) for split in SPLITS},
        "warnings": list(data.splits.warnings),
        "skipped": {skipped.name: skipped.reason for skipped in data.cache.skipped},
        "versions": {
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in ("framestream", "keras", "numpy")},
            "tensorflow": tensorflow.__version__,
        },
    }
