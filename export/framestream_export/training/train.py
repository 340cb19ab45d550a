"""Training: from a folder of clips to a run folder with a measured model."""

from __future__ import annotations

import importlib.metadata
import platform
import time
from dataclasses import fields, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow
from rich.console import Console
from rich.markup import escape

from framestream.errors import DataError, SettingsError
from framestream_export.data.recordings import SPLITS
from framestream_export.measures.extras import ReportExtras
from framestream_export.measures.report import write_report
from framestream_export.measures.timing import AnswerTiming
from framestream_export.run_folder import ENCODER_FILE, HEAD_FILE, RunFolder, make_writable, write_atomically, writing
from framestream_export.training.base_run import BaseRun
from framestream_export.training.model import first_encoder
from framestream_export.training.settings import TrainSettings
from framestream_export.training.trainer import History, Trainer
from framestream_export.training.training_data import TrainingData, load_training_data, parity_frames

# What may differ between a run and its resumption without making it another run.
_FREE_ON_RESUME = frozenset({"time_limit_minutes"})
# What a run leaves that ends before its first epoch is complete; another may start over it.
_UNFINISHED = frozenset({"cache", "checkpoints", "run.json", "run.json.part"})


def train(
    data: Path,
    output: Path,
    settings: TrainSettings,
    *,
    resume: bool = False,
    cache_folder: Path | None = None,
    console: Console,
) -> dict[str, Any]:
    """Train on a data set and write a run folder.

    Args:
        data: The data set, see `recordings.read_dataset`.
        output: The run folder; must not hold a run with a complete epoch unless `resume`.
        settings: What to train, and how.
        resume: Carry on after the last complete epoch; the outcome is that of an unbroken run.
        cache_folder: Where decoded frames are kept; None is where the run to resume has them, else `output`/cache.
        console: Where progress goes.

    Returns:
        The content of run.json.

    Raises:
        DataError: Data that cannot be trained on, or a run folder that cannot be resumed.
        SettingsError: `output` exists or cannot be written, or `resume` with other settings than the run's.
    """
    folder, started = RunFolder(output), time.monotonic()
    stored = _check_output(folder, settings, resume=resume)
    restored = folder.last.is_file()
    first_encoder(settings, restored=restored)  # for its errors, before anything is decoded or written
    base = None if restored else BaseRun.of(settings.weights)
    if cache_folder is None and stored.get("cache"):
        cache_folder = Path(stored["cache"])
    make_writable(output)
    make_writable(cache_folder or output / "cache")
    found = load_training_data(data, cache_folder or output / "cache", settings, console=console)
    record = _record(found, data, cache_folder, settings)
    if stored:
        _check_same_data(folder, stored, record)
        if _is_complete(folder, stored, settings):
            console.print(f"{output} is finished: nothing left to do", highlight=False, soft_wrap=True)
            return stored
    trainer = Trainer(found, settings, restored=restored)
    if restored:
        record |= {name: stored[name] for name in ("base", "warnings") if name in stored}
        trainer.restore(folder)
        console.print(f"resumed after epoch {len(trainer.history.epochs)}", highlight=False, soft_wrap=True)
    elif base is not None:
        record |= _start_from(base, found, head=trainer.model.head_taken, console=console)
    folder.write_record(record)
    stopped = _fit(trainer, folder, record, settings, started=started, console=console)
    return _finish(trainer, found, folder, record | {"stopped": stopped}, console=console)


def _start_from(base: BaseRun, data: TrainingData, *, head: bool, console: Console) -> dict[str, Any]:
    """Say what came from another run; returns what run.json keeps of it."""
    what = "its encoder and head" if head else "its encoder; the head is new, for other labels or of another shape"
    console.print(f"starts from {escape(str(base.path))}: {what}", highlight=False, soft_wrap=True)
    warnings = list(data.splits.warnings)
    if leak := base.leak(data.names("test")):
        console.print(f"[yellow]warning[/] {escape(leak)}", highlight=False, soft_wrap=True)
        warnings.append(leak)
    return {"base": base.to_json(head=head), "warnings": warnings}


