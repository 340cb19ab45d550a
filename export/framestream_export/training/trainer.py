"""A model, its optimizer and the epochs they have seen: what a checkpoint holds."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from rich.console import Console
from rich.progress import track

from framestream.errors import DataError, SettingsError
from framestream_export.measures.answers import Evaluator
from framestream_export.measures.labelled import accuracy, weighted_loss
from framestream_export.measures.tracks import Track
from framestream_export.run_folder import RunFolder, load_arrays, save_arrays
from framestream_export.training.model import SequenceModel
from framestream_export.training.settings import TrainSettings
from framestream_export.training.training_data import TrainingData
from framestream_export.training.windows import ROW_HOP, TrainingRuns, class_weights, row_ends

_WARMUP_STEPS = 200
_CLIP_NORM = 1.0


@dataclass(slots=True)
class History:
    """One entry per complete epoch, and what early stopping has to know."""

    epochs: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    best_loss: float = float("inf")

    def add(self, entry: dict[str, float]) -> bool:
        """Append an epoch; say whether it is the best so far."""
        self.epochs.append(entry)
        if not entry["validation_loss"] < self.best_loss:  # not a number is no improvement
            return False
        self.best_loss, self.best_epoch = entry["validation_loss"], len(self.epochs)
        return True

    def stop_reason(self, settings: TrainSettings) -> str | None:
        """Why there is no further epoch, or None."""
        if len(self.epochs) >= settings.epochs:
            return "all epochs"
        if len(self.epochs) - self.best_epoch >= settings.patience:
            return "early stopping"
        return None


class Trainer:
    """A model, its optimizer and the epochs they have seen together."""

    def __init__(self, data: TrainingData, settings: TrainSettings, *, restored: bool = False) -> None:
        """Build everything from the seed, as it is before the first epoch, or, `restored`, for a checkpoint to fill."""
        self.model = SequenceModel.build(settings, labels=data.dataset.labels, restored=restored)
        self.history = History()
        self._settings = settings
        train, self._validation = data.stretches("train"), data.stretches("validation")
        self._runs = TrainingRuns(data.cache, train, settings, data.classes)
        self._row_ends = row_ends(settings)
        self._class_weights = class_weights(data.cache, train, data.classes)
        self._evaluator = Evaluator(self.model, data.cache, settings)
        self._optimizer = _optimizer(settings, self._runs.steps)
        self._optimizer.build(self.model.trainable_variables)
        size, rows = settings.size, len(self._row_ends)
        self._step = tf.function(
            self._train_on_batch,
            input_signature=[
                tf.TensorSpec((None, settings.run_frames, size, size, 3), tf.uint8),
                tf.TensorSpec((None, rows), tf.int32),
                tf.TensorSpec((None, rows), tf.float32),
            ],
        )

    def run_epoch(self, console: Console) -> bool:
        """Train one epoch and measure it; say whether it is the best so far.

        Raises:
            SettingsError: The very first epoch already ends in numbers that are none.
        """
        started, number = time.monotonic(), len(self.history.epochs) + 1
        batches = track(
            self._runs.dataset(number),
            description=f"epoch {number}",
            total=self._runs.steps,
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        sums = np.zeros(4)
        for frames, labels, weights in batches:
            sums += np.asarray(self._step(frames, labels, weights))
        answers = self._evaluator.answers(self._validation, hop=ROW_HOP)
        entry = {
            "loss": float(sums[0] / sums[1]),
            "accuracy": float(sums[2] / sums[3]),
            "validation_loss": weighted_loss(answers, self._class_weights),
            "validation_accuracy": accuracy(answers),
            "seconds": round(time.monotonic() - started, 2),
        }
        best = self.history.add(entry)
        if not self.history.best_epoch:
            raise SettingsError(f"training diverged: the loss of epoch {number} is no number; lower --learning-rate")
        return best

    def test(self, data: TrainingData) -> list[Track]:
        """Every answer on the test split."""
        return self._evaluator.tracks(data.stretches("test"))

    def save(self, folder: RunFolder, *, best: bool) -> None:
        """Write the state after an epoch, `best` first, so that `last` never speaks of a best that is not there."""
        weights = [np.asarray(variable) for variable in self.model.variables]
        if best:
            save_arrays(folder.best, weights, note={"epoch": len(self.history.epochs)})
        state = [*weights, *(np.asarray(variable) for variable in self._optimizer.variables)]
        note = {
            "epochs": self.history.epochs,
            "best_epoch": self.history.best_epoch,
            "best_loss": self.history.best_loss,
        }
        save_arrays(folder.last, state, note=note)

    def restore(self, folder: RunFolder) -> None:
        """Go back to the state after the last complete epoch."""
        arrays, note = load_arrays(folder.last)
        _assign([*self.model.variables, *self._optimizer.variables], arrays, folder.last)
        self.history = History(note["epochs"], note["best_epoch"], note["best_loss"])

    def take_best(self, folder: RunFolder) -> None:
        """Set the weights to those of the best epoch, and undo the class weights in its answers.

        Class weights w make training converge to probabilities in proportion to w x p: as if all labels were equally
        common. Taking log w off the logits gives p, so that a score means what it says, above all between the
        background, of which there is much, and the rest.
        """
        _assign(self.model.variables, load_arrays(folder.best)[0], folder.best)
        bias = self.model.head.get_layer("logits").bias
        bias.assign(bias - np.log(self._class_weights))

    def _train_on_batch(self, frames: Any, labels: Any, weights: Any) -> Any:
        """One step; returns [sum of weighted losses, sum of weights, right answers, answers]."""
        variables = self.model.trainable_variables
        with tf.GradientTape() as tape:
            logits = self.model.run_logits(frames, self._row_ends, training=True)
            classes = logits.shape[-1]
            smoothing = self._settings.label_smoothing
            wanted = tf.one_hot(labels, classes) * (1 - smoothing) + smoothing / classes
            losses = weights * tf.nn.softmax_cross_entropy_with_logits(wanted, logits)
            total, weight = tf.reduce_sum(losses), tf.reduce_sum(weights)
            loss = tf.math.divide_no_nan(total, weight)
        self._optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        labelled = weights > 0
        right = labelled & (tf.argmax(logits, axis=-1, output_type=tf.int32) == labels)
        return tf.stack(
            [total, weight, tf.reduce_sum(tf.cast(right, tf.float32)), tf.reduce_sum(tf.cast(labelled, tf.float32))]
        )


def _assign(variables: list[Any], arrays: list[Any], path: Path) -> None:
    if [tuple(variable.shape) for variable in variables] != [array.shape for array in arrays]:
        raise DataError(f"{path} belongs to another model; train into a new folder")
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)


def _optimizer(settings: TrainSettings, steps_per_epoch: int) -> Any:
    steps = settings.epochs * steps_per_epoch
    warmup = min(_WARMUP_STEPS, steps // 10)
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=settings.learning_rate / 10 if warmup else settings.learning_rate,
        warmup_target=settings.learning_rate if warmup else None,
        warmup_steps=warmup,
        decay_steps=max(steps - warmup, 1),
        alpha=0.01,
    )
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=settings.weight_decay, global_clipnorm=_CLIP_NORM)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer
