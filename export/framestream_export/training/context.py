"""What all stages of one training run share, and how a stage is run: a kill at any moment loses an epoch at most."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from framestream_export.run_folder import HEAD_FILE, RunFolder
from framestream_export.time_limit import TimeLimit
from framestream_export.training.devices import Devices
from framestream_export.training.settings import TrainSettings
from framestream_export.training.trainer import History, Trainer
from framestream_export.training.training_data import TrainingData

FEATURES = "features"
TIME_LIMIT = "time limit"


@dataclass(frozen=True, slots=True)
class TrainContext:
    """What all stages of one run share.

    Attributes:
        data: The data set, decoded and divided.
        settings: Settings of the run.
        folder: The run's folder, which holds its checkpoints.
        features: Folder for the features of frozen encoders; others may use it, too.
        devices: Devices for stages that train on frames; all others take the first.
        console: Console that progress is shown on.
        time_limit: Asked while frames are encoded, and after each epoch: one epoch of a stage is the least.
        on_epoch: Called after each epoch with the histories of all stages so far.
        histories: Filled as stages are run: name to epochs.
    """

    data: TrainingData
    settings: TrainSettings
    folder: RunFolder
    features: Path
    devices: Devices
    console: Console
    time_limit: TimeLimit
    on_epoch: Callable[[dict[str, History]], None]
    histories: dict[str, History] = field(default_factory=dict)

    def run(self, trainer: Trainer) -> str:
        """Epochs of a stage until there is a reason to stop, from where it was left; returns the reason.

        Where that is the time, the best of the epochs so far is taken as it is from any other.
        """
        files = self.folder.stage(trainer.stage.name)
        restored = trainer.restore(files)
        self.histories[trainer.stage.name] = trainer.history
        if restored:
            self.say(f"resumed after epoch {len(trainer.history.epochs)} of stage {trainer.stage.name}")
            self.on_epoch(self.histories)  # a kill right after the checkpoint came before this call
        while (reason := trainer.history.stop_reason(trainer.stage)) is None:
            best = trainer.run_epoch(self.console)
            trainer.save(files, best=best)
            self.on_epoch(self.histories)
            if not trainer.stage.on_features:
                self.say(_line(trainer, len(trainer.history.epochs)) + ("  best" if best else ""))
            if self.time_limit.is_up():
                reason = trainer.history.stop_reason(trainer.stage) or TIME_LIMIT
                break
        if trainer.stage.on_features:
            self.say(_line(trainer, trainer.history.best_epoch))
        trainer.take_best(files)
        return reason

    @property
    def first_head(self) -> Path | None:
        """The head that the run starts from, kept with it like its first encoder; None where it starts from none."""
        path = self.folder.checkpoints / HEAD_FILE
        return path if path.is_file() else None

    def say(self, line: str) -> None:
        """Print a line on the console."""
        self.console.print(line, highlight=False, soft_wrap=True)

    def background_frames(self) -> NDArray[np.int64]:
        """Int64 [N], frames of the training films that show the background."""
        dataset, cache = self.data.dataset, self.data.cache
        if dataset.background is None:
            return np.zeros(0, np.int64)
        background = dataset.labels.index(dataset.background)
        found = [
            segment.start + np.flatnonzero(cache.labels[segment.start : segment.stop] == background)
            for segment in self.data.segments("train")
            if cache.has_pictures(segment)
        ]
        return np.concatenate(found) if found else np.zeros(0, np.int64)


def _line(trainer: Trainer, number: int) -> str:
    """The figures of an epoch, counted from 1, as a line for the console."""
    entry, stage = trainer.history.epochs[number - 1], trainer.stage
    parts = [
        f"epoch {number}/{stage.epochs} of {stage.name}" if stage.on_features else f"epoch {number}/{stage.epochs}"
    ]
    parts.append(f"loss {entry['loss']:.3f}  accuracy {entry['accuracy']:.3f}")
    if "validation_accuracy" in entry:
        loss, accuracy = entry["validation_loss"], entry["validation_accuracy"]
        parts.append(f"validation loss {loss:.3f}  accuracy {accuracy:.3f}")
    parts.append(f"{sum(one['seconds'] for one in trainer.history.epochs):.0f} s")
    return "  ".join(parts)