def _fit(
    trainer: Trainer,
    folder: RunFolder,
    record: dict[str, Any],
    settings: TrainSettings,
    *,
    started: float,
    console: Console,
) -> str:
    """Epochs until there is a reason to stop; returns it."""
    while (reason := trainer.history.stop_reason(settings)) is None:
        best = trainer.run_epoch(console)
        trainer.save(folder, best=best)
        folder.write_record(record | {"history": trainer.history.epochs})
        number, entry = len(trainer.history.epochs), trainer.history.epochs[-1]
        console.print(
            f"epoch {number}/{settings.epochs}  loss {entry['loss']:.3f}  accuracy {entry['accuracy']:.3f}"
            f"  validation loss {entry['validation_loss']:.3f}  accuracy {entry['validation_accuracy']:.3f}"
            f"  {entry['seconds']:.0f} s{'  best' if best else ''}",
            highlight=False,
            soft_wrap=True,
        )
        limit = settings.time_limit_minutes
        if limit is not None and time.monotonic() - started > 60 * limit:
            return "time limit"
    return reason


def _finish(
    trainer: Trainer, data: TrainingData, folder: RunFolder, record: dict[str, Any], *, console: Console
) -> dict[str, Any]:
    """Take the best epoch, measure it on the test split, and write everything `export` needs."""
    trainer.take_best(folder)
    for name, model in ((ENCODER_FILE, trainer.model.encoder), (HEAD_FILE, trainer.model.head)):
        partial = folder.path / f"part.{name}"
        with writing(folder.path / name):
            model.save(partial)
            partial.replace(folder.path / name)
    frames = parity_frames(data, TrainSettings.from_json(record["settings"]))
    write_atomically(folder.parity_frames, lambda stream: np.save(stream, frames))
    settings = TrainSettings.from_json(record["settings"])
    test = write_report(
        trainer.test(data),
        labels=data.dataset.labels,
        background=data.dataset.background,
        folder=folder.report,
        extras=ReportExtras(
            timing=AnswerTiming(
                settings.frame_rate, settings.window if settings.kind == "window" else 1, settings.anchor_frames
            ),
            title=f"{folder.path.resolve().name}: how good it is",
            held_out=True,
            history=trainer.history.epochs,
            best_epoch=trainer.history.best_epoch,
        ),
        console=console,
    )
    finished = {
        "state": "finished",
        "history": trainer.history.epochs,
        "best_epoch": trainer.history.best_epoch,
        "test": test,
        "finished": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }
    record = record | finished
    folder.write_record(record)
    return record


def _record(data: TrainingData, source: Path, cache_folder: Path | None, settings: TrainSettings) -> dict[str, Any]:
    return {
        "state": "training",
        "settings": settings.to_json(),
        "data": str(source),
        "cache": None if cache_folder is None else str(cache_folder.resolve()),  # null: in the run's folder
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


def _check_output(folder: RunFolder, settings: TrainSettings, *, resume: bool) -> dict[str, Any]:
    """See that the run can be started, or resumed; returns what its run.json says so far."""
    if not resume:
        foreign = folder.path.is_dir() and any(item.name not in _UNFINISHED for item in folder.path.iterdir())
        if foreign or folder.last.is_file():
            raise SettingsError(f"{folder.path} exists; give another --output, or --resume to carry on with that run")
        if folder.record.is_file():
            folder.read_record()  # not ours is an error
        return {}
    if not folder.record.is_file():
        if folder.last.is_file():
            raise DataError(f"{folder.path} has checkpoints but no run.json; train into a new folder")
        return {}  # killed before its first epoch, or never started
    record = folder.read_record()
    stored = TrainSettings.from_json(record["settings"])
    for item in fields(TrainSettings):
        before, now = getattr(stored, item.name), getattr(settings, item.name)
        if before != now and item.name not in _FREE_ON_RESUME:
            raise SettingsError(f"{folder.path} was started with {item.name} {before}, not {now}; resume with the same")
    return record


def _is_complete(folder: RunFolder, record: dict[str, Any], settings: TrainSettings) -> bool:
    """Whether a resumed run has neither epochs to train nor files to write."""
    if record["state"] != "finished":
        return False
    made = (folder.path / ENCODER_FILE, folder.path / HEAD_FILE, folder.parity_frames, folder.report / "report.json")
    history = History(record["history"], record["best_epoch"])
    return history.stop_reason(settings) is not None and all(path.is_file() for path in made)


def _check_same_data(folder: RunFolder, stored: dict[str, Any], record: dict[str, Any]) -> None:
    if (stored["fingerprint"], stored["splits"]) != (record["fingerprint"], record["splits"]):
        raise DataError(f"the data set is not the one {folder.path} was started with; train into a new folder")


def resumed_settings(output: Path, changes: dict[str, Any], defaults: TrainSettings) -> TrainSettings:
    """The settings to resume a run with: its own, under what was asked for explicitly."""
    folder = RunFolder(output)
    stored = TrainSettings.from_json(folder.read_record()["settings"]) if folder.record.is_file() else defaults
    return replace(stored, **{"time_limit_minutes": None, **changes})
